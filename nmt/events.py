"""What training tells while it runs: values that progress bars, logs, plots and tests read alike.

`Journal` keeps them in a run directory: `metrics.jsonl` for programs, `train.log` for people.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nmt.errors import CheckpointError
from nmt.storage.files import flush, naming, written_whole
from nmt.storage.json_source import parse_json

CLOCK_FIELDS = frozenset({"seconds", "cpu_minutes", "tokens_per_second"})
"""Fields of metrics.jsonl read from a clock; all others are the same in every repetition of a run."""


class Started(NamedTuple):
    """Training begins after update `step` (0 when it is new)."""

    step: int
    parameters: int
    device: str
    precision: str


class Updated(NamedTuple):
    """One update. epoch counts complete passes over the data; done is the part of the run that is behind, from 0.

    loss (smoothed) and nll are nats per target piece, seconds those of this update alone. Where risk is followed, loss
    is the mean risk of the translations that were drawn, and nll and tokens are theirs.
    """

    step: int
    epoch: int
    loss: float
    nll: float
    tokens: int
    seconds: float
    done: float


class Skipped(NamedTuple):
    """An update that was left out, as `what` (loss or gradient) was not finite.

    lines are the first of its batches, `FILE:LINE`, and `more` lines follow them; skipped counts such updates of the
    run so far.
    """

    step: int
    epoch: int
    what: str
    lines: list[str]
    more: int
    skipped: int


class Logged(NamedTuple):
    """The updates since the last such event: means per target piece (loss, nll), per update (gradient_norm); loss, nll
    and tokens as in Updated.

    tokens are target pieces; seconds and cpu_minutes are of all updates of the run, validation left out.
    """

    step: int
    epoch: int
    loss: float
    nll: float
    gradient_norm: float
    learning_rate: float
    tokens: int
    tokens_per_second: float
    seconds: float
    cpu_minutes: float


class Validated(NamedTuple):
    """Figures of the validation set: `checkpoint` is step-N, or the `average` of the last ones."""

    step: int
    epoch: int
    checkpoint: str
    figures: Mapping[str, float]
    best: bool
    cpu_minutes: float


class Saved(NamedTuple):
    """A checkpoint is on the disk."""

    step: int
    path: Path


class Warned(NamedTuple):
    """Something that a person should know and that does not stop the run."""

    message: str


class Stopped(NamedTuple):
    """The run has ended: `max_updates`, `max_epochs`, `max_minutes`, `patience` or `interrupted`."""

    step: int
    reason: str


Event = Started | Updated | Skipped | Logged | Validated | Saved | Warned | Stopped


def record(event: Event) -> dict[str, Any] | None:
    """The line of metrics.jsonl for an event, or None when it has none."""
    if isinstance(event, Logged):
        return {"event": "train", **event._asdict()}
    if isinstance(event, Skipped):
        return {"event": "skipped", **event._asdict()}
    if isinstance(event, Validated):
        fields = event._asdict()
        figures = fields.pop("figures")
        return {"event": "validation", **fields, **figures}
    return None


def describe(event: Event) -> str:
    """The line of train.log for an event; empty when it has none."""
    match event:
        case Started(step, parameters, device, precision):
            return f"step {step}: training {parameters:,} parameters on {device} in {precision}"
        case Logged():
            return (
                f"step {event.step}: epoch {event.epoch}, loss {event.loss:.4f}, nll {event.nll:.4f}, "
                f"gradient norm {event.gradient_norm:.3f}, learning rate {event.learning_rate:.3g}, "
                f"{event.tokens_per_second:,.0f} tokens/s"
            )
        case Validated():
            figures = ", ".join(f"{name} {value:.4g}" for name, value in event.figures.items())
            best = " (best)" if event.best else ""
            return f"step {event.step}: validation of {event.checkpoint}: {figures}{best}"
        case Saved(step, path):
            return f"step {step}: saved {path}"
        case Skipped(step, _, what, lines, more, skipped):
            named = ", ".join([*lines, "…"] if more else lines)
            return f"warning: update {step} left out ({skipped} so far): its {what} is not finite; lines {named}"
        case Warned(message):
            return f"warning: {message}"
        case Stopped(step, reason):
            return f"step {step}: stopped ({reason})"
    return ""


class Journal:
    """metrics.jsonl and train.log of a run directory; `lines` are those of metrics.jsonl."""

    def __init__(self, directory: Path) -> None:
        self.metrics = directory / "metrics.jsonl"
        self.log = directory / "train.log"
        self.lines = 0

    def write(self, event: Event) -> None:
        """Append what the event has to say, at once, so that a killed process leaves whole lines."""
        text, fields = describe(event), record(event)
        if fields:
            _append(self.metrics, json.dumps(fields))
            self.lines += 1
        if text:
            _append(self.log, f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}")

    def fail(self, message: str) -> None:
        """Append to the log why the run could not go on."""
        _append(self.log, f"{time.strftime('%Y-%m-%d %H:%M:%S')} error: {message}")

    def flush(self) -> None:
        """Make the operating system put metrics.jsonl on the disk, before a checkpoint that counts its lines."""
        if self.metrics.exists():
            with naming(self.metrics, CheckpointError):
                flush(self.metrics)

    def cut(self, lines: int, step: int) -> str:
        """Keep the first lines of metrics.jsonl: those that were there when update `step` was saved.

        Gives what of them is missing or damaged, in words; nothing when they are whole.
        """
        with naming(self.metrics, CheckpointError):
            found = self.metrics.read_bytes().splitlines(True)[:lines] if self.metrics.is_file() else []
        kept = [line for line in found if _is_whole(line, step)]  # a later one stands where others are missing
        with written_whole(self.metrics) as file:
            file.write(b"".join(kept))
        self.lines = len(kept)
        lost = lines - len(kept)
        return f"{self.metrics}: {lost} of {lines} lines before the checkpoint are missing or damaged" if lost else ""


def _is_whole(line: bytes, last: int) -> bool:
    """Whether it is a line of an update up to the last."""
    try:
        return line.endswith(b"\n") and int(parse_json(line.decode())["step"]) <= last
    except (ValueError, LookupError, TypeError, OverflowError):
        return False


def _append(file: Path, line: str) -> None:
    with naming(file, CheckpointError), file.open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")
