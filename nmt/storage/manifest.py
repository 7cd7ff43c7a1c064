"""Directories with a manifest of their files' sizes and SHA-256 sums: a reader finds damage and names it."""

import hashlib
import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nmt.errors import CheckpointError
from nmt.storage.files import made_whole
from nmt.storage.json_source import parse_json
from nmt.storage.reading import read_bytes

MANIFEST = "manifest.json"
FORMAT = 1  # of a checkpoint directory; a reader refuses what is newer


@contextmanager
def whole_directory(path: Path, *, replace: bool = True) -> Iterator[Path]:
    """A new directory to fill; it gets its manifest and becomes `path` when the block ends well, as in `made_whole`.

    Raises: CheckpointError when the operating system refuses the directory or a file in it.
    """
    with made_whole(path, CheckpointError, replace=replace) as beside:
        yield beside
        write_json(beside / MANIFEST, {"format": FORMAT, "files": _measured(beside)})


def finish_renaming(folder: Path) -> None:
    """Give each directory that a killed process had written whole the name that it was about to get, where no other has
    it: between the removal of an older one and the renaming of the new there is an instant without any."""
    for beside in folder.glob(".writing-*"):
        path = folder / beside.name.removeprefix(".writing-")
        if beside.is_dir() and not path.exists() and not damage(beside):
            beside.rename(path)


def damage(directory: Path, needed: Collection[str] = ()) -> str:
    """What is wrong with a directory that has a manifest, naming the file; empty when it is whole.

    The manifest has to list the files that are `needed`.
    """
    try:
        manifest = parse_json(read_bytes(directory / MANIFEST, CheckpointError).decode())
        version = int(manifest["format"])
        files = {str(name): (entry["size"], entry["sha256"]) for name, entry in manifest["files"].items()}
    except CheckpointError as error:
        return error.message
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return f"{directory / MANIFEST}: not a manifest"
    if odd := [name for name in files if name != Path(name).name]:
        return f"{directory / MANIFEST}: {odd[0]!r} is not the name of a file in {directory}"
    if version > FORMAT:
        return f"{directory}: format {version} is newer than this program's {FORMAT}"
    for name in sorted(set(needed) - files.keys()):
        return f"{directory / MANIFEST}: does not list {name}"
    found = (_difference(directory / name, *expected) for name, expected in files.items())
    return next((text for text in found if text), "")


def read_json(path: Path) -> Any:
    """The JSON value in a file. Raises CheckpointError when there is none."""
    try:
        return parse_json(read_bytes(path, CheckpointError).decode())
    except ValueError as error:
        raise CheckpointError(f"{path}: not valid JSON ({error})") from error


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, indented for people."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _difference(path: Path, size: int, sha256: str) -> str:
    if not path.is_file():
        return f"{path}: missing"
    if path.stat().st_size != size:
        return f"{path}: {path.stat().st_size} bytes where the manifest says {size}"
    if _sha256(path) != sha256:
        return f"{path}: its content has changed (its SHA-256 is not the manifest's)"
    return ""


def _measured(directory: Path) -> dict[str, dict[str, Any]]:
    return {path.name: {"size": path.stat().st_size, "sha256": _sha256(path)} for path in sorted(directory.iterdir())}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
