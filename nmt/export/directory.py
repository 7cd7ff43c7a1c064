"""Exported models: where they stand, what is written beside the engine's own files, and how they are opened.

RUN/export/ctranslate2-step-N-float32/   config.json, model.bin, *_vocabulary.json   the engine's
                                         shared.json, … (as in tokenizer/)           how lines become pieces
                                         export.json                                 what it is, and how to search
                                         manifest.json                               sizes and SHA-256 of them all
"""

from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field, ValidationError

from nmt.checkpoint import Run
from nmt.config import Languages
from nmt.errors import CheckpointError
from nmt.export import Quantization
from nmt.search import SearchOptions
from nmt.settings import Settings
from nmt.storage.manifest import MANIFEST, damage, read_json
from nmt.storage.places import is_file
from nmt.storage.reading import check_inside

DESCRIPTION = "export.json"


class Description(Settings):
    """What an exported directory holds: written once, read by whoever translates with it."""

    engine: Literal["ctranslate2"] = "ctranslate2"
    checkpoint: str = Field(description="the checkpoint's name in its run: step-N or average")
    weights: str = Field(description="SHA-256 of the checkpoint's weights")
    quantization: Quantization
    languages: Languages
    search: SearchOptions
    max_length: int = Field(gt=0, description="pieces of the longest source that is not cut, end of sentence counted")
    max_target: int = Field(gt=0, description="pieces of the longest target, end of sentence counted")


class Exported(NamedTuple):
    """An exported directory that was found whole, or has just been made."""

    path: Path
    description: Description
    new: bool = False


def is_export(path: Path) -> bool:
    """Whether the directory holds an exported model. Raises: CheckpointError where that cannot be told."""
    return is_file(path / DESCRIPTION, CheckpointError)


def open_export(path: Path) -> Exported:
    """The exported model in a directory. Raises: CheckpointError unless it is whole and lies there itself."""
    check_inside(path)
    wrong = damage(path)
    if wrong:
        raise CheckpointError(f"damaged export: {wrong}", "export the checkpoint again with --overwrite")
    try:
        return Exported(path, Description.model_validate(read_json(path / DESCRIPTION)))
    except ValidationError as error:
        message = f"{path / DESCRIPTION}: not a description of an export ({error.error_count()} keys are wrong)"
        raise CheckpointError(message, "export the checkpoint again with --overwrite") from error


def place(run: Run, checkpoint: str, quantization: Quantization) -> Path:
    """Where a checkpoint (`best`, `last`, `average`, `step-N`) is exported to unless another place is named."""
    return run.path / "export" / f"ctranslate2-{run.checkpoint(checkpoint).name}-{quantization}"


def weights_hash(checkpoint: Path) -> str:
    """SHA-256 of a checkpoint's weights, from its manifest. Raises: CheckpointError where that has none."""
    try:
        return str(read_json(checkpoint / MANIFEST)["files"]["model.safetensors"]["sha256"])
    except (KeyError, TypeError, IndexError) as error:
        message = f"{checkpoint / MANIFEST}: does not list model.safetensors"
        raise CheckpointError(message, "translate with `--engine torch`") from error


def check_place(path: Path, overwrite: bool) -> None:
    """Raises: CheckpointError where something is that an export may not replace."""
    if is_export(path) and not overwrite:
        raise CheckpointError(f"{path}: holds an exported model already", "--overwrite replaces it")
    if not is_export(path) and path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise CheckpointError(f"{path}: is there and not an exported model", "--output names another place")
