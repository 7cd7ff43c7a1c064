"""Small runs with everything on that resuming has to keep, processes that train them, and what tells two runs apart.

Nothing that a clock says is compared: `events.CLOCK_FIELDS` of metrics.jsonl, CLOCKS of state.json, and train.log.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from nmt.data.sample import write_sample
from nmt.events import CLOCK_FIELDS
from nmt.storage.manifest import damage

DOCUMENT = Path("docs/reliability.md")
CLOCKS = ("seconds", "cpu_seconds", "counted")
PAIRS = {"train": 400, "valid": 60}
LOGGED = 20  # updates: a line of train.log says that such an update is done, and a validation follows it at once
MODELS: dict[str, dict[str, Any]] = {
    "rnn": {
        "embedding_size": 32,
        "encoder": {"name": "rnn", "size": 32},
        "decoder": {"name": "rnn", "size": 64, "attention": {"score": "additive"}},
    },
    "transformer": {
        "embedding_size": 32,
        "encoder": {"name": "transformer", "num_layers": 1, "heads": 2, "feed_forward_size": 64},
        "decoder": {"name": "transformer", "num_layers": 1, "heads": 2, "feed_forward_size": 64},
    },
}
TRAINING = {
    "batch_tokens": 128,
    "accumulate": 2,
    "precision": "bfloat16",
    "optimizer": {"learning_rate": 0.01},
    "schedule": {"name": "constant", "warmup": 20},
    "max_updates": 1000,
    "validate_every": LOGGED,
    "checkpoint_every": 10,
    "keep_last": 2,
    "average_last": 3,
    "patience": 4,
    "select_by": "loss",
}


def write_recipe(folder: Path, model: str, **training: Any) -> Path:
    """A corpus of short sentences and the recipe of one of MODELS, with dropout, accumulation, bfloat16, averaging and
    early stopping. `training` changes keys of TRAINING."""
    folder.mkdir(parents=True, exist_ok=True)
    write_sample(folder / "sample")
    for name, pairs in PAIRS.items():
        for side in ("en", "de"):
            lines = (folder / "sample" / f"{name}.{side}").read_text("utf-8").splitlines(True)
            (folder / f"{name}.{side}").write_text("".join(lines[:pairs]), "utf-8")
    texts = {name: {"source": str(folder / f"{name}.en"), "target": str(folder / f"{name}.de")} for name in PAIRS}
    recipe = {
        "data": texts,
        "tokenizer": "word",
        "model": {**MODELS[model], "dropout": 0.2},
        "training": {**TRAINING, **training},
    }
    (folder / f"{model}.yaml").write_text(yaml.safe_dump(recipe), "utf-8")
    return folder / f"{model}.yaml"


class Start(NamedTuple):
    """What is trained, where, and what is done in the process before the program begins; what it prints is added to
    a file."""

    recipe: Path
    run: Path
    output: Path
    folder: Path | None = None
    before: Callable[[], None] | None = None


def train(start: Start) -> subprocess.Popen[bytes]:
    """Start `nmt train` with one thread, to begin the run or to go on with it, in the recipe's folder or another."""
    command = [sys.executable, "-m", "nmt", "train", str(start.recipe), "--run", str(start.run), "--resume"]
    paths = os.pathsep.join(str(Path(path).resolve()) for path in sys.path if path)
    with start.output.open("ab") as file:
        return subprocess.Popen(
            command,
            cwd=start.folder or start.recipe.parent,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths},
            preexec_fn=start.before,  # noqa: PLW1509 (no threads here)
        )


def trained(start: Start) -> None:
    """Train to the end. Raises: RuntimeError with what was printed when that fails."""
    if train(start).wait():
        raise RuntimeError(start.output.read_text("utf-8", "replace"))


def logged(run: Path, start: int = 0) -> str:
    """What train.log has after so many characters."""
    path = run / "train.log"
    return path.read_text("utf-8", "replace")[start:] if path.exists() else ""


def checkpoints(run: Path) -> list[Path]:
    """What stands under the name of a checkpoint."""
    return sorted(path for path in (run / "checkpoints").glob("*") if path.is_dir() and path.name[0] != ".")


def newest(run: Path) -> int:
    """The update of the newest checkpoint; 0 without one."""
    return max((int(path.name[5:]) for path in checkpoints(run) if path.name[:5] == "step-"), default=0)


def damaged(run: Path) -> list[str]:
    """What is wrong with checkpoints that stand under their names: it should be nothing, whatever happened."""
    return [wrong for path in checkpoints(run) if (wrong := damage(path))]


def differences(left: Path, right: Path) -> list[str]:
    """The files of one run that are not, bit for bit, those of the other."""
    names = sorted(files(left) | files(right))
    return [name for name in names if content(left / name) != content(right / name)]


def files(run: Path) -> set[str]:
    """What a run leaves, the log, which is all clock, left out."""
    found = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    return found - {"train.log"}


def content(path: Path) -> object:
    """A file without what was read from a clock; None where there is none."""
    if not path.exists():
        return None
    if path.name == "metrics.jsonl":
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        return [{key: value for key, value in line.items() if key not in CLOCK_FIELDS} for line in lines]
    if path.name == "state.json":
        state = json.loads(path.read_text("utf-8"))
        state.get("window", {}).pop("seconds", None)
        return {key: value for key, value in state.items() if key not in CLOCKS}
    if path.name == "manifest.json" and path.parent.parent.name == "checkpoints":
        return {k: v for k, v in json.loads(path.read_text("utf-8"))["files"].items() if k != "state.json"}
    return path.read_bytes()
