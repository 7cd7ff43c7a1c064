"""One measurement, in a process of its own: `python -m benchmarks.measure KIND JSON` prints a line of JSON.

nmt is used through its public ways alone: `prepare`, `fit`, `Translator`.
"""

import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from pydantic import TypeAdapter

from benchmarks.flops import Cost, cost
from benchmarks.machine import peak_memory, product_rates, resident_memory
from nmt.batch import Batch
from nmt.checkpoint import Run
from nmt.config import Config, load_config
from nmt.data.batching import Batches
from nmt.data.corpus import read_lines
from nmt.data.prepare import Prepared, prepare
from nmt.events import Started, Updated
from nmt.precision import lowered
from nmt.search import SearchOptions
from nmt.text.tokenizers import Tokenizers
from nmt.text.vocabulary import EOS
from nmt.training import fit
from nmt.translate import Decoding, Translation, Translator

BLOCKS = 5
NEVER = 1_000_000_000
Spec = Mapping[str, Any]


class Step(NamedTuple):
    """One update: its seconds, and the (source, target) lengths of its pairs and the places that they took."""

    seconds: float
    lengths: Sequence[tuple[int, int]]
    source_places: int
    target_places: int

    @property
    def source_tokens(self) -> int:
        """Pieces of the source, ends of sentence counted."""
        return sum(source for source, _ in self.lengths)

    @property
    def target_tokens(self) -> int:
        """Pieces to predict, ends of sentence counted."""
        return sum(target for _, target in self.lengths)


def rates(spec: Spec) -> dict[str, Any]:
    """The machine's product rates, GFLOP/s."""
    return product_rates(spec["threads"], spec["device"])


def ready(spec: Spec) -> dict[str, Any]:
    """Let the config's text be prepared, so that no measurement contains it."""
    config = _config(spec)
    report = prepare(config.data, config.tokenizer, config.training.seed).report
    return {"pairs": report.train.kept}


def train(spec: Spec) -> dict[str, Any]:
    """Updates `warmup` + 1 … `warmup` + `updates` of a training, as a consumer of `fit` sees them pass."""
    config, data, seconds, tokens, memory = _trained(spec)
    steps = _steps(config, data, seconds, tokens)[spec["warmup"] :]
    return {**training_figures(steps), **operation_figures(steps, _cost(config, data.tokenizers)), **memory}


def memory(spec: Spec) -> dict[str, Any]:
    """Resident bytes of a training: with nmt imported, before the first update, and at most."""
    return _trained(spec)[-1]


def _trained(spec: Spec) -> tuple[Config, Prepared, list[float], list[int], dict[str, Any]]:
    """The config, its data, and of each update the seconds since the one before and the target tokens."""
    torch.set_num_threads(spec["threads"])
    config = _config(spec)
    bytes_used = {"imported_bytes": resident_memory()}
    data = prepare(config.data, config.tokenizer, config.training.seed)
    seconds: list[float] = []
    tokens: list[int] = []
    with tempfile.TemporaryDirectory(prefix="nmt-bench-") as directory:
        run = Run.create(Path(directory) / "run", config)
        last = time.perf_counter()
        for event in fit(config, data, run, lambda model: {"bleu": 0.0}, device=spec["device"]):
            now = time.perf_counter()
            if isinstance(event, Started):
                bytes_used |= {"ready_bytes": resident_memory(), "parameters": event.parameters}
                last = now
            if isinstance(event, Updated):
                seconds.append(now - last)
                tokens.append(event.tokens)
                last = now
            if len(seconds) == spec["warmup"] + spec["updates"]:
                break
        bytes_used["peak_bytes"] = peak_memory()
        if spec["device"].startswith("cuda"):
            bytes_used["device_peak_bytes"] = torch.cuda.max_memory_allocated(spec["device"])
    return config, data, seconds, tokens, bytes_used


def _steps(config: Config, data: Prepared, seconds: Sequence[float], tokens: Sequence[int]) -> list[Step]:
    """The batches of these updates once more: their order follows from the seed. Their tokens must be the same."""
    batches = Batches(data.train, config.training.batch_tokens, config.training.seed)
    steps = []
    for duration, seen in zip(seconds, tokens, strict=True):
        steps.append(_step(duration, list(islice(batches, config.training.accumulate))))
        assert steps[-1].target_tokens == seen, "the batches of a seed are the same each time"
    return steps


