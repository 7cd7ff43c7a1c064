"""Writing a run to a checkpoint and reading it back, bit for bit."""

from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nmt.checkpoint import Run, load_weights, read_tensors, weights
from nmt.errors import CheckpointError
from nmt.events import Event, Saved, Warned
from nmt.manifest import damage, read_json
from nmt.training.state import Progress, Training, Window


def save(training: Training) -> Event:
    """Write everything to checkpoint step-N and remove the checkpoints that need not be kept."""
    progress, run = training.progress, training.run
    state = {**asdict(progress), "data": training.batches.state(), "metrics_lines": training.journal.lines}
    tensors = {"model": weights(training.model), "training": _moments(training)}
    path = run.save(f"step-{progress.step}", tensors, state)
    training.saved = progress.step
    if progress.best and progress.best[0] == progress.step:
        run.mark_best(*progress.best)
    run.keep_only(_kept(training))
    return Saved(progress.step, path)


def _kept(training: Training) -> set[int]:
    settings, progress = training.settings, training.progress
    last = regular(training)[-max(settings.keep_last, settings.average_last, 1) :]
    return {*last, progress.step, *(progress.best or ())[:1]}


def regular(training: Training) -> list[int]:
    """Checkpoints at multiples of `checkpoint_every`: the same ones whether or not a run is interrupted."""
    return [step for step in training.run.steps() if step % training.settings.checkpoint_every == 0]


def _moments(training: Training) -> dict[str, Tensor]:
    """The optimizer's tensors by parameter name, and the random generators' states."""
    tensors = {
        f"optimizer.{name}.{key}": value
        for name, parameter in training.model.named_parameters()
        for key, value in training.optimizer.state.get(parameter, {}).items()
    }
    tensors["random.cpu"] = torch.get_rng_state()
    if training.device.type == "cuda":
        tensors["random.cuda"] = torch.cuda.get_rng_state(training.device)
    return tensors


def start_new(training: Training) -> Iterator[Event]:
    """Begin at update 0, with the weights of `start_from` if that is set."""
    training.run.keep_tokenizers(training.data.tokenizers)
    training.journal.cut(0)
    if training.settings.start_from is not None:
        other = Run.open(Path(training.settings.start_from))
        _same_vocabularies(training, other)
        load_weights(training.model, other.checkpoint("best") / "model.safetensors")
        yield Warned(f"starting from the weights of {other.path}")


def restore(training: Training) -> Iterator[Event]:
    """Go on from the newest whole checkpoint, telling which damaged ones are passed over."""
    run = training.run
    for step in reversed(run.steps()):
        directory = run.checkpoints / f"step-{step}"
        wrong = damage(directory)
        if not wrong:
            _same_vocabularies(training, run)
            _load(training, directory)
            run.keep_only({kept for kept in run.steps() if kept <= step})
            return
        yield Warned(f"damaged checkpoint passed over: {wrong}")
    if run.steps():
        raise CheckpointError(f"{run.path}: no whole checkpoint to resume from", "--overwrite starts anew")
    yield from start_new(training)


def _load(training: Training, directory: Path) -> None:
    state = read_json(directory / "state.json")
    load_weights(training.model, directory / "model.safetensors")
    _load_moments(training, read_tensors(directory / "training.safetensors"))
    training.batches.load_state(state["data"])
    training.stream = iter(training.batches)
    training.progress = _progress(state)
    training.journal.cut(state["metrics_lines"])
    training.saved = training.progress.step
    best = training.progress.best
    if best and best[0] in training.run.steps():
        training.run.mark_best(*best)


def _progress(state: dict[str, Any]) -> Progress:
    known = {item.name: state[item.name] for item in fields(Progress)}
    return Progress(**{**known, "window": Window(**state["window"])})


def _load_moments(training: Training, tensors: dict[str, Tensor]) -> None:
    for name, parameter in training.model.named_parameters():
        prefix = f"optimizer.{name}."
        moments = {key.removeprefix(prefix): tensors[key] for key in tensors if key.startswith(prefix)}
        if moments:
            training.optimizer.state[parameter] = {k: v.to(training.device) for k, v in moments.items()}
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and training.device.type == "cuda":
        torch.cuda.set_rng_state(tensors["random.cuda"], training.device)


def _same_vocabularies(training: Training, other: Run) -> None:
    for side, ours, theirs in zip(("source", "target"), training.data.tokenizers, other.tokenizers, strict=True):
        if ours.vocabulary.pieces != theirs.vocabulary.pieces:
            raise CheckpointError(
                f"{other.path}: its {side} vocabulary is not that of this run's data "
                f"({len(theirs.vocabulary)} and {len(ours.vocabulary)} pieces)",
                "weights fit only the vocabulary that they were trained with",
            )
