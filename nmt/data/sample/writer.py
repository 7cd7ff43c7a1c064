"""The sample corpus as files: sentence pairs and their gold alignments."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from nmt.data.sample.grammar import Pair, generate
from nmt.files import written_whole

SETS = ("train", "valid", "test")


def write_sample(directory: Path, seed: int = 1, sizes: Sequence[int] = (20000, 500, 500)) -> None:
    """Write {train,valid,test}.{en,de,align}: one sentence a line, words and punctuation separated by spaces.

    A line of .align holds the links of its pair as `i-j`: source word i, target word j, both from 0. No source stands
    twice, neither in one set nor in two. Raises: DataError when a file cannot be written.
    """
    pairs = generate(seed, sum(sizes))
    for name, size in zip(SETS, sizes, strict=True):
        _write_set(directory / name, list(islice(pairs, size)))


def _write_set(path: Path, pairs: list[Pair]) -> None:
    sides: dict[str, Iterator[str]] = {
        "en": (" ".join(pair.source) for pair in pairs),
        "de": (" ".join(pair.target) for pair in pairs),
        "align": (" ".join(f"{i}-{j}" for i, j in pair.links) for pair in pairs),
    }
    for ending, lines in sides.items():
        with written_whole(path.with_name(f"{path.name}.{ending}")) as file:
            file.writelines(f"{line}\n".encode() for line in lines)
