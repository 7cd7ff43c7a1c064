"""`nmt train` in real processes: signals, two in one run directory, files and disks that take no more."""

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import Answer, Command, write_text
from processes import Started

from nmt import training
from nmt.events import Event, Updated
from nmt.storage.manifest import damage

SLOW = {"training.max_updates": 100_000, "training.validate_every": 100_000, "training.checkpoint_every": 100_000}
TRAINING = r"training [\d,]+ parameters"


@pytest.fixture
def text(folder: Path) -> Path:
    write_text(folder)
    return folder


def train(folder: Path, changes: dict[str, object], *options: str, largest_file: int | None = None) -> Started:
    """`nmt train x.yaml` with these settings changed."""
    changed = [part for key, value in changes.items() for part in ("--set", f"{key}={value}")]
    return Started(folder, "train", "x.yaml", *options, *changed, largest_file=largest_file)


def whole(run: Path) -> list[str]:
    """The names of the checkpoints, none of which is damaged."""
    found = sorted((run / "checkpoints").glob("[!.]*/"))
    assert [damage(path) for path in found] == [""] * len(found)
    return [path.name for path in found]


def refused(answer: Answer, beginning: str) -> None:
    """Two lines, the exit code of what is refused, and no traceback."""
    *before, error, hint = answer.err.splitlines()
    assert answer.code == 2
    assert error.startswith(f"error: {beginning}")
    assert hint.startswith("hint: ")
    assert "Traceback" not in "".join(before)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_and_stops_within_ten_seconds(text: Path, number: signal.Signals, code: int) -> None:
    process = train(text, SLOW)
    process.wait_for(r"step 20: epoch")
    process.send(number)
    sent = time.monotonic()
    answer = process.end()
    assert time.monotonic() - sent < 10
    assert answer.code == code
    assert answer.out.endswith("saved in runs/x; the same command with --resume goes on\n")
    (name,) = whole(text / "runs/x")
    assert f"step {name[5:]}: stopped (interrupted)" in answer.err


def test_a_validation_is_left_for_a_signal_and_made_up_for(text: Path) -> None:
    for name in ("text.en", "text.de"):
        (text / f"long.{name}").write_text((text / name).read_text() * 1000)  # minutes of searching
    config = yaml.safe_load((text / "x.yaml").read_text())
    config["data"]["valid"] = {"source": "long.text.en", "target": "long.text.de"}
    (text / "x.yaml").write_text(yaml.safe_dump(config))
    process = train(text, {"training.max_updates": 20, "training.validate_every": 20})
    process.wait_for(r"step 20: epoch")
    time.sleep(0.3)
    process.send(signal.SIGTERM)
    sent = time.monotonic()
    answer = process.end()
    assert time.monotonic() - sent < 10
    assert answer.code == 143
    assert "validation" not in answer.err
    assert whole(text / "runs/x")[-1] == "step-20"
    state = json.loads((text / "runs/x/checkpoints/step-20/state.json").read_text())
    assert state["scored"] == []


@pytest.mark.parametrize("second", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_second_signal_ends_at_once_and_leaves_a_whole_run(text: Path, second: signal.Signals) -> None:
    every_update = {**SLOW, "training.checkpoint_every": 1, "training.accumulate": 100}
    process = train(text, every_update)
    process.wait_for(r"saved runs/x/checkpoints/step-1")
    process.send(signal.SIGTERM)
    process.wait_for("stopping, and saving first")
    process.send(second)
    assert process.end().code == -second
    assert whole(text / "runs/x") == ["step-1"]
    resumed = train(text, {**every_update, "training.max_updates": 2}, "--resume")
    assert resumed.end().code == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)])
