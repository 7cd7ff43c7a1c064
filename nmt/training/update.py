"""One update: batches, gradient, clipping, step.

It takes `accumulate` batches B₁ … B_a and follows the gradient of Σ loss(B_i) / Σ tokens(B_i): accumulating
them is the same as one batch of them all. For the same reason a batch may be computed in parts, so that the memory
of an update does not grow with it. With `risk`, the targets are drawn from the model first; what is followed is divided
by the references' tokens all the same, since those that are drawn depend on chance.
"""

import math
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nmt.batch import Batch, parts
from nmt.data.corpus import read_lines
from nmt.errors import TrainingError
from nmt.events import Event, Logged, Skipped, Updated
from nmt.loss import translation_loss
from nmt.training.state import Training, Window, done
from nmt.tree import to

LOG_EVERY = 20  # updates
MAX_SKIPPED = 10  # updates in a row that may be left out
NAMED = 8  # lines of a batch
DRAWING = 4  # times the worker's room is what may be drawn at a time
BASELINE_DECAY = 0.9  # of the moving average of log P(y|x) that rewards are measured against (Xu et al. 2015, §4.1)


class Sums(NamedTuple):
    """Loss and nll of the batches of an update, in nats, and the gradient's norm before clipping; with `risk`, loss is
    the mean risk of the drawn translations times their tokens."""

    loss: float
    nll: float
    tokens: int
    gradient_norm: float


class NotFinite(NamedTuple):
    """What was not finite, `loss` or `gradient`, and the lines of its batch, from 0: nothing was changed."""

    what: str
    lines: list[int]


def update(training: Training) -> Iterator[Event]:
    """Change the weights once, and tell of it.

    Where the loss or gradient is not finite and `non_finite` is skip, the update is left out: it has its number, its
    batches and its time, and changes neither weights nor moments nor the baseline.
    Raises: TrainingError where `non_finite` is stop, and for the MAX_SKIPPED-th in a row.
    """
    progress = training.progress
    wall, cpu = time.perf_counter(), time.process_time()
    factor = training.schedule.factor(progress.step + 1, progress.scores)
    learning_rate = training.settings.optimizer.learning_rate * factor
    outcome = _follow_gradient(training, learning_rate)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    progress.step += 1
    progress.seconds += wall
    progress.cpu_seconds += cpu
    progress.counted += wall if training.device.type == "cuda" else cpu / torch.get_num_threads()
    yield _left_out(training, outcome) if isinstance(outcome, NotFinite) else _counted(training, outcome, wall)
    if progress.step % LOG_EVERY == 0:
        yield _log(training, learning_rate)


def _counted(training: Training, sums: Sums, seconds: float) -> Updated:
    progress, epoch = training.progress, training.batches.epoch
    progress.skipped_in_a_row = 0
    _add(progress.window, sums, seconds)
    loss, nll = sums.loss / sums.tokens, sums.nll / sums.tokens
    return Updated(progress.step, epoch, loss, nll, sums.tokens, seconds, done(training))


def _left_out(training: Training, found: NotFinite) -> Skipped:
    progress = training.progress
    progress.skipped += 1
    progress.skipped_in_a_row += 1
    if training.settings.non_finite == "stop" or progress.skipped_in_a_row == MAX_SKIPPED:
        raise _error(training, found)
    named = places(training.text.sources[0], found.lines[:NAMED])
    more = len(found.lines) - len(named)
    return Skipped(progress.step, training.batches.epoch, found.what, named, more, progress.skipped)


