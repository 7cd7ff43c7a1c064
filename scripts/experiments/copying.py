"""What copying is worth: names that training never saw, with it, with words alone and with subwords alone; and numbers
that a pointer sorts."""

import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from experiments import zoo
from experiments.heatmaps import Texts
from experiments.results import known, markdown, measured, read_results, translated, write_table

from nmt.data.corpus import read_lines
from nmt.data.kinds import Kind
from nmt.data.sample import write_sample
from nmt.metrics.answers import exact_lines, exact_words
from nmt.metrics.bleu import make_metric, score
from nmt.translate import Translator

EXPERIMENT = "copying"
CONFIGS, DOCUMENT = Path("configs/zoo"), Path("docs/attention.md")
NAMES, NUMBERS = Path(Kind.NAMES.folder), Path(Kind.SORT.folder)


class Trial(NamedTuple):
    """A recipe, what of it is changed, and the folder of the task."""

    config: str
    task: Path
    changes: tuple[str, ...] = ()


TEXTS = tuple(
    f"data.{part}.{side}={NAMES / f'{part}.{ending}'}"
    for part in ("train", "valid")
    for side, ending in (("source", "en"), ("target", "de"))
)
SEEDS = range(2, 16)  # of more sequences to sort, so that every sequence is read twice or thrice only
SORTED = [NUMBERS, *(NUMBERS / f"seed_{seed}" for seed in SEEDS)]
MORE = tuple(
    f"data.train.{side}=[{', '.join(f'{place}/train.{side}' for place in SORTED)}]" for side in ("source", "target")
)
BUDGET = (  # fewer and longer steps than the zoo's
    "training.max_updates=1500",
    "training.validate_every=500",
    "training.checkpoint_every=500",
    "training.optimizer.learning_rate=4e-3",
    "training.schedule.warmup=100",
)
SUBWORDS = ("tokenizer={name: unigram, vocabulary_size: 2000}", "model.tied_embeddings=all")
TRIALS = {
    "names: words": Trial("output_softmax", NAMES, (*TEXTS, *BUDGET)),
    "names: subwords": Trial("output_softmax", NAMES, (*TEXTS, *BUDGET, *SUBWORDS)),
    "names: words, copy": Trial("output_copy", NAMES, (*TEXTS, *BUDGET)),
    "sorting: pointer": Trial("output_pointer", NUMBERS, (*MORE, "model.dropout=0.0", "training.max_updates=9000")),
}
SHOWN = Texts((NUMBERS / "test.source",), NUMBERS / "test.target", NUMBERS / "test.align")
SEQUENCES = (1, 4, 5)  # lines of the test set: with a number three times, with many, with few


def main(names: Sequence[str]) -> None:
    for kind in (Kind.NAMES, Kind.SORT):
        if not Path(kind.folder).exists():
            write_sample(Path(kind.folder), kind=kind)
    for seed, folder in zip(SEEDS, SORTED[1:], strict=True):
        if not folder.exists():
            write_sample(folder, seed, kind=Kind.SORT)
    check_unseen([folder / "train.target" for folder in SORTED], NUMBERS / "test.target")
    for name in known(names, TRIALS):
        trial, run = TRIALS[name], Path("runs") / EXPERIMENT / name.replace(": ", "_").replace(", ", "_")
        config = CONFIGS / f"{trial.config}.yaml"
        measured(EXPERIMENT, name, config, run, partial(measure, run, trial.task), trial.changes)
        zoo.show(EXPERIMENT, name, run, SHOWN, SEQUENCES)
        report()


def check_unseen(trained: Iterable[Path], tested: Path) -> None:
    """Leave with a message where a line of the test set is trained on. Of targets: sorted numbers are those of every
    sequence that they could come from."""
    lines = set(read_lines(tested))
    for path in trained:
        if found := lines & set(read_lines(path)):
            sys.exit(f"{path}: has {len(found)} lines of {tested}")


def measure(run: Path, task: Path) -> dict[str, Any]:
    """Of the test set: BLEU, chrF, the share of lines without a mistake and, where there are names, that of exact
    names; and costs."""
    sources, targets = ("test.source", "test.target") if task == NUMBERS else ("test.en", "test.de")
    hypotheses, cost = translated(run, Translator.load(run), list(read_lines(task / sources)))
    references = list(read_lines(task / targets))
    tested, letters = (score(hypotheses, references, make_metric(name)) for name in ("bleu", "chrf"))
    exact = exact_lines(hypotheses, references)
    figures = {"bleu": round(tested.value, 2), "signature": tested.signature, "chrf": round(letters.value, 2), **cost}
    figures |= {"lines": round(exact.percent, 1)}
    if task == NAMES:
        share = exact_words(hypotheses, list(read_lines(NAMES / "test.names")))
        figures |= {"names": round(share.percent, 1), "asked": share.asked}
    return figures


def report() -> None:
    """Write the table of what has been measured so far."""
    rows = []
    for name in TRIALS:
        figures = read_results(EXPERIMENT).get(name)
        if figures:
            names = f"{figures['names']:.1f} % of {figures['asked']}" if "names" in figures else ""
            lines, minutes = f"{figures['lines']:.1f} %", f"{figures['cpu_minutes']:.1f}"
            rows.append([name, minutes, f"{figures['bleu']:.1f}", lines, names])
    header = ["task and output", "CPU-minutes", "BLEU", "exact lines", "exact names"]
    write_table(DOCUMENT, EXPERIMENT, markdown(header, rows))


if __name__ == "__main__":
    main(sys.argv[1:])
