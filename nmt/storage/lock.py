"""A directory that one process writes to at a time, and stays the same directory meanwhile."""

import errno
import fcntl
import os
import socket
import time
import weakref
from contextlib import suppress
from pathlib import Path
from warnings import warn

from nmt.errors import CheckpointError
from nmt.storage.files import naming

LOCK = ".lock"
LOOKS, LOOK = 10, 0.01  # how often, and how many seconds apart, a lock is asked for
BUSY = (errno.EAGAIN, errno.EACCES)  # what flock says where another process has the lock


class Lock:
    """A directory that is this process's own until `release`, or until the process ends, whatever ends it.

    The file `.lock` in it is locked with flock, which the operating system undoes when a process is gone, so that a
    crash leaves no lock behind, only the file. It names the process for the messages that others get. Where the file
    system has no locks, a warning says that nothing keeps a second process out.
    Raises: CheckpointError where another process has the directory, or where `.lock` cannot be written.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        path = directory / LOCK
        with naming(path, CheckpointError):
            file = _taken(path)
            folder = os.open(directory, os.O_RDONLY)  # while it is open, no other folder gets its number
            self._folder = os.fstat(folder)
        self.release = weakref.finalize(self, _release, path, file, folder)

    def check(self) -> None:
        """Raises: CheckpointError where another directory, or none, stands at the path now."""
        with suppress(OSError):
            if os.path.samestat(os.stat(self._directory), self._folder):
                return
        message = f"{self._directory}: no longer the folder that the run was begun in"
        raise CheckpointError(message, "bring it back to go on with --resume: was its disk unmounted, or was it moved?")


def check_free(directory: Path) -> None:
    """Raises: CheckpointError where another process has the directory. Nothing is written."""
    with suppress(OSError):  # what cannot be opened is told when it is to be locked
        file = os.open(directory / LOCK, os.O_RDWR | os.O_NOFOLLOW)
        try:
            _try(file, fcntl.LOCK_SH, directory / LOCK)
        finally:
            os.close(file)


def _taken(path: Path) -> int:
    """The open and locked file; made anew where the one that was opened has been removed meanwhile."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            if not _try(file, fcntl.LOCK_EX, path):
                warn(f"{path.parent}: its file system has no locks; let no second process train there", stacklevel=5)
            if _is(path, file):
                os.ftruncate(file, 0)
                os.write(file, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _try(file: int, kind: int, path: Path) -> bool:
    """Whether it could be locked; False where there are no locks. Raises: CheckpointError where it is another's for
    longer than one who only looks takes."""
    try:
        for _ in range(LOOKS):
            with suppress(BlockingIOError, PermissionError):
                fcntl.flock(file, kind | fcntl.LOCK_NB)
                return True
            time.sleep(LOOK)
        fcntl.flock(file, kind | fcntl.LOCK_NB)
        return True
    except OSError as error:
        if error.errno not in BUSY:
            return False
        holder = os.pread(file, 200, 0).decode("utf-8", "replace").strip()
        raise CheckpointError(
            f"{path.parent}: another process trains there ({holder if holder.isprintable() else 'unknown'})",
            "wait until it ends, or stop it; --run names another place",
        ) from error


def _is(path: Path, file: int) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.stat(path), os.fstat(file))
    return False


def _release(path: Path, file: int, folder: int) -> None:
    with suppress(OSError):
        if _is(path, file):
            path.unlink()
    os.close(file)
    os.close(folder)