def _follow_gradient(training: Training, learning_rate: float) -> Sums | NotFinite:
    batches = [next(training.batches) for _ in range(training.settings.accumulate)]
    tokens = sum(len(batch.places_M) for batch in batches)
    training.worker.begin()
    cut, risk = divided(training, batches)
    sums = [_backward(training, part, tokens) for part in cut]
    clipped = nn.utils.clip_grad_norm_(training.model.parameters(), training.settings.clip_norm or math.inf)
    *figures, norm = torch.stack([*chain.from_iterable(sums), clipped.double()]).tolist()  # a GPU is waited for here
    losses, nlls = figures[::2], figures[1::2]
    for part, loss in zip(cut, losses, strict=True):
        if not math.isfinite(loss):
            return NotFinite("loss", list(part.lines))
    if not math.isfinite(norm):
        return NotFinite("gradient", [line for batch in batches for line in batch.lines])
    training.optimizer.step(learning_rate)
    mean_log_prob = -sum(nlls) / sum(len(part.lines) * part.targets_each for part in cut)
    training.progress.baseline += (1 - BASELINE_DECAY) * (mean_log_prob - training.progress.baseline)
    computed = sum(len(part.places_M) for part in cut)
    return Sums(sum(losses) if risk is None else risk * computed, sum(nlls), computed, norm)


def divided(training: Training, batches: Sequence[Batch]) -> tuple[list[Batch], float | None]:
    """The batches in parts; where risk is followed, with drawn targets, and the mean risk of all. In drawing nothing is
    left for a way back, so there is more room."""
    room, risk = training.worker.room, training.risk
    if risk is None:
        return [*chain.from_iterable(parts(batch, room) for batch in batches)], None
    undrawn = [*chain.from_iterable(parts(batch, DRAWING * room // risk.samples) for batch in batches)]
    drawn = [risk.draw(training.worker.model, part) for part in undrawn]
    mean = sum(len(one.batch.lines) * one.risk for one in drawn) / sum(len(one.batch.lines) for one in drawn)
    return [*chain.from_iterable(parts(one.batch, room) for one in drawn)], mean


def _backward(training: Training, batch: Batch, tokens: int) -> tuple[Tensor, Tensor]:
    """Adds the gradient of a part; its loss and nll, in float64."""
    progress, smoothing = training.progress, training.settings.label_smoothing
    loss = translation_loss(training.worker.model, to(batch, training.device), smoothing, progress.baseline)
    (loss.total / tokens).backward()
    training.worker.hand_back()
    return loss.total.detach().double(), loss.nll.double()


def _error(training: Training, found: NotFinite) -> TrainingError:
    named = ", ".join(places(training.text.sources[0], found.lines[:NAMED]))
    more = ", …" if len(found.lines) > NAMED else ""
    before = training.progress.skipped_in_a_row - 1
    again = f", as in the {before} updates before" if before else ""
    advice = "try a lower learning_rate, a longer warmup, a smaller clip_norm, or precision: float32"
    skip = "" if training.settings.non_finite == "skip" else "; --resume --set training.non_finite=skip leaves it out"
    return TrainingError(
        f"update {training.progress.step}: the {found.what} is not finite{again};"
        f" its batch has the lines {named}{more}",
        f"{training.kept}; {advice}{skip}",
    )


def places(files: Sequence[Path], lines: Sequence[int]) -> list[str]:
    """`train.en:17` for each line number, counted from 0 over all files one after the other."""
    ends = list(accumulate(sum(1 for _ in read_lines(file)) for file in files[:-1]))
    found = [(bisect_right(ends, line), line) for line in lines]
    return [f"{files[number]}:{line + 1 - (ends[number - 1] if number else 0)}" for number, line in found]


def _add(window: Window, sums: Sums, seconds: float) -> None:
    window.updates += 1
    window.loss += sums.loss
    window.nll += sums.nll
    window.gradient_norm += sums.gradient_norm
    window.tokens += sums.tokens
    window.seconds += seconds


def _log(training: Training, learning_rate: float) -> Logged:
    progress, window = training.progress, training.progress.window
    progress.window = Window()
    return Logged(
        step=progress.step,
        epoch=training.batches.epoch,
        loss=window.loss / window.tokens,
        nll=window.nll / window.tokens,
        gradient_norm=window.gradient_norm / window.updates,
        learning_rate=learning_rate,
        tokens=window.tokens,
        tokens_per_second=window.tokens / window.seconds,
        seconds=progress.seconds,
        cpu_minutes=progress.cpu_seconds / 60,
    )
