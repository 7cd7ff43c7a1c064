"""Long runs: what `nmt train` and `nmt translate` hold of memory, open files and threads, seen from outside.

A run's first quarter is its warm-up. Of what comes after it, the resident size at its beginning and at its end are
medians of a tenth each, and the largest one is that of a single instant.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from experiments.results import keep_result, markdown, measured_at, read_results, write_table

from nmt.data.corpus import read_lines
from nmt.data.sample import write_sample
from nmt.visualize.curves import read_events
from nmt.yaml_source import dump

EXPERIMENT, DOCUMENT = "long_runs", Path("docs/reliability.md")
UPDATES, LINES, WORDS = 2800, 270_000, 8  # three quarters: 2,100 updates, 202,500 lines
SECONDS = 0.5  # between two looks at a training
EVERY = 2000  # lines between two looks at a translation
MODELS: dict[str, dict[str, Any]] = {
    "rnn": {"encoder": {"name": "rnn", "size": 64}, "decoder": {"name": "rnn", "size": 128}},
    "transformer": {
        part: {"name": "transformer", "num_layers": 2, "heads": 4, "feed_forward_size": 256}
        for part in ("encoder", "decoder")
    },
}
TRAINING = {"batch_tokens": 512, "validate_every": 200, "checkpoint_every": 200, "patience": None}


class Seen(NamedTuple):
    """A process at one instant, after so many updates or lines: resident bytes, open files and threads."""

    at: int
    resident: int
    files: int
    threads: int


def look(process: int, at: int) -> Seen:
    """What the kernel tells of a process."""
    home = Path(f"/proc/{process}")
    fields = dict(line.split(":", 1) for line in (home / "status").read_text().splitlines())
    resident = 1024 * int(fields["VmRSS"].split()[0])
    return Seen(at, resident, len(os.listdir(home / "fd")), len(os.listdir(home / "task")))


def train(folder: Path, model: str, precision: str, updates: int = UPDATES) -> Iterator[Seen]:
    """`nmt train` with validations and checkpoints, seen at regular times."""
    text = {name: {"source": f"{folder}/{name}.en", "target": f"{folder}/{name}.de"} for name in ("train", "valid")}
    config = {
        "data": text,
        "tokenizer": {"name": "bpe", "vocabulary_size": 1000},
        "model": {"embedding_size": 64, **MODELS[model]},
        "training": {**TRAINING, "precision": precision, "max_updates": updates},
    }
    write_sample(folder)
    (folder / "long.yaml").write_text(dump(config), encoding="utf-8")
    run = folder / "run"
    process = subprocess.Popen(_command("train", "long.yaml", "--run", "run"), cwd=folder, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        step = _step(run / "metrics.jsonl")
        if 0 < step < updates:  # a run that begins or ends does other things
            yield look(process.pid, step)
        time.sleep(SECONDS)
    _check(process)


def translate(folder: Path, model: str) -> Iterator[Seen]:
    """`nmt translate` of short lines, repeated, by a model that knows a little; seen when so many have come out."""
    for _ in train(folder, model, "float32", updates=400):
        pass
    short = [line for line in read_lines(folder / "train.en") if len(line.split()) <= WORDS]
    lines = (short[number % len(short)] for number in range(LINES))
    (folder / "long.en").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    command = _command("translate", "run", "--input", "long.en", "--beam-size", "2", "--max-length", "12")
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE)
    assert process.stdout is not None
    count = 0
    for count, _ in enumerate(process.stdout, 1):
        if count % EVERY == 0 and count < LINES:
            yield look(process.pid, count)
    assert count == LINES, f"{count} lines"
    process.wait()
    _check(process)


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "nmt", *arguments]


def _check(process: "subprocess.Popen[bytes]") -> None:
    if process.returncode:
        sys.exit(process.returncode)


def _step(metrics: Path) -> int:
    """The last update that a training has told of; 0 before the first."""
    events = read_events(metrics) if metrics.exists() else []
    return int(events[-1]["step"]) if events else 0


RUNS: dict[str, Callable[[Path], Iterator[Seen]]] = {
    f"train {model} {precision}": partial(train, model=model, precision=precision)
    for model in MODELS
    for precision in ("float32", "bfloat16")
}
RUNS |= {f"translate {model}": partial(translate, model=model) for model in MODELS}


def figures(seen: Sequence[Seen], total: int) -> dict[str, Any]:
    """What became of memory, files and threads after the warm-up."""
    after = [one for one in seen if one.at >= total / 4]
    tenth = max(1, len(after) // 10)
    parts = [after[start : start + tenth] for start in range(0, len(after), tenth)]
    tenths = [int(median(one.resident for one in part)) for part in parts[:10]]
    return {
        "looks": len(after),
        "first_bytes": tenths[0],
        "last_bytes": tenths[-1],
        "tenths": tenths,
        "largest_bytes": max(one.resident for one in after),
        "files": [max(one.files for one in part) for part in (after[: len(after) // 2], after[len(after) // 2 :])],
        "threads": [max(one.threads for one in part) for part in (after[: len(after) // 2], after[len(after) // 2 :])],
    }


def measure(name: str) -> None:
    """Make one long run and keep its figures."""
    total = LINES if name.startswith("translate") else UPDATES
    with tempfile.TemporaryDirectory(prefix="nmt-long-") as folder:
        found = figures(list(RUNS[name](Path(folder))), total)
    keep_result(EXPERIMENT, name, found)
    growth = found["last_bytes"] / found["first_bytes"] - 1
    print(f"{name}: {found['first_bytes'] / 1e6:,.0f} MB, {growth:+.1%} at the end", flush=True)


def table(kept: Mapping[str, Any]) -> str:
    """A row for each run."""
    header = ["", "over", "MB after warm-up", "MB at the end", "growth", "largest, over the first", "files", "threads"]
    rows = []
    for name in RUNS:
        if found := kept.get(name):
            first, last, largest = (found[f"{which}_bytes"] for which in ("first", "last", "largest"))
            over = f"{LINES:,} lines" if name.startswith("translate") else f"{UPDATES:,} updates"
            growth, most = f"**{last / first - 1:+.1%}**", f"{largest / first - 1:+.1%}"
            counts = [" → ".join(map(str, found[what])) for what in ("files", "threads")]
            rows.append([name, over, f"{first / 1e6:,.0f}", f"{last / 1e6:,.0f}", growth, most, *counts])
    return f"{markdown(header, rows)}\n\n{measured_at(kept.values())}"


def main(arguments: list[str] | None = None) -> None:
    root = argparse.ArgumentParser(prog="scripts/experiments/long_runs", description=__doc__)
    root.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(map(repr, RUNS))}: all if left out")
    root.add_argument("--table", action="store_true", help="only write the table anew from what is kept")
    asked = root.parse_args(arguments)
    if unknown := set(asked.names) - RUNS.keys():
        root.error(f"no run {', '.join(sorted(unknown))}")
    for name in () if asked.table else asked.names or RUNS:
        measure(name)
    write_table(DOCUMENT, EXPERIMENT, table(read_results(EXPERIMENT)))


if __name__ == "__main__":
    main()
