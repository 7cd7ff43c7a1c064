"""`nmt align`: word alignments of given translations, from a model's attention."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt.cli.options import (
    BatchTokens,
    Checkpoint,
    Device,
    Heads,
    Layer,
    RunArgument,
    Threads,
    load_translator,
    wanted,
)
from nmt.errors import ConfigError

if TYPE_CHECKING:
    from nmt.metrics.alignment import GoldLinks
    from nmt.metrics.matrices import AlignmentMatrix


class Format(StrEnum):
    """How alignments are written."""

    PHARAOH = "pharaoh"
    JSONL = "jsonl"
    NPZ = "npz"


def align(
    run: RunArgument,
    source: Annotated[Path, typer.Option(metavar="FILE", help="Text.")],
    target: Annotated[Path, typer.Option(metavar="FILE", help="Its translation, line by line.")],
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
    checkpoint: Checkpoint = "best",
    batch_tokens: BatchTokens = 4096,
    device: Device = None,
    threads: Threads = None,
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
    from nmt.cli.results import aligned_words, pairs_of

    sources, targets = pairs_of(source, target)
    translator = load_translator(run, checkpoint, device, threads)
    aligned = translator.align(sources, targets, wanted(layer, heads), batch_tokens)
    matrices = list(aligned_words(aligned, translator.tokenizers))
    _write(matrices, format_, output)
    links = _compared(matrices, gold, quiet=output is None) if gold else None
    if heatmaps:
        from nmt.visualize.heatmap import draw_heatmaps

        drawn = draw_heatmaps(matrices, heatmaps, links)
        typer.echo(f"{len(drawn)} heatmaps in {heatmaps}", err=output is None)


def _write(matrices: list["AlignmentMatrix"], format_: Format, output: Path | None) -> None:
    from nmt.cli.results import json_line, opened
    from nmt.metrics.alignment import argmax_links, format_links
    from nmt.metrics.matrices import as_json, write_npz

    if format_ is Format.NPZ and output is not None:
        write_npz(output, matrices)
        return
    with opened(output) as file:
        for matrix in matrices:
            if format_ is Format.JSONL:
                file.write(json_line(as_json(matrix)))
            else:
                file.write(f"{format_links(argmax_links(matrix.weights_TS))}\n".encode())


def _compared(matrices: list["AlignmentMatrix"], path: Path, quiet: bool) -> list["GoldLinks"]:
    """Print the alignment error rate against gold links, and give these; `quiet` keeps stdout for the links."""
    from nmt.metrics.alignment import agreement, argmax_links, best_agreement, read_links

    sizes = [(len(matrix.source), len(matrix.target)) for matrix in matrices]
    gold = read_links(path, sizes)
    if gold.dropped:
        typer.echo(f"warning: {len(gold.dropped)} gold links left out: {gold.dropped[0]}", err=True)
    measured = agreement([argmax_links(matrix.weights_TS) for matrix in matrices], gold.sentences)
    best = best_agreement(gold.sentences, sizes)
    typer.echo(
        f"AER {measured.aer:.4f} (precision {measured.precision:.4f}, recall {measured.recall:.4f}; "
        f"the best that one link a target word can reach: {best.aer:.4f})",
        err=quiet,
    )
    return gold.sentences
