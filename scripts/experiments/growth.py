"""How time and memory grow: preparing a corpus, a training step, and search, each over a synthetic corpus.

Every point is measured in a process of its own, one thread, float32. An exponent is the slope of the logarithm of
time over that of size, fitted to the largest three points; beside it stands that of the operations that the formula of
scripts/benchmarks/flops.py counts.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from benchmarks.processes import in_process
from experiments.pictures import Panel, draw
from experiments.results import keep_result, markdown, read_results, write_table
from experiments.synthetic import write_even, write_natural

from nmt.data.digests import SETTLED

EXPERIMENT = "growth"
DOCUMENT, PICTURES = Path("docs/scaling.md"), Path("docs/pictures")
CONFIGS = Path("scripts/benchmarks/configs")
TEXT = "unigram, 8,000 pieces"
MODELS = {"Transformer": "transformer", "recurrent": "bahdanau", TEXT: "transformer"}
Measure = Callable[[int, str, Path], dict[str, float]]


class Curve(NamedTuple):
    """One figure over sizes; `measure(size, model, folder)` gives seconds, bytes and operations."""

    title: str
    across: str
    sizes: tuple[int, ...]
    measure: Measure
    models: tuple[str, ...] = ("Transformer", "recurrent")


def prepared(pairs: int, model: str, folder: Path) -> dict[str, float]:
    """A corpus from text to batches: preparing it, opening it again, and 200 batches."""
    write_natural(folder / "train", pairs)
    write_natural(folder / "valid", 1000)
    time.sleep(2 * SETTLED / 1e9)  # digests of younger text are not remembered
    spec = specification(folder, model, {"tokenizer": {"name": "unigram", "vocabulary_size": 8000}}) | {"batches": 200}
    found = in_process("data", spec)
    return {
        "seconds": found["prepare_seconds"],
        "bytes": found["prepare_peak_bytes"],
        "open_seconds": found["open_seconds"],
        "operations": pairs,
    }


def trained(length: int, sentences: int, vocabulary: int, model: str, folder: Path) -> dict[str, float]:
    """An update of so many pairs of equally long sentences."""
    write_text(folder, length, sentences, vocabulary)
    changes = {
        "tokenizer": {"name": "word", "vocabulary_size": vocabulary},
        "training.batch_tokens": sentences * length,
        "data.max_length": length,
    }
    spec = specification(folder, model, changes) | {"updates": 8, "warmup": 3}
    in_process("ready", spec)
    found = in_process("train", spec)
    seconds = found["milliseconds_per_update"] / 1000
    operations = found["mflop_per_target_token"] * 1e6 * found["target_tokens_per_update"]
    return {"seconds": seconds, "bytes": found["peak_bytes"] - found["ready_bytes"], "operations": operations}


def searched(length: int, sentences: int, beam_size: int, model: str, folder: Path) -> dict[str, float]:
    """The translation of one batch of equally long sentences, each by a target of the same length."""
    write_text(folder, length, sentences, 4000)
    changes = {"tokenizer": {"name": "word", "vocabulary_size": 4000}, "data.max_length": length}
    search = {"beam_size": beam_size, "stopping": "first", "length_penalty": 0.0}
    own = {"search": search, "decoding": {"batch_tokens": sentences * length, "max_length": length}, "repeats": 3}
    spec = specification(folder, model, changes) | own
    in_process("ready", spec)
    found = in_process("search", spec)
    seconds = sentences / found["sentences_per_second"]
    memory = found["peak_bytes"] - found["ready_bytes"]
    return {"seconds": seconds, "bytes": memory, "operations": found["gflops"] * seconds * 1e9}


def write_text(folder: Path, length: int, sentences: int, vocabulary: int) -> None:
    """Training text with all words of the vocabulary, and so many sentences to translate; `length` with the end."""
    write_even(folder / "train", max(4 * sentences, 2 * vocabulary // length), length - 1, vocabulary - 4)
    write_even(folder / "valid", sentences, length - 1, vocabulary - 4)


def specification(folder: Path, model: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """What `benchmarks.measure` is told of the corpus in a folder and of one of MODELS."""
    text = {
        f"data.{name}": {side: str(folder / f"{name}.{side}") for side in ("source", "target")}
        for name in ("train", "valid")
    }
    settings = {**text, "training.precision": "float32", **changes}
    given = [f"{key}={json.dumps(value)}" for key, value in settings.items()]
    return {"config": str(CONFIGS / f"{MODELS[model]}.yaml"), "set": given, "threads": 1, "device": "cpu"}


CURVES = {
    "prepare": Curve(
        "preparing a corpus",
        "pairs",
        (10**4, 10**5, 10**6, 10**7),
        prepared,
        (TEXT,),
    ),
    "train-length": Curve(
        "an update of 16 pairs",
        "pieces of a sentence",
        (16, 32, 64, 128, 256),
        lambda n, *where: trained(n, 16, 4000, *where),
    ),
    "train-batch": Curve(
        "an update of pairs of 16 pieces",
        "pairs",
        (16, 64, 256),
        lambda n, *where: trained(16, n, 4000, *where),
    ),
    "train-vocabulary": Curve(
        "an update of 64 pairs of 16 pieces",
        "pieces in the vocabulary",
        (1000, 4000, 16000, 64000),
        lambda n, *where: trained(16, 64, n, *where),
    ),
    "search-beam": Curve(
        "a batch of 32 sentences of 16 pieces",
        "beam size",
        (1, 2, 4, 8, 16, 32),
        lambda n, *where: searched(16, 32, n, *where),
    ),
    "search-length": Curve(
        "a batch of 8 sentences, beam 5",
        "pieces of a sentence",
        (16, 32, 64, 128),
        lambda n, *where: searched(n, 8, 5, *where),
    ),
    "search-batch": Curve(
        "a batch of sentences of 16 pieces, beam 5",
        "sentences",
        (1, 4, 16, 64),
        lambda n, *where: searched(16, n, 5, *where),
    ),
}


def main(arguments: list[str] | None = None) -> None:
    root = argparse.ArgumentParser(prog="scripts/experiments/growth", description=__doc__)
    root.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CURVES)}: all if left out")
    root.add_argument("--largest", type=int, metavar="N", help="leave out greater sizes")
    root.add_argument("--table", action="store_true", help="only write tables and pictures anew from what is kept")
    asked = root.parse_args(arguments)
    if unknown := set(asked.names) - CURVES.keys():
        root.error(f"no curve {', '.join(sorted(unknown))}")
    for name in () if asked.table else asked.names or CURVES:
        for model in CURVES[name].models:
            measure(name, model, asked.largest)
    write()


def measure(name: str, model: str, largest: int | None) -> None:
    """Measure a curve from its smallest size on, and keep each point as it comes."""
    curve, points = CURVES[name], list[list[Any]]()
    for size in curve.sizes:
        if largest is None or size <= largest:
            with tempfile.TemporaryDirectory(prefix="nmt-growth-") as folder:
                found = curve.measure(size, model, Path(folder))
            points.append([size, {key: float(f"{value:.4g}") for key, value in found.items()}])
            print(f"{name}, {model}, {size:,}: {found['seconds']:.3g} s, {found['bytes'] / 1e6:,.0f} MB", flush=True)
            keep_result(EXPERIMENT, f"{name} {model}", {"points": points})


def write() -> None:
    """Table and pictures of what has been measured so far."""
    kept = read_results(EXPERIMENT)
    write_table(DOCUMENT, EXPERIMENT, table(kept))
    for group in ("prepare", "train", "search"):
        names = [name for name in CURVES if name.startswith(group) and shown(name, kept)]
        panels = [panel for name in names for panel in panels_of(name, kept)]
        if panels:
            draw(panels, PICTURES / f"growth_{group}.png")


def shown(name: str, kept: Mapping[str, Any]) -> dict[str, list[tuple[int, Mapping[str, float]]]]:
    """A curve's points by model."""
    found = {model: kept.get(f"{name} {model}") for model in CURVES[name].models}
    return {model: [tuple(point) for point in result["points"]] for model, result in found.items() if result}


