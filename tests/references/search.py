"""Exhaustive search: every target that may be written down, scored by Wu et al. 2016, eq. 14.

`log_probs(prefix)` gives log P of each id after a prefix, `weights(prefix)` the attention row of that step or None.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

Prefix = tuple[int, ...]


class Scored(NamedTuple):
    """A whole target without its end, its log P and its score."""

    ids: Prefix
    log_prob: float
    score: float


def length_penalty(length: int, alpha: float) -> float:
    """((5 + |Y|) / 6)^α, |Y| counting the end."""
    return (5 + length) ** alpha / 6**alpha


def coverage_penalty(rows: Sequence[Sequence[float]], beta: float) -> float:
    """β Σ_j log(min(Σ_t α_tj, 1)), the sum floored at 1e-6."""
    if beta == 0:
        return 0.0
    sums = [sum(row[j] for row in rows) for j in range(len(rows[0]))]
    return beta * sum(math.log(max(min(total, 1.0), 1e-6)) for total in sums)


def targets(pieces: Sequence[int], max_length: int) -> Iterator[Prefix]:
    """Every sequence of pieces that, with its end, has at most max_length."""
    for length in range(max_length):
        yield from itertools.product(pieces, repeat=length)


def exhaustive(
    log_probs: Callable[[Prefix], Sequence[float]],
    weights: Callable[[Prefix], Sequence[float]],
    pieces: Sequence[int],
    end: int,
    limits: tuple[int, float, float],
) -> list[Scored]:
    """All targets, best first; limits: (max_length, α, β)."""
    max_length, alpha, beta = limits
    found = []
    for ids in targets(pieces, max_length):
        steps = [*ids, end]
        log_prob = sum(log_probs(ids[:t])[piece] for t, piece in enumerate(steps))
        rows = [weights(ids[:t]) for t in range(len(steps))] if beta else []
        score = log_prob / length_penalty(len(steps), alpha) + coverage_penalty(rows, beta)
        found.append(Scored(ids, log_prob, score))
    return sorted(found, key=lambda scored: -scored.score)
