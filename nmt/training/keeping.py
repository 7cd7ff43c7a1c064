"""Writing a run to a checkpoint and reading it back, bit for bit."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path

import torch
from pydantic import TypeAdapter
from torch import Tensor

from nmt.checkpoint import MODEL, MOMENTS, STATE, Run
from nmt.config import Config
from nmt.data.prepare import Prepared
from nmt.errors import CheckpointError, TrainingError
from nmt.events import Event, Saved, Warned
from nmt.model import EncoderDecoder
from nmt.storage.manifest import damage, read_json
from nmt.storage.tensors import Form, forms, load_weights, read_tensors, weights
from nmt.training.state import Progress, Training

_PROGRESS = TypeAdapter(Progress)
MAX_STATE = 100_000  # bytes of a random generator's state; torch's has 5,056


def save(training: Training) -> Event:
    """Write everything to checkpoint step-N and remove the checkpoints that need not be kept.

    Raises: TrainingError where a weight is not finite, so that the last good checkpoint stays.
    """
    progress, run = training.progress, training.run
    _check_finite(training)
    state = {
        **asdict(progress),
        "data": training.batches.state(),
        "metrics_lines": training.journal.lines,
        "content": training.data.content,
    }
    tensors = {"model": weights(training.model), "training": _moments(training)}
    training.journal.flush()
    path = run.save(f"step-{progress.step}", tensors, state)
    training.saved = progress.step
    if progress.best and progress.best[0] == progress.step:
        run.mark_best(*progress.best)
    run.keep_only(_kept(training))
    return Saved(progress.step, path)


def _check_finite(training: Training) -> None:
    if name := _not_finite(training.model):
        message = f"update {training.progress.step}: not all numbers of {name} are finite after it"
        raise TrainingError(message, f"{training.kept}; try a lower learning_rate, or a longer warmup")


def _not_finite(model: EncoderDecoder) -> str:
    """The first weights that are not all finite numbers, by their name."""
    return next((name for name, weight in model.named_parameters() if not weight.isfinite().all()), "")


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
    training.journal.cut(0, 0)
    if training.settings.start_from is not None:
        _load_start(training.model, training.data, Path(training.settings.start_from))
        yield Warned(f"starting from the weights of {training.settings.start_from}")


def check_start(config: Config, data: Prepared, directory: Path) -> None:
    """Raises: what would end a new run in `directory` before its first update, so that nothing is removed for it."""
    model = config.build_model(data.tokenizers)
    if config.training.start_from is not None:
        start = Path(config.training.start_from)
        if start.resolve() == directory.resolve():
            message = f"training.start_from: {start} is the place of the new run itself"
            raise CheckpointError(message, "--run names another place; --resume goes on with the run")
        _load_start(model, data, start)


def _load_start(model: EncoderDecoder, data: Prepared, start: Path) -> None:
    other = Run.open(start)
    _same_vocabularies(data, other)
    hint = "training writes no such file: bring back the one that it wrote"
    _load_finite(model, other.checkpoint("best") / MODEL, hint)


def _load_finite(model: EncoderDecoder, file: Path, hint: str) -> None:
    """Raises: CheckpointError as `load_weights`, and for weights that `save` would not have written: the text, and the
    learning rate, are not to blame for the loss that they give."""
    load_weights(model, file)
    if name := _not_finite(model):
        raise CheckpointError(f"{file}: not all numbers of {name} are finite", hint)


def restore(training: Training) -> Iterator[Event]:
    """Go on from the newest whole checkpoint. Newer ones that are damaged, or of a newer format, are set aside, and
    told of."""
    run = training.run
    passed = run.passed_over()
    whole = [step for step in run.steps() if step not in passed]
    if not whole:
        yield from start_new(training)
        return
    yield from _load(training, run.place_of(whole[-1]))
    for step, why in passed.items():
        yield Warned(f"checkpoint passed over: {why}; it is kept as {run.set_aside(step)}")
    best = training.progress.best
    run.mark_best(*best) if best and best[0] in run.steps() else run.forget_best()


def _load(training: Training, directory: Path) -> Iterator[Event]:
    state = read_json(directory / STATE)
    with _as_written(directory / STATE):
        if state.get("content") not in (None, training.data.content):  # None: written before it was kept
            raise CheckpointError(
                f"{training.run.path}: the text is not the one that the run was trained on",
                "bring the training and validation files back, or start anew with --overwrite or another --run",
            )
        known = [item.name for item in fields(Progress) if not item.metadata or item.name in state]
        training.progress = _PROGRESS.validate_python({name: state[name] for name in known})
        _check_progress(training.progress, directory)
        training.batches.load_state({key: int(state["data"][key]) for key in training.batches.state()})
        lines = int(state["metrics_lines"])
    if state.get("content") is not None:  # so that its tokenizers are those of the prepared text
        yield from _mend_tokenizers(training)
    _same_vocabularies(training.data, training.run)
    _load_finite(training.model, directory / MODEL, _without(directory))
    with _as_written(directory / MOMENTS):
        _check_moments(training, forms(directory / MOMENTS))
        _load_moments(training, read_tensors(directory / MOMENTS))
    lost = training.journal.cut(lines, training.progress.step)
    if lost:
        yield Warned(lost)
    training.saved = training.progress.step


def _mend_tokenizers(training: Training) -> Iterator[Event]:
    wrong = damage(training.run.path / "tokenizer")
    if wrong:
        training.run.keep_tokenizers(training.data.tokenizers)
        yield Warned(f"damaged tokenizer written anew: {wrong}")


@contextmanager
def _as_written(file: Path) -> Iterator[None]:
    """A file that is whole, yet lacks what `save` writes, is the file's fault."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise CheckpointError(f"{file}: not what training writes there", _without(file.parent)) from error


