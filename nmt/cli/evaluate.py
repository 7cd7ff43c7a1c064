"""`nmt evaluate`: translate a test set and measure how good the translation is."""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nmt.cli.options import (
    BEST,
    BeamSize,
    Checkpoint,
    Device,
    Documents,
    Heads,
    Layer,
    Overwrite,
    PrecisionName,
    RunArgument,
    SearchTokens,
    Threads,
    check_sources,
    load_translator,
    searching,
    wanted_with,
)

if TYPE_CHECKING:
    from nmt.data.inputs import Line
    from nmt.metrics.bleu import Scores
    from nmt.metrics.matrices import AlignmentMatrix
    from nmt.translate import Decoding, Translator


def _option(metavar: str, text: str) -> Any:
    """An option without a default to show."""
    return typer.Option(metavar=metavar, help=text, show_default=False)


def evaluate(
    run: RunArgument,
    source: Annotated[
        list[Path], typer.Option(metavar="FILE", help="Text to translate. May be repeated, once for each source.")
    ],
    reference: Annotated[Path, typer.Option(metavar="FILE", help="Its translation by people.")],
    documents: Documents = None,
    lowercase: Annotated[bool, typer.Option("--lowercase", help="Compare without regard to case.")] = False,
    tokenize: Annotated[
        str, typer.Option(metavar="NAME", help="How BLEU splits words: 13a, intl, zh, ja-mecab, char, …")
    ] = "13a",
    beam_size: BeamSize = None,
    output: Annotated[Path | None, _option("FILE", "Write the translation.")] = None,
    json: Annotated[Path | None, _option("FILE", "Write the figures as JSON.")] = None,
    alignments: Annotated[Path | None, _option("DIR", "Write alignments.jsonl and heatmaps.")] = None,
    layer: Layer = None,
    heads: Heads = None,
    checkpoint: Checkpoint = BEST,
    batch_tokens: SearchTokens = None,
    device: Device = None,
    threads: Threads = None,
    precision: PrecisionName = "float32",
    overwrite: Overwrite = False,
) -> None:
    """Translate a test set and print BLEU, chrF and TER.

    The figures are sacreBLEU's, of plain text, each with the signature that
    says how it was computed.

    \b
    Example:
      nmt evaluate runs/x --source test.en --reference test.de --lowercase
    """
    from nmt.cli.results import check_files, check_new, draw_in, lines_of, opened, pairs_of, pictures_in
    from nmt.metrics.bleu import evaluate as measure
    from nmt.metrics.bleu import make_metric
    from nmt.translate import Decoding

    want = wanted_with("--alignments", alignments is not None, layer, heads)
    matrices = alignments and alignments / "alignments.jsonl"
    check_files(run, (*source, reference, documents), (output, json, matrices))
    check_new((output, json, matrices, *pictures_in(alignments)), overwrite)
    make_metric("bleu", lowercase, tokenize)
    rows, references = pairs_of(source, reference, documents)
    translator = load_translator(run, checkpoint, device, threads, precision)
    check_sources("--source", len(source), documents, translator)
    if want:
        translator.check(want)
    decoding = Decoding(searching(translator.search, beam_size=beam_size), 1, want, None, batch_tokens)
    with ExitStack() as stack:
        figures = stack.enter_context(opened(json, overwrite)) if json else None
        sources = lines_of(rows, documents, translator.inputs.context)
        texts, first = _written(translator, (sources, source), decoding, (output, matrices), overwrite)
        scores = measure(texts, references, lowercase, tokenize)
        typer.echo("\n".join(map(str, scores)))
        if figures:
            figures.write(_as_json(scores))
    if alignments:
        typer.echo(f"alignments.jsonl and {len(draw_in(alignments, first))} heatmaps in {alignments}")


def _written(
    translator: "Translator",
    text: tuple[Iterable["Line"], list[Path]],
    decoding: "Decoding",
    written: tuple[Path | None, Path | None],
    overwrite: bool,
) -> tuple[list[str], list["AlignmentMatrix"]]:
    """Translate lines of these files, write translations and alignments as they come; keep the texts, and the matrices
    that are drawn."""
    from nmt.cli.results import PICTURES, json_line, noted, opened, word_matrix
    from nmt.metrics.matrices import as_json

    texts: list[str] = []
    first: list[AlignmentMatrix] = []
    with ExitStack() as stack:
        text_file, matrix_file = (stack.enter_context(opened(path, overwrite)) if path else None for path in written)
        for translation in noted(translator.translate_lines(text[0], decoding), list(map(str, text[1]))):
            texts.append(translation.text)
            if text_file:
                text_file.write(f"{translation.text}\n".encode())
            if matrix_file:
                matrix = word_matrix(translation, translator.tokenizers)
                matrix_file.write(json_line(as_json(matrix)))
                first += [matrix] if len(first) < PICTURES else []
    return texts, first


def _as_json(scores: "Scores") -> bytes:
    from nmt.cli.results import json_line

    return json_line({score.name: {"score": score.value, "signature": score.signature} for score in scores})
