"""Files of lines that come to be over hours: whole in their place or not there, and when killed gone on with.

    FILE.partial         the lines so far, flushed one by one; they become FILE when they are complete
    FILE.partial.json    beside that of the first file, a note of what the lines are made of: only the same goes on

Several files are written in step, a line of each at a time; what one has more than the others, and a torn last line,
is cut off when they are gone on with.
"""

import fcntl
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt

from nmt.errors import DataError, NmtError
from nmt.storage.files import naming, written_whole
from nmt.storage.json_source import Difference, differences, parse_json
from nmt.storage.reading import read_bytes

FORMAT = 1
BLOCK = 1 << 20
SHOWN = 60  # characters of a value in a message
CLEARING, BEGUN, COMPLETE = "clearing", "begun", "complete"  # what clearing empties is of something else
ANEW = "--overwrite in place of --resume begins anew"
ELSEWHERE = "move it away, or name another file"


class Note(BaseModel):
    """What `made_of` and how far the lines are that stand in `files`, by their paths from the note; `lines`: how many
    each file has when it is complete."""

    model_config = ConfigDict(strict=True, frozen=True)
    format: PositiveInt = FORMAT
    state: str
    made_of: dict[str, Any]
    files: list[str] | None = None
    lines: NonNegativeInt = 0


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
    before = _left(head)
    _check_nobody_s(head, before, parts)
    found = _checked(head, before, made_of, names) if before and resume else ""
    with ExitStack() as stack:
        files = [stack.enter_context(_own(part)) for part in parts if found != COMPLETE or part.exists()]
        if _left(head) != before:
            raise _busy(head)
        if before and found == COMPLETE:
            _check_complete(before.lines, files, places)
            yield PartialFiles([], complete=True)
            check()
        else:
            if not (resume or overwrite):
                _check_empty(files)
            note = _note(head, made_of, parts)
            written = _begun(files, note, fewest, found == BEGUN)
            with _kept_for_resuming(written, head, parts):
                yield written
            check()
            written.flush()
            note(COMPLETE, written.done)
        _take_places(head, places)


def _begun(files: Sequence[FileIO], note: Callable[[str], None], fewest: int, resume: bool) -> PartialFiles:
    """The files with the lines that there are in all of them, or with none."""
    there = min(map(_count, files))
    if resume and there >= fewest:
        _cut(files, there)
        return PartialFiles(files, there)
    note(CLEARING)  # killed from here on, no note says that what is in the files is what it names
    _cut(files, 0)
    note(BEGUN)
    return PartialFiles(files, dropped=there)


def _check_empty(files: Sequence[FileIO]) -> None:
    """Raises: DataError where an earlier translation has left lines."""
    if there := min(map(_count, files)):
        message = f"{files[0].name}: has {there} lines of an earlier translation"
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


def _check_nobody_s(head: Path, note: Note | None, parts: Sequence[Path]) -> None:
    """Raises: DataError for a file that something else than a translation left in our place."""
    for part in parts:
        if note and (note.files is None or _from(head, part) in note.files):
            continue
        with naming(part):
            if part.exists() and part.stat().st_size:
                raise _foreign(part)


def _foreign(path: Path) -> DataError:
    return DataError(f"{path}: is there, and this translation did not leave it", ELSEWHERE)


def _busy(path: Path) -> DataError:
    return DataError(f"{path}: another process is writing it", "name another file")


def _from(head: Path, part: Path) -> str:
    return os.path.relpath(part, head.parent)


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
        if os.path.lexists(part) and not stat.S_ISREG(os.lstat(part).st_mode):
            raise DataError(f"{part}: not a plain file", ELSEWHERE)
        file = FileIO(part, "a+")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _busy(part) from error
        except OSError:
            pass  # a file system without locks
        if not _is(part, file):
            raise _busy(part)
        yield file


def _is(part: Path, file: FileIO) -> bool:
    """Whether an open file still stands there: not if whoever had it until now has given it its place."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.lstat(part), os.fstat(file.fileno()))
    return False


def _left(head: Path) -> Note | None:
    """The note that an earlier process left. Raises: DataError for something else in its place."""
    if not os.path.lexists(head):
        return None
    content = read_bytes(head, DataError)
    try:
        note = Note.model_validate(parse_json(content.decode()))
    except ValueError as error:
        raise _foreign(head) from error
    if note.format <= FORMAT and note.state not in (CLEARING, BEGUN, COMPLETE):
        raise _foreign(head)
    return note


def _checked(head: Path, note: Note, made_of: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """How far an earlier process noted that it came. Raises: DataError where it made the lines of something else."""
    if note.format > FORMAT:
        raise DataError(f"{head}: format {note.format} is newer than this program's {FORMAT}", ANEW)
    for changed in differences(note.made_of, json.loads(json.dumps(made_of))):
        if changed.key in names:
            message = f"{names[changed.key]} has changed since {head} was written"
            raise DataError(message, f"bring it back as it was, or {ANEW}")
        was, is_ = _shown(changed)
        message = f"{head}: begun with another {changed.key}: it was {was}, and is {is_}"
        raise DataError(message, f"give the command as it was, or {ANEW}")
    return note.state


def _shown(changed: Difference) -> Iterator[str]:
    """Both values; of long ones the part where they begin to differ."""
    texts = [str(changed.left), str(changed.right)]
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False)))
    start = max(alike - SHOWN // 3, 0) if max(map(len, texts)) > SHOWN else 0
    for text in texts:
        yield "…" * bool(start) + text[start : start + SHOWN] + "…" * (len(text) > start + SHOWN)


def _note(head: Path, made_of: Mapping[str, Any], parts: Sequence[Path]) -> Callable[..., None]:
    """A function that notes how far they are, and how many lines they have."""
    files = [_from(head, part) for part in parts]

    def write(state: str, lines: int = 0) -> None:
        noted = Note(state=state, made_of=dict(made_of), files=files, lines=lines).model_dump()
        with written_whole(head) as file:
            file.write((json.dumps(noted, indent=1, ensure_ascii=False) + "\n").encode())

    return write


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


def _take_places(head: Path, places: Sequence[Path]) -> None:
    """Give complete files their places, those that have them already left out: whoever did so was killed meanwhile."""
    for place in places:
        target, part = Path(os.path.realpath(place)), beside(place)
        with naming(target):
            if part.exists():
                os.replace(part, target)
    with naming(head):
        head.unlink(missing_ok=True)
