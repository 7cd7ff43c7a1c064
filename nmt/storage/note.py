"""FILE.partial.json: the note beside lines that come to be over hours, of what they are made and how far they are."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt

from nmt.errors import DataError
from nmt.storage.files import written_whole
from nmt.storage.json_source import Difference, differences, parse_json
from nmt.storage.reading import read_bytes

FORMAT = 1
SHOWN = 60  # characters of a value in a message
CLEARING, BEGUN, COMPLETE = "clearing", "begun", "complete"  # what clearing empties is of something else
ANEW = "--overwrite in place of --resume begins anew"
ELSEWHERE = "move it away, or name another file"


class Note(BaseModel):
    """What `made_of` and how far the lines are that stand in `files`, by their paths from the note; `lines`: how many
    each file has when it is complete; `overwrite`: whether what is in their places may be replaced."""

    model_config = ConfigDict(strict=True, frozen=True)
    format: PositiveInt = FORMAT
    state: str
    made_of: dict[str, Any]
    overwrite: bool = False
    files: list[str] | None = None
    lines: NonNegativeInt = 0


def read_note(head: Path) -> Note | None:
    """The note that an earlier process left. Raises: DataError for something else in its place."""
    if not os.path.lexists(head):
        return None
    content = read_bytes(head, DataError)
    try:
        note = Note.model_validate(parse_json(content.decode()))
    except ValueError as error:
        raise not_ours(head) from error
    if note.format <= FORMAT and note.state not in (CLEARING, BEGUN, COMPLETE):
        raise not_ours(head)
    return note


def check_note(head: Path, note: Note, made_of: Mapping[str, Any], names: Mapping[str, str]) -> str:
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


def note_writer(head: Path, made_of: Mapping[str, Any], parts: Sequence[Path], replace: bool) -> Callable[..., None]:
    """A function that notes how far they are, and how many lines they have."""
    files = [from_note(head, part) for part in parts]

    def write(state: str, lines: int = 0) -> None:
        noted = Note(state=state, made_of=dict(made_of), overwrite=replace, files=files, lines=lines).model_dump()
        with written_whole(head) as file:
            file.write((json.dumps(noted, indent=1, ensure_ascii=False) + "\n").encode())

    return write


def not_ours(path: Path) -> DataError:
    """The error for a file that stands where ours would, and is not."""
    return DataError(f"{path}: is there, and this translation did not leave it", ELSEWHERE)


def from_note(head: Path, part: Path) -> str:
    """The path of a file as a note has it: from where it lies."""
    return os.path.relpath(part, head.parent)
