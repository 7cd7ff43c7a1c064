"""Minutes of training until greedy BLEU on Multi30k's validation set first passes 30, 35 and 38: configs/multi30k/
fastest.yaml and fastest_risk.yaml after it, with three seeds, and a peer's plain loop with a few settings.

Both sides compute with one thread. Minutes are CPU-minutes of the updates alone: neither validation nor start. A mark
is passed at the first validation at or above it. The test set is translated by the weights of the last update, and
scored once a recipe: for ours of every seed, for the peer's setting that is soonest on the validation set.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks import environments, exchange
from benchmarks.contest import ADAPTERS, vocabulary_size
from experiments.pictures import Panel, draw
from experiments.results import (
    Stage,
    keep_result,
    markdown,
    measured,
    measured_at,
    read_results,
    training_figures,
    write_table,
)

from nmt.cli.allocator import SETTINGS
from nmt.config import Config, load_config
from nmt.data.corpus import read_lines
from nmt.data.prepare import prepare
from nmt.metrics.bleu import Score, make_metric, score
from nmt.search import Greedy
from nmt.translate import Decoding, Translator
from nmt.visualize.curves import read_events

EXPERIMENT = "time_to_bleu"
RECIPE, AFTER = Path("configs/multi30k/fastest.yaml"), Path("configs/multi30k/fastest_risk.yaml")
DATA = Path("data/multi30k")
SOURCE, REFERENCE = DATA / "test_2016_flickr.en", DATA / "test_2016_flickr.de"
RUNS = Path("runs/time_to_bleu")
DOCUMENT, PICTURE = Path("docs/benchmarks.md"), Path("docs/pictures/time_to_bleu.png")
MARKS = (30, 35, 38)
MAX_MINUTES = 110.0
OURS = {f"ours, seed {seed}": seed for seed in (1, 2, 3)}


class Setting(NamedTuple):
    """How the peer trains; its schedule is a linear warm-up and a half cosine to 0 at the last update."""

    layers: int
    size: int
    ffn_dim: int
    vocabulary_size: int
    dropout: float
    learning_rate: float
    warmup: int
    updates: int
    batch_tokens: int
    precision: str

    @property
    def words(self) -> str:
        return (
            f"{self.layers}+{self.layers} {self.size}/{self.ffn_dim}, {self.vocabulary_size:,} pieces, dropout "
            f"{self.dropout}, rate {self.learning_rate:g}, {self.updates:,} updates of {self.batch_tokens:,} tokens, "
            f"{self.precision}"
        )


PEERS = {
    "Hugging Face 1": Setting(2, 256, 512, 4000, 0.2, 1.5e-3, 400, 2600, 1536, "float32"),
    "Hugging Face 2": Setting(2, 256, 512, 4000, 0.1, 7e-4, 400, 2600, 1536, "float32"),
    "Hugging Face 3": Setting(2, 256, 512, 4000, 0.2, 1e-3, 400, 7800, 1536, "float32"),
    "Hugging Face 4": Setting(3, 256, 1024, 4000, 0.2, 1e-3, 400, 2600, 1536, "float32"),
}


class Point(NamedTuple):
    """A validation: CPU-minutes of the updates before it, and BLEU."""

    cpu_minutes: float
    bleu: float


def main(arguments: list[str] | None = None) -> None:
    root = argparse.ArgumentParser(prog="scripts/experiments/time_to_bleu", description=__doc__)
    root.add_argument("names", nargs="*", metavar="NAME", help=f"of {'; '.join((*OURS, *PEERS))}: all if left out")
    root.add_argument("--table", action="store_true", help="only write table and picture anew from what is kept")
    asked = root.parse_args(arguments)
    if unknown := set(asked.names) - {*OURS, *PEERS}:
        sys.exit(f"no name {', '.join(sorted(unknown))}\nhint: --help prints the names")
    if not SOURCE.exists():
        sys.exit(f"{SOURCE}: missing\nhint: nmt data get multi30k-en-de  (or with --from FOLDER)")
    for name in () if asked.table else asked.names or (*OURS, *PEERS):
        own(name) if name in OURS else peer(name)
        write()
    if all(name in read_results(EXPERIMENT) for name in PEERS):
        score_best_peer()
    write()


def own(name: str) -> None:
    """Train fastest.yaml and fastest_risk.yaml after it with a seed, and keep their figures."""
    seed = [f"training.seed={OURS[name]}"]
    first, second = (RUNS / str(OURS[name]) / recipe.stem for recipe in (RECIPE, AFTER))
    changes = [*seed, f"training.start_from={first}"]
    measure = partial(own_figures, first, second)
    measured(EXPERIMENT, name, AFTER, second, measure, changes, [Stage(RECIPE, first, seed)])


def own_figures(*runs: Path) -> dict[str, Any]:
    """Of runs that followed one another, each from the best weights of the one before."""
    curve = curve_of([read_events(run / "metrics.jsonl") for run in runs])
    greedy = Greedy.Options()
    translator = Translator.load(runs[-1], "last", "cpu")
    tested = test_score(translator.translate(read_lines(SOURCE), Decoding(greedy)))
    parameters = sum(parameter.numel() for parameter in translator.model.parameters())
    updates = sum(training_figures(run)["updates"] for run in runs)
    return {"parameters": parameters, "updates": updates, **figures(curve), **tested}


def curve_of(runs: Iterable[Iterable[Mapping[str, Any]]]) -> list[Point]:
    """The validations of runs that followed one another, by the minutes of all so far."""
    curve: list[Point] = []
    for events in runs:
        before = curve[-1].cpu_minutes if curve else 0.0
        validations = [event for event in events if event["event"] == "validation" and event["checkpoint"] != "average"]
        curve += [Point(before + event["cpu_minutes"], event["bleu"]) for event in validations]
    return curve


def figures(curve: Sequence[Point]) -> dict[str, Any]:
    """When each mark was passed (none: it was not), and the whole curve."""
    passed = {str(mark): next((point for point in curve if point.bleu >= mark), None) for mark in MARKS}
    return {
        "cpu_minutes": round(curve[-1].cpu_minutes, 2),
        "passed": {mark: point and round(point.cpu_minutes, 2) for mark, point in passed.items()},
        "valid_greedy": round(curve[-1].bleu, 2),
        "curve": [[round(point.cpu_minutes, 3), round(point.bleu, 2)] for point in curve],
    }


def test_score(lines: Sequence[str]) -> dict[str, Any]:
    tested = bleu(lines, REFERENCE)
    return {"test": round(tested.value, 2), "signature": tested.signature}


def bleu(lines: Sequence[str], reference: Path) -> Score:
    return score(list(lines), list(read_lines(reference)), make_metric("bleu", lowercase=True))


def peer(name: str) -> None:
    """Train the peer with a setting, until its last update or until it cannot be the soonest any more."""
    kept = read_results(EXPERIMENT)
    if kept.get(name, {}).get("setting") == PEERS[name]._asdict():
        return
    limit = min(MAX_MINUTES, latest(best_peer({other: kept[other] for other in kept if other != name}), kept))
    curve: list[Point] = []
    config = load_config(RECIPE, [f"tokenizer.vocabulary_size={PEERS[name].vocabulary_size}"])
    decode = prepare(config.data, config.tokenizer, config.training.seed).tokenizers.target.decode
    for event in events_of(PEERS[name], config, limit):
        texts = [decode(line.split()) for line in event["valid"]]
        curve.append(Point(event["cpu_minutes"], bleu(texts, config.data.valid.targets[0]).value))
        print(f"{name}: update {event['step']}, {curve[-1].cpu_minutes:.1f} CPU-minutes, BLEU {curve[-1].bleu:.2f}")
        sys.stdout.flush()
        if "test" in event:
            (RUNS / f"{name}.hyp").write_text("".join(f"{decode(line.split())}\n" for line in event["test"]), "utf-8")
    keep_result(EXPERIMENT, name, {"setting": PEERS[name]._asdict(), **figures(curve)})


def latest(best: str | None, kept: Mapping[str, Any]) -> float:
    """When the best setting passed the last mark: whatever comes later than that cannot be the best any more."""
    return (best and kept[best]["passed"][str(MARKS[-1])]) or MAX_MINUTES


def events_of(setting: Setting, config: Config, limit: float) -> Iterator[dict[str, Any]]:
    """The validations of the peer's training as they come; the program is ended after `limit` CPU-minutes."""
    RUNS.mkdir(parents=True, exist_ok=True)
    model = {"layers": setting.layers, "size": setting.size, "ffn_dim": setting.ffn_dim, "heads": 4}
    dropout = {"dropout": setting.dropout, "activation_dropout": setting.dropout}
    spec = setting._asdict() | {
        "model": {**model, **dropout},
        "text": str(exchange.text(config)),
        "vocabulary_size": vocabulary_size(config),
        "threads": 1,
        "seed": 1,
        "validate_every": 100,
        "beam_size": 1,
        "batch_sentences": 64,
        "max_length": 50,
    }
    python = str(environments.python("huggingface"))
    command = [python, str(ADAPTERS / "huggingface_quality.py"), json.dumps(spec)]
    with tempfile.TemporaryFile("w+") as said:
        variables = {**os.environ, **SETTINGS, "PYTHONPATH": "", "OMP_NUM_THREADS": "1"}
        with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=said, text=True) as process:
            assert process.stdout is not None, "it was asked for"
            for line in process.stdout:
                event = json.loads(line)
                yield event
                if event["cpu_minutes"] > limit:
                    process.terminate()
        if process.returncode > 0:
            said.seek(0)
            sys.exit(f"{command[1]} did not run:\n" + "".join(said.readlines()[-12:]))


