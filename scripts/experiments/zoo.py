"""Every mechanism of configs/zoo on the sample corpus under one budget: what it reaches, what it costs, and where it
looks in three sentences.

docs/attention.md names the configs, in the order of the family tree; under each name this script writes the lines that
the config has for itself, the picture and the figures. Those of recipes for other corpora are kept by other
experiments, which draw where they look as well.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from experiments.heatmaps import Texts, draw
from experiments.results import COSTS, costs, markdown, measured, read_results, translated, write_table
from experiments.sample import DATA, alignment_error, pairs

from nmt.config import config_hash, load_config
from nmt.data.sample import write_sample
from nmt.metrics.alignment import read_links
from nmt.metrics.bleu import Bucket, bleu_by_length, make_metric, score
from nmt.translate import Translator
from nmt.visualize.curves import draw_bleu_by_length

EXPERIMENT = "zoo"
CONFIGS, RUNS = Path("configs/zoo"), Path("runs/zoo")
DOCUMENT, PICTURES = Path("docs/attention.md"), Path("docs/pictures/zoo")
LENGTHS, DISTANCES = Path("docs/pictures/zoo_by_length.png"), Path("docs/pictures/zoo_by_distance.png")
EDGES, FAR = (7, 10, 13, 17, 22), (3, 5, 7)
BASE = "score_additive"
SENTENCES = (13, 98, 166)  # lines of the test set, from 1
SHOWN = Texts((DATA / "test.en",), DATA / "test.de", DATA / "test.align")
LONGER = 4
LIMITED = ("attention_none", "attention_none_every_step", "score_location", "scope_local_m", "scope_hard")
OF_ENCODERS = (  # the picture is of the decoder's look at such states, not of what their encoder attends to itself
    *("encoder_rnn", "encoder_lstmn", "encoder_conv", "encoder_snail", "encoder_transformer"),
    *("gated_layers", "source_embeddings"),
)
ELSEWHERE = {  # of the recipes for other corpora, the experiment that trains them, and as what
    **{f"combine_{name}": ("several_sources", f"both, {name}") for name in ("concat", "gate", "hierarchical")},
    "combine_context": ("several_sources", "with the sentence before"),
    "co_attention": ("several_sources", "both, hierarchical, with co-attention"),
    "output_pointer": ("copying", "sorting: pointer"),
}
HEADER = ("BLEU", "chrF", "AER", *COSTS, f"BLEU, {LONGER} × the updates")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="scripts/experiments/zoo", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="recipes of configs/zoo, or `NAME longer`; all if left out"
    )
    parser.add_argument("--report", action="store_true", help="write the document from what is measured, and end")
    given = parser.parse_args(arguments)
    if not (DATA / "test.align").exists():
        write_sample(DATA)
    known = (*names(), *map(longer, LIMITED))
    if set(given.names) - set(known):
        parser.error(f"no recipe {', '.join(sorted(set(given.names) - set(known)))}; there are {', '.join(known)}")
    for name in [] if given.report else given.names or known:
        if on_the_sample(name.split()[0]):
            examine(name)
            report()
    report()


def examine(name: str) -> None:
    """Train and measure a recipe unless its figures are kept, and draw where it looks."""
    recipe, *more = name.split()
    first = trained_as(recipe)
    kept_as = longer(first) if more else first
    changes = (f"training.max_updates={LONGER * updates(first)}",) if more else ()
    run = RUNS / kept_as.replace(" ", "_")
    figures = measured(EXPERIMENT, kept_as, path(first), run, partial(measure, run), changes)
    if not more and figures["aer"] is not None and not picture(first).exists():
        draw(run, SHOWN, SENTENCES, picture(first))


def show(experiment: str, kept_as: str, run: Path, texts: Texts, lines: Sequence[int]) -> None:
    """Draw where the recipes look that another experiment trained as this, and write their sections."""
    recipes = [name for name, known in ELSEWHERE.items() if known == (experiment, kept_as)]
    for name in recipes:
        if not picture(name).exists():
            draw(run, texts, lines, picture(name))
    report_recipes(recipes)


def path(name: str) -> Path:
    """The recipe's file."""
    return CONFIGS / f"{name}.yaml"


