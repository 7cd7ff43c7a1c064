"""The loop: updates, validation, checkpoints, and the end."""

import copy
import math
from collections.abc import Callable, Iterator, Mapping

import torch

from nmt.checkpoint import MODEL, Run
from nmt.config import Config
from nmt.data.prepare import Prepared
from nmt.errors import TrainingError
from nmt.events import Event, Started, Stopped, Validated, Warned
from nmt.model import EncoderDecoder
from nmt.storage.manifest import damage
from nmt.storage.tensors import average, weights
from nmt.training.keeping import regular, restore, save, start_new
from nmt.training.state import Training, begin, limit
from nmt.training.update import update

Validate = Callable[[EncoderDecoder], Mapping[str, float]]


class Interrupted(Exception):  # noqa: N818 (no error)
    """Raised where `stop()` says so, by a validation as well: training saves and stops."""


def fit(
    config: Config,
    data: Prepared,
    run: Run,
    validate: Validate,
    *,
    resume: bool = False,
    device: str | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Train until a limit, `patience`, or `stop()`, which is asked after each update.

    `validate(model)` gives the figures of the validation set, among them `select_by`; it may raise Interrupted when
    `stop()` says so. A validation that is due or under way then is made up for on resuming. Checkpoints lie in `run`,
    which no other process may train in meanwhile; `resume` goes on from the newest whole one, from the beginning where
    there is none. The device is CUDA's where there is one, unless `device` names another.
    Raises: TrainingError when a loss or gradient is not finite, unless `non_finite` lets training go on;
    CheckpointError when a checkpoint is damaged, does not fit, or cannot be written.
    """
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    run.hold()
    try:
        yield from _journaled(begin(config, data, run, place), validate, resume, stop)
    finally:
        run.release()


def _journaled(training: Training, validate: Validate, resume: bool, stop: Callable[[], bool]) -> Iterator[Event]:
    """The events, written down before they are handed on."""
    try:
        for event in _events(training, validate, resume, stop):
            training.run.check_there()
            training.journal.write(event)
            yield event
    except TrainingError as error:
        training.journal.fail(error.message)
        raise
    finally:
        training.batches.close()


def _events(training: Training, validate: Validate, resume: bool, stop: Callable[[], bool]) -> Iterator[Event]:
    yield from restore(training) if resume else start_new(training)
    parameters = sum(parameter.numel() for parameter in training.model.parameters())
    precision = str(training.worker.precision).removeprefix("torch.")
    yield Started(training.progress.step, parameters, str(training.device), precision)
    try:
        yield from _updates(training, validate, stop)
        reason = limit(training)
    except Interrupted:
        reason = "interrupted"
        if training.saved != training.progress.step:
            yield save(training)
    yield Stopped(training.progress.step, reason)


def _updates(training: Training, validate: Validate, stop: Callable[[], bool]) -> Iterator[Event]:
    if _owes_validation(training):
        yield from _judge(training, validate)
    while not limit(training):
        yield from update(training)
        if stop():
            raise Interrupted
        yield from _judge(training, validate)
    yield from _finish(training, validate)


def _owes_validation(training: Training) -> bool:
    """Whether the run was stopped between an update and the validation that was due after it."""
    step = training.progress.step
    return step > 0 and step % training.settings.validate_every == 0 and step not in training.progress.scored[-1:]


def _judge(training: Training, validate: Validate) -> Iterator[Event]:
    """Validate and save after the updates that are for it."""
    settings, step, best = training.settings, training.progress.step, False
    if step % settings.validate_every == 0:
        yield from _validate(training, validate)
        best = (training.progress.best or (0,))[0] == step
    if best or step % settings.checkpoint_every == 0:
        yield save(training)


def _validate(training: Training, validate: Validate) -> Iterator[Event]:
    progress = training.progress
    figures = _figures(training, training.model, validate)
    select_by = training.settings.select_by
    score = -figures["loss"] if select_by == "loss" else figures[select_by]
    progress.scores.append(-math.inf if math.isnan(score) else score)
    progress.scored.append(progress.step)
    yield _validated(training, f"step-{progress.step}", figures, best=progress.waited == 0)


def _figures(training: Training, model: EncoderDecoder, validate: Validate) -> Mapping[str, float]:
    """Ask `validate` in eval mode; whatever random numbers it draws, training's stay as they are."""
    devices = [training.device] if training.device.type == "cuda" else []
    with torch.no_grad(), torch.random.fork_rng(devices=devices):
        figures = validate(model.eval())
    model.train()
    return figures


def _validated(training: Training, checkpoint: str, figures: Mapping[str, float], best: bool) -> Validated:
    progress = training.progress
    minutes = progress.cpu_seconds / 60
    return Validated(progress.step, training.batches.epoch, checkpoint, figures, best, minutes)


def _finish(training: Training, validate: Validate) -> Iterator[Event]:
    progress = training.progress
    scored = progress.step in progress.scored[-1:]
    if not scored:
        yield from _validate(training, validate)
    if not scored or training.saved != progress.step:  # a checkpoint from before the validation does not have its score
        yield save(training)
    if training.settings.average_last:
        yield from _average(training, validate)


def _average(training: Training, validate: Validate) -> Iterator[Event]:
    """Save and validate the mean of the last checkpoints as `average`, telling which damaged ones are left out."""
    steps = regular(training)[-training.settings.average_last :] or [training.progress.step]
    places = {step: training.run.place_of(step) for step in steps}
    wrong = {step: text for step, place in places.items() if (text := damage(place, (MODEL,)))}
    for text in wrong.values():
        yield Warned(f"left out of the average: {text}")
    steps = [step for step in steps if step not in wrong]
    if not steps:
        return
    tensors = average([places[step] / MODEL for step in steps])
    model = copy.deepcopy(training.model)
    with torch.no_grad():
        for name, tensor in weights(model).items():
            tensor.copy_(tensors[name])
    figures = _figures(training, model, validate)
    training.run.save("average", {"model": tensors}, {"steps": steps, "figures": dict(figures)})
    yield _validated(training, "average", figures, best=False)
