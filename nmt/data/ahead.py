"""Batches made ready beside the step that computes with the one before."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from nmt.batch import Batch
from nmt.data.batching import Batches
from nmt.tree import map_tensors


class Made(NamedTuple):
    """A batch, and the place after it."""

    batch: Batch
    epoch: int
    state: dict[str, int]


class Ahead:
    """The batches of `Batches`, each made by a thread while the caller works with the one before: in pinned memory
    where it goes to a GPU, so that the copy waits for nobody.

    `epoch` and `state()` are the place after the batches handed out, whatever has been made since. Cost: the memory of
    one batch.
    """

    def __init__(self, batches: Batches, pinned: bool = False) -> None:
        self._batches = batches
        self._pinned = pinned
        self._thread = ThreadPoolExecutor(1, "batches")
        self._coming: Future[Made] | None = None
        self.epoch = batches.epoch
        self._state = batches.state()

    def __iter__(self) -> "Ahead":
        return self

    def __next__(self) -> Batch:
        """The next batch; `state()` counts it from now on."""
        made = (self._coming or self._thread.submit(self._make)).result()
        self._coming = self._thread.submit(self._make)
        self.epoch, self._state = made.epoch, made.state
        return made.batch

    def state(self) -> dict[str, int]:
        """The place after the batches handed out, as `Batches.state` gives it."""
        return self._state

    def load_state(self, state: dict[str, int]) -> None:
        """Continue where `state` was taken. Raises: ValueError for a place that there is not."""
        if self._coming is not None:
            self._coming.exception()  # until it is made, it moves the place
            self._coming = None
        self._batches.load_state(state)
        self.epoch, self._state = self._batches.epoch, self._batches.state()

    def _make(self) -> Made:
        batch = next(self._batches)
        if self._pinned:
            batch = map_tensors(lambda leaf: leaf.pin_memory(), batch)
        return Made(batch, self._batches.epoch, self._batches.state())
