"""Files and directories that appear whole or not at all: write beside, flush to the disk, rename."""

import fcntl
import io
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from nmt.errors import DataError, NmtError
from nmt.storage.places import check_free

ABANDONED = 60.0


@contextmanager
def naming(path: Path | str, kind: type[NmtError] = DataError) -> Iterator[None]:
    """What the operating system refuses in the block becomes an error of `kind` that names `path`.

    A reader of standard output that has gone is no refusal: its BrokenPipeError passes.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        message = f"{path}: cannot be written ({error.strerror or error})"
        raise kind(message, "Is there room, and is the folder yours?") from error


@contextmanager
def written_whole(path: Path | str, *, replace: bool = True) -> Iterator[BinaryIO]:
    """A binary file that becomes `path` when the block ends, and leaves nothing behind when the block fails.

    Missing folders are made; an older file of that name stays as it is until the new one is complete. A link's file
    is replaced and not the link; a pipe or a device is written to as it is.
    Raises: DataError when `path` is a folder, or the operating system refuses the folder or the file; without
    `replace` also where a file with something in it is there, or has come to be when the block ends.
    """
    place = Path(path)
    with naming(place):
        if place.is_dir():
            raise DataError(f"{place}: is a folder", "name a file in it")
        special = place.exists() and not place.is_file()
        if not replace:
            check_free(place)
        target = Path(os.path.realpath(place))
        beside = target.with_name(f".writing-{target.name}.{secrets.token_hex(4)}")
        target.parent.mkdir(parents=True, exist_ok=True)
        opened = _Raw(place, "w", place) if special else _Raw(beside, "x", place)
    try:
        with io.BufferedWriter(opened) as file:
            yield file
            if not special:
                file.flush()
                with naming(place):
                    os.fsync(file.fileno())
        if not special:
            if not replace:
                check_free(place)
            with naming(place):
                os.replace(beside, target)
    finally:
        with suppress(OSError):
            beside.unlink()


class _Raw(io.FileIO):
    """A file whose own failures to write name it, so that others in the same block are not blamed on it."""

    def __init__(self, path: Path, mode: str, place: Path) -> None:
        super().__init__(path, mode)
        self._place = place

    def write(self, content: Any) -> int:
        """Write, as FileIO does."""
        with naming(self._place):
            return super().write(content)


def made_folder(path: Path) -> Path:
    """The folder, made where it is missing. Raises: DataError when it is a file or cannot be made."""
    with naming(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def made_whole(path: Path, kind: type[NmtError] = DataError, *, replace: bool = False) -> Iterator[Path]:
    """A new directory to fill; it becomes `path` when the block ends well and all is on the disk, or it goes.

    Where `path` has come to be meanwhile, that one stays and the new one goes. With `replace` the new one takes its
    place; only one process at a time may then write it, and what a killed one left is cleared away.
    Raises: an error of `kind` when the operating system refuses the directory or a file in it.
    """
    own = "" if replace else f".{secrets.token_hex(4)}"
    beside = path.with_name(f".writing-{path.name}{own}")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        with naming(path, kind):
            beside.mkdir(parents=True)
            with _in_use(beside):
                yield beside
                for entry in (*beside.rglob("*"), beside):
                    flush(entry)
            if replace:
                remove(path)
            try:
                beside.rename(path)
            except OSError:
                if replace or not path.is_dir():
                    raise
            flush(path.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def remove(path: Path) -> None:
    """Remove a file or directory; a crash in between leaves a hidden rest, never a part under the name."""
    if path.is_dir() and not path.is_symlink():
        away = path.with_name(f".removed-{path.name}")
        shutil.rmtree(away, ignore_errors=True)
        path.rename(away)
        shutil.rmtree(away)
    else:
        path.unlink(missing_ok=True)


def clear_rests(folder: Path) -> None:
    """Remove what killed processes left half-written or half-removed in a folder that no other process writes to."""
    for rest in (*folder.glob(".writing-*"), *folder.glob(".removed-*")):
        shutil.rmtree(rest) if rest.is_dir() and not rest.is_symlink() else rest.unlink()


def clear_abandoned(folder: Path) -> None:
    """Remove the directories that `made_whole` was filling in processes that are gone: those that none has locked.

    Where the file system has no locks, and in their first ABANDONED seconds, they are left alone.
    """
    for rest in folder.glob(".writing-*"):
        with suppress(OSError):
            if time.time() - rest.lstat().st_mtime > ABANDONED:
                handle = os.open(rest, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(rest)
                finally:
                    os.close(handle)


@contextmanager
def _in_use(folder: Path) -> Iterator[None]:
    """Lock a directory while the block runs, where there are locks; a process that is killed leaves it unlocked."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def flush(path: Path) -> None:
    """Make the operating system put a file or directory on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
