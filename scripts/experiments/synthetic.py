"""Synthetic parallel text of any size: words drawn by Zipf's law, or every word in turn, written in chunks."""

from collections.abc import Iterator
from itertools import chain, islice, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHUNK = 100_000
SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]


def words(count: int) -> list[str]:
    """So many different words, of two syllables first."""
    syllables = (product(SYLLABLES, repeat=length) for length in range(2, 6))
    return ["".join(word) for word in islice(chain.from_iterable(syllables), count)]


def write_natural(stem: Path, pairs: int, vocabulary: int = 20_000) -> None:
    """<stem>.source and <stem>.target with sentences of 5 to 20 words; a word's share falls with its rank."""
    listed = np.array(words(vocabulary), dtype=object)
    shares = 1 / np.arange(1, vocabulary + 1)
    bounds = np.cumsum(shares / shares.sum())
    for side, name in enumerate(("source", "target")):
        chance = np.random.default_rng(side)
        with Path(f"{stem}.{name}").open("w", encoding="utf-8") as file:
            for size in chunks(pairs):
                lengths = chance.integers(5, 21, size)
                drawn = np.minimum(np.searchsorted(bounds, chance.random(lengths.sum())), vocabulary - 1)
                file.writelines(lines(listed[drawn], lengths))


def write_even(stem: Path, pairs: int, length: int, vocabulary: int) -> None:
    """<stem>.source and <stem>.target with sentences of `length` words, all words being equally frequent."""
    listed = np.array(words(vocabulary), dtype=object)
    for side, name in enumerate(("source", "target")):
        turns = np.random.default_rng(side).permutation(pairs * length) % vocabulary
        with Path(f"{stem}.{name}").open("w", encoding="utf-8") as file:
            file.writelines(lines(listed[turns], np.full(pairs, length)))


def chunks(total: int) -> Iterator[int]:
    """Sizes of at most CHUNK that make up the total."""
    for done in range(0, total, CHUNK):
        yield min(CHUNK, total - done)


def lines(drawn: NDArray[Any], lengths: NDArray[np.int64]) -> Iterator[str]:
    """Sentences of these lengths from one row of words."""
    ends = np.cumsum(lengths)
    for start, end in zip((ends - lengths).tolist(), ends.tolist(), strict=True):
        yield " ".join(drawn[start:end]) + "\n"
