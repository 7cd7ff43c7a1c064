"""What `nmt translate` writes: lines and JSON Lines, whole or so that they can be gone on with, and pictures."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from nmt.cli.results import (
    PICTURES,
    draw_in,
    is_typed,
    json_line,
    lines_of,
    noted,
    opened,
    rows_of,
    translation_record,
    word_matrix,
)
from nmt.data.corpus import check_equal, check_formats, read_rows, with_halves
from nmt.data.digests import Digest, digest
from nmt.errors import DataError
from nmt.storage.files import made_folder
from nmt.storage.partial import PartialFiles, beside, kept, partial_files

if TYPE_CHECKING:
    from nmt.translate import Decoding, LineTranslator, Translation

INTERRUPTED = 130


class Work(NamedTuple):
    """What is to be translated, how, and where to."""

    translator: "LineTranslator"
    decoding: "Decoding"
    inputs: list[Path]
    documents: Path | None
    output: Path | None
    json: Path | None
    heatmaps: Path | None

    @property
    def names(self) -> list[str]:
        """What messages call the sources."""
        return [str(path) for path in self.inputs] or ["standard input"]

    @property
    def read(self) -> list[Path]:
        """The files that are read, in step."""
        return [*self.inputs, *([self.documents] if self.documents else [])]

    def translations(self, done: int = 0) -> Iterator["Translation"]:
        """Those of the lines after the first `done`; pictures of the first lines are drawn before the last of these
        comes out, so that whoever has that line has them."""
        rows = rows_of(self.inputs, self.documents)
        lines = lines_of(rows, self.documents, self.translator.inputs.context)
        typed = not self.inputs and is_typed()
        if typed:
            typer.echo("type lines to translate; Ctrl-D ends", err=True)
        at_once = 1 if typed else None  # who types a line waits for its translation
        found = noted(self.translator.translate_lines(lines, self.decoding, done, at_once), self.names, done)
        return self._drawn(found) if self.heatmaps and done == 0 else found

    def _drawn(self, translations: Iterator["Translation"]) -> Iterator["Translation"]:
        first: list[Translation] = []
        for translation in translations:
            if len(first) < PICTURES:
                first.append(translation)
                if len(first) == PICTURES:
                    self._draw(first)
            yield translation
        if len(first) < PICTURES:
            self._draw(first)

    def _draw(self, first: list["Translation"]) -> None:
        assert self.heatmaps is not None, "asked before"
        drawn = draw_in(self.heatmaps, (word_matrix(line, self.translator.tokenizers) for line in first))
        typer.echo(f"{len(drawn)} heatmaps in {self.heatmaps}", err=True)


def is_lasting(path: Path) -> bool:
    """Whether a file can be read again, or written and gone on with: no pipe, no device, no folder."""
    return path.is_file() or not path.exists()


def origin(run: Path, checkpoint: str) -> dict[str, Any]:
    """Which weights a run, or an exported model, translates with, by their SHA-256, and with which settings.

    Raises: CheckpointError as `Run.checkpoint`.
    """
    from nmt.checkpoint import Run
    from nmt.export.directory import is_export, open_export, weights_hash
    from nmt.storage.manifest import MANIFEST

    if is_export(run):
        description = open_export(run).description
        known = {"checkpoint": checkpoint, "weights": description.weights}
        return {**known, "settings": hashlib.sha256((run / MANIFEST).read_bytes()).hexdigest()}
    found = Run.open(run)
    directory = found.checkpoint(checkpoint)
    read = (found.config.model.model_dump_json(), found.config.data.max_length, found.config.inputs)
    settings = hashlib.sha256(repr(read).encode())
    for path in sorted((run / "tokenizer").glob("*")):
        settings.update(path.read_bytes())
    return {"checkpoint": directory.name, "weights": weights_hash(directory), "settings": settings.hexdigest()}


def write(work: Work, made_of: dict[str, Any], resume: bool, overwrite: bool) -> None:
    """Translate and write all that was asked for, line by line. Where `made_of`, what it depends on, names the
    weights, it can be gone on with, or begun anew.

    Raises: DataError as `read_rows` and `partial_files`, and for input that has changed meanwhile.
    """
    if work.heatmaps and work.decoding.want:
        work.translator.check(work.decoding.want)
        made_folder(work.heatmaps)
    if "weights" not in made_of or work.output is None:
        _write_whole(work, overwrite)
        return
    places = [work.output, *([work.json] if work.json else [])]
    check_formats(work.read)
    read = [digest(path) for path in work.read]
    check_equal(work.read, [text.lines for text in read])
    for _ in read_rows(work.read, with_halves):
        pass  # a file that is no text is told before hours of work, not after
    depends = {**made_of, **_depends_on(work, read)}
    fewest = PICTURES * bool(work.heatmaps)
    check = partial(_check_unchanged, work.read, read)
    names = _names(work, made_of)
    with partial_files(places, depends, resume, overwrite, fewest, check, names) as files:
        try:
            _write_on(work, files, resume)
        except KeyboardInterrupt as error:
            if files.done:
                typer.echo(f"stopped after line {files.done}; {kept(beside(work.output), overwrite)}", err=True)
            raise typer.Exit(INTERRUPTED) from error


def _check_unchanged(paths: list[Path], read: list[Digest]) -> None:
    for path, before in zip(paths, read, strict=True):
        if digest(path) != before:
            raise DataError(f"{path}: has changed while it was read", "translate it again with --overwrite")


def _depends_on(work: Work, read: list[Digest]) -> dict[str, Any]:
    """What bytes of a translation depend on besides weights and settings, as plain values."""
    import torch

    decoding = work.decoding._asdict()
    decoding["search"] = work.decoding.search.model_dump(mode="json")
    return {
        "engine": type(work.translator).__name__,
        "input": [text.sha256 for text in read],
        "json": work.json and str(work.json.absolute()),
        "heatmaps": work.heatmaps and str(work.heatmaps.absolute()),
        "threads": torch.get_num_threads(),
        "device": str(getattr(work.translator, "device", "")),
        **{name.replace("_", " "): json.loads(json.dumps(value)) for name, value in decoding.items()},
    }


def _names(work: Work, made_of: dict[str, Any]) -> dict[str, str]:
    """What people call that of which a translation depends on the hash."""
    inputs = {f"input.{number}": str(path) for number, path in enumerate(work.read)}
    return {**inputs, "weights": made_of["checkpoint"], "settings": "the model's config or tokenizer"}


def _write_on(work: Work, files: PartialFiles, resume: bool) -> None:
    if files.complete:
        return
    if files.done:
        typer.echo(f"going on after line {files.done}", err=True)
    elif files.dropped:
        typer.echo(f"warning: {files.dropped} lines of an earlier translation are begun anew", err=True)
    elif resume:
        typer.echo("nothing to go on from: translation starts anew", err=True)
    for translation in work.translations(files.done):
        record = [json_line(translation_record(translation))] if work.json else []
        files.write([f"{translation.text}\n".encode(), *record])


def _write_whole(work: Work, overwrite: bool) -> None:
    with ExitStack() as stack:
        text = stack.enter_context(opened(work.output, overwrite))
        records = stack.enter_context(opened(work.json, overwrite)) if work.json else None
        for translation in work.translations():
            text.write(f"{translation.text}\n".encode())
            text.flush()
            if records is not None:
                records.write(json_line(translation_record(translation)))
