"""Arguments and options that several commands share, and what they mean to torch and to search."""

# ruff: noqa: PLC0415 (imports wait until the command runs)

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt.errors import ConfigError

if TYPE_CHECKING:
    from nmt.search import Beam, Greedy
    from nmt.translate import Translator

ConfigArgument = Annotated[Path, typer.Argument(metavar="CONFIG", help="A config, that is a YAML file.")]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run's directory, made by `nmt train`.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a setting: training.seed=2. May be repeated.", show_default=False
    ),
]
Checkpoint = Annotated[str, typer.Option(metavar="NAME", help="best, last, average, or step-N.")]
Device = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="cpu, cuda or cuda:N; a GPU where there is one.", show_default=False),
]
Threads = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="CPU threads; as torch sees fit.", show_default=False)
]
BatchTokens = Annotated[
    int, typer.Option(min=1, metavar="N", help="Pieces of the source computed at once, padding counted.")
]
BeamSize = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Hypotheses kept at each step; the config's.", show_default=False)
]


def load_translator(run: Path, checkpoint: str, device: str | None, threads: int | None) -> "Translator":
    """The translator of a run. Raises: ConfigError for a device that is not there, CheckpointError."""
    from nmt.translate import Translator

    return Translator.load(run, checkpoint, compute_with(device, threads))


def compute_with(device: str | None, threads: int | None) -> str | None:
    """Set torch's number of threads, and look whether the device is there.

    Raises: ConfigError for a device that is not.
    """
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    if device is None or device == "cpu":
        return device
    if not re.fullmatch(r"cuda(:\d+)?", device):
        raise ConfigError(f"--device {device}: unknown device", "allowed: cpu, cuda, cuda:N")
    number, found = int(device.partition(":")[2] or 0), torch.cuda.device_count()
    if number >= found:
        raise ConfigError(f"--device {device}: not here: torch sees {found} CUDA devices", "cpu is always there")
    return device


def searching(options: "Beam.Options | Greedy.Options", **given: float | int | None) -> "Beam.Options | Greedy.Options":
    """The config's search with what was given on the command line; a greedy one becomes a beam."""
    from nmt.search import Beam

    changed = {name: value for name, value in given.items() if value is not None}
    if not changed:
        return options
    before = options.model_dump(exclude={"name"})
    return Beam.Options.model_validate({**before, **changed})
