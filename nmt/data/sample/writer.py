"""The sample corpora as files."""

from collections.abc import Sequence
from pathlib import Path

from nmt.data.corpus import open_text
from nmt.data.kinds import Kind
from nmt.data.sample.texts import texts
from nmt.errors import DataError
from nmt.storage.files import written_whole
from nmt.storage.places import is_folder, is_there

SETS = ("train", "valid", "test")


def write_sample(
    directory: Path,
    seed: int = 1,
    sizes: Sequence[int] = (20000, 500, 500),
    overwrite: bool = False,
    kind: Kind = Kind.GRAMMAR,
) -> None:
    """Write {train,valid,test}.ENDING for each text of the kind (docs/formats.md): one sentence a line, words and
    punctuation separated by spaces.

    No source stands twice, neither in one set nor in two; of `pronouns`, no two sentences that follow each other do.
    Raises: DataError when a file cannot be written, or another one has its name and `overwrite` is not given.
    """
    if is_there(directory) and not is_folder(directory):
        raise DataError(f"{directory}: is not a folder", "name another place")
    made = zip(SETS, texts(kind, seed, sizes), strict=True)
    files = {
        directory / f"{name}.{ending}": "".join(f"{line}\n" for line in lines).encode()
        for name, own in made
        for ending, lines in own.items()
    }
    for path, content in files.items():
        if is_there(path) and not overwrite and not _holds(path, content):
            raise DataError(f"{path}: exists already", "--overwrite replaces it; or name another folder")
    for path, content in files.items():
        with written_whole(path) as file:
            file.write(content)


def _holds(path: Path, content: bytes) -> bool:
    with open_text(path) as file:
        return file.read() == content
