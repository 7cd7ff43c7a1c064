"""CTranslate2's translations of Multi30k's test set beside ours, both in float32: the share of identical lines.

Each line that differs is explained by the two scores: within 1e-4 they tie, and rounding decides; else one search has
found what the other had given up.
"""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, NamedTuple

from results import keep_result, markdown, read_results, write_table

from nmt.checkpoint import Run
from nmt.data.corpus import read_lines
from nmt.export.ctranslate2 import exported
from nmt.export.translator import ExportedTranslator
from nmt.search import Beam, Greedy
from nmt.translate import Decoding, Translated, Translation, Translator

DATA = Path("data/multi30k")
SOURCE = DATA / "test_2016_flickr.en"
TIE = 1e-4


def beam(alpha: float, stopping: str = "first") -> Beam.Options:
    return Beam.Options.model_validate({"beam_size": 5, "length_penalty": alpha, "stopping": stopping})


SEARCHES: dict[str, Beam.Options | Greedy.Options] = {
    "greedy": Greedy.Options(),
    "beam 5, penalty 0": beam(0.0),
    "beam 5, penalty 0.6": beam(0.6),
    "beam 5, penalty 1": beam(1.0),
    "beam 5, penalty 1, ours exact": beam(1.0, "exact"),
}


class Difference(NamedTuple):
    """One line that differs, with the scores of both translations."""

    line: int
    own: float
    theirs: float

    @property
    def reason(self) -> str:
        if abs(self.own - self.theirs) < TIE:
            return "tie"
        return "ours better" if self.own > self.theirs else "theirs better"


def main(arguments: list[str]) -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("runs/multi30k/vaswani2017"))
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SEARCHES)}; all")
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - SEARCHES.keys():
        sys.exit(f"no search {', '.join(sorted(unknown))}; there are {', '.join(SEARCHES)}")
    if not SOURCE.exists():
        sys.exit(f"{SOURCE}: missing\nhint: nmt data get multi30k-en-de  (or with --from FOLDER)")
    for name in given.names or SEARCHES:
        keep_result("ctranslate2", name, measure(given.run, name))
    report()


def measure(run: Path, name: str) -> dict[str, Any]:
    """Translate with both engines and compare."""
    sources = list(read_lines(SOURCE))
    found = exported(Run.open(run))
    search = SEARCHES[name]
    own = list(Translator.load(run, device="cpu").translate_lines(sources, Decoding(search)))
    first = search.model_copy(update={"stopping": "first"}) if isinstance(search, Beam.Options) else search
    theirs = list(ExportedTranslator(found, "cpu").translate_lines(sources, Decoding(first)))
    differences = [explain(line, *pair) for line, pair in enumerate(zip(own, theirs, strict=True), 1)]
    shown = [difference for difference in differences if difference]
    for difference in shown:
        print(f"{name}: line {difference.line}: {difference.reason} ({difference.own:.5f}, {difference.theirs:.5f})")
        print(f"  ours   {own[difference.line - 1].text}\n  theirs {theirs[difference.line - 1].text}")
    figures = {
        "checkpoint": found.description.checkpoint,
        "weights": found.description.weights,
        "lines": len(sources),
        "identical": len(sources) - len(shown),
        "largest_gap": max(gap(one, other) for one, other in zip(own, theirs, strict=True)),
        "differences": [f"line {difference.line}: {difference.reason}" for difference in shown],
    }
    print(f"{name}: {figures['identical']} of {len(sources)} lines are identical")
    return figures


def explain(line: int, own: Translation, theirs: Translation) -> Difference | None:
    """The line's difference, or None."""
    if own.text == theirs.text:
        return None
    return Difference(line, own.hypotheses[0].score, theirs.hypotheses[0].score)


def gap(own: Translation, theirs: Translation) -> float:
    """How far the two engines' log P of one and the same translation are apart; 0 where they differ."""
    pair: list[Translated] = [translation.hypotheses[0] for translation in (own, theirs)]
    return abs(pair[0].log_prob - pair[1].log_prob) if pair[0].pieces == pair[1].pieces else 0.0


def report() -> None:
    """Write the table of what has been measured so far."""
    results = {name: figures for name in SEARCHES if (figures := read_results("ctranslate2").get(name))}
    rows = [
        [
            name,
            f"**{figures['identical']} of {figures['lines']}**",
            ", ".join(reasons(figures["differences"])) or "–",
            f"{figures['largest_gap']:.0e}",
        ]
        for name, figures in results.items()
    ]
    header = ["search", "identical lines", "the others", "largest gap of log P"]
    write_table(Path("docs/architecture.md"), "ctranslate2", markdown(header, rows))


def reasons(differences: list[str]) -> list[str]:
    """`2 ours better`, …"""
    found = [difference.split(": ")[1] for difference in differences]
    return [f"{found.count(reason)} {reason}" for reason in sorted(set(found))]


if __name__ == "__main__":
    main(sys.argv[1:])