def best_peer(kept: Mapping[str, Any]) -> str | None:
    """The setting that is first at the highest mark that any has passed; of those that passed none, the best BLEU."""
    found = [name for name in PEERS if name in kept]
    return min(found, key=lambda name: order(kept[name]), default=None)


def order(result: Mapping[str, Any]) -> tuple[float, ...]:
    """Sorts results from soon to late: by the last mark first, a mark that was not passed after all that were."""
    return (*(result["passed"][str(mark)] or float("inf") for mark in reversed(MARKS)), -result["valid_greedy"])


def score_best_peer() -> None:
    """Score the test translations of the best setting, if that has come to its last update."""
    kept = read_results(EXPERIMENT)
    name = best_peer(kept)
    path = RUNS / f"{name}.hyp"
    if name and "test" not in kept[name] and path.exists():
        keep_result(EXPERIMENT, name, kept[name] | test_score(list(read_lines(path))))


def write() -> None:
    """Table and picture of what has been measured so far."""
    kept = read_results(EXPERIMENT)
    write_table(DOCUMENT, EXPERIMENT, table(kept))
    best = best_peer(kept)
    shown = [name for name in (*OURS, best) if name in kept]
    lines = {name: [tuple(point) for point in kept[name]["curve"]] for name in shown}
    draw(
        [Panel("", "CPU-minutes of training, one thread", "greedy BLEU, validation", lines, levels=MARKS)],
        PICTURE,
        7.5,
        4.4,
    )


