"""What stands at a path that somebody has named: nothing, a file, a folder, or an error that says why none can tell."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nmt.errors import DataError, NmtError


def check_free(path: Path, kind: type[NmtError] = DataError) -> None:
    """Raises: an error of `kind` where a plain file with something in it is there, and as `is_there`."""
    if has_content(path, kind):
        raise kind(f"{path}: exists already", "--overwrite replaces it; or name another place")


def has_content(path: Path, kind: type[NmtError] = DataError) -> bool:
    """Whether the path leads to a plain file with something in it. Raises: as `is_there`."""
    found = _status(path, kind)
    return found is not None and stat.S_ISREG(found.st_mode) and found.st_size > 0


def is_there(path: Path, kind: type[NmtError] = DataError) -> bool:
    """Whether the path leads to anything. Raises: an error of `kind` where that cannot be told: its folder may not be
    entered, its links go in circles, no file can have its name."""
    return _mode(path, kind) != 0


def is_file(path: Path, kind: type[NmtError] = DataError) -> bool:
    """Whether the path leads to a plain file. Raises: as `is_there`."""
    return stat.S_ISREG(_mode(path, kind))


def is_folder(path: Path, kind: type[NmtError] = DataError) -> bool:
    """Whether the path leads to a folder. Raises: as `is_there`."""
    return stat.S_ISDIR(_mode(path, kind))


def resolved(path: Path, kind: type[NmtError] = DataError) -> Path:
    """The path without links, as far as it exists. Raises: an error of `kind` where the links go in circles, and where
    no file can have the name."""
    with _looking(path, kind):
        return path.resolve()


def _mode(path: Path, kind: type[NmtError]) -> int:
    """The file type and permissions of what a path leads to; 0 where nothing is."""
    found = _status(path, kind)
    return found.st_mode if found else 0


def _status(path: Path, kind: type[NmtError]) -> os.stat_result | None:
    with _looking(path, kind):
        try:
            return os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None


@contextmanager
def _looking(path: Path, kind: type[NmtError]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{path}: cannot be looked at ({error.strerror or error})"
        raise kind(message, "is the name right, and may you enter its folder?") from error
    except RuntimeError as error:  # what `resolve` raises before Python 3.13
        raise kind(f"{path}: cannot be looked at (a link that leads to itself)", "is the name right?") from error
    except ValueError as error:  # a NUL, or half a character
        raise kind(f"{str(path)!r}: no file can have this name", "name another place") from error