def _without(directory: Path) -> str:
    """The hint where a checkpoint is whole by its manifest, and yet nothing to go on from."""
    return f"remove {directory} to resume from the checkpoint before it"


def _check_progress(progress: Progress, directory: Path) -> None:
    """Raises: ValueError where a state contradicts itself, or the name of its checkpoint."""
    if directory.name != f"step-{progress.step}" or len(progress.scores) != len(progress.scored):
        raise ValueError(f"{len(progress.scores)} scores of {len(progress.scored)} validations, step {progress.step}")


def _check_moments(training: Training, found: Mapping[str, Form]) -> None:
    """Raises: ValueError where the optimizer would keep other tensors; none of the file is read."""
    moments = _moments_of_one(training)
    left = {name: form for name, form in found.items() if not name.startswith("random.")}
    for name, parameter in training.model.named_parameters():
        own = Form.of(parameter)
        like = {f"optimizer.{name}.{key}": own if form.shape else form for key, form in moments.items()}
        theirs = {key: left.pop(key) for key in like if key in left}
        if theirs and theirs != like:
            raise ValueError(f"{name}: {theirs}")
    states = [form for name, form in found.items() if name.startswith("random.")]
    if left or any(form.kind != "U8" or math.prod(form.shape) > MAX_STATE for form in states):
        raise ValueError(f"{sorted(left)[:1]} or the state of a random generator")


def _moments_of_one(training: Training) -> dict[str, Form]:
    """What the optimizer keeps of a parameter, by name; without a shape where it is one number of any parameter."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    parameter.grad = torch.zeros(1)
    optimizer = training.settings.optimizer.build([("one", parameter)])
    optimizer.step(0.0)
    return {name: Form.of(tensor) for name, tensor in optimizer.state[parameter].items()}


def _load_moments(training: Training, tensors: dict[str, Tensor]) -> None:
    for name, parameter in training.model.named_parameters():
        prefix = f"optimizer.{name}."
        moments = {key.removeprefix(prefix): tensors[key] for key in tensors if key.startswith(prefix)}
        if moments:
            if not training.optimizer.possible(moments):
                raise ValueError(f"{name}: no update leaves such moments")
            training.optimizer.state[parameter] = {k: v.to(training.device) for k, v in moments.items()}
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and training.device.type == "cuda":
        torch.cuda.set_rng_state(tensors["random.cuda"], training.device)


def _same_vocabularies(data: Prepared, other: Run) -> None:
    for side, ours, theirs in zip(("source", "target"), data.tokenizers, other.tokenizers, strict=True):
        if ours.vocabulary.pieces != theirs.vocabulary.pieces:
            raise CheckpointError(
                f"{other.path}: its {side} vocabulary is not that of this run's data "
                f"({len(theirs.vocabulary)} and {len(ours.vocabulary)} pieces)",
                "weights fit only the vocabulary that they were trained with",
            )
