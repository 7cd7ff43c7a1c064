"""Files of lines that come to be over hours: whole in their place or not there, and when killed gone on with.

    FILE.partial         the lines so far, flushed one by one; they become FILE when they are complete
    FILE.partial.json    beside that of the first file, a note of what the lines are made of: only the same goes on

Several files are written in step, a line of each at a time; what one has more than the others, and a torn last line,
is cut off when they are gone on with.
"""

import fcntl
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

from nmt.errors import DataError, NmtError
from nmt.storage.files import naming
from nmt.storage.note import (
    ANEW,
    BEGUN,
    CLEARING,
    COMPLETE,
    ELSEWHERE,
    Note,
    check_note,
    from_note,
    not_ours,
    note_writer,
    read_note,
)
from nmt.storage.places import check_free, has_content, is_file

BLOCK = 1 << 20


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


def note_beside(place: Path) -> Path:
    """Where it is noted what the lines are made of that come to be for `place`, the first file."""
    part = beside(place)
    return part.with_name(f"{part.name}.json")


@contextmanager
def partial_files(
    places: Sequence[Path],
    made_of: Mapping[str, Any],
    resume: bool,
    overwrite: bool = False,
    fewest: int = 0,
    check: Callable[[], None] = lambda: None,
    names: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[PartialFiles]:
    """Files to write in step, which take their places when the block ends well and `check` raises nothing. When it
    fails, what has whole lines stays for `resume`; where there is nothing to go on with, or fewer than `fewest` lines,
    they are begun anew, and with `overwrite` whatever is there.

    Raises: DataError where the operating system refuses a file, another process writes it, what is there was made of
    something else than `made_of`, plain values (`names` are what people call those of them that are hashes), or lines
    are there and neither is given.
    """
    parts = [beside(place) for place in places]
    head = note_beside(places[0])
    before = read_note(head)
    check_places(places, resume, overwrite)
    found = check_note(head, before, made_of, names) if before and resume else ""
    with ExitStack() as stack:
        files = [stack.enter_context(_own(part)) for part in parts if found != COMPLETE or part.exists()]
        if read_note(head) != before:
            raise _busy(head)
        replace = _may_replace(places, resume, overwrite)  # looked at once more: what has come to be since
        if before and found == COMPLETE:
            _check_complete(before.lines, files, places)
            yield PartialFiles([], complete=True)
            check()
        else:
            note = note_writer(head, made_of, parts, replace)
            written = _begun(files, note, fewest, found == BEGUN)
            with _kept_for_resuming(written, head, parts, overwrite):
                yield written
            check()
            written.flush()
            note(COMPLETE, written.done)
        _take_places(head, places, replace)


def check_places(places: Sequence[Path], resume: bool, overwrite: bool) -> None:
    """Raises: DataError where lines of an earlier translation, or what is in their places, would be lost without
    having been asked for, where what stands beside them is of something else, or another process writes there."""
    parts, head = [beside(place) for place in places], note_beside(places[0])
    _check_nobody_s(head, read_note(head), parts)
    if not (resume or overwrite):
        _check_no_lines(parts)
    _may_replace(places, resume, overwrite)


def _may_replace(places: Sequence[Path], resume: bool, overwrite: bool) -> bool:
    """Whether what is in their places may be replaced: where that is asked for, or was when what is gone on with was
    begun. Raises: DataError where there is something that may not be."""
    note = read_note(note_beside(places[0])) if resume else None
    if overwrite or (note and note.overwrite):
        return True
    for place in places:
        own = note and note.state == COMPLETE and not beside(place).exists()
        if not own and note and has_content(place):
            raise DataError(f"{place}: was not there when this translation was begun", "move it away")
        if not own:
            check_free(place)
    return False


def _begun(files: Sequence[FileIO], note: Callable[[str], None], fewest: int, resume: bool) -> PartialFiles:
    """The files with the lines that there are in all of them, or with none."""
    counts = [_count(file) for file in files]
    if resume and min(counts) >= fewest:
        _cut(files, min(counts))
        return PartialFiles(files, min(counts))
    note(CLEARING)  # killed from here on, no note says that what is in the files is what it names
    _cut(files, 0)
    note(BEGUN)
    return PartialFiles(files, dropped=max(counts))


def _check_no_lines(parts: Sequence[Path]) -> None:
    """Raises: DataError where an earlier translation has left lines."""
    for part in parts:
        if is_file(part):
            with naming(part), FileIO(part) as file:
                _lock(part, file, fcntl.LOCK_SH)
                there = _count(file)
            if there:
                message = f"{part}: has {there} lines of an earlier translation"
                raise DataError(message, "--resume goes on with them, --overwrite begins anew")


def _check_complete(lines: int, files: Sequence[FileIO], places: Sequence[Path]) -> None:
    """Raises: DataError where complete files have not all their lines, or are neither in their places nor beside."""
    for file in files:
        if (there := _count(file)) != lines:
            raise DataError(f"{file.name}: has {there} lines, and was complete with {lines}", ANEW)
    for place in places:
        if not (beside(place).exists() or place.exists()):
            raise DataError(f"{place}: was complete, and is gone", ANEW)


@contextmanager
def _kept_for_resuming(written: PartialFiles, head: Path, parts: Sequence[Path], overwrite: bool) -> Iterator[None]:
    """Where the block fails, what has whole lines stays, and the error says so; what has none goes."""
    try:
        yield
    except BaseException as error:
        if not written.done:
            _remove([head, *parts])
        elif isinstance(error, NmtError):
            raise type(error)(error.message, _joined(error.hint, kept(parts[0], overwrite))) from error
        raise


def _check_nobody_s(head: Path, note: Note | None, parts: Sequence[Path]) -> None:
    """Raises: DataError for a file that something else than a translation left in our place."""
    for part in parts:
        if note and (note.files is None or from_note(head, part) in note.files):
            continue
        with naming(part):
            if part.exists() and part.stat().st_size:
                raise not_ours(part)


def _busy(path: Path) -> DataError:
    return DataError(f"{path}: another process is writing it", "name another file")


def _joined(hint: str, more: str) -> str:
    if not hint:
        return more
    return f"{hint} {more}" if hint.endswith("?") else f"{hint}; {more}"


def kept(part: Path, overwrite: bool = False) -> str:
    """What to say where lines are left to go on with."""
    how = "with --resume in place of --overwrite" if overwrite else "with --resume"
    return f"what is done is kept in {part}: the same command {how} goes on"


@contextmanager
def _own(part: Path) -> Iterator[FileIO]:
    """The file, made where it is missing; this process's own, until it ends, whatever ends it."""
    with naming(part):
        part.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(part) and not stat.S_ISREG(os.lstat(part).st_mode):
            raise DataError(f"{part}: not a plain file", ELSEWHERE)
        file = FileIO(part, "a+")
    with file:
        _lock(part, file, fcntl.LOCK_EX)
        if not _is(part, file):
            raise _busy(part)
        yield file


def _lock(part: Path, file: FileIO, kind: int) -> None:
    """Raises: DataError while another process has it."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise _busy(part) from error
    except OSError:
        pass  # a file system without locks


def _is(part: Path, file: FileIO) -> bool:
    """Whether an open file still stands there: not if whoever had it until now has given it its place."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.lstat(part), os.fstat(file.fileno()))
    return False


def _count(file: FileIO) -> int:
    """Whole lines of a file."""
    file.seek(0)
    return sum(block.count(b"\n") for block in iter(lambda: file.read(BLOCK), b""))


def _cut(files: Sequence[FileIO], lines: int) -> None:
    """Keep so many lines of each."""
    for file in files:
        with naming(file.name):
            file.truncate(_size(file, lines))


def _size(file: FileIO, lines: int) -> int:
    """Bytes of the first so many lines."""
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
    return size


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink()


def _take_places(head: Path, places: Sequence[Path], replace: bool) -> None:
    """Give complete files their places, those that have them already left out: whoever did so was killed meanwhile.

    Raises: DataError where something has come to be in one of them that may not be replaced.
    """
    left = [place for place in places if beside(place).exists()]
    for place in () if replace else left:
        if has_content(place):
            raise DataError(f"{place}: has come to be meanwhile", f"move it away; {kept(beside(place))}")
    for place in left:
        target = Path(os.path.realpath(place))
        with naming(target):
            os.replace(beside(place), target)
    with naming(head):
        head.unlink(missing_ok=True)
