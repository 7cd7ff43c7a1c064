"""Batches made ready beside the step that computes with the one before."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Self

from nmt.batch import Batch
from nmt.data.batching import Batches
from nmt.tree import map_tensors


class Made(NamedTuple):
    """A batch, and the place after it."""

    batch: Batch
    epoch: int
    state: dict[str, int]


class Ahead:
    """The batches of `Batches`, each made by a thread while the caller works with the one before; in pinned memory
    where it goes to a GPU, so that the copy does not hold up the caller.

    `epoch` and `state()` are the place after the batches handed out, whatever has been made since. A fault in making
    one is raised where it is asked for, each time. Cost: the memory of one batch. On a GPU it has not been measured.
    """

    def __init__(self, batches: Batches, pinned: bool = False) -> None:
        self._batches = batches
        self._pinned = pinned
        self._thread = ThreadPoolExecutor(1, "batches")
        self._coming: Future[Made] | None = None
        self.epoch = batches.epoch
        self._state = batches.state()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        """The next batch; `state()` counts it from now on."""
        if self._coming is None:
            self._coming = self._thread.submit(self._make)
        made = self._coming.result()
        self._coming = None
        self.epoch, self._state = made.epoch, made.state
        self._coming = self._thread.submit(self._make)
        return made.batch

    def state(self) -> dict[str, int]:
        """The place after the batches handed out, as `Batches.state` gives it."""
        return self._state

    def load_state(self, state: dict[str, int]) -> None:
        """Continue where `state` was taken. Raises: ValueError for a place that there is not; it stays where it was."""
        if self._coming is not None:
            self._coming.exception()  # until it is made, it moves the place
        self._batches.load_state(state)
        self._coming = None
        self.epoch, self._state = self._batches.epoch, self._batches.state()

    def close(self) -> None:
        """End the thread; no batch follows."""
        self._thread.shutdown(cancel_futures=True)

    def _make(self) -> Made:
        batch = next(self._batches)
        if self._pinned:
            batch = map_tensors(lambda leaf: leaf.pin_memory(), batch)
        return Made(batch, self._batches.epoch, self._batches.state())
