"""`nmt translate`: translate lines of text with a trained model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nmt.cli.export import Engine, EngineName, load_engine
from nmt.cli.options import (
    BEST,
    BeamSize,
    Checkpoint,
    CoveragePenalty,
    Device,
    Documents,
    Heads,
    Layer,
    LengthPenalty,
    MaxLength,
    Overwrite,
    PrecisionName,
    RunArgument,
    SearchTokens,
    Threads,
    check_sources,
    searching,
    wanted_with,
)
from nmt.errors import ConfigError

_Outputs = tuple[Path | None, Path | None]  # of text, of JSON Lines
Texts = Annotated[
    list[Path] | None,
    typer.Option(
        "--input",
        metavar="FILE",
        help="Text to translate; standard input. May be repeated, once for each source of the model.",
        show_default=False,
    ),
]
Output = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The translation; standard output.", show_default=False)
]
Json = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Scores, n-best, alignments as JSON Lines.", show_default=False)
]
ReplaceUnknown = Annotated[
    bool, typer.Option("--replace-unknown", help="Copy the source piece most attended to for unknown ones.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where a stopped translation left off.")]
Heatmaps = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Pictures of the first 50 lines' alignments.", show_default=False),
]


def translate(
    run: RunArgument,
    input_: Texts = None,
    documents: Documents = None,
    output: Output = None,
    checkpoint: Checkpoint = BEST,
    beam_size: BeamSize = None,
    length_penalty: LengthPenalty = None,
    coverage_penalty: CoveragePenalty = None,
    max_length: MaxLength = None,
    batch_tokens: SearchTokens = None,
    device: Device = None,
    threads: Threads = None,
    replace_unknown: ReplaceUnknown = False,
    json: Json = None,
    n_best: Annotated[int, typer.Option(min=1, metavar="N", help="Hypotheses a line in the JSON file.")] = 1,
    heatmaps: Heatmaps = None,
    layer: Layer = None,
    heads: Heads = None,
    engine: EngineName = Engine.TORCH,
    precision: PrecisionName = "float32",
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Translate text, line by line.

    Each line of input gives exactly one line of output, an empty line an
    empty one; who types is answered line by line. Lines longer than the
    model's limit are cut at sentence ends, and their parts are translated one
    by one; a warning names them, and lines that cannot be translated, which
    stay empty. To a model of whole documents a blank line ends one.

    With --input and --output, lines stand in FILE.partial until all are
    there; the same command goes on with --resume, anew with --overwrite.

    \b
    Examples:
      nmt translate runs/quickstart --input test.en --output test.hyp
      echo "A man sleeps ." | nmt translate runs/quickstart
      nmt translate runs/x --input a.en --json a.jsonl --n-best 5
      nmt translate runs/x --engine ctranslate2 --input a.en --output a.de
    """
    from nmt.cli.translating import Work, write
    from nmt.translate import Decoding

    inputs = input_ or []
    _check(run, n_best, [*inputs, documents], output, json)
    made_of = _made_of(run, checkpoint, inputs and [*inputs, documents], (output, json), resume)
    _check_new((output, json), heatmaps, bool(made_of), resume, overwrite)
    shown = bool(json or heatmaps or replace_unknown)
    want = wanted_with("--json, --heatmaps or --replace-unknown", shown, layer, heads)
    translator = load_engine(engine, run, made_of.get("checkpoint", checkpoint), device, threads, precision)
    check_sources("--input", max(len(inputs), 1), documents, translator)
    search = searching(
        translator.search, beam_size=beam_size, length_penalty=length_penalty, coverage_penalty=coverage_penalty
    )
    longest = max_length and max_length + 1  # the end of the sentence is a piece, too
    decoding = Decoding(search, n_best, want, longest, batch_tokens, replace_unknown)
    work = Work(translator, decoding, inputs, documents, output, json, heatmaps)
    write(work, made_of | {"precision": precision}, resume, overwrite)


def _check(run: Path, n_best: int, read: list[Path | None], output: Path | None, json: Path | None) -> None:
    from nmt.cli.results import check_files
    from nmt.cli.translating import is_lasting
    from nmt.storage.partial import beside, note_beside

    if n_best > 1 and json is None:
        raise ConfigError("--n-best chooses how many hypotheses the JSON file has", "give --json with it")
    lasting = [path for path in (output, json) if path and is_lasting(path)]
    notes = [note_beside(path) for path in lasting if path is output]
    check_files(run, read, (output, json, *map(beside, lasting), *notes))


def _check_new(outputs: _Outputs, heatmaps: Path | None, lasting: bool, resume: bool, overwrite: bool) -> None:
    """Raises: NmtError where something would be replaced that may not be. What comes line by line is looked at with
    what an earlier process left of it; pictures that are there when it is gone on with are its own."""
    from nmt.cli.results import check_new, pictures_in
    from nmt.storage.partial import check_places, note_beside

    if resume and overwrite:
        raise ConfigError("--resume and --overwrite: one goes on, the other begins anew", "give one of them")
    places = list(filter(None, outputs))
    if lasting:
        check_places(places, resume, overwrite)
    begun = resume and note_beside(places[0]).exists()
    check_new([*([] if lasting else places), *pictures_in(heatmaps)], overwrite or begun)


def _made_of(
    run: Path, checkpoint: str, read: Sequence[Path | None], outputs: _Outputs, resume: bool
) -> dict[str, Any]:
    """What a translation that can be gone on with comes of; nothing of one that cannot.

    Raises: ConfigError where that one is to be gone on with; CheckpointError as `origin`.
    """
    from nmt.cli.translating import is_lasting, origin

    if outputs[0] and read and all(map(is_lasting, filter(None, [*read, *outputs]))):
        return origin(run, checkpoint)
    if resume:
        message = "--resume: goes on with what was written to a file, of what can be read again"
        raise ConfigError(message, "give --input and --output, and files for both, not pipes")
    return {}
