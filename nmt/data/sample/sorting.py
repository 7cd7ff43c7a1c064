"""Sequences of numbers to be sorted: every target token is a token of its source."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

SHORTEST, LONGEST = 5, 15
NUMBERS = 100  # 0 to 99


class Task(NamedTuple):
    """Numbers, the same in ascending order, and links from source to target places: of equal numbers the first in the
    source is the first in the target."""

    source: tuple[int, ...]
    target: tuple[int, ...]
    links: tuple[tuple[int, int], ...]


def sequences(seed: int, count: int) -> Iterator[Task]:
    """`count` different sequences, each length as likely as the others, each number as likely as the others."""
    random, seen = Random(seed), set[tuple[int, ...]]()
    while len(seen) < count:
        length = SHORTEST + int(random.random() * (LONGEST - SHORTEST + 1))
        source = tuple(int(random.random() * NUMBERS) for _ in range(length))
        if source not in seen:
            seen.add(source)
            yield task(source)


def task(source: tuple[int, ...]) -> Task:
    """The task of a sequence."""
    order = sorted(range(len(source)), key=lambda place: source[place])
    links = sorted((place, rank) for rank, place in enumerate(order))
    return Task(source, tuple(source[place] for place in order), tuple(links))
