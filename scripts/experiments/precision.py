"""What less precision in decoding costs: BLEU of Multi30k's validation and test sets in float32, bfloat16 and int8."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.results import keep_result, markdown, read_results, write_table

EXPERIMENT = "precision"
DATA = Path("data/multi30k")
SETS = {"valid": "val", "test": "test_2016_flickr"}
PRECISIONS = ("float32", "bfloat16", "int8")
RUNS = (Path("runs/multi30k/vaswani2017"), Path("runs/multi30k/bahdanau2015"))
COMMAND = "nmt evaluate RUN --source FILE.en --reference FILE.de --lowercase --beam-size 5 --precision PRECISION"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="scripts/experiments/precision", description=__doc__)
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN", help=f"{' and '.join(map(str, RUNS))} if left out")
    for run in parser.parse_args(arguments).runs or RUNS:
        for precision in PRECISIONS:
            keep_result(EXPERIMENT, f"{run.name} {precision}", measure(run, precision))
            write_table(Path("docs/benchmarks.md"), EXPERIMENT, table(read_results(EXPERIMENT)))


def measure(run: Path, precision: str) -> dict[str, Any]:
    """BLEU of both sets, by `nmt evaluate`."""
    found = {name: evaluate(run, precision, DATA / file) for name, file in SETS.items()}
    scores = {name: round(figures["score"], 2) for name, figures in found.items()}
    return {"run": run.name, "precision": precision, **scores, "signature": found["test"]["signature"]}


def evaluate(run: Path, precision: str, text: Path) -> dict[str, Any]:
    """BLEU and its signature; leaves with the command's exit code where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        files = ["--source", f"{text}.en", "--reference", f"{text}.de", "--json", str(figures)]
        command = ["-m", "nmt", "evaluate", str(run), *files, "--lowercase", "--beam-size", "5"]
        code = subprocess.run([sys.executable, *command, "--precision", precision], check=False).returncode
        if code:
            sys.exit(code)
        found: dict[str, Any] = json.loads(figures.read_text(encoding="utf-8"))["BLEU"]
    return found


def table(kept: Mapping[str, Any]) -> str:
    """A row for each run and precision, with the difference to float32, and the command and signature below."""
    rows = []
    for name in sorted(kept, key=lambda name: (kept[name]["run"], PRECISIONS.index(kept[name]["precision"]))):
        figures, full = kept[name], kept.get(f"{kept[name]['run']} float32", kept[name])
        differences = [f"{figures[part] - full[part]:+.2f}" if figures is not full else "" for part in SETS]
        shown = [part for pair in zip(SETS, differences, strict=True) for part in (f"{figures[pair[0]]:.2f}", pair[1])]
        rows.append([f"{figures['run']}, {figures['precision']}", *shown])
    header = ["run, precision", "valid BLEU", "to float32", "test BLEU", "to float32"]
    signatures = sorted({figures["signature"] for figures in kept.values()})
    return "\n\n".join((markdown(header, rows), f"`{COMMAND}`, {', '.join(signatures)}."))


if __name__ == "__main__":
    main(sys.argv[1:])
