"""`nmt align`: word alignments of given translations, from a model's attention."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt.cli.options import (
    BEST,
    Checkpoint,
    Device,
    Documents,
    Heads,
    Layer,
    Overwrite,
    RunArgument,
    Threads,
    check_sources,
    load_translator,
    wanted,
)
from nmt.errors import ConfigError

if TYPE_CHECKING:
    from nmt.data.inputs import Row
    from nmt.decoders.base import Want
    from nmt.metrics.alignment import GoldLinks, Links
    from nmt.metrics.matrices import AlignmentMatrix
    from nmt.text.tokenizers import Tokenizers
    from nmt.translate import Translator


BatchTokens = Annotated[
    int, typer.Option(min=1, metavar="N", help="Pieces of the source computed at once, padding counted.")
]


class Format(StrEnum):
    """How alignments are written."""

    PHARAOH = "pharaoh"
    JSONL = "jsonl"
    NPZ = "npz"


def align(
    run: RunArgument,
    source: Annotated[
        list[Path], typer.Option(metavar="FILE", help="Text. May be repeated; the first source is aligned.")
    ],
    target: Annotated[Path, typer.Option(metavar="FILE", help="Its translation, line by line.")],
    documents: Documents = None,
    format_: Annotated[
        Format, typer.Option("--format", help="Links `0-0 1-2`, or weights as JSON Lines or NumPy's npz.")
    ] = Format.PHARAOH,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to; standard output.", show_default=False)
    ] = None,
    heatmaps: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Pictures of the first 50 pairs.", show_default=False)
    ] = None,
    gold: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Links by people (Pharaoh): prints the error rate.", show_default=False),
    ] = None,
    layer: Layer = None,
    heads: Heads = None,
    checkpoint: Checkpoint = BEST,
    batch_tokens: BatchTokens = 2048,
    device: Device = None,
    threads: Threads = None,
    overwrite: Overwrite = False,
) -> None:
    """Align the words of texts that are translations of each other.

    The model reads both and its attention says which source word each target
    word comes from. Words are counted from 0.

    \b
    Examples:
      nmt align runs/x --source test.en --target test.de
      nmt align runs/x --source test.en --target test.de \\
          --output test.links --gold test.align --heatmaps pictures
    """
    if format_ is Format.NPZ and output is None:
        raise ConfigError("--format npz: a binary file does not go to the terminal", "give --output FILE")
    from nmt.cli.results import check_files, check_new, draw_in, lines_of, pairs_of, pictures_in
    from nmt.storage.files import made_folder

    check_files(run, (*source, target, documents, gold), (output,))
    check_new((output, *pictures_in(heatmaps)), overwrite)
    read, targets = pairs_of(source, target, documents)
    translator = load_translator(run, checkpoint, device, threads)
    check_sources("--source", len(source), documents, translator)
    rows, want = list(translator.rows(lines_of(read, documents, translator.inputs.context))), wanted(layer, heads)
    translator.check(want)
    kept = _Kept(_gold(gold, ([row[0] for row in rows], targets), translator.tokenizers) if gold else None)
    if heatmaps:
        made_folder(heatmaps)
    found = _matrices(translator, (rows, targets, source[0]), want, batch_tokens)
    _write(kept.passing(found), format_, output, overwrite)
    kept.compare(quiet=output is None)
    if heatmaps:
        drawn = draw_in(heatmaps, kept.first, kept.gold)
        typer.echo(f"{len(drawn)} heatmaps in {heatmaps}", err=output is None)


def _matrices(
    translator: "Translator", texts: tuple[list["Row"], list[str], Path], want: "Want", batch_tokens: int
) -> Iterator["AlignmentMatrix"]:
    """The matrices between words, pair by pair; those of a chunk are in memory at once. The path is for warnings."""
    from nmt.cli.results import aligned_words
    from nmt.translate import CHUNK

    for start in range(0, len(texts[0]), CHUNK):
        sources, targets = texts[0][start : start + CHUNK], texts[1][start : start + CHUNK]
        found = translator.align(sources, targets, want, batch_tokens)
        for number, alignment in enumerate(found, start + 1):
            for note in alignment.notes:
                typer.echo(f"warning: {texts[2]}:{number}: {note.text}", err=True)
        yield from aligned_words(found, translator.tokenizers)


def _gold(path: Path, texts: tuple[list[str], list[str]], tokenizers: "Tokenizers") -> list["GoldLinks"]:
    """The gold links of the pairs; those of words that are not there are left out and the first is shown."""
    from nmt.cli.results import word_count
    from nmt.metrics.alignment import read_links

    counts = ([word_count(line, side) for line in text] for text, side in zip(texts, tokenizers, strict=True))
    gold = read_links(path, list(zip(*counts, strict=True)))
    if gold.dropped:
        typer.echo(f"warning: {len(gold.dropped)} gold links left out: {gold.dropped[0]}", err=True)
    return gold.sentences


class _Kept:
    """What is kept of the matrices: the first ones, to be drawn, and what is compared with gold."""

    def __init__(self, gold: list["GoldLinks"] | None) -> None:
        self.gold = gold
        self.first: list[AlignmentMatrix] = []
        self.links: list[Links] = []
        self.sizes: list[tuple[int, int]] = []

    def passing(self, matrices: Iterable["AlignmentMatrix"]) -> Iterator["AlignmentMatrix"]:
        """The same matrices, seen on their way."""
        from nmt.cli.results import PICTURES
        from nmt.metrics.alignment import argmax_links

        for matrix in matrices:
            if len(self.first) < PICTURES:
                self.first.append(matrix)
            if self.gold is not None:
                self.links.append(argmax_links(matrix.weights_TS))
                self.sizes.append((len(matrix.source), len(matrix.target)))
            yield matrix

    def compare(self, quiet: bool) -> None:
        """Print the alignment error rate, where there is gold; `quiet` keeps stdout for the links."""
        from nmt.metrics.alignment import agreement, best_agreement

        if self.gold is None:
            return
        measured, best = agreement(self.links, self.gold), best_agreement(self.gold, self.sizes)
        typer.echo(
            f"AER {measured.aer:.4f} (precision {measured.precision:.4f}, recall {measured.recall:.4f}; "
            f"the best that one link a target word can reach: {best.aer:.4f})",
            err=quiet,
        )


def _write(matrices: Iterator["AlignmentMatrix"], format_: Format, output: Path | None, overwrite: bool) -> None:
    from nmt.cli.results import json_line, opened
    from nmt.metrics.alignment import argmax_links, format_links
    from nmt.metrics.matrices import as_json, write_npz

    if format_ is Format.NPZ and output is not None:
        write_npz(output, matrices, replace=overwrite)
        return
    with opened(output, overwrite) as file:
        for matrix in matrices:
            if format_ is Format.JSONL:
                file.write(json_line(as_json(matrix)))
            else:
                file.write(f"{format_links(argmax_links(matrix.weights_TS))}\n".encode())