def picture(name: str) -> Path:
    """Where it looks."""
    return PICTURES / f"{name}.png"


def longer(name: str) -> str:
    """What the figures after more updates are kept as."""
    return f"{name} longer"


def names() -> list[str]:
    """The recipes in the document's order."""
    text = DOCUMENT.read_text(encoding="utf-8")
    return [file.stem for file in sorted(CONFIGS.glob("*.yaml"), key=lambda file: text.find(marker(file.stem)))]


def marker(name: str) -> str:
    """The line of the document after which what is known of a recipe stands."""
    return f"<!-- table: {name} -->"


def on_the_sample(name: str) -> bool:
    """Whether the recipe is for the sample corpus, not for a task of its own."""
    return load_config(path(name)).data.valid.sources[0][0].parent == DATA


def updates(name: str) -> int:
    """The budget."""
    return load_config(path(name)).training.max_updates or 0


def trained_as(name: str) -> str:
    """The first recipe that says the same, defaults written out: both have the same figures."""
    order = [BASE, *sorted(file.stem for file in CONFIGS.glob("*.yaml"))]
    return next(other for other in order if hash_of(other) == hash_of(name))


@cache
def hash_of(name: str) -> str:
    """Of the recipe, defaults written out."""
    return config_hash(load_config(path(name)))


def measure(run: Path) -> dict[str, Any]:
    """BLEU, chrF and AER of the best checkpoint, its size, and the speed of training and of translating."""
    translator = Translator.load(run)
    sources, references = pairs()
    texts, cost = translated(run, translator, sources)
    scores = {name: score(texts, references, make_metric(name)) for name in ("bleu", "chrf")}
    lengths = [len(source.split()) for source in sources]
    attends = translator.model.decoder.num_heads > 0
    return {
        **cost,
        **{name: round(found.value, 2) for name, found in scores.items()},
        "signatures": {name: found.signature for name, found in scores.items()},
        **(alignment_error(translator) if attends else {"aer": None}),
        "by_length": [list(bucket) for bucket in bleu_by_length(texts, references, lengths, EDGES)],
        "by_distance": [list(bucket) for bucket in bleu_by_length(texts, references, distances(), FAR)],
    }


def distances() -> list[int]:
    """Of each test sentence, how many places from its own number a target word's source word stands: of the word for
    which that is most, its nearest source word; 1 at least."""
    found = []
    for links in read_links(DATA / "test.align").sentences:
        nearest: dict[int, int] = {}
        for source, target in links.possible:
            nearest[target] = min(abs(source - target), nearest.get(target, sys.maxsize))
        found.append(max(1, *nearest.values()))
    return found


def report() -> None:
    """Write what is known of every recipe into the document."""
    kept = read_results(EXPERIMENT)
    report_recipes(names())
    if BASE in kept:
        draw_buckets(kept, "by_length", LENGTHS, "source length (words)")
        draw_buckets(
            kept, "by_distance", DISTANCES, "places to the nearest source word, of the target word that has it farthest"
        )
    write_table(DOCUMENT, EXPERIMENT, overview(kept))


def report_recipes(recipes: Iterable[str]) -> None:
    """Write what is known of these recipes into their sections."""
    kept, text = read_results(EXPERIMENT), DOCUMENT.read_text(encoding="utf-8")
    for name in recipes:
        if marker(name) in text:
            write_table(DOCUMENT, name, section(name, kept))


def draw_buckets(kept: Mapping[str, Any], key: str, output: Path, axis: str) -> None:
    """BLEU by source length, or by distance, of those that cannot be as good as BASE, with it, after as many updates
    and after more."""
    shown = [name for one in (BASE, *LIMITED) for name in (one, longer(one)) if key in kept.get(name, ())]
    labels = {name: name.replace(longer(""), f", {LONGER} × the updates") for name in shown}
    systems = {labels[name]: [Bucket(*bucket) for bucket in kept[name][key]] for name in shown}
    variants = {labels[longer(name)]: name for name in LIMITED if name in labels and longer(name) in labels}
    if systems:
        draw_bleu_by_length(systems, output, "Sample corpus, test set", axis, variants)


def section(name: str, kept: Mapping[str, Any]) -> str:
    """The lines that a recipe has for itself, where it looks, and its figures."""
    parts = [f"[{path(name)}](../{path(name)}):", "```yaml\n" + "\n".join(own_lines(name)) + "\n```"]
    first = trained_as(name)
    if picture(first).exists():
        looker = f"the decoder of {name}" if name in OF_ENCODERS else name
        parts.append(f"![Where {looker} looks in three sentences](pictures/zoo/{first}.png)")
    if first in kept:
        parts.append(markdown(HEADER, [row(first, kept)]))
    elif name in ELSEWHERE:
        parts += elsewhere(name)
    else:
        parts.append("Not trained yet: no picture and no figures.")
    return "\n\n".join(parts)


def elsewhere(name: str) -> list[str]:
    """The figures of a recipe on its own corpus, once they are kept."""
    experiment, kept_as = ELSEWHERE[name]
    figures = read_results(experiment).get(kept_as, {})
    if "parameters" not in figures:
        return []
    cells = [f"{figures['updates']:,}", f"**{figures['bleu']:.1f}**", f"{figures['chrf']:.1f}", *costs(figures)]
    return [markdown(("updates, on its own corpus", "BLEU", "chrF", *COSTS), [cells])]


def own_lines(name: str) -> list[str]:
    """The lines of a recipe that BASE does not have; of BASE itself, its attention."""
    base, own = (path(one).read_text(encoding="utf-8").splitlines() for one in (BASE, name))
    said = [line for line in own if not line.startswith("#")]
    return [line.strip() for line in said if line not in base or (name == BASE and "attention:" in line)]


def row(name: str, kept: Mapping[str, Any]) -> list[str]:
    """A recipe's figures, as they stand in tables."""
    figures, after_more = kept[name], kept.get(longer(name))
    return [
        f"**{figures['bleu']:.1f}**",
        f"{figures['chrf']:.1f}",
        "–" if figures["aer"] is None else f"{figures['aer']:.3f}",
        *costs(figures),
        f"{after_more['bleu']:.1f}" if after_more else "",
    ]


def overview(kept: Mapping[str, Any]) -> str:
    """The table of all that is measured, and how."""
    shown = [name for name in names() if on_the_sample(name)]
    rows = [[f"[{name}](../{path(name)})", *row(trained_as(name), kept)] for name in shown if trained_as(name) in kept]
    missing = [name for name in shown if trained_as(name) not in kept]
    signatures = sorted({text for figures in kept.values() for text in figures["signatures"].values()})
    best = sorted({figures["best_aer"] for figures in kept.values() if figures["aer"] is not None})
    parts = [markdown(["recipe", *HEADER], rows)]
    if rows:
        parts.append(
            f"{updates(BASE):,} updates each. {', '.join(signatures)}. "
            f"The best AER that one link a target word can reach: {', '.join(f'{aer:.3f}' for aer in best)}."
        )
    if LENGTHS.exists():
        parts.append(f"![BLEU by source length](pictures/{LENGTHS.name})")
    if DISTANCES.exists():
        parts.append(f"![BLEU by how far words move](pictures/{DISTANCES.name})")
    if missing:
        parts.append(f"Not trained yet: {', '.join(missing)}.")
    return "\n\n".join(parts)


if __name__ == "__main__":
    main(sys.argv[1:])
