"""What experiments have in common: trained runs, kept figures, and tables in the documents written from them.

docs/results/<experiment>.json holds one object a name; a table stands in a document between two comment lines
`<!-- table: <name> -->` and `<!-- end -->`, and is only ever written here.
"""

import hashlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from benchmarks.machine import commit, describe

from nmt.data.inputs import Line
from nmt.settings_file import read_with_overrides
from nmt.translate import Translator
from nmt.visualize.curves import read_events

RESULTS = Path("docs/results")
COSTS = ("parameters", "training tokens/s", "sentences/s")
COMMIT = commit()  # asked for as this process reads its code: when figures are kept, another may be checked out


class Stage(NamedTuple):
    """A training: its recipe, its run directory, and settings that are other than in the recipe's file."""

    config: Path
    run: Path
    changes: Sequence[str] = ()


def measured(
    experiment: str,
    name: str,
    config: Path,
    run: Path,
    measure: Callable[[], dict[str, Any]],
    changes: Sequence[str] = (),
    before: Sequence[Stage] = (),
) -> dict[str, Any]:
    """The kept figures of a recipe if they are of these settings (by their hash); else it is trained, going on where an
    earlier training was stopped, measured, and its figures kept, with the test scores of the recipe's earlier forms.
    `changes` are settings of the config that are other than in its file: `a.b=value`. Trainings that it starts from
    stand in `before`. All of it is done with one thread, so that CPU-minutes can be compared and the same bits come out
    again."""
    torch.set_num_threads(1)
    stages = (*before, Stage(config, run, changes))
    own_hash = "+".join(recipe_hash(stage.config, stage.changes) for stage in stages)
    kept = read_results(experiment).get(name, {})
    if kept.get("config") != own_hash:
        _check_order([stage.run for stage in stages])
        for stage in stages:
            train(*stage)
        scored = [*kept.get("scored_before", []), [kept["test"], "an earlier recipe"]] if "test" in kept else []
        earlier = {"scored_before": scored} if scored else {}
        keep_result(experiment, name, {"config": own_hash, **training_figures(run), **measure(), **earlier})
    figures: dict[str, Any] = read_results(experiment)[name]
    return figures


def _check_order(runs: Sequence[Path]) -> None:
    """Leave with a message where a run is there and one that it starts from is not: it began with other weights."""
    there = [run.exists() for run in runs]
    if there != sorted(there, reverse=True):
        sys.exit(f"{runs[there.index(False)]}: missing, and what started from it is there\nhint: remove that, too")


def recipe_hash(config: Path, changes: Sequence[str] = ()) -> str:
    """64 hexadecimal digits of the settings as they are written: the same when the program gets new keys."""
    written = read_with_overrides(config, changes).data
    return hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()


def known(names: Collection[str], choice: Collection[str]) -> Collection[str]:
    """The names asked for, or the whole choice if none are; for one that is not in it, leave with a message."""
    unknown = sorted(set(names) - set(choice))
    if unknown:
        sys.exit(f"no name {', '.join(unknown)}\nhint: there are {'; '.join(choice)}")
    return names or choice


def train(config: Path, run: Path, changes: Sequence[str] = ()) -> None:
    """Train a recipe, or go on with it; where that is refused or interrupted, leave with its exit code."""
    command = [sys.executable, "-m", "nmt", "train", str(config), "--run", str(run), "--resume", "--threads", "1"]
    changed = [part for change in changes for part in ("--set", change)]
    code = subprocess.run([*command, *changed], check=False).returncode
    if code:
        print(f"{config}: not trained to its end; after a change of the recipe, remove {run} first", file=sys.stderr)
        sys.exit(code)


def training_figures(run: Path) -> dict[str, Any]:
    """What training itself tells: updates, CPU-minutes, and BLEU of greedy validation at the best checkpoint."""
    events = [event for event in read_events(run / "metrics.jsonl") if event["event"] == "validation"]
    best = max(event["bleu"] for event in events if event["checkpoint"] != "average")
    last = events[-1]
    return {"updates": last["step"], "cpu_minutes": round(last["cpu_minutes"], 1), "valid_greedy": round(best, 2)}


def translated(run: Path, translator: Translator, sources: Sequence[Line]) -> tuple[list[str], dict[str, Any]]:
    """The translations of a run's best checkpoint, and what it costs: its parameters, and the speed of training, in
    target pieces, and of translating, in sentences, both a CPU-second."""
    start = time.process_time()
    texts = translator.translate(sources)
    seconds = time.process_time() - start
    return texts, {
        "parameters": sum(p.numel() for p in translator.model.parameters()),
        "sentences_per_second": round(sum(map(bool, texts)) / seconds, 1),
        "tokens_per_second": round(training_speed(read_events(run / "metrics.jsonl"))),
    }


def training_speed(events: Iterable[Mapping[str, Any]]) -> float:
    """Target pieces a CPU-second, over all updates."""
    trained = [event for event in events if event["event"] == "train"]
    return sum(event["tokens"] for event in trained) / (60 * trained[-1]["cpu_minutes"])


def costs(figures: Mapping[str, Any]) -> list[str]:
    """What `translated` found, as it stands in tables under COSTS."""
    return [
        f"{figures['parameters'] / 1e6:.2f} M",
        f"{figures['tokens_per_second']:,}",
        f"{figures['sentences_per_second']:.1f}",
    ]


def read_results(experiment: str) -> dict[str, Any]:
    """The figures kept so far, by name."""
    path = RESULTS / f"{experiment}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def keep_result(experiment: str, name: str, figures: dict[str, Any]) -> None:
    """Add or replace the figures of one name, with what they were measured on and when, unless they say so."""
    results = {**read_results(experiment), name: {**provenance(), **figures}}
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps(dict(sorted(results.items())), indent=1, ensure_ascii=False)
    (RESULTS / f"{experiment}.json").write_text(text + "\n", encoding="utf-8")


def provenance() -> dict[str, Any]:
    """The commit that this process began with, torch, the machine, and the present time."""
    about = describe(1, "cpu")
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"commit": COMMIT, "torch": about["torch"], "machine": about["machine"], "time": now}


def measured_at(kept: Iterable[Mapping[str, Any]]) -> str:
    """The sentence under a table that says of which commits, with which torch and on which machines its figures are, or
    that this was not noted of some of them."""
    kept = list(kept)
    known = [figures for figures in kept if "commit" in figures]
    if not known:
        return "Of code that was not noted." if kept else ""
    commits, torches = (", ".join(sorted({figures[key] for figures in known})) for key in ("commit", "torch"))
    machines = ", ".join(sorted({figures["machine"]["processor"] for figures in known}))
    others = "; some of code that was not noted" if len(known) < len(kept) else ""
    return f"Of commit {commits}, torch {torches}, {machines}{others}."


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; columns after the first are right-aligned."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write_table(document: Path, name: str, table: str) -> None:
    """Put a table between its two comment lines in a document."""
    text = document.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- table: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    assert pattern.search(text), f"{document} has no place for the table {name}"
    document.write_text(pattern.sub(lambda found: f"{found[1]}{table}\n{found[2]}", text), encoding="utf-8")
