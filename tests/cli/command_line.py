"""The command line as a function of its arguments, and text for a run of a second."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from nmt.cli.app import main

CONFIG = """\
languages: {source: en, target: de}
data:
  train: {source: text.en, target: text.de}
  valid: {source: text.en, target: text.de}
tokenizer: word
model:
  embedding_size: 8
  encoder: {name: rnn, size: 6}
  decoder: {name: rnn, size: 8}
training:
  batch_tokens: 64
  precision: float32
  optimizer: {learning_rate: 1e-2}
  schedule: {warmup: 5}
  max_updates: 8
  validate_every: 4
  checkpoint_every: 4
  select_by: loss
"""


class Answer(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Command = Callable[..., Answer]


def write_text(directory: Path) -> None:
    """Forty lines of letters, and the same lines backwards."""
    chance = np.random.default_rng(7)
    lines = [chance.choice(list("abcdefgh"), size=chance.integers(2, 7)) for _ in range(40)]
    (directory / "text.en").write_text("".join(" ".join(line) + "\n" for line in lines))
    (directory / "text.de").write_text("".join(" ".join(line[::-1]) + "\n" for line in lines))
    (directory / "x.yaml").write_text(CONFIG)


def run_main(arguments: tuple[object, ...]) -> int:
    """The exit code of the command line in this process."""
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    return int(exit_.value.code or 0)
