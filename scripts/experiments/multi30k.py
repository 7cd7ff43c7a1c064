"""The recipes of configs/multi30k on Multi30k en→de: trained, chosen on the validation set, scored once.

A recipe that is already measured with the same config (by its hash) is skipped; a training that was stopped goes on.
Whether the best checkpoint or the average of the last ones is scored, and with which length penalty, is decided by
BLEU on the validation set.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from experiments.results import known, markdown, measured, read_results, write_table

from nmt.cli.options import searching
from nmt.config import Config, load_config
from nmt.data.corpus import read_lines
from nmt.metrics.bleu import Bucket, Score, bleu_by_length, make_metric, score
from nmt.search import Beam
from nmt.translate import Decoding, Translator
from nmt.visualize.curves import draw_bleu_by_length

NAMES = ("sutskever2014", "bahdanau2015", "luong2015_global", "luong2015_local_m", "luong2015_local_p", "vaswani2017")
DATA = Path("data/multi30k")
SOURCE, REFERENCE = DATA / "test_2016_flickr.en", DATA / "test_2016_flickr.de"
RUNS = Path("runs/multi30k")
LENGTH_PENALTIES = (0.6, 0.8, 1.0, 1.2)
EDGES = (8, 10, 12, 14, 17, 20)
PICTURE = Path("docs/pictures/multi30k_by_length.png")


def main(names: list[str]) -> None:
    check_text()
    for name in known(names, NAMES):
        recipe, run = Path(f"configs/multi30k/{name}.yaml"), RUNS / name
        figures = measured("multi30k", name, recipe, run, partial(measure, run, load_config(recipe)))
        print(f"{name}: BLEU {figures['test']} ({figures['signature']}), valid {figures['valid']}")
    report()


def check_text() -> None:
    """Leave with a message where the corpus is missing."""
    if not SOURCE.exists():
        sys.exit(f"{SOURCE}: missing\nhint: nmt data get multi30k-en-de  (or with --from FOLDER)")


class Choice(NamedTuple):
    """What is scored, and its BLEU on the validation set."""

    checkpoint: str
    length_penalty: float
    valid: float


def measure(run: Path, config: Config) -> dict[str, Any]:
    """Score the recipe: choose checkpoint and length penalty by the validation set, then score the test set, once."""
    chosen = choose(run, config)
    lines = translate(run, chosen.checkpoint, SOURCE, chosen.length_penalty)
    (run / "test.hyp").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    tested = bleu(lines, REFERENCE)
    lengths = [len(line.split()) for line in read_lines(SOURCE)]
    buckets = bleu_by_length(lines, list(read_lines(REFERENCE)), lengths, EDGES, lowercase=True)
    return {
        "parameters": sum(p.numel() for p in Translator.load(run, chosen.checkpoint, "cpu").model.parameters()),
        "checkpoint": chosen.checkpoint,
        "length_penalty": chosen.length_penalty,
        "valid": round(chosen.valid, 2),
        "test": round(tested.value, 2),
        "signature": tested.signature,
        "by_length": [list(bucket) for bucket in buckets],
    }


def choose(run: Path, config: Config) -> Choice:
    """The best on the validation set; of equals the best checkpoint, and the smallest penalty."""
    source, reference = config.data.valid.sources[0][0], config.data.valid.targets[0]
    choices = [
        Choice(checkpoint, penalty, bleu(translate(run, checkpoint, source, penalty), reference).value)
        for checkpoint in (["best", "average"] if config.training.average_last else ["best"])
        for penalty in LENGTH_PENALTIES
    ]
    return max(choices, key=lambda choice: choice.valid)


def translate(run: Path, checkpoint: str, source: Path, length_penalty: float) -> list[str]:
    translator = Translator.load(run, checkpoint)
    search = searching(translator.search, length_penalty=length_penalty)
    return translator.translate(read_lines(source), Decoding(search))


def bleu(lines: list[str], reference: Path) -> Score:
    return score(lines, list(read_lines(reference)), make_metric("bleu", lowercase=True))


def report() -> None:
    """Write the table and draw BLEU by source length for what has been measured so far."""
    results = {name: figures for name in NAMES if (figures := read_results("multi30k").get(name))}
    write_table(Path("README.md"), "multi30k", table(results))
    systems = {name: [Bucket(*bucket) for bucket in figures["by_length"]] for name, figures in results.items()}
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    draw_bleu_by_length(systems, PICTURE, title="Multi30k en→de, test_2016_flickr, by source length")


def table(results: dict[str, dict[str, Any]]) -> str:
    """A row a recipe, and which ones were scored before the length penalty was a choice."""
    header = ["recipe", "parameters", "CPU-minutes", "length penalty", "valid BLEU", "test BLEU"]
    rows = [
        [
            f"[{name}](configs/multi30k/{name}.yaml)",
            f"{figures['parameters'] / 1e6:.1f} M",
            f"{figures['cpu_minutes']:.0f}",
            f"{figures.get('length_penalty', of_config(name)):.1f}",
            f"{figures['valid']:.1f}",
            f"**{figures['test']:.1f}**",
        ]
        for name, figures in results.items()
    ]
    earlier = ", ".join(name for name, figures in results.items() if "length_penalty" not in figures)
    again = [
        f"{name} {score:.1f} ({why})"
        for name, figures in results.items()
        for score, why in figures.get("scored_before", [])
    ]
    notes = [
        f"Scored with their configs' length penalty, before it was chosen on the validation set: {earlier}."
        * bool(earlier),
        f"Scored before: {', '.join(again)}." * bool(again),
    ]
    return "\n\n".join((markdown(header, rows), " ".join(filter(None, notes)))).rstrip()


def of_config(name: str) -> float:
    """The length penalty that a recipe names itself."""
    search = load_config(Path(f"configs/multi30k/{name}.yaml")).search
    assert isinstance(search, Beam.Options), "every recipe searches with a beam"
    return search.length_penalty


if __name__ == "__main__":
    main(sys.argv[1:])
