"""Batches by token budget, in an order that depends on the seed and the epoch alone.

The cost of a batch is rows × longest, padding counted, on the side where that is most (the sides are the sources
and the target); it stays within `batch_tokens` unless one pair alone is longer. Pairs are sorted by their longest
side, then by the difference of the first and the last, upwards and downwards in turn, so that neighbours are alike on
both; ties fall by chance. The sorted pairs are cut into batches and the batches shuffled. A corpus of more than POOL
pairs is planned pool by pool, each made of random runs of BLOCK neighbouring pairs, so that memory does not grow with
it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmt.batch import Batch, make_batch
from nmt.data.store import PairStore

POOL = 1 << 20
BLOCK = 1 << 12
Rows = NDArray[np.int64]


class Batches:
    """An endless iterator over training batches, whose place can be saved and taken up again at any batch.

    Each process of `world` plans the same batches and takes the rows rank, rank + world, … of each (none,
    when a batch has fewer). `epoch` counts the complete passes: with the last batch of a pass it goes up.
    """

    def __init__(self, store: PairStore, batch_tokens: int, seed: int, rank: int = 0, world: int = 1) -> None:
        self.epoch = 0
        self._store, self._batch_tokens, self._seed = store, batch_tokens, seed
        self._rank, self._world = rank, world
        self._pool = self._position = 0
        self._plan: list[Rows] | None = None

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        """The next batch; `state()` counts it from now on."""
        if self._plan is None:
            self._plan = self._plan_pool(self.epoch, self._pool)
        rows = self._plan[self._position]
        self._advance(len(self._plan))
        return load(self._store, rows[self._rank :: self._world])

    def _advance(self, planned: int) -> None:
        self._position += 1
        if self._position == planned:
            self._plan, self._position = None, 0
            self._pool += 1
        if self._pool == self._pools:
            self._pool = 0
            self.epoch += 1

    def state(self) -> dict[str, int]:
        """The place after the batches taken so far, for `load_state`: plain numbers for JSON."""
        return {"epoch": self.epoch, "pool": self._pool, "position": self._position}

    def load_state(self, state: dict[str, int]) -> None:
        """Continue where `state` was taken: the next batches are the same, bit for bit.

        Raises: ValueError for a place that there is not.
        """
        epoch, pool, position = state["epoch"], state["pool"], state["position"]
        plan = self._plan_pool(epoch, pool) if 0 <= pool < self._pools else []
        if not 0 <= position < len(plan):
            raise ValueError(f"no batch {position} in pool {pool}")
        self.epoch, self._pool, self._position, self._plan = epoch, pool, position, plan

    def batches_per_epoch(self, epoch: int) -> int:
        """Number of batches of an epoch (a few more or less); planned for this, about 1 s a million pairs."""
        return sum(len(self._plan_pool(epoch, pool)) for pool in range(self._pools))

    @property
    def _pools(self) -> int:
        return -(-len(self._store) // POOL)

    def _plan_pool(self, epoch: int, pool: int) -> list[Rows]:
        """The batches of a pool in the order of training."""
        chance = np.random.Generator(np.random.PCG64([self._seed, epoch, 1 + pool]))
        members = self._members(epoch, pool)
        sides = [lengths[members] for lengths in self._store.lengths]
        planned = cut(by_length(sides, chance), sides, self._batch_tokens)
        return [members[planned[place]] for place in chance.permutation(len(planned))]

    def _members(self, epoch: int, pool: int) -> Rows:
        """Numbers of the pairs of a pool: whole blocks, drawn anew each epoch."""
        size = len(self._store)
        if self._pools == 1:
            return np.arange(size)
        blocks = np.random.Generator(np.random.PCG64([self._seed, epoch, 0])).permutation(-(-size // BLOCK))
        starts = BLOCK * np.sort(blocks[pool * (POOL // BLOCK) : (pool + 1) * (POOL // BLOCK)])
        members = (starts[:, None] + np.arange(BLOCK)).ravel()
        return members[members < size]


def by_length(sides: Sequence[NDArray[Any]], chance: np.random.Generator | None = None) -> Rows:
    """An order in which neighbours have alike lengths on all sides; ties by chance, or by number."""
    first, last = sides[0].astype(np.int64), sides[-1].astype(np.int64)
    longest = np.maximum.reduce(sides).astype(np.int64)
    difference = np.where(longest % 2, first - last, last - first)
    ties = np.arange(len(first)) if chance is None else chance.permutation(len(first))
    return np.lexsort((ties, difference, longest))


def cut(order: Rows, sides: Sequence[NDArray[Any]], batch_tokens: int) -> list[Rows]:
    """Cut an order into batches: as many rows as stay within rows × longest ≤ batch_tokens, at least one."""
    lengths = np.maximum.reduce(sides)[order].tolist()
    starts, longest = [0], 0
    for place, length in enumerate(lengths):
        longest = max(longest, length)
        if longest * (place + 1 - starts[-1]) > batch_tokens and place > starts[-1]:
            starts.append(place)
            longest = length
    return [rows for rows in np.split(order, starts[1:]) if len(rows)]


def sequential_batches(store: PairStore, batch_tokens: int) -> Iterator[Batch]:
    """Every pair of a store once, by length: for validation. `Batch.lines` says which lines they are."""
    for rows in cut(by_length(store.lengths), store.lengths, batch_tokens):
        yield load(store, rows)


def load(store: PairStore, rows: Rows) -> Batch:
    """The pairs of the given numbers as a batch."""
    pairs: list[Any] = [store.pair(row) for row in rows.tolist()]
    sources = [[pair.sources[number] for pair in pairs] for number in range(len(store.lengths) - 1)]
    copies = [pair.copies for pair in pairs] if pairs and pairs[0].copies is not None else None
    return make_batch(sources, [pair.target for pair in pairs], store.lines[rows].tolist(), copies)
