"""The sample corpus as files: sentence pairs and their gold alignments."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from nmt.data.corpus import open_text
from nmt.data.sample.grammar import Pair, generate
from nmt.errors import DataError
from nmt.files import written_whole

SETS = ("train", "valid", "test")


def write_sample(
    directory: Path, seed: int = 1, sizes: Sequence[int] = (20000, 500, 500), overwrite: bool = False
) -> None:
    """Write {train,valid,test}.{en,de,align}: one sentence a line, words and punctuation separated by spaces.

    A line of .align holds the links of its pair as `i-j`: source word i, target word j, both from 0. No source stands
    twice, neither in one set nor in two. Raises: DataError when a file cannot be written, or another one has its name
    and `overwrite` is not given.
    """
    pairs = generate(seed, sum(sizes))
    sets = (_contents(directory / name, list(islice(pairs, size))) for name, size in zip(SETS, sizes, strict=True))
    files = {path: content for contents in sets for path, content in contents.items()}
    for path, content in files.items():
        if path.exists() and not overwrite and not _holds(path, content):
            raise DataError(f"{path}: exists already", "--overwrite replaces it; or name another folder")
    for path, content in files.items():
        with written_whole(path) as file:
            file.write(content)


def _holds(path: Path, content: bytes) -> bool:
    with open_text(path) as file:
        return file.read() == content


def _contents(path: Path, pairs: list[Pair]) -> dict[Path, bytes]:
    sides: dict[str, Iterator[str]] = {
        "en": (" ".join(pair.source) for pair in pairs),
        "de": (" ".join(pair.target) for pair in pairs),
        "align": (" ".join(f"{i}-{j}" for i, j in pair.links) for pair in pairs),
    }
    return {
        path.with_name(f"{path.name}.{ending}"): "".join(f"{line}\n" for line in lines).encode()
        for ending, lines in sides.items()
    }
