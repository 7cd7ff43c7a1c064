"""`nmt evaluate`: translate a test set and measure how good the translation is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt.cli.options import (
    BatchTokens,
    BeamSize,
    Checkpoint,
    Device,
    Heads,
    Layer,
    RunArgument,
    Threads,
    load_translator,
    searching,
    wanted_with,
)

if TYPE_CHECKING:
    from nmt.metrics.bleu import Scores
    from nmt.text.tokenizers import Tokenizers
    from nmt.translate import Translation


def evaluate(
    run: RunArgument,
    source: Annotated[Path, typer.Option(metavar="FILE", help="Text to translate.")],
    reference: Annotated[Path, typer.Option(metavar="FILE", help="Its translation by people.")],
    lowercase: Annotated[bool, typer.Option("--lowercase", help="Compare without regard to case.")] = False,
    tokenize: Annotated[
        str, typer.Option(metavar="NAME", help="How BLEU splits words: 13a, intl, zh, ja-mecab, char, …")
    ] = "13a",
    beam_size: BeamSize = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the translation.", show_default=False)
    ] = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the figures as JSON.", show_default=False)
    ] = None,
    alignments: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write alignments.jsonl and heatmaps.", show_default=False),
    ] = None,
    layer: Layer = None,
    heads: Heads = None,
    checkpoint: Checkpoint = "best",
    batch_tokens: BatchTokens = 4096,
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Translate a test set and print BLEU, chrF and TER.

    The figures are sacreBLEU's, of plain text, each with the signature that
    says how it was computed.

    \b
    Example:
      nmt evaluate runs/x --source test.en --reference test.de --lowercase
    """
    from nmt.cli.results import opened, pairs_of
    from nmt.metrics.bleu import evaluate as measure
    from nmt.metrics.bleu import make_metric
    from nmt.translate import Decoding

    want = wanted_with("--alignments", alignments is not None, layer, heads)
    make_metric("bleu", lowercase, tokenize)
    sources, references = pairs_of(source, reference)
    translator = load_translator(run, checkpoint, device, threads)
    if want:
        translator.check(want)
    search = searching(translator.search, beam_size=beam_size)
    decoding = Decoding(search, want=want, batch_tokens=batch_tokens)
    translations = list(translator.translate_lines(sources, decoding))
    if output:
        with opened(output) as file:
            file.write("".join(f"{translation.text}\n" for translation in translations).encode())
    scores = measure([translation.text for translation in translations], references, lowercase, tokenize)
    typer.echo("\n".join(map(str, scores)))
    if json:
        _write_scores(json, scores)
    if alignments:
        _write_alignments(alignments, translations, translator.tokenizers)


def _write_scores(path: Path, scores: "Scores") -> None:
    from nmt.cli.results import json_line, opened

    with opened(path) as file:
        file.write(json_line({score.name: {"score": score.value, "signature": score.signature} for score in scores}))


def _write_alignments(directory: Path, translations: list["Translation"], tokenizers: "Tokenizers") -> None:
    from nmt.cli.results import word_matrices
    from nmt.metrics.matrices import write_matrices
    from nmt.visualize.heatmap import draw_heatmaps

    write_matrices(directory / "alignments.jsonl", word_matrices(translations, tokenizers))
    drawn = draw_heatmaps(word_matrices(translations, tokenizers), directory)
    typer.echo(f"alignments.jsonl and {len(drawn)} heatmaps in {directory}")
