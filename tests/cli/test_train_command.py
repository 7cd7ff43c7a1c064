"""`nmt train`: what it says, what it leaves, how it stops and goes on."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import Command, write_text

from nmt import training
from nmt.events import Event, Updated


@pytest.fixture
def text(folder: Path) -> Path:
    write_text(folder)
    return folder


def test_a_run_directory_is_named_for_the_config(trained: Path) -> None:
    names = {path.name for path in (trained / "runs" / "x").iterdir()}
    assert names == {"config.yaml", "tokenizer", "checkpoints", "metrics.jsonl", "train.log", "plots"}
    assert (trained / "runs/x/plots/curves.png").stat().st_size > 0


def test_the_resolved_config_is_kept_with_overrides(run: Command, text: Path) -> None:
    answer = run("train", "x.yaml", "--run", "here", "--set", "training.max_updates=1", "--set", "training.seed=5")
    kept = yaml.safe_load((text / "here/config.yaml").read_text())
    assert answer.code == 0
    assert answer.out.splitlines()[-1] == "trained: nmt translate here --input FILE"
    assert (kept["training"]["max_updates"], kept["training"]["seed"], kept["training"]["keep_last"]) == (1, 5, 3)


def test_a_run_is_not_overwritten_unasked(run: Command, in_trained: Path) -> None:
    answer = run("train", "x.yaml")
    assert answer.code == 2
    assert answer.err == (
        "error: runs/x: holds a run already\n"
        "hint: --resume continues it, --overwrite removes it, --run names another place\n"
    )


def test_a_run_is_overwritten_when_asked(run: Command, text: Path) -> None:
    for _ in range(2):
        assert run("train", "x.yaml", "--set", "training.max_updates=1", "--overwrite").code == 0
    assert (text / "runs/x/train.log").read_text().count("stopped") == 1


@pytest.mark.parametrize("start", ["runs/x", "runs/missing"])
def test_a_run_is_not_removed_for_one_that_cannot_begin(run: Command, trained: Path, folder: Path, start: str) -> None:
    shutil.copytree(trained, folder, dirs_exist_ok=True)
    answer = run("train", "x.yaml", "--overwrite", "--set", f"training.start_from={start}")
    assert answer.code == 2
    assert start in answer.err
    assert (folder / "runs/x/checkpoints/step-8/model.safetensors").is_file()


@pytest.mark.parametrize("arguments", [(), ("--resume", "--set", "training.seed=2")])
def test_a_run_that_is_refused_prepares_no_text(
    run: Command, trained: Path, folder: Path, arguments: tuple[str, ...]
) -> None:
    shutil.copytree(trained, folder, dirs_exist_ok=True)
    shutil.rmtree(folder / "runs/.prepared")
    assert run("train", "x.yaml", *arguments).code == 2
    assert not (folder / "runs/.prepared").exists()


def test_a_finished_run_goes_on_with_a_higher_limit(run: Command, trained: Path, folder: Path) -> None:
    shutil.copytree(trained, folder, dirs_exist_ok=True)
    answer = run("train", "x.yaml", "--resume", "--set", "training.max_updates=10")
    assert answer.code == 0
    assert (folder / "runs/x/checkpoints/step-10").is_dir()


def test_resuming_a_run_that_is_not_there_says_that_it_begins(run: Command, text: Path) -> None:
    answer = run("train", "x.yaml", "--run", "typo", "--resume", "--set", "training.max_updates=1")
    assert (answer.code, answer.err.splitlines()[0]) == (0, "no run at typo: training starts anew")


def test_resume_and_overwrite_exclude_each_other(run: Command, text: Path) -> None:
    answer = run("train", "x.yaml", "--resume", "--overwrite")
    assert answer.code == 2
    assert answer.err.startswith("error: --resume and --overwrite: one goes on with a run, the other removes it\n")


def test_one_interrupt_saves_and_stops_and_the_run_can_be_resumed(
    run: Command, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = training.fit

    def interrupted(*arguments: Any, **named: Any) -> Iterator[Event]:
        for event in fit(*arguments, **named):
            if isinstance(event, Updated) and event.step == 2:
                signal.raise_signal(signal.SIGINT)
            yield event

    monkeypatch.setattr(training, "fit", interrupted)
    answer = run("train", "x.yaml")
    assert answer.code == 130
    assert answer.out.splitlines()[-1] == "saved in runs/x; the same command with --resume goes on"
    assert "stopping, and saving first" in answer.err
    assert (text / "runs/x/checkpoints/step-2").is_dir()
    monkeypatch.setattr(training, "fit", fit)
    assert run("train", "x.yaml", "--resume").code == 0
    assert (text / "runs/x/checkpoints/step-8").is_dir()
