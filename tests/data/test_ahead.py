"""Batches made beside the step are those of `Batches`, and so is their place, whatever has been made since."""

from itertools import islice
from threading import current_thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.batch import Batch
from nmt.data.ahead import Ahead
from nmt.data.batching import Batches
from nmt.data.store import PairStore, PairWriter


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PairStore:
    """40 pairs of 2 to 9 pieces."""
    path = tmp_path_factory.mktemp("ahead") / "train"
    with PairWriter(path) as writer:
        for line in range(40):
            writer.add([[4] * (1 + line % 8) + [3]], [5] * (1 + line % 7) + [3], line)
    return PairStore(path)


def batches_of(store: PairStore) -> Batches:
    return Batches(store, 32, seed=3)


@given(taken=st.integers(0, 60))
def test_batches_and_place_are_those_of_the_batches_handed_out(store: PairStore, taken: int) -> None:
    ahead, plain = Ahead(batches_of(store)), batches_of(store)
    assert [batch.lines for batch in islice(ahead, taken)] == [batch.lines for batch in islice(plain, taken)]
    assert (ahead.state(), ahead.epoch) == (plain.state(), plain.epoch)


@given(first=st.integers(0, 30), place=st.integers(0, 30))
def test_it_goes_on_from_any_place_whatever_it_had_made(store: PairStore, first: int, place: int) -> None:
    ahead, plain = Ahead(batches_of(store)), batches_of(store)
    list(islice(ahead, first))
    list(islice(plain, place))
    ahead.load_state(plain.state())
    assert (ahead.state(), ahead.epoch) == (plain.state(), plain.epoch)
    assert [batch.lines for batch in islice(ahead, 3)] == [batch.lines for batch in islice(plain, 3)]


def test_what_follows_is_made_by_another_thread(store: PairStore, monkeypatch: pytest.MonkeyPatch) -> None:
    makers, take = [], Batches.__next__

    def noted(self: Batches) -> Batch:
        makers.append(current_thread())
        return take(self)

    monkeypatch.setattr(Batches, "__next__", noted)
    ahead = Ahead(batches_of(store))
    list(islice(ahead, 3))
    assert current_thread() not in makers


def test_a_fault_in_making_a_batch_is_raised_where_it_is_asked_for(
    store: PairStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = Ahead(batches_of(store))
    next(ahead)

    def torn(self: Batches) -> Batch:
        raise OSError("the disk is gone")

    monkeypatch.setattr(Batches, "__next__", torn)
    with pytest.raises(OSError, match="the disk is gone"):
        list(islice(ahead, 2))
