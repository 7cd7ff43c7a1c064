"""Files of lines that come to be over hours: whole in their place or not there, and when killed gone on with.

    FILE.partial         the lines so far, flushed one by one; they become FILE when they are complete
    FILE.partial.json    beside that of the first file: what the lines are made of, so that only the same goes on

Several files are written in step, a line of each at a time; what one has more than the others, and a torn last line,
is cut off when they are gone on with.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from typing import Any

from nmt.errors import DataError, NmtError
from nmt.storage.files import naming, written_whole
from nmt.storage.json_source import Difference, differences, parse_json

FORMAT = 1
BLOCK = 1 << 20
SHOWN = 60  # characters of a value in a message
BEGUN, COMPLETE = "begun", "complete"
ANEW = "leave out --resume to begin anew"


class PartialFiles:
    """The open files. `done`: the lines that were there, and those written since; `dropped`: those that were there and
    are begun anew; `complete`: nothing is missing."""

    def __init__(self, files: Sequence[FileIO], done: int = 0, dropped: int = 0, complete: bool = False) -> None:
        self._files = files
        self.done = done
        self.dropped = dropped
        self.complete = complete

    def write(self, lines: Sequence[bytes]) -> None:
        """A line of each file, seen at once by whoever reads it. Raises: DataError where there is no room for it."""
        for file, line in zip(self._files, lines, strict=True):
            rest = memoryview(line)
            with naming(file.name):
                while rest:
                    rest = rest[file.write(rest) :]
        self.done += 1

    def flush(self) -> None:
        """Make the operating system put them on the disk."""
        for file in self._files:
            with naming(file.name):
                os.fsync(file.fileno())


def beside(place: Path) -> Path:
    """Where the lines of a file are until it is complete; of a link, beside the file that it leads to."""
    target = Path(os.path.realpath(place))
    return target.with_name(f"{target.name}.partial")


@contextmanager
def partial_files(
    places: Sequence[Path],
    made_of: Mapping[str, Any],
    resume: bool,
    fewest: int = 0,
    check: Callable[[], None] = lambda: None,
    names: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[PartialFiles]:
    """Files to write in step, which take their places when the block ends well and `check` raises nothing. When it
    fails, what has whole lines stays for `resume`; where there is nothing to go on with, or fewer than `fewest` lines,
    they are begun anew.

    Raises: DataError where the operating system refuses a file, another process writes it, or what is there was made
    of something else than `made_of`, plain values; `names` are what people call those of them that are hashes.
    """
    parts = [beside(place) for place in places]
    head = parts[0].with_name(f"{parts[0].name}.json")
    found = _found(head, made_of, names) if resume else ""
    if found == COMPLETE:
        yield PartialFiles([], complete=True)
        check()
        _take_places(head, places)
        return
    if not head.exists():
        _check_nobody_s(parts)
    with ExitStack() as stack:
        written = _begun([stack.enter_context(_own(part)) for part in parts], fewest, bool(found))
        _note(head, made_of, BEGUN)
        with _kept_for_resuming(written, head, parts):
            yield written
        check()
        written.flush()
        _note(head, made_of, COMPLETE)
        _take_places(head, places)


def _begun(files: Sequence[FileIO], fewest: int, resume: bool) -> PartialFiles:
    """The files with the lines that there are in all of them, or with none."""
    there = min(map(_count, files))
    done = there if resume and there >= fewest else 0
    for file in files:
        _cut(file, done)
    return PartialFiles(files, done, dropped=there - done)


@contextmanager
def _kept_for_resuming(written: PartialFiles, head: Path, parts: Sequence[Path]) -> Iterator[None]:
    """Where the block fails, what has whole lines stays, and the error says so; what has none goes."""
    try:
        yield
    except BaseException as error:
        if not written.done:
            _remove([head, *parts])
        elif isinstance(error, NmtError):
            raise type(error)(error.message, _joined(error.hint, kept(parts[0]))) from error
        raise


def _check_nobody_s(parts: Sequence[Path]) -> None:
    """Raises: DataError for a file that something else than a translation left in our place."""
    for part in parts:
        with naming(part):
            if part.exists() and part.stat().st_size:
                raise DataError(
                    f"{part}: is there, and this translation did not leave it", "move it away, or name another file"
                )


def _joined(hint: str, more: str) -> str:
    if not hint:
        return more
    return f"{hint} {more}" if hint.endswith("?") else f"{hint}; {more}"


def kept(part: Path) -> str:
    """What to say where lines are left to go on with."""
    return f"what is done is kept in {part}: the same command with --resume goes on"


@contextmanager
def _own(part: Path) -> Iterator[FileIO]:
    """The file, made where it is missing; this process's own, until it ends, whatever ends it."""
    with naming(part):
        part.parent.mkdir(parents=True, exist_ok=True)
        file = FileIO(part, "a+")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataError(f"{part}: another process is writing it", "name another file") from error
        except OSError:
            pass  # a file system without locks
        yield file


def _found(head: Path, made_of: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """How far an earlier process noted that it came; nothing where there is none.

    Raises: DataError where it made the lines of something else.
    """
    if not head.exists():
        return ""
    try:
        noted = parse_json(head.read_text("utf-8"))
        before, state, version = dict(noted["made_of"]), str(noted["state"]), int(noted["format"])
    except OSError as error:
        raise DataError(f"{head}: {error.strerror}", ANEW) from error
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise DataError(f"{head}: not what a translation leaves", ANEW) from error
    if version > FORMAT:
        raise DataError(f"{head}: format {version} is newer than this program's {FORMAT}", ANEW)
    for changed in differences(before, json.loads(json.dumps(made_of))):
        if changed.key in names:
            message = f"{names[changed.key]} has changed since {head} was written"
            raise DataError(message, f"bring it back as it was, or {ANEW}")
        was, is_ = _shown(changed)
        message = f"{head}: begun with another {changed.key}: it was {was}, and is {is_}"
        raise DataError(message, f"give the command as it was, or {ANEW}")
    return state


def _shown(changed: Difference) -> Iterator[str]:
    """Both values; of long ones the part where they begin to differ."""
    texts = [str(changed.left), str(changed.right)]
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False)))
    start = max(alike - SHOWN // 3, 0) if max(map(len, texts)) > SHOWN else 0
    for text in texts:
        yield "…" * bool(start) + text[start : start + SHOWN] + "…" * (len(text) > start + SHOWN)


def _note(head: Path, made_of: Mapping[str, Any], state: str) -> None:
    noted = {"format": FORMAT, "state": state, "made_of": made_of}
    with written_whole(head) as file:
        file.write((json.dumps(noted, indent=1, ensure_ascii=False) + "\n").encode())


def _count(file: FileIO) -> int:
    """Whole lines of a file."""
    file.seek(0)
    return sum(block.count(b"\n") for block in iter(lambda: file.read(BLOCK), b""))


def _cut(file: FileIO, lines: int) -> None:
    """Keep so many lines."""
    file.seek(0)
    size, left = 0, lines
    while left:
        block = file.read(BLOCK)
        ends = block.count(b"\n")
        if ends < left:
            size, left = size + len(block), left - ends
            continue
        end = -1
        for _ in range(left):
            end = block.index(b"\n", end + 1)
        size, left = size + end + 1, 0
    with naming(file.name):
        file.truncate(size)


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink()


def _take_places(head: Path, places: Sequence[Path]) -> None:
    """Give complete files their places, those that have them already left out: whoever did so was killed meanwhile."""
    for place in places:
        target, part = Path(os.path.realpath(place)), beside(place)
        with naming(target):
            if part.exists():
                os.replace(part, target)
    head.unlink()
