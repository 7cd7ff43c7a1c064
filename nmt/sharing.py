"""Sharing out work: sentences in batches of alike lengths, batches among threads."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import torch

from nmt.data.batching import by_length, cut

SMALLEST = 512  # tokens of a batch, below which products get slow

Item = TypeVar("Item")
Done = TypeVar("Done")


def shared_out(lengths: Sequence[int], batch_tokens: int, threads: int) -> int:
    """At most `batch_tokens`; where threads search side by side, the fewest with which the sentences make as many
    `batches` for each of them, two or more, or hardly less, lest one has the last to itself; but SMALLEST at least.

    Sentences sorted by length never make more batches where there is more room, so that sizes can be bisected.
    """
    if threads == 1:
        return batch_tokens
    most = threads * max(2, -(-len(batches(lengths, batch_tokens)) // threads))
    largest = min(batch_tokens, max(SMALLEST, max(lengths, default=0) * len(lengths)))  # all in one batch
    sizes = range(min(SMALLEST, largest), largest + 1)
    return sizes[bisect_left(sizes, True, key=lambda tokens: len(batches(lengths, tokens)) <= most)]


def dealt(items: Sequence[Item], hands: int) -> list[list[Item]]:
    """The items for each of so many hands, forth and back, so that each has few and many of what grows; no hand is
    empty."""
    shares: list[list[Item]] = [[] for _ in range(min(hands, len(items)))]
    for first in range(0, len(items), len(shares) or 1):
        hand = shares if first // len(shares) % 2 == 0 else shares[::-1]
        for share, item in zip(hand, items[first : first + len(shares)], strict=False):
            share.append(item)
    return shares


def side_by_side(work: Callable[[Item], Done], items: Sequence[Item], device: torch.device) -> Iterator[Done]:
    """What `work` makes of each item, in their order: on a CPU several at a time, torch's threads shared among them.

    A step's products are small, which leaves threads little to share inside of one.
    """
    threads = torch.get_num_threads()
    workers = min(threads, len(items)) if device.type == "cpu" else 1
    if workers < 2:
        yield from map(work, items)
        return
    try:
        with ThreadPoolExecutor(workers, "search", torch.set_num_threads, (threads // workers,)) as pool:
            yield from pool.map(work, items)
    finally:
        torch.set_num_threads(threads)  # those of later threads, too


def batches(lengths: Sequence[int], batch_tokens: int) -> list[list[int]]:
    """Numbers of sentences in batches of alike lengths, each of at most `batch_tokens` with padding."""
    sides = (np.array(lengths, dtype=np.int64),)
    return [rows.tolist() for rows in cut(by_length(sides), sides, batch_tokens)] if lengths else []
