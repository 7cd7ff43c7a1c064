"""Files and folders that somebody else may have made: plain files of bounded size, no link that leads out."""

import os
from collections.abc import Iterator
from pathlib import Path

from nmt.errors import CheckpointError, NmtError

MAX_BYTES = 64_000_000  # of a file that is read into memory as a whole
LEVELS = 3  # of folders in a run directory: checkpoints/step-N/FILE


_LINKED = "put what it leads to there; the whole run directory may be a link"


def read_bytes(path: Path, kind: type[NmtError], most: int = MAX_BYTES) -> bytes:
    """The whole of a plain file. Raises: an error of `kind` for a pipe, a device, or more than `most` bytes."""
    try:
        if path.exists() and not path.is_file():
            raise kind(f"{path}: not a plain file")
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise kind(f"{path}: {error.strerror or error}") from error
    if len(content) > most:
        raise kind(f"{path}: more than {most:,} bytes, which no file of this kind has")
    return content


def check_inside(directory: Path, names: tuple[str, ...] = ()) -> None:
    """Look at these entries of a directory (all, if none is named), at its hidden ones, and at all that lies in them,
    LEVELS deep.

    Raises: CheckpointError for a link that leads out of the directory, and for a pipe, a device or a dangling link.
    """
    try:
        home = directory.resolve()
        for path in _entries(directory, names):
            if path.is_symlink() and not path.resolve().is_relative_to(home):
                raise CheckpointError(f"{path}: a link that leads out of {directory}", _LINKED)
            if not path.is_file() and not path.is_dir() and os.path.lexists(path):
                raise CheckpointError(f"{path}: neither a file nor a folder", "remove it")
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        raise CheckpointError(f"{directory}: cannot be looked through ({error})") from error


def _entries(directory: Path, names: tuple[str, ...]) -> Iterator[Path]:
    """Level by level, so that a link is seen before what lies behind it."""
    level = [path for path in _listed(directory) if not names or path.name in names or path.name.startswith(".")]
    for _ in range(LEVELS):
        yield from level
        level = [path for folder in level if folder.is_dir() for path in _listed(folder)]


def _listed(folder: Path) -> list[Path]:
    """What is in a folder, in order; nothing of one that a training has just removed."""
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []
