"""The recipes on the sample corpus: BLEU of the test set, and the alignment error rate against the grammar's links."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

from experiments.results import known, markdown, measured, read_results, write_table

from nmt.cli.results import aligned_words
from nmt.data.corpus import read_lines
from nmt.data.sample import write_sample
from nmt.metrics.alignment import agreement, argmax_links, best_agreement, read_links
from nmt.metrics.bleu import make_metric, score
from nmt.translate import Translator

NAMES = ("quickstart", "sample_full")
DATA = Path("data/sample")


def main(names: list[str]) -> None:
    if not (DATA / "test.align").exists():
        write_sample(DATA)
    for name in known(names, NAMES):
        run = Path("runs") / name
        figures = measured("sample", name, Path(f"configs/{name}.yaml"), run, partial(measure, run))
        print(f"{name}: BLEU {figures['bleu']} ({figures['signature']})")
        print(f"{name}: AER {figures['aer']}, the best that arg-max links could reach is {figures['best_aer']}")
    report()


def measure(run: Path) -> dict[str, Any]:
    """BLEU of the best checkpoint, and AER of arg-max links beside the best that such links could reach."""
    translator = Translator.load(run)
    sources, references = pairs()
    tested = score(translator.translate(sources), references, make_metric("bleu"))
    return {
        "parameters": sum(p.numel() for p in translator.model.parameters()),
        "bleu": round(tested.value, 2),
        "signature": tested.signature,
        **alignment_error(translator),
    }


def pairs() -> tuple[list[str], list[str]]:
    """The test set: sources and references."""
    return list(read_lines(DATA / "test.en")), list(read_lines(DATA / "test.de"))


def alignment_error(translator: Translator) -> dict[str, float]:
    """AER on the test set of arg-max links, and the best that such links could reach."""
    sources, references = pairs()
    sizes = [(len(source.split()), len(target.split())) for source, target in zip(sources, references, strict=True)]
    gold = read_links(DATA / "test.align", sizes).sentences
    words = aligned_words(translator.align(sources, references), translator.tokenizers)
    links = [argmax_links(matrix.weights_TS) for matrix in words]
    return {"aer": round(agreement(links, gold).aer, 4), "best_aer": round(best_agreement(gold, sizes).aer, 4)}


def report() -> None:
    """Write the table of what has been measured so far."""
    results = {name: figures for name in NAMES if (figures := read_results("sample").get(name))}
    rows = [
        [
            f"[{name}](configs/{name}.yaml)",
            f"{figures['parameters'] / 1e6:.1f} M",
            f"{figures['cpu_minutes']:.1f}",
            f"**{figures['bleu']:.1f}**",
            f"**{figures['aer']:.3f}**",
            f"{figures['best_aer']:.3f}",
        ]
        for name, figures in results.items()
    ]
    header = ["recipe", "parameters", "CPU-minutes", "BLEU", "AER", "best possible AER"]
    write_table(Path("README.md"), "sample", markdown(header, rows))


if __name__ == "__main__":
    main(sys.argv[1:])
