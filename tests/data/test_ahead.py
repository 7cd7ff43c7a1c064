"""Batches made beside the step are those of `Batches`, and so is their place, whatever has been made since."""

from concurrent.futures import Future
from itertools import islice
from threading import Event, Thread, current_thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from nmt.batch import Batch
from nmt.data.ahead import Ahead, Made
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


def test_the_next_batch_is_made_by_a_thread_before_it_is_asked_for(
    store: PairStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    makers, take, second = list[str](), Batches.__next__, Event()

    def noted(self: Batches) -> Batch:
        makers.append(current_thread().name)
        if len(makers) == 2:
            second.set()
        return take(self)

    monkeypatch.setattr(Batches, "__next__", noted)
    next(Ahead(batches_of(store)))
    assert second.wait(60)
    assert all(name.startswith("batches") for name in makers)


def test_every_tensor_is_pinned_where_a_gpu_reads_it(store: PairStore, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = list[int]()

    def noted(tensor: Tensor) -> Tensor:
        pinned.append(tensor.data_ptr())
        return tensor

    monkeypatch.setattr(Tensor, "pin_memory", noted)
    next(Ahead(batches_of(store), pinned=False))
    assert not pinned
    batch = next(Ahead(batches_of(store), pinned=True))
    tensors = (*batch.sources[0][:2], batch.input_BT, batch.target_BT, batch.mask_BT)
    assert {tensor.data_ptr() for tensor in tensors} <= set(pinned)


def test_a_place_that_is_refused_changes_nothing(store: PairStore) -> None:
    ahead, plain = Ahead(batches_of(store)), batches_of(store)
    assert next(ahead).lines == next(plain).lines
    with pytest.raises(ValueError, match="no batch"):
        ahead.load_state({**plain.state(), "position": 10_000})
    assert ahead.state() == plain.state()
    assert next(ahead).lines == next(plain).lines


def test_an_interrupt_while_waiting_loses_no_batch(store: PairStore, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = Ahead(batches_of(store))

    def interrupted(self: Future[Made]) -> Made:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Future, "result", interrupted)
        with pytest.raises(KeyboardInterrupt):
            next(ahead)
    assert next(ahead).lines == next(batches_of(store)).lines


def test_closing_ends_the_thread(store: PairStore, monkeypatch: pytest.MonkeyPatch) -> None:
    makers, take = list[Thread](), Batches.__next__

    def noted(self: Batches) -> Batch:
        makers.append(current_thread())
        return take(self)

    monkeypatch.setattr(Batches, "__next__", noted)
    ahead = Ahead(batches_of(store))
    next(ahead)
    assert makers[0].is_alive()
    ahead.close()
    assert not makers[0].is_alive()


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
