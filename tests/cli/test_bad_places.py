"""Names and places that nothing can be read from or written to: one error that names them, never a traceback."""

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from command_line import Command

PLACES = ["locked/x", "long" * 75, "loop"]
COMMANDS = [
    "info {}",
    "translate {}",
    "translate runs/x --checkpoint step-999{}",
    "translate runs/x --input {}",
    "translate runs/x --input {} --output new",
    "translate runs/x --input text.en --output {}",
    "translate runs/x --input text.en --json {}",
    "evaluate {} --source text.en --reference text.de",
    "evaluate runs/x --source text.en --reference {}",
    "evaluate runs/x --source text.en --reference text.de --output {}",
    "align runs/x --source text.en --target text.de --output {}",
    "align runs/x --source text.en --target text.de --heatmaps {}",
    "export {} --to ctranslate2",
    "train {}",
    "train x.yaml --run {}",
    "train x.yaml --run {} --resume",
    "train x.yaml --run {} --overwrite",
    "new --source text.en --target text.de --output {}",
    "new --source {} --target text.de",
    "data sample {}",
    "data check --source {} --target text.de",
]


@pytest.fixture
def places(trained: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a run, a folder that may not be entered, not even by root, and a link that leads to itself."""
    shutil.copytree(trained, folder, dirs_exist_ok=True)
    (folder / "loop").symlink_to("loop")
    (folder / "locked").touch()
    for name in ("stat", "open", "mkdir"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))
    return folder


def refusing(call: Any) -> Any:
    """A function of `os` that the operating system does not let look into `locked`."""

    def refused(path: Any, *arguments: Any, **named: Any) -> Any:
        if isinstance(path, (str, Path)) and "locked" in Path(path).parts[:-1]:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return call(path, *arguments, **named)

    return refused


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ascii(place)[1:12])
@pytest.mark.parametrize("command", COMMANDS)
def test_it_is_refused_by_its_name(run: Command, places: Path, command: str, place: str) -> None:
    answer = run(*(word.format(place) for word in command.split()))
    lines = [line for line in answer.err.splitlines() if line.startswith("error: ")]
    assert answer.code == 2
    assert len(lines) == 1
    assert place[:8] in lines[0]  # no word of a reason


def test_a_folder_is_no_place_for_a_config(run: Command, folder: Path) -> None:
    answer = run("new", "--source", "text.en", "--target", "text.de", "--output", ".")
    assert (answer.code, answer.err) == (2, "error: .: is a folder\nhint: --output names a file in it\n")


def test_a_run_that_is_not_there_and_its_output_have_one_name(run: Command, folder: Path) -> None:
    assert run("translate", "new", "--output", "new").err.startswith("error: new: no such run directory\n")


@pytest.mark.parametrize("place", [*PLACES, "long" * 1250, "nul\0"], ids=lambda place: ascii(place)[1:12])
def test_a_run_to_start_from_is_refused_by_its_name(run: Command, places: Path, place: str) -> None:
    answer = run("train", "x.yaml", "--run", "new", "--set", f"training.start_from={json.dumps(place)}")
    assert answer.code == 2
    assert f"error: {place[:3]}" in answer.err.replace("'", "")
    assert not (places / "new").exists()


def test_what_nothing_nearer_explains_is_told_with_its_file(
    run: Command, places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), "runs/x/metrics.jsonl")

    monkeypatch.setattr("nmt.checkpoint.check_inside", failing)
    answer = run("info", "runs/x")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "error: runs/x/metrics.jsonl: Input/output error\n"
