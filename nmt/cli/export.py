"""`nmt export`: a trained model for another engine; and the engines that translate."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt.cli.options import BEST, Checkpoint, PrecisionName, RunArgument, compute_with, load_translator
from nmt.errors import ConfigError, ExportError
from nmt.export import Quantization

if TYPE_CHECKING:
    from nmt.export.directory import Exported
    from nmt.translate import LineTranslator


class Target(StrEnum):
    """What a model can be exported to."""

    CTRANSLATE2 = "ctranslate2"


class Engine(StrEnum):
    """What computes translations."""

    TORCH = "torch"
    CTRANSLATE2 = "ctranslate2"


EngineName = Annotated[
    Engine, typer.Option(help="What computes; ctranslate2 on an exported RUN, or a run's export, made once.")
]


def export(
    run: RunArgument,
    to: Annotated[Target, typer.Option(help="The engine that the model is for.")],
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to; RUN/export/ctranslate2-CHECKPOINT-TYPE.", show_default=False),
    ] = None,
    checkpoint: Checkpoint = BEST,
    quantization: Annotated[
        Quantization, typer.Option(metavar="TYPE", help="float32, bfloat16, float16, int16, int8, int8_float32 …")
    ] = "float32",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export there.")] = False,
) -> None:
    """Write a trained Transformer for CTranslate2, a fast engine.

    The directory holds all that translating needs: model, tokenizers and
    settings. With float32 its translations are those of nmt's own search
    with `search.stopping: first`.

    \b
    Examples:
      nmt export runs/x --to ctranslate2
      nmt export runs/x --to ctranslate2 --quantization int8 --output x-int8
      nmt translate x-int8 --engine ctranslate2 --input test.en
    """
    from nmt.checkpoint import Run
    from nmt.export.ctranslate2 import export as write

    found = write(Run.open(run), checkpoint, quantization, output, overwrite)
    typer.echo(_described(found))


def load_engine(
    engine: Engine, run: Path, checkpoint: str, device: str | None, threads: int | None, precision: PrecisionName
) -> "LineTranslator":
    """The translator of a run, or of an exported directory. A run's export is made where it is missing.

    Raises: ConfigError for a directory of another engine; ExportError, CheckpointError.
    """
    from nmt.export.directory import is_export

    if engine is Engine.CTRANSLATE2:
        if precision != "float32":
            raise ConfigError(
                f"--precision {precision}: an export has its own",
                "export the run with --quantization, and translate with that directory",
            )
        return _load_exported(run, checkpoint, device, threads)
    if is_export(run):
        raise ConfigError(f"{run}: an exported model, not a run", "give --engine ctranslate2 with it")
    return load_translator(run, checkpoint, device, threads, precision)


def _load_exported(run: Path, checkpoint: str, device: str | None, threads: int | None) -> "LineTranslator":
    from nmt.checkpoint import Run
    from nmt.export.ctranslate2 import exported
    from nmt.export.directory import is_export, open_export
    from nmt.export.translator import ExportedTranslator

    place = compute_with(device, threads)
    if not is_export(run):
        found = exported(Run.open(run), checkpoint)
        if found.new:
            typer.echo(f"exported to {_described(found)}", err=True)
        return ExportedTranslator(found, place, threads)
    found = open_export(run)
    if checkpoint not in (BEST, found.description.checkpoint):
        message = f"{run}: an export of checkpoint {found.description.checkpoint}, not of {checkpoint}"
        raise ExportError(message, "leave --checkpoint out, or give the run's directory")
    return ExportedTranslator(found, place, threads)


def _described(found: "Exported") -> str:
    size = sum(file.stat().st_size for file in found.path.iterdir())
    return f"{found.path} ({found.description.checkpoint}, {found.description.quantization}, {size / 1e6:.1f} MB)"
