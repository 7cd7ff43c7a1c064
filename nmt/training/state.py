"""What a run in memory is, how it begins, and how far it has come."""

from dataclasses import dataclass, field

import torch

from nmt.checkpoint import Run
from nmt.config import Config, TrainingSettings
from nmt.data.ahead import Ahead
from nmt.data.batching import Batches
from nmt.data.prepare import Prepared
from nmt.data.settings import TextFiles
from nmt.events import Journal
from nmt.metrics.sentence import SentenceBleu
from nmt.model import EncoderDecoder
from nmt.optimization import Optimizer, Schedule
from nmt.precision import multiplies_bfloat16
from nmt.risk import Risk
from nmt.training.worker import Worker


@dataclass
class Window:
    """Sums over the updates since the last line of metrics.jsonl."""

    updates: int = 0
    loss: float = 0.0
    nll: float = 0.0
    gradient_norm: float = 0.0
    tokens: int = 0
    seconds: float = 0.0


LATER = {"later": True}  # of fields that the first checkpoints lack: they have their defaults then


@dataclass
class Progress:
    """How far a run has come. Seconds are of updates only; `counted` are those that `max_minutes` limits."""

    step: int = 0
    scores: list[float] = field(default_factory=list)  # of the validations so far; higher is better
    scored: list[int] = field(default_factory=list)  # the updates after which they were taken
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    counted: float = 0.0
    window: Window = field(default_factory=Window)
    baseline: float = field(default=0.0, metadata=LATER)  # the moving average of log P(y|x), in nats a sentence
    skipped: int = field(default=0, metadata=LATER)  # updates left out, as a loss or gradient was not finite
    skipped_in_a_row: int = field(default=0, metadata=LATER)  # those since the last that was not

    @property
    def waited(self) -> int:
        """Validations since the best one."""
        return len(self.scores) - 1 - self.scores.index(max(self.scores)) if self.scores else 0

    @property
    def best(self) -> tuple[int, float] | None:
        """Update and score of the best validation, the first of equals."""
        return max(zip(self.scored, self.scores, strict=True), key=lambda pair: pair[1], default=None)


@dataclass
class Training:
    """A run in memory."""

    settings: TrainingSettings
    run: Run
    data: Prepared
    model: EncoderDecoder
    optimizer: Optimizer
    schedule: Schedule
    text: TextFiles
    batches: Ahead
    journal: Journal
    device: torch.device
    worker: Worker
    progress: Progress
    risk: Risk | None = None  # what is followed in place of cross-entropy
    per_epoch: int = 0  # batches, about; counted where epochs limit the run
    saved: int = 0

    @property
    def kept(self) -> str:
        """Which checkpoint there is to go back to, in words."""
        return f"the checkpoint of update {self.saved} is kept" if self.saved else "no checkpoint was saved yet"


def begin(config: Config, data: Prepared, run: Run, device: torch.device) -> Training:
    """A run before its first update; every random number of it follows from `training.seed`."""
    settings = config.training
    run.check_shapes(data.tokenizers)
    torch.manual_seed(settings.seed)
    model = config.build_model(data.tokenizers).to(device).train()
    batches = Batches(data.train, settings.batch_tokens, settings.seed)
    return Training(
        settings=settings,
        run=run,
        data=data,
        model=model,
        optimizer=settings.optimizer.build(model.named_parameters()),
        schedule=settings.schedule.build(config.model.embedding_size, settings.max_updates),
        text=config.data.train,
        batches=Ahead(batches, pinned=device.type == "cuda"),
        journal=Journal(run.path),
        device=device,
        worker=Worker(model, _precision(settings.precision, device)),
        progress=Progress(),
        risk=_risk(config, data),
        per_epoch=batches.batches_per_epoch(0) if settings.max_epochs else 0,
    )


def _risk(config: Config, data: Prepared) -> Risk | None:
    options = config.training.risk
    if options is None:
        return None
    bleu = SentenceBleu(config.tokenizer.lowercase, options.tokenize)
    return Risk(options, data.tokenizers.target, bleu)


def _precision(name: str, device: torch.device) -> torch.dtype:
    """`auto` is bfloat16 where the device multiplies bfloat16 matrices itself, else float32."""
    low = name == "bfloat16" or (name == "auto" and multiplies_bfloat16(device))
    return torch.bfloat16 if low else torch.float32


def limit(training: Training) -> str:
    """The limit that ends the run here, or nothing."""
    settings, progress = training.settings, training.progress
    if done(training) >= 1.0:
        reached = _parts(training)
        return max(reached, key=lambda name: reached[name])
    return "patience" if settings.patience is not None and progress.waited >= settings.patience else ""


def _parts(training: Training) -> dict[str, float]:
    """Of each limit that is set: the part of it that is used up."""
    settings, progress = training.settings, training.progress
    used = {
        "max_updates": (progress.step, settings.max_updates),
        "max_epochs": (_epochs(training), settings.max_epochs),
        "max_minutes": (progress.counted / 60, settings.max_minutes),
    }
    return {name: now / limit for name, (now, limit) in used.items() if limit is not None}


def _epochs(training: Training) -> float:
    """Passes over the data, with the part of the present one, about; whole where one ends."""
    epoch, batches = training.batches.epoch, training.progress.step * training.settings.accumulate
    return max(epoch, min(batches / training.per_epoch, epoch + 0.99)) if training.per_epoch else epoch


def done(training: Training) -> float:
    """The part of the run that is behind: of the limit that will be reached first, from 0."""
    return max(_parts(training).values(), default=0.0)
