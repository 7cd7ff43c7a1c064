"""Text files that stay as they are: their digests, remembered, and whether they have changed meanwhile.

A file is read again only when its size or one of its times has changed.

    <memory>   JSON: path → [[size, modified, changed], SHA-256, lines]; times in nanoseconds

A file that changed within SETTLED before it was read is not remembered: the file system's clock may be too coarse to
show another change soon after.
"""

import hashlib
import json
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from nmt.data.corpus import open_text, unreadable
from nmt.errors import DataError
from nmt.storage.files import written_whole
from nmt.storage.json_source import parse_json

BLOCK = 1 << 20
SETTLED = 3 * 10**9  # nanoseconds: the coarsest file systems count in steps of two seconds


class Digest(NamedTuple):
    """SHA-256 of a file's bytes, and its number of lines; a last line need not end with `\\n`."""

    sha256: str
    lines: int


def digests(paths: Iterable[Path], memory: Path) -> dict[Path, Digest]:
    """The digest of each file, as `memory` has it or read anew and remembered there.

    Cost: reading what is not remembered. Raises: DataError for a file that cannot be read.
    """
    known = _recalled(memory)
    found, learned = dict[Path, Digest](), dict[str, Any]()
    for path in dict.fromkeys(paths):
        place, stamp = str(path.absolute()), _stamp(path)
        if place in known and known[place][0] == stamp:
            found[path] = Digest(*known[place][1:])
            continue
        settled = time.time_ns() - SETTLED
        found[path] = digest(path)
        if stamp == _stamp(path) and max(stamp[1:]) < settled:
            learned[place] = [stamp, *found[path]]
    if learned:
        with suppress(DataError), written_whole(memory) as file:  # where nothing may be written, nothing is remembered
            file.write(json.dumps({**known, **learned}, indent=1).encode())
    return found


def digest(path: Path) -> Digest:
    """Of the whole file, read in blocks. Raises: DataError when it cannot be read."""
    sha256, lines, last = hashlib.sha256(), 0, b"\n"
    with open_text(path) as file:
        try:
            while block := file.read(BLOCK):
                sha256.update(block)
                lines += block.count(b"\n")
                last = block[-1:]
        except OSError as error:
            raise unreadable(path, error) from error
    return Digest(sha256.hexdigest(), lines + (last != b"\n"))


class Unchanged:
    """Files that are read more than once. A block `with unchanged:` may be entered again and again.

    Raises: DataError where one of them is a pipe or a device, which can be read once; and when a block ends, well or
    with a DataError that comes of it, and a file is not as it was when this was made.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._stamps = {path: _stamp(path) for path in paths}
        for path, stamp in self._stamps.items():
            if stamp and not (path.is_file() or path.is_dir()):
                hint = "write what comes out of it to a file first"
                raise DataError(f"{path}: a pipe or a device, and text is read more than once", hint)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and not issubclass(kind, DataError):
            return
        for path, stamp in self._stamps.items():
            if _stamp(path) != stamp:
                message = f"{path}: has changed while it was read"
                raise DataError(message, "wait until it is complete, and give the same command again") from error


def _stamp(path: Path) -> list[int]:
    """What a change of the content changes as well; nothing of a file that is not there."""
    try:
        about = path.stat()
    except (OSError, ValueError):
        return []
    return [about.st_size, about.st_mtime_ns, about.st_ctime_ns]


def _recalled(memory: Path) -> dict[str, Any]:
    """What is remembered; nothing where that is no such file, since all of it can be read again."""
    try:
        found = parse_json(memory.read_text(encoding="utf-8"))
        return {place: [list(stamp), str(sha256), int(lines)] for place, (stamp, sha256, lines) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError, OverflowError):
        return {}
