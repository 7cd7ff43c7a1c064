"""A training run of a second: sixty sentences of ten letters, to be written backwards, and small models."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nmt.checkpoint import Run
from nmt.config import Config
from nmt.data.batching import sequential_batches
from nmt.data.prepare import Prepared, prepare
from nmt.events import CLOCK_FIELDS, Event
from nmt.loss import translation_loss
from nmt.training import fit

RNN = {
    "embedding_size": 8,
    "encoder": {"name": "rnn", "size": 6},
    "decoder": {"name": "rnn", "size": 8},
}
TRANSFORMER = {
    "embedding_size": 8,
    "encoder": {"name": "transformer", "num_layers": 1, "heads": 2, "feed_forward_size": 16},
    "decoder": {"name": "transformer", "num_layers": 1, "heads": 2, "feed_forward_size": 16},
}
TRAINING = {
    "batch_tokens": 64,
    "precision": "float32",
    "schedule": {"name": "inverse_sqrt", "warmup": 5},
    "max_updates": 24,
    "validate_every": 6,
    "checkpoint_every": 6,
    "select_by": "loss",
}


def write_corpus(directory: Path, pairs: int = 60) -> dict[str, Any]:
    """Write the text and give the config's `data:` section for it."""
    chance = np.random.default_rng(7)
    letters = [chance.choice(list("abcdefghij"), size=chance.integers(2, 9)) for _ in range(pairs)]
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "text.en").write_text("".join(" ".join(line) + "\n" for line in letters))
    (directory / "text.de").write_text("".join(" ".join(line[::-1]) + "\n" for line in letters))
    files = {"source": str(directory / "text.en"), "target": str(directory / "text.de")}
    return {"train": files, "valid": files}


def tiny_config(directory: Path, model: dict[str, Any] = RNN, **training: Any) -> Config:
    """A config for the corpus in `directory`; `training` changes keys of TRAINING."""
    return Config.model_validate(
        {
            "data": write_corpus(directory),
            "tokenizer": {"name": "word"},
            "model": model,
            "training": {**TRAINING, **training},
        }
    )


def tiny_data(config: Config, directory: Path) -> Prepared:
    """The prepared data of `tiny_config`."""
    return prepare(
        config.data, config.tokenizer, config.training.seed, directory / "cache", copying=config.inputs.copying
    )


class Tiny:
    """A config and its data in a directory, to be run there under several names."""

    def __init__(self, directory: Path, model: dict[str, Any] = RNN, **training: Any) -> None:
        self.directory = directory
        self.config = tiny_config(directory, model, **training)
        self.data = tiny_data(self.config, directory)

    def validate(self, model: Any) -> dict[str, float]:
        """Loss per token on the (training) text."""
        losses = [translation_loss(model, batch, 0.0) for batch in sequential_batches(self.data.valid, 500)]
        return {"loss": float(sum(loss.total for loss in losses)) / sum(loss.tokens for loss in losses)}

    def run(self, name: str, resume: bool = False) -> Run:
        """The run directory of that name: a new one, or the one to go on with."""
        return (Run.resume if resume else Run.create)(self.directory / name, self.config)

    def fit(self, name: str, resume: bool = False, **arguments: Any) -> Iterator[Event]:
        """Train in the run directory of that name."""
        arguments = {"validate": self.validate, **arguments}
        return fit(self.config, self.data, self.run(name, resume), resume=resume, device="cpu", **arguments)


def metrics(run: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl without what was read from a clock."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in CLOCK_FIELDS} for line in lines]


def checkpoint_bytes(run: Path, step: int) -> dict[str, bytes]:
    """The tensor files of a checkpoint as they lie on the disk."""
    files = sorted((run / "checkpoints" / f"step-{step}").glob("*.safetensors"))
    return {file.name: file.read_bytes() for file in files}
