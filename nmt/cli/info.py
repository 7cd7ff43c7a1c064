"""`nmt info`: what a run directory holds."""

import json
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import typer

from nmt.cli.options import RunArgument
from nmt.cli.standard_output import plain

if TYPE_CHECKING:
    from nmt.checkpoint import Run
    from nmt.config import Config


def info(run: RunArgument) -> None:
    """Show what a run is and how far it has come.

    Its model and settings, number of parameters, updates, best validation
    score, and checkpoints with their sizes.

    \b
    Example:
      nmt info runs/quickstart
    """
    from nmt.checkpoint import Run

    opened = Run.open(run)
    for name, value in _described(opened):
        line = f"{name + ':':14} {plain(value)}"
        typer.echo(fill(line, 80, subsequent_indent=" " * 15, break_long_words=False, break_on_hyphens=False))


def _described(run: "Run") -> Iterator[tuple[str, str]]:
    config, steps = run.config, run.steps()
    yield "run", str(run.path)
    yield "languages", f"{config.languages.source} → {config.languages.target}"
    yield from _settings(config)
    if (run.path / "tokenizer").is_dir():
        source, target = (len(tokenizer.vocabulary) for tokenizer in run.tokenizers)
        yield "vocabulary", f"{source} pieces, shared" if config.tokenizer.shared else f"{source} and {target} pieces"
    yield from _progress(run.path / "metrics.jsonl", config)
    left = sorted(run.checkpoints.glob("passed-over-*"), key=lambda path: (len(path.name), path.name))
    yield from _checkpoints([*map(run.place_of, steps), run.checkpoints / "average", *left])


def _checkpoints(paths: list[Path]) -> Iterator[tuple[str, str]]:
    """The sizes of the checkpoints that there are, and what is wrong with a damaged one."""
    from nmt.storage.manifest import damage

    there = {path: damage(path) for path in paths if path.is_dir()}
    whole = [path for path, wrong in there.items() if not wrong]
    if whole:
        yield "parameters", f"{_parameters(whole[0] / 'model.safetensors'):,}"
    for path, wrong in there.items():
        yield "checkpoint", f"{path.name} ({f'damaged: {wrong}' if wrong else _size(path)})"
    if not there:
        yield "checkpoint", "none yet"


def _settings(config: "Config") -> Iterator[tuple[str, str]]:
    model, training = config.model, config.training
    over = f", gated layers over it: {model.gated_layers}" if model.gated_layers else ""
    yield "encoder", _section(model.encoder.model_dump(mode="json")) + over
    yield "decoder", _section(model.decoder.model_dump(mode="json"))
    tables = f", {model.source_embeddings} mixed for the source" if model.source_embeddings > 1 else ""
    yield "embeddings", f"{model.embedding_size}, tied: {model.tied_embeddings}{tables}"
    if model.output.copies:
        yield "output", model.output.name
    yield "training", f"{training.optimizer.name}, {training.schedule.name}, seed {training.seed}"
    yield "data", ", ".join(map(str, [*chain(*config.data.train.sources), *config.data.train.targets]))


def _section(values: dict[str, Any]) -> str:
    """`rnn (cell gru (reset after), size 256)`: a component with its keys, which may be such, or groups."""
    keys = ", ".join(f"{key} {_shown(value)}" for key, value in values.items() if key != "name")
    return " ".join(part for part in (values.get("name", ""), f"({keys})" * bool(keys)) if part)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return _section(value)
    return value if isinstance(value, str) else json.dumps(value)


def _parameters(path: Path) -> int:
    """Numbers in a file of weights."""
    from math import prod

    from nmt.storage.tensors import forms

    return sum(prod(form.shape) for form in forms(path).values())


def _progress(path: Path, config: "Config") -> Iterator[tuple[str, str]]:
    from nmt.visualize.curves import read_events

    events = [event for event in read_events(path) if _has(event, "cpu_minutes")] if path.is_file() else []
    if not events:
        return
    select_by = config.training.select_by
    validated = [e for e in events if e.get("event") == "validation" and _has(e, select_by)]
    validations = [event for event in validated if event.get("checkpoint") != "average"]
    minutes = max(event["cpu_minutes"] for event in events)
    yield "updates", f"{events[-1]['step']:,} ({minutes:.1f} CPU minutes)"
    if validations:
        sign = -1 if select_by == "loss" else 1
        best = max(validations, key=lambda event: sign * event[select_by])
        yield "best", f"{select_by} {best[select_by]:.4g} on the validation set ({best.get('checkpoint')})"


def _has(event: Mapping[str, Any], name: str) -> bool:
    """Whether an event has a number of that name."""
    return isinstance(event.get(name), int | float)


def _size(directory: Path) -> str:
    return f"{sum(file.stat().st_size for file in directory.iterdir()) / 1e6:.1f} MB"
