"""Fixtures of all tests."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# Before torch is imported: threads cost tiny matrices more than they give.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import shapes

settings.register_profile("same", derandomize=True, max_examples=40, deadline=None, database=None)
settings.load_profile("same")


@pytest.fixture
def shapes_as_named() -> Iterator[None]:
    """Hold every tensor's name to its shape while the test runs."""
    with shapes.guarded():
        yield
