"""Arguments and options that several commands share, and what they mean to torch and to search."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nmt.errors import ConfigError

if TYPE_CHECKING:
    from nmt.decoders.base import Want
    from nmt.search import Beam, Greedy
    from nmt.translate import LineTranslator, Translator

ConfigArgument = Annotated[Path, typer.Argument(metavar="CONFIG", help="A config, that is a YAML file.")]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run's directory, made by `nmt train`.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a setting: training.seed=2. May be repeated.", show_default=False
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there already.")]
BEST = "best"  # the checkpoint read where none is named
Checkpoint = Annotated[str, typer.Option(metavar="NAME", help="best, last, average, or step-N.")]
Device = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="cpu, cuda or cuda:N; a GPU where there is one.", show_default=False),
]
Threads = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="CPU threads; as torch sees fit.", show_default=False)
]
PrecisionName = Annotated[
    Literal["float32", "bfloat16", "int8"],
    typer.Option(help="Of weights and products while translating."),
]
SearchTokens = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Pieces of the source searched at once, padding counted; 10240 / beam size, at most 6144.",
        show_default=False,
    ),
]
BeamSize = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Hypotheses kept at each step; the config's.", show_default=False)
]
LengthPenalty = Annotated[
    float | None, typer.Option(min=0, metavar="A", help="0 favours short translations.", show_default=False)
]
CoveragePenalty = Annotated[
    float | None, typer.Option(min=0, metavar="B", help="Punishes source left unread.", show_default=False)
]
MaxLength = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Most pieces of a translation; never more than the config's max_length_ratio times the source's, plus 10.",
        show_default=False,
    ),
]
Layer = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Decoder layer whose attention to show, from 1; the top one.", show_default=False
    ),
]
Heads = Annotated[
    list[int] | None,
    typer.Option(
        "--head",
        min=1,
        metavar="N",
        help="Attention head to show, from 1; the mean of all. May be repeated.",
        show_default=False,
    ),
]


Documents = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The id of each line's document, one a line; without it, blank lines end documents.",
        show_default=False,
    ),
]


def load_translator(
    run: Path,
    checkpoint: str,
    device: str | None,
    threads: int | None,
    precision: Literal["float32", "bfloat16", "int8"] = "float32",
) -> "Translator":
    """The translator of a run. Raises: ConfigError for a device or precision that is not there, CheckpointError."""
    from nmt.translate import Translator

    return Translator.load(run, checkpoint, compute_with(device, threads), precision)


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


def check_sources(option: str, given: int, documents: Path | None, translator: "LineTranslator") -> None:
    """Raises: ConfigError unless as many source texts are given as the model reads, and for the ids of documents where
    it reads each line by itself."""
    asked = translator.inputs.texts
    if given != asked:
        texts = "1 source text" if given == 1 else f"{given} source texts"
        raise ConfigError(
            f"{option}: {texts} given, and the model reads {asked}",
            f"give {option} {'once' if asked == 1 else 'once for each, in the order of data.train.source'}",
        )
    if documents is not None and not translator.inputs.context:
        raise ConfigError(
            f"--documents {documents}: the model reads no sentence before the one that it translates",
            "leave --documents out; with data.context.sentences a model is trained to read them",
        )


def wanted(layer: int | None, heads: list[int] | None) -> "Want":
    """The attention weights that --layer and --head name, which count from 1."""
    from nmt.decoders.base import Want

    return Want(layer - 1 if layer else -1, tuple(sorted({head - 1 for head in heads})) if heads else None)


def wanted_with(needed: str, given: bool, layer: int | None, heads: list[int] | None) -> "Want | None":
    """As `wanted`, but None where nothing that shows alignments is given.

    Raises: ConfigError when --layer or --head choose what is then not shown; `needed` names what shows it.
    """
    if not given and (layer or heads):
        raise ConfigError("--layer and --head choose the attention that alignments show", f"give {needed} with them")
    return wanted(layer, heads) if given else None


def searching(options: "Beam.Options | Greedy.Options", **given: float | int | None) -> "Beam.Options | Greedy.Options":
    """The config's search with what was given on the command line; a greedy one becomes a beam of the given size.

    Raises: ConfigError where something else of a beam is given for a greedy one.
    """
    from nmt.search import Beam

    changed = {name: value for name, value in given.items() if value is not None}
    if not changed:
        return options
    if not isinstance(options, Beam.Options) and "beam_size" not in changed:
        asked = " and ".join(f"--{name.replace('_', '-')}" for name in changed)
        raise ConfigError(f"the run's search is greedy, which has no {asked}", "give --beam-size, too")
    before = options.model_dump(exclude={"name"})
    return Beam.Options.model_validate({**before, **changed})
