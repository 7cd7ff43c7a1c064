"""The events of training on the terminal."""

from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest
from tqdm import tqdm

from nmt.cli.progress import show
from nmt.events import Logged, Saved, Started, Stopped, Updated, Validated, Warned

EVENTS = [
    Started(0, 1234, "cpu", "float32"),
    Updated(1, 1, 3.5, 3.25, 100, 0.1, 0.5),
    Warned("look here"),
    Logged(20, 1, 3.0, 2.5, 1.0, 1e-3, 1000, 1000.0, 2.0, 0.1),
    Validated(20, 1, "step-20", {"bleu": 12.0}, True, 0.1),
    Saved(20, Path("runs/x/checkpoints/step-20")),
    Stopped(20, "max_updates"),
]


def test_elsewhere_than_on_a_terminal_there_are_only_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert show(EVENTS) == EVENTS[-1]
    assert capsys.readouterr().err.splitlines() == [
        "step 0: training 1,234 parameters on cpu in float32",
        "warning: look here",
        "step 20: epoch 1, loss 3.0000, nll 2.5000, gradient norm 1.000, learning rate 0.001, 1,000 tokens/s",
        "step 20: validation of step-20: bleu 12 (best)",
        "step 20: saved runs/x/checkpoints/step-20",
        "step 20: stopped (max_updates)",
    ]


def test_on_a_terminal_a_bar_shows_loss_speed_and_remaining_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    show(EVENTS)
    shown = capsys.readouterr().err
    assert "update 1, epoch 1, loss 3.500, 1,000 tokens/s" in shown
    assert " 50% |" in shown
    assert "validation of step-20" in shown
    assert "gradient norm" not in shown


def test_what_a_resumed_run_did_before_does_not_shorten_the_remaining_time(monkeypatch: pytest.MonkeyPatch) -> None:
    bars: list[tqdm] = []

    class Kept(tqdm):
        def __enter__(self) -> Self:
            bars.append(self)
            return super().__enter__()

    monkeypatch.setattr("nmt.cli.progress.tqdm", Kept)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    show([Updated(step, 1, 3.5, 3.25, 100, 0.1, step / 1000) for step in (900, 901)])
    assert (bars[0].initial, round(bars[0].n, 9)) == (0.9, 0.901)


def test_a_full_standard_error_ends_no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w", buffering=1) as full:
        monkeypatch.setattr("sys.stderr", full)
        assert show(EVENTS) == EVENTS[-1]
        monkeypatch.undo()
        with suppress(OSError):
            full.close()
