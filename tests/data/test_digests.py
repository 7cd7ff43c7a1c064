"""Digests are hashlib's, and of a file that has not changed they are not computed again."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from nmt.data import digests as module
from nmt.data.digests import Digest, digests
from nmt.errors import DataError


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of two lines that no longer counts as fresh."""
    path = tmp_path / "a.en"
    path.write_text("one\ntwo", "utf-8")
    now = time.time_ns()
    monkeypatch.setattr(module.time, "time_ns", lambda: now + 10 * module.SETTLED)
    return path


def changed(path: Path, content: str) -> None:
    """Other content of the same length, with the same time of its last change."""
    before = path.stat()
    path.write_text(content, "utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_digest_has_the_hash_and_the_number_of_lines(text: Path, tmp_path: Path) -> None:
    found = digests([text], tmp_path / "memory")
    assert found == {text: Digest(hashlib.sha256(b"one\ntwo").hexdigest(), 2)}


def test_a_file_that_has_not_changed_is_not_read_again(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = digests([text], tmp_path / "memory")
    monkeypatch.setattr(module, "digest", lambda path: pytest.fail("read again"))
    assert digests([text], tmp_path / "memory") == first


@pytest.mark.parametrize("content", ["one\nTWO", "longer\ntext"])
def test_a_file_that_has_changed_is_read_again(text: Path, tmp_path: Path, content: str) -> None:
    digests([text], tmp_path / "memory")
    changed(text, content)
    assert digests([text], tmp_path / "memory")[text].sha256 == hashlib.sha256(content.encode()).hexdigest()


def test_a_fresh_file_is_not_remembered(tmp_path: Path) -> None:
    text = tmp_path / "a.en"
    text.write_text("one\n", "utf-8")
    digests([text], tmp_path / "memory")
    assert not (tmp_path / "memory").exists()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1}', '{"a": [[1, 2, 3], "x"]}'])
def test_a_damaged_memory_is_as_good_as_none(text: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "memory").write_text(content, "utf-8")
    assert digests([text], tmp_path / "memory")[text].lines == 2


def test_where_nothing_can_be_written_nothing_is_remembered(text: Path, tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    assert digests([text], tmp_path / "memory")[text].lines == 2


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"b\.en: no such file"):
        digests([tmp_path / "b.en"], tmp_path / "memory")
