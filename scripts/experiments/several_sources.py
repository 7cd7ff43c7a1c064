"""What more than one source is worth: two sources that each hold half, against each alone; and the sentence before, on
pronouns that it decides, against the sentence alone."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from experiments import zoo
from experiments.heatmaps import Texts
from experiments.results import known, markdown, measured, read_results, translated, write_table

from nmt.data.corpus import read_lines
from nmt.data.inputs import Line
from nmt.data.kinds import Kind
from nmt.data.sample import write_sample
from nmt.metrics.answers import one_of
from nmt.metrics.bleu import make_metric, score
from nmt.translate import Translator

EXPERIMENT = "several_sources"
CONFIGS, DOCUMENT = Path("configs/zoo"), Path("docs/attention.md")
HALVES, DOCUMENTS = Path(Kind.TWO_SOURCES.folder), Path(Kind.PRONOUNS.folder)


class Trial(NamedTuple):
    """A recipe, what of it is changed, and the test set's sources."""

    config: str
    sources: tuple[Path, ...]
    changes: tuple[str, ...] = ()


def _half(name: str) -> Trial:
    texts = [f"data.{part}.source={HALVES / f'{part}.{name}.en'}" for part in ("train", "valid")]
    return Trial("combine_hierarchical", (HALVES / f"test.{name}.en",), (*texts, "model.sources=null"))


BUDGET = (  # fewer and longer steps than the zoo's
    "training.max_updates=500",
    "training.validate_every=250",
    "training.checkpoint_every=250",
    "training.optimizer.learning_rate=4e-3",
    "training.schedule.warmup=100",
)
BOTH = (HALVES / "test.who.en", HALVES / "test.how.en")
ALONE = ("data.context.sentences=0", "model.sources=null")
TRIALS = {
    "the first source alone": _half("who"),
    "the second source alone": _half("how"),
    **{f"both, {name}": Trial(f"combine_{name}", BOTH) for name in ("concat", "gate", "hierarchical")},
    "both, hierarchical, with co-attention": Trial("co_attention", BOTH),
    "the sentence alone": Trial("combine_context", (DOCUMENTS / "test.en",), ALONE),
    "with the sentence before": Trial("combine_context", (DOCUMENTS / "test.en",)),
}
SHOWN = {  # of each corpus, what is drawn and which lines: of the two sources, or of the sentence and the one before
    HALVES: (Texts(BOTH, HALVES / "test.de", called=(", who", ", how")), (2, 3, 6)),
    DOCUMENTS: (Texts((DOCUMENTS / "test.en",), DOCUMENTS / "test.de", called=("", ", before")), (2, 6, 21)),
}


def main(names: Sequence[str]) -> None:
    for kind, file in ((Kind.TWO_SOURCES, BOTH[0]), (Kind.PRONOUNS, DOCUMENTS / "test.en")):
        if not file.exists():
            write_sample(Path(kind.folder), kind=kind)
    for name in known(names, TRIALS):
        trial, run = TRIALS[name], Path("runs") / EXPERIMENT / name.replace(" ", "_").replace(",", "")
        config = CONFIGS / f"{trial.config}.yaml"
        measured(EXPERIMENT, name, config, run, partial(measure, run, trial.sources), (*trial.changes, *BUDGET))
        zoo.show(EXPERIMENT, name, run, *SHOWN[trial.sources[0].parent])
        report()


def measure(run: Path, sources: Sequence[Path]) -> dict[str, Any]:
    """BLEU and chrF of the test set, and costs; where it is of documents, the share of the pronouns that are right as
    well."""
    texts = [list(read_lines(path)) for path in sources]
    lines: list[Line] = list(texts[0] if len(texts) == 1 else zip(*texts, strict=True))
    hypotheses, cost = translated(run, Translator.load(run), lines)
    references = list(read_lines(sources[0].parent / "test.de"))
    kept = [number for number, line in enumerate(references) if line.strip()]
    found, right = [hypotheses[n] for n in kept], [references[n] for n in kept]
    tested, letters = (score(found, right, make_metric(name)) for name in ("bleu", "chrf"))
    figures = {"bleu": round(tested.value, 2), "signature": tested.signature, "chrf": round(letters.value, 2), **cost}
    if sources[0].parent == DOCUMENTS:
        share = one_of(hypotheses, list(read_lines(DOCUMENTS / "test.pronouns")))
        figures |= {"pronouns": round(share.percent, 1), "asked": share.asked}
    return figures


def report() -> None:
    """Write the table of what has been measured so far."""
    rows = []
    for name in TRIALS:
        figures = read_results(EXPERIMENT).get(name)
        if figures:
            pronouns = f"{figures['pronouns']:.1f} % of {figures['asked']}" if "pronouns" in figures else ""
            rows.append([name, f"{figures['cpu_minutes']:.1f}", f"{figures['bleu']:.1f}", pronouns])
    header = ["read", "CPU-minutes", "BLEU", "pronouns right"]
    write_table(DOCUMENT, EXPERIMENT, markdown(header, rows))


if __name__ == "__main__":
    main(sys.argv[1:])
