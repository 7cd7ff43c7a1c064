"""What a kill has hit, what makes two runs differ, the tables; and, slow, kills and failing disks themselves."""

import json
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from experiments import disk_faults, kill
from experiments.exactness import damaged, differences, newest

from nmt.storage.manifest import whole_directory, write_json

DUE = "2026-01-01 00:00:00 step 20: epoch 1, loss 3.0\n"
BEGAN = "2026-01-01 00:00:00 step 0: training 12 parameters on cpu in float32\n"


def checkpoint(run: Path, **state: object) -> Path:
    with whole_directory(run / "checkpoints" / "step-20") as folder:
        write_json(
            folder / "state.json", {"step": 20, "seconds": 1.0, "window": {"seconds": 2.0, "loss": 1.0}, **state}
        )
        (folder / "model.safetensors").write_bytes(b"weights")
    return run / "checkpoints" / "step-20"


@pytest.mark.parametrize(
    ("rest", "log", "seconds", "phase"),
    [
        ("", "", 0.9, "in the first second"),
        ("", "", 1.1, "starting"),
        ("", BEGAN, 3.0, "updating"),
        (".writing-step-20", BEGAN + DUE, 3.0, "writing a checkpoint"),
        (".removed-step-10", BEGAN, 3.0, "writing a checkpoint"),
        ("step-20", BEGAN + DUE, 3.0, "validating"),
        ("step-20", BEGAN + DUE.replace("20", "30"), 3.0, "updating"),
        ("step-20", BEGAN + DUE + DUE.replace("epoch 1", "validation of step-20"), 3.0, "updating"),
    ],
)
def test_what_a_kill_hit_is_read_from_what_it_left(
    tmp_path: Path, rest: str, log: str, seconds: float, phase: str
) -> None:
    (tmp_path / "checkpoints" / rest).mkdir(parents=True)
    assert kill.phase(tmp_path, log, seconds) == phase


def test_a_run_that_ends_too_soon_is_trained_once_more_and_killed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    well, lost = kill.Killed("updating", survived=True), kill.Killed("starting", survived=False)
    killed, ended = iter([well, None, lost, well]), []
    monkeypatch.setattr(kill, "kill_once", lambda start, *_: next(killed))
    monkeypatch.setattr(kill, "write_recipe", lambda folder, model: folder / f"{model}.yaml")
    monkeypatch.setattr(kill, "trained", lambda start: ended.append(start.run.name))
    monkeypatch.setattr(kill, "logged", lambda run: "2026-01-01 00:00:00 step 9: stopped\n")
    monkeypatch.setattr(kill, "differences", lambda alone, run: [run.name])
    found = kill.trial(tmp_path, "rnn", kills=3, seed=1)
    assert ended == ["alone", "killed-1", "killed-2"]
    assert (found["survived"], found["lost"], found["different"]) == (2, 1, ["killed-1", "killed-2"])


def test_runs_differ_in_everything_but_clocks_and_the_log(tmp_path: Path) -> None:
    for name, seconds in (("left", 1.0), ("right", 9.0)):
        checkpoint(tmp_path / name, seconds=seconds)
        line = {"event": "train", "step": 20, "loss": 1.0, "seconds": seconds}
        (tmp_path / name / "metrics.jsonl").write_text(json.dumps(line) + "\n")
        (tmp_path / name / "train.log").write_text(name)
    assert differences(tmp_path / "left", tmp_path / "right") == []
    (checkpoint(tmp_path / "left", seconds=3.0, baseline=0.5) / "model.safetensors").write_bytes(b"other")
    (tmp_path / "right" / ".lock").write_text("")
    found = differences(tmp_path / "left", tmp_path / "right")
    assert found == [".lock", "checkpoints/step-20/model.safetensors", "checkpoints/step-20/state.json"]
    assert damaged(tmp_path / "left") != []
    assert (damaged(tmp_path / "right"), newest(tmp_path / "right"), newest(tmp_path)) == ([], 20, 0)


def test_tables_count_what_survived_and_what_was_lost() -> None:
    kills = dict(zip(kill.PHASES, (4, 1, 9, 6, 5), strict=True))
    figures = {"rnn": {"kills": kills, "survived": 24, "lost": 1, "different": []}}
    assert kill.table(figures).splitlines()[2] == "| rnn | 4 | 1 | 9 | 6 | 5 | **24** | **1** | the same bits |"
    outcome = {"trials": 6, "refused": 5, "survived": 6, "named": ["runs/x", "train.log"], "wrong": []}
    first = disk_faults.table({"full": outcome}).splitlines()[2]
    assert first == "| no room left: disks of 6 sizes | 6 | 5 | **6** | **0** | `runs/x`, `train.log` |"


@pytest.mark.slow
@pytest.mark.parametrize("model", ["rnn", "transformer"])
def test_a_few_kills_change_no_bit(tmp_path: Path, model: str) -> None:
    found = kill.trial(tmp_path, model, kills=5, seed=3, max_updates=60)
    assert (found["lost"], found["different"]) == (0, [])
    assert Counter(found["kills"]).total() == 5


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("unshare") or os.geteuid() != 0, reason="disks are mounted by root")
def test_a_disk_that_vanishes_changes_no_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/reliability.md").write_text("<!-- table: disk_faults -->\n<!-- end -->\n")
    root = Path(__file__).parents[2]
    paths = os.pathsep.join(map(str, (root, root / "scripts")))
    command = [str(root / ".venv/bin/python"), "-m", "experiments.disk_faults", "vanished"]
    subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths}, check=True)
    (found,) = json.loads((tmp_path / "docs/results/disk_faults.json").read_text()).values()
    assert (found["survived"], found["refused"], found["trials"]) == (4, 4, 4)