def panels_of(name: str, kept: Mapping[str, Any]) -> list[Panel]:
    """Time, dotted as it would be if it were its operations' share of the last point, and memory."""
    curve, found = CURVES[name], shown(name, kept)
    times = {model: column(points, "seconds") for model, points in found.items()}
    memory = {model: column(points, "bytes", 1e-6) for model, points in found.items()}
    expected = {}
    for model, points in found.items():
        last = points[-1][1]
        expected[model] = column(points, "operations", last["seconds"] / last["operations"])
        if "open_seconds" in last:
            times["opening it again"] = column(points, "open_seconds")
    return [
        Panel(curve.title, curve.across, "seconds", times, expected, logarithmic=True),
        Panel(curve.title, curve.across, "megabytes", memory, logarithmic=True),
    ]


def column(
    points: Sequence[tuple[int, Mapping[str, float]]], key: str, factor: float = 1.0
) -> list[tuple[float, float]]:
    """One figure of the points."""
    return [(size, figures[key] * factor) for size, figures in points]


def table(kept: Mapping[str, Any]) -> str:
    """A row for each curve: exponents of time, of operations and of memory, and the first and last points."""
    header = ["", "over", "exponent of time", "of operations", "of memory", "seconds", "megabytes"]
    rows = []
    for name, curve in CURVES.items():
        for model, points in shown(name, kept).items():
            sizes, figures = zip(*points, strict=True)
            slopes = [slope(sizes, [one[key] for one in figures]) for key in ("seconds", "operations", "bytes")]
            seconds = " → ".join(f"{one['seconds']:.3g}" for one in (figures[0], figures[-1]))
            memory = " → ".join(f"{one['bytes'] / 1e6:,.0f}" for one in (figures[0], figures[-1]))
            over = f"{curve.across}, {sizes[0]:,} to {sizes[-1]:,}"
            exponents = (f"**{slopes[0]:.2f}**", *(f"{exponent:.2f}" for exponent in slopes[1:]))
            rows.append([f"{curve.title} ({model})", over, *exponents, seconds, memory])
    return markdown(header, rows)


def slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """d log(value) / d log(size), fitted to the last three points."""
    across, up = np.log(np.array(sizes[-3:], dtype=float)), np.log(np.array(values[-3:], dtype=float))
    return round(float(np.polyfit(across, up, 1)[0]), 6) + 0.0  # no -0.0


if __name__ == "__main__":
    main()
