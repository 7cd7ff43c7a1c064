"""configs/multi30k/bahdanau2015 with each score function in turn, under one budget of updates: what it reaches, and how
far that carries with longer sentences. All else, the choices on the validation set and the one test score are as in
experiments.multi30k."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from experiments.multi30k import RUNS, check_text, measure
from experiments.results import known, markdown, measured, read_results, write_table

from nmt.attention.scores import ScoreOptions
from nmt.config import load_config
from nmt.metrics.bleu import Bucket
from nmt.settings import members
from nmt.visualize.curves import draw_bleu_by_length

EXPERIMENT = "scores"
RECIPE = Path("configs/multi30k/bahdanau2015.yaml")
NAMES = tuple(members(ScoreOptions))
UPDATES = 2000  # at most 30 CPU-minutes, whatever the score
DOCUMENT, PICTURE = Path("docs/attention.md"), Path("docs/pictures/scores_by_length.png")


def main(names: Sequence[str]) -> None:
    check_text()
    for name in known(names, NAMES):
        run, config = RUNS / f"score_{name}", load_config(RECIPE, changes(name))
        measured(EXPERIMENT, name, RECIPE, run, partial(measure, run, config), changes(name))
        report()


def changes(name: str) -> tuple[str, ...]:
    """What the recipe has otherwise."""
    return f"model.decoder.attention.score={name}", f"training.max_updates={UPDATES}"


def report() -> None:
    """Write the table and draw BLEU by source length for what has been measured so far."""
    kept = read_results(EXPERIMENT)
    shown = [name for name in NAMES if name in kept]
    header = ["score", "parameters", "CPU-minutes", "length penalty", "valid BLEU", "test BLEU"]
    rows = [
        [
            f"`{name}`",
            f"{kept[name]['parameters'] / 1e6:.2f} M",
            f"{kept[name]['cpu_minutes']:.0f}",
            f"{kept[name]['length_penalty']:.1f}",
            f"{kept[name]['valid']:.1f}",
            f"**{kept[name]['test']:.1f}**",
        ]
        for name in shown
    ]
    signatures = ", ".join(sorted({kept[name]["signature"] for name in shown}))
    table = f"{markdown(header, rows)}\n\n{UPDATES:,} updates each. {signatures}."
    write_table(DOCUMENT, EXPERIMENT, f"{table}\n\n![BLEU by source length](pictures/{PICTURE.name})")
    systems = {name: [Bucket(*bucket) for bucket in kept[name]["by_length"]] for name in shown}
    draw_bleu_by_length(systems, PICTURE, title="Multi30k en→de, test_2016_flickr: bahdanau2015 with each score")


if __name__ == "__main__":
    main(sys.argv[1:])
