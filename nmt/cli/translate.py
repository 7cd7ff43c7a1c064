"""`nmt translate`: translate lines of text with a trained model."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt.cli.export import Engine, EngineName, load_engine
from nmt.cli.options import (
    BATCH_TOKENS,
    BEST,
    BatchTokens,
    BeamSize,
    Checkpoint,
    CoveragePenalty,
    Device,
    Heads,
    Layer,
    LengthPenalty,
    MaxLength,
    PrecisionName,
    RunArgument,
    Threads,
    check_sources,
    searching,
    wanted_with,
)
from nmt.errors import ConfigError

if TYPE_CHECKING:
    from nmt.translate import Decoding, LineTranslator, Translation

Texts = Annotated[
    list[Path] | None,
    typer.Option(
        "--input",
        metavar="FILE",
        help="Text to translate; standard input. May be repeated, once for each source of the model.",
        show_default=False,
    ),
]
Heatmaps = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Pictures of the first 50 lines' alignments.", show_default=False),
]


def translate(
    run: RunArgument,
    input_: Texts = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The translation; standard output.", show_default=False)
    ] = None,
    checkpoint: Checkpoint = BEST,
    beam_size: BeamSize = None,
    length_penalty: LengthPenalty = None,
    coverage_penalty: CoveragePenalty = None,
    max_length: MaxLength = None,
    batch_tokens: BatchTokens = BATCH_TOKENS,
    device: Device = None,
    threads: Threads = None,
    replace_unknown: Annotated[
        bool, typer.Option("--replace-unknown", help="Copy the source piece most attended to for unknown ones.")
    ] = False,
    json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Scores, n-best, alignments as JSON Lines.", show_default=False),
    ] = None,
    n_best: Annotated[int, typer.Option(min=1, metavar="N", help="Hypotheses a line in the JSON file.")] = 1,
    heatmaps: Heatmaps = None,
    layer: Layer = None,
    heads: Heads = None,
    engine: EngineName = Engine.TORCH,
    precision: PrecisionName = "float32",
) -> None:
    """Translate text, line by line.

    Each line of input gives exactly one line of output, an empty line an
    empty one. Lines longer than the model's limit are cut at sentence ends,
    and their parts are translated one by one. A model that reads the
    sentences before takes a blank line for the end of a document.

    \b
    Examples:
      nmt translate runs/quickstart --input test.en --output test.hyp
      echo "A man sleeps ." | nmt translate runs/quickstart
      nmt translate runs/x --input a.en --json a.jsonl --n-best 5
      nmt translate runs/x --engine ctranslate2 --input a.en
    """
    from nmt.files import made_folder
    from nmt.translate import Decoding

    inputs = input_ or []
    _check(n_best, inputs, output, json)
    shown = bool(json or heatmaps or replace_unknown)
    want = wanted_with("--json, --heatmaps or --replace-unknown", shown, layer, heads)
    translator = load_engine(engine, run, checkpoint, device, threads, precision)
    check_sources("--input", max(len(inputs), 1), translator)
    if heatmaps and want:
        translator.check(want)
        made_folder(heatmaps)
    search = searching(
        translator.search, beam_size=beam_size, length_penalty=length_penalty, coverage_penalty=coverage_penalty
    )
    longest = max_length and max_length + 1  # the end of the sentence is a piece, too
    decoding = Decoding(search, n_best, want, longest, batch_tokens, replace_unknown)
    _write(translator, decoding, (inputs, output), json, heatmaps)


def _check(n_best: int, inputs: list[Path], output: Path | None, json: Path | None) -> None:
    from nmt.cli.results import check_files

    if n_best > 1 and json is None:
        raise ConfigError("--n-best chooses how many hypotheses the JSON file has", "give --json with it")
    check_files(inputs, (output, json))


def _write(
    translator: "LineTranslator",
    decoding: "Decoding",
    files: tuple[list[Path], Path | None],
    json: Path | None,
    heatmaps: Path | None,
) -> None:
    """Translate and write all that was asked for, line by line."""
    from nmt.cli.results import PICTURES, json_line, lines_of, opened, translation_record, word_matrix

    first: list[Translation] = []
    with ExitStack() as stack:
        text = stack.enter_context(opened(files[1]))
        records = stack.enter_context(opened(json)) if json else None
        for translation in translator.translate_lines(lines_of(files[0]), decoding):
            text.write(f"{translation.text}\n".encode())
            if records is not None:
                records.write(json_line(translation_record(translation)))
            if heatmaps and len(first) < PICTURES:
                first.append(translation)
    if heatmaps:
        from nmt.visualize.heatmap import draw_heatmaps

        drawn = draw_heatmaps((word_matrix(line, translator.tokenizers) for line in first), heatmaps)
        typer.echo(f"{len(drawn)} heatmaps in {heatmaps}", err=True)