def _step(seconds: float, batches: Sequence[Batch]) -> Step:
    sides = [(batch.sources[0].mask_BS, batch.mask_BT) for batch in batches]
    lengths = [
        pair
        for source_BS, target_BT in sides
        for pair in zip(source_BS.sum(1).tolist(), target_BT.sum(1).tolist(), strict=True)
    ]
    places = [sum(side[number].numel() for side in sides) for number in (0, 1)]
    return Step(seconds, lengths, *places)


def training_figures(steps: Sequence[Step]) -> dict[str, Any]:
    """Rates are medians over BLOCKS runs of updates, with the slowest and fastest; milliseconds the median update."""
    blocks = [steps[number * len(steps) // BLOCKS : (number + 1) * len(steps) // BLOCKS] for number in range(BLOCKS)]
    blocks = [block for block in blocks if block]
    per_second = [sum(step.target_tokens for step in block) / _total(block) for block in blocks]
    sentences = [sum(len(step.lengths) for step in block) / _total(block) for block in blocks]
    source, target = sum(step.source_tokens for step in steps), sum(step.target_tokens for step in steps)
    return {
        "updates": len(steps),
        "target_tokens_per_second": median(per_second),
        "target_tokens_per_second_range": [min(per_second), max(per_second)],
        "overall_target_tokens_per_second": target / _total(steps),
        "sentences_per_second": median(sentences),
        "milliseconds_per_update": 1000 * median(step.seconds for step in steps),
        "target_tokens_per_update": target / len(steps),
        "sentences_per_update": sum(len(step.lengths) for step in steps) / len(steps),
        "source_padding": 1 - source / sum(step.source_places for step in steps),
        "target_padding": 1 - target / sum(step.target_places for step in steps),
    }


def operation_figures(steps: Sequence[Step], operations: Cost) -> dict[str, Any]:
    """What the formula says that these updates took."""
    total = operations.training(pair for step in steps for pair in step.lengths)
    return {
        "gflops": total / _total(steps) / 1e9,
        "mflop_per_target_token": total / sum(step.target_tokens for step in steps) / 1e6,
    }


def _total(steps: Sequence[Step]) -> float:
    return sum(step.seconds for step in steps)


def decode(spec: Spec) -> dict[str, Any]:
    """Translations of a file, `repeats` times after a first part of it; loading is measured by itself."""
    torch.set_num_threads(spec["threads"])
    lines = list(read_lines(Path(spec["source"])))[: spec.get("lines")]
    start = time.perf_counter()
    translator = Translator.load(spec["run"], spec["checkpoint"], spec["device"], **spec.get("load", {}))
    load_seconds = time.perf_counter() - start
    return {**_searched(translator, lines, spec, Run.open(Path(spec["run"])).config), "load_seconds": load_seconds}


def search(spec: Spec) -> dict[str, Any]:
    """Translations of a config's validation text by a model that nobody has trained and that never ends a sentence by
    itself: each becomes as long as it may."""
    torch.set_num_threads(spec["threads"])
    config = _config(spec)
    data = prepare(config.data, config.tokenizer, config.training.seed)
    torch.manual_seed(config.training.seed)
    source, target = (len(tokenizer.vocabulary) for tokenizer in data.tokenizers)
    model = config.model.build(source, target).eval()
    with torch.no_grad():
        model.output.bias_V[EOS] = -1e9
    translator = Translator(lowered(model, "float32"), data.tokenizers, config.search, config.data.max_length)
    ready_bytes = resident_memory()
    return {**_searched(translator, data.valid_sources, spec, config), "ready_bytes": ready_bytes}


def _searched(translator: Translator, lines: Sequence[str], spec: Spec, config: Config) -> dict[str, Any]:
    """The lines' translations, `repeats` times after those of a first part of them."""
    decoding = _decoding(translator, spec)
    list(translator.translate_lines(lines[:64], decoding))
    seconds = []
    for _ in range(spec["repeats"]):
        start = time.perf_counter()
        found = list(translator.translate_lines(lines, decoding))
        seconds.append(time.perf_counter() - start)
    used = peak_memory()
    _write(spec.get("output"), [line.text for line in found])
    _write(spec.get("pieces"), [" ".join(line.hypotheses[0].pieces) if line.hypotheses else "" for line in found])
    operations, beam_size = _cost(config, translator.tokenizers), getattr(decoding.search, "beam_size", 1)
    return {**decoding_figures(found, seconds, operations, beam_size), "peak_bytes": used}


def _write(path: str | None, lines: Sequence[str]) -> None:
    if path:
        Path(path).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _decoding(translator: Translator, spec: Spec) -> Decoding:
    """The run's own search with what the benchmark changes of it."""
    search = {**translator.search.model_dump(), **spec.get("search", {})}
    if search["name"] == "greedy":
        search = {"name": "greedy", "max_length_ratio": search["max_length_ratio"]}
    return Decoding(TypeAdapter(SearchOptions).validate_python(search), **spec.get("decoding", {}))


def decoding_figures(
    found: Sequence[Translation], seconds: Sequence[float], operations: Cost, beam_size: int
) -> dict[str, Any]:
    """Rates are medians over the repetitions; pieces are the best hypotheses', ends of sentence counted."""
    pairs = [(len(line.source_pieces) + 1, len(line.hypotheses[0].pieces) + 1) for line in found if line.hypotheses]
    usual = median(seconds)
    return {
        "repeats": len(seconds),
        "sentences": len(found),
        "sentences_per_second": len(found) / usual,
        "sentences_per_second_range": [len(found) / max(seconds), len(found) / min(seconds)],
        "target_tokens_per_second": sum(target for _, target in pairs) / usual,
        "target_tokens_per_sentence": sum(target for _, target in pairs) / max(1, len(pairs)),
        "gflops": operations.search(pairs, beam_size) / usual / 1e9,
    }


def data(spec: Spec) -> dict[str, Any]:
    """Preparing the config's text from nothing, opening it when prepared, and one epoch of batches, or `batches`."""
    config = _config(spec)
    with tempfile.TemporaryDirectory(prefix="nmt-bench-") as directory:
        times = []
        for _ in range(2):
            start = time.perf_counter()
            prepared = prepare(config.data, config.tokenizer, config.training.seed, Path(directory))
            times.append(time.perf_counter() - start)
        pairs, prepared_bytes = sum(prepared.report.train), peak_memory()
        batches = Batches(prepared.train, config.training.batch_tokens, config.training.seed)
        steps, start = [], time.perf_counter()
        while batches.epoch == 0 and len(steps) < spec.get("batches", NEVER):
            batch = next(batches)
            now = time.perf_counter()
            steps.append(_step(now - start, [batch]))
            start = time.perf_counter()
    figures = training_figures(steps)
    figures["batches"] = figures.pop("updates")
    return {
        "prepare_seconds": times[0],
        "prepare_pairs_per_second": pairs / times[0],
        "open_seconds": times[1],
        **{name.replace("update", "batch"): value for name, value in figures.items()},
        "prepare_peak_bytes": prepared_bytes,
        "peak_bytes": peak_memory(),
    }


def _config(spec: Spec) -> Config:
    """The config, with limits that no benchmark reaches, and neither validation nor checkpoints."""
    config = load_config(spec["config"], spec.get("set", []))
    needed = spec.get("warmup", 0) + spec.get("updates", 0) + 1
    longest = max(needed, config.training.max_updates or needed)
    free = {"validate_every": NEVER, "checkpoint_every": NEVER, "patience": None, "max_updates": longest}
    endless = {"max_epochs": None, "max_minutes": None}
    return config.model_copy(update={"training": config.training.model_copy(update={**free, **endless})})


def _cost(config: Config, tokenizers: Tokenizers) -> Cost:

    return cost(config.model, len(tokenizers.target.vocabulary))


KINDS = {
    "rates": rates,
    "ready": ready,
    "train": train,
    "memory": memory,
    "decode": decode,
    "search": search,
    "data": data,
}

if __name__ == "__main__":
    print(json.dumps(KINDS[sys.argv[1]](json.loads(sys.argv[2]))))