def table(kept: Mapping[str, Any]) -> str:
    """A row for each run, the medians of ours, by how much they are less than the soonest peer's, and where that
    was."""
    header = ["run", *(f"to BLEU {mark}" for mark in MARKS), "all updates", "valid BLEU then", "test BLEU then"]
    rows = [row(name, kept[name]) for name in (*OURS, *PEERS) if name in kept]
    ours, peers = ([kept[name] for name in names if name in kept] for names in (OURS, PEERS))
    if ours:
        middle = [middle_of(ours, mark) for mark in MARKS]
        rows.insert(len(ours), ["**ours, median**", *(f"**{minutes(value)}**" for value in middle), "", "", ""])
        if peers:
            ratios = [share(value, peers, mark) for value, mark in zip(middle, MARKS, strict=True)]
            rows.append(["**ours / the soonest peer**", *(f"**{ratio}**" for ratio in ratios), "", "", ""])
    settings = [f"- {name}: {Setting(**kept[name]['setting']).words}" for name in PEERS if name in kept]
    told = measured_at(kept[name] for name in (*OURS, *PEERS) if name in kept)
    return "\n\n".join(filter(None, (markdown(header, rows), "\n".join(settings), told)))


def row(name: str, result: Mapping[str, Any]) -> list[str]:
    passed = [minutes(result["passed"][str(mark)]) for mark in MARKS]
    tested = f"**{result['test']:.1f}**" if "test" in result else "–"
    return [name, *passed, minutes(result["cpu_minutes"]), f"{result['valid_greedy']:.1f}", tested]


def middle_of(results: Sequence[Mapping[str, Any]], mark: int) -> float | None:
    """The median; none where half of the runs or more have not passed the mark."""
    found = median(result["passed"][str(mark)] or float("inf") for result in results)
    return found if found < float("inf") else None


def minutes(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def share(value: float | None, peers: Sequence[Mapping[str, Any]], mark: int) -> str:
    """Our minutes over those of the setting that passed the mark first; where none had when it ended, less than those
    over the longest's."""
    if value is None:
        return "–"
    passed = [peer["passed"][str(mark)] for peer in peers if peer["passed"][str(mark)]]
    longest = max(peer["cpu_minutes"] for peer in peers)
    return f"{value / min(passed):.2f}×" if passed else f"< {value / longest:.2f}×"


if __name__ == "__main__":
    main()
