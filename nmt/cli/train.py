"""`nmt train`: train a model from a config."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from nmt.cli.options import ConfigArgument, Device, Overrides, Threads, compute_with
from nmt.cli.signals import ended_by_ctrl_c, stop_on_signal
from nmt.errors import ConfigError

if TYPE_CHECKING:
    from nmt.checkpoint import Run
    from nmt.config import Config
    from nmt.data.prepare import Prepared


def _place(name: str) -> Path:
    """A directory by its name. Raises: ConfigError for an empty one, which would be the current directory."""
    if not name:
        raise ConfigError("--run: the name of the directory is empty", "name one, or leave --run out")
    return Path(name)


def train(
    config: ConfigArgument,
    run: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Directory of the run; runs/<the config's name>.", show_default=False, parser=_place
        ),
    ] = None,
    overrides: Overrides = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an earlier run stopped.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Remove an earlier run of that name.")] = False,
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Train a model.

    The text is prepared first, and kept prepared for the next time. Ctrl-C
    (exit code 130) and SIGTERM (143) save and stop; --resume goes on from there
    to the same bits. A second signal ends at once, without saving.

    \b
    Examples:
      nmt train configs/quickstart.yaml
      nmt train my.yaml --run runs/wide --set model.embedding_size=512
      nmt train my.yaml --resume
    """
    if resume and overwrite:
        raise ConfigError("--resume and --overwrite: one goes on with a run, the other removes it", "give one of them")
    directory = run or Path("runs") / config.stem
    try:
        with ended_by_ctrl_c():
            compute_with(device, threads)
            from nmt.cli.progress import show
            from nmt.training import fit
            from nmt.validation import validator
            from nmt.visualize.curves import draw_curves

            settings, data, place = _begin(config, overrides or [], directory, resume, overwrite)
    except KeyboardInterrupt:
        typer.echo("interrupted before training began: nothing was saved", err=True)
        raise
    with stop_on_signal() as stop:
        validate = validator(settings, data, stop)
        stopped = show(fit(settings, data, place, validate, resume=resume, device=device, stop=stop))
    if stopped.reason == "interrupted":
        typer.echo(f"saved in {directory}; the same command with --resume goes on")
        raise typer.Exit(stop.exit_code)
    if (directory / "metrics.jsonl").stat().st_size:
        draw_curves(directory / "metrics.jsonl", directory / "plots" / "curves.png")
    typer.echo(f"trained: nmt translate {directory} --input FILE")


class _Beginning(NamedTuple):
    settings: "Config"
    data: "Prepared"
    place: "Run"


def _begin(config: Path, overrides: list[str], directory: Path, resume: bool, overwrite: bool) -> _Beginning:
    """Read the config, prepare the text, and make or take up the run; nothing is removed for a run that cannot begin.

    Raises: NmtError where it cannot.
    """
    from nmt.checkpoint import Run, is_run
    from nmt.config import load_config
    from nmt.data.prepare import prepare
    from nmt.training import check_start

    settings = load_config(config, overrides)
    begun = resume and is_run(directory)
    if begun:
        Run.check_same(directory, settings)
    else:
        Run.check_place(directory, overwrite)
        if settings.training.start_from is not None:
            Run.open(Path(settings.training.start_from))  # before the text is prepared, which may take long
    if resume and not begun:
        typer.echo(f"no run at {directory}: training starts anew", err=True)
    data = prepare(
        settings.data, settings.tokenizer, settings.training.seed, say=typer.echo, copying=settings.inputs.copying
    )
    if not begun:
        check_start(settings, data, directory)
    place = Run.resume(directory, settings) if resume else Run.create(directory, settings, overwrite)
    return _Beginning(settings, data, place)