def test_a_signal_while_text_is_prepared_ends_at_once(text: Path, number: signal.Signals, code: int) -> None:
    for name in ("text.en", "text.de"):
        (text / name).write_text((text / name).read_text() * 3000)
    process = train(text, {"tokenizer.name": "char"})
    process.wait_for("training the char tokenizer")
    process.send(number)
    answer = process.end()
    assert answer.code == code  # -SIGTERM is 143 to a shell
    assert answer.err == "interrupted before training began: nothing was saved\n" * (number == signal.SIGINT)
    assert not (text / "runs/x").exists()
    assert [path.name for path in (text / "runs/.prepared").glob("[!.]*/")] == []


def test_a_second_process_is_kept_out_of_a_run(run: Command, text: Path) -> None:
    first = train(text, SLOW)
    first.wait_for(r"step 20: epoch")
    for options in (["--resume"], ["--overwrite"], []):
        answer = run("train", "x.yaml", *options)
        refused(answer, f"runs/x: another process trains there (process {first.pid} on {os.uname().nodename})")
    first.send(signal.SIGTERM)
    assert first.end().code == 143
    assert len(whole(text / "runs/x")) == 1
    assert not (text / "runs/x/.lock").exists()


def test_a_killed_process_leaves_no_lock(run: Command, text: Path) -> None:
    first = train(text, SLOW)
    first.wait_for(TRAINING)
    first.send(signal.SIGKILL)
    assert first.end().code == -signal.SIGKILL
    assert (text / "runs/x/.lock").exists()
    assert run("train", "x.yaml", "--overwrite").code == 0


@pytest.mark.parametrize(("largest", "named"), [(400, "runs/.prepared/"), (8_000, "runs/x/checkpoints/step-4: ")])
def test_files_that_may_grow_no_more_end_a_run_which_goes_on_to_the_same_bits(
    trained: Path, text: Path, largest: int, named: str
) -> None:
    answer = train(text, {}, largest_file=largest).end()
    refused(answer, named)
    assert "cannot be written (" in answer.err
    assert "File too large" in answer.err
    assert train(text, {}, "--resume").end().code == 0
    for file in (trained / "runs/x/checkpoints/step-8").glob("*.safetensors"):
        assert (text / "runs/x/checkpoints/step-8" / file.name).read_bytes() == file.read_bytes()


@pytest.mark.parametrize("name", ["train.log", "metrics.jsonl", "checkpoints/best.json", "plots/curves.png"])
def test_a_disk_that_is_full_all_at_once_is_named_with_the_file(
    run: Command, text: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """From update 5 on, after the first checkpoint, the device that is always full stands for the file."""
    fit = training.fit

    def full(*arguments: Any, **named: Any) -> Iterator[Event]:
        for event in fit(*arguments, **named):
            if isinstance(event, Updated) and event.step == 5:
                (text / "runs/x/plots").mkdir()
                (text / "runs/x" / name).unlink(missing_ok=True)
                (text / "runs/x" / name).symlink_to("/dev/full")
            yield event

    monkeypatch.setattr(training, "fit", full)
    answer = run("train", "x.yaml")
    refused(answer, f"runs/x/{name}: cannot be written (No space left on device)")
    assert "step-4" in whole(text / "runs/x")


@pytest.mark.skipif(os.geteuid() == 0, reason="to root every folder is open")
@pytest.mark.parametrize("closed", ["runs/x", "runs/x/checkpoints"])
def test_a_folder_that_may_not_be_written_to_is_named(run: Command, trained: Path, folder: Path, closed: str) -> None:
    shutil.copytree(trained, folder, dirs_exist_ok=True)
    (folder / closed).chmod(0o555)
    answer = run("train", "x.yaml", "--resume", "--set", "training.max_updates=12")
    (folder / closed).chmod(0o755)
    refused(answer, closed)
    assert whole(folder / "runs/x") == ["step-4", "step-8"]


def test_the_codes_stand_in_the_help(run: Command) -> None:
    shown = " ".join(run("train", "--help").out.split())
    assert "Ctrl-C (exit code 130) and SIGTERM (143) save and stop" in shown
