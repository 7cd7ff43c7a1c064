"""Rounds of measurements in turns, A B C A B C …, each in a fresh process with the same threads."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks import environments, exchange
from benchmarks.processes import in_process
from benchmarks.rows import Contender
from nmt.cli.allocator import SETTINGS, TUNABLES
from nmt.config import Config, load_config

ADAPTERS = Path(__file__).parent / "adapters"
PROGRAMS = {
    ("huggingface", "train"): "huggingface.py",
    ("huggingface", "decode"): "huggingface.py",
    ("fairseq", "train"): "fairseq_train.py",
    ("eole", "train"): "eole_train.py",
    ("joeynmt", "train"): "joeynmt_both.py",
    ("joeynmt", "decode"): "joeynmt_both.py",
    ("ctranslate2", "decode"): "ctranslate2_decode.py",
}
MAX_SECONDS = 1200
LONGEST = 80  # pieces of a translation by a peer
REPEATS = 3  # a process translates the text so often, and its rate is of the median
Round = dict[str, Any]


class Options(NamedTuple):
    """What holds for every contender: `updates` are measured in each round of a training, after `warmup` others."""

    threads: int
    updates: int
    warmup: int
    lines: int | None


def contest(contenders: Mapping[str, Contender], rounds: int, options: Options) -> Iterator[dict[str, list[Round]]]:
    """After each round, the figures of each contender in all rounds so far. One that does not run is told of, and left
    out from then on."""
    found: dict[str, list[Round]] = {name: [] for name in contenders}
    specs = {name: specification(contender, options) for name, contender in contenders.items()}
    failed: set[str] = set()
    for number in range(rounds):
        for name, contender in contenders.items():
            if name in failed:
                continue
            start = time.perf_counter()
            figures = run(contender, specs[name], options.threads)
            if figures is None:
                failed.add(name)
                continue
            found[name].append(figures)
            told = ", ".join(f"{key} {figures[key]:,.4g}" for key in ("rate", "gflops", "peak_bytes") if key in figures)
            took = time.perf_counter() - start
            print(f"round {number + 1}: {name}: {told} ({took:.0f} s)", file=sys.stderr, flush=True)
        complete = {name: turns for name, turns in found.items() if name not in failed}
        yield {name: compare_lines(turns, complete) for name, turns in complete.items()}


def specification(contender: Contender, options: Options) -> dict[str, Any]:
    """What the contender's program is told; text, weights and installations are made here, before any clock runs."""
    given = dict(contender.options)
    if given["work"] == "products":
        return {"threads": options.threads, "device": "cpu"}
    path = exchange.CONFIGS / f"{given['config']}.yaml"
    config = load_config(path)
    text = exchange.text(config)
    lines = options.lines or given.get("lines")
    if contender.program == "ours":
        own = _our_training(path, given) if given["work"] == "train" else _our_search(given)
        return {**own, **_limits(options), "lines": lines}
    environments.python(contender.program)
    if given["work"] == "decode":
        given |= {"weights": _weights(given), "source": "test.source", "max_length": LONGEST, "repeats": REPEATS}
    given |= {
        "text": str(text),
        "batch_tokens": config.training.batch_tokens,
        "vocabulary_size": vocabulary_size(config),
    }
    return {**given, **_limits(options), "lines": lines}


def _limits(options: Options) -> dict[str, Any]:
    return {"threads": options.threads, "updates": options.updates, "warmup": options.warmup, "device": "cpu"}


def _our_training(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": "train", "config": str(path), "set": [f"training.precision={given['precision']}"]}


def _our_search(given: Mapping[str, Any]) -> dict[str, Any]:
    load = {} if given["precision"] == "float32" else {"precision": given["precision"]}
    run = str(exchange.trained(given["config"]))
    source = {"source": str(exchange.TEST), "checkpoint": "best", "repeats": REPEATS}
    return {"kind": "decode", "run": run, "search": given["search"], "load": load, **source}


def _weights(given: Mapping[str, Any]) -> str:
    run = exchange.trained(given["config"])
    path = exchange.ctranslate2(run) if given["weights"] == "ctranslate2" else exchange.weights(run, given["weights"])
    return str(path)


def vocabulary_size(config: Config) -> int:
    """Pieces of the target, special ones counted."""
    return len((exchange.text(config) / "vocabulary").read_text(encoding="utf-8").splitlines())


def run(contender: Contender, spec: Mapping[str, Any], threads: int) -> Round | None:
    """One round of one contender, or None where it does not run."""
    own = {"GLIBC_TUNABLES": TUNABLES if contender.tuned else ""}
    variables = {"OMP_NUM_THREADS": str(threads), **(SETTINGS if contender.program == "ours" else own)}
    if contender.program == "products":
        return {"gflops": in_process("rates", spec, variables)["float32"]}
    if contender.program == "ours":
        return _ours(spec, variables)
    figures = _peer(contender, spec, variables)
    if figures is None:
        return None
    return training_round(figures) if spec["work"] == "train" else search_round(figures)


def _ours(spec: Mapping[str, Any], variables: Mapping[str, str]) -> Round | None:
    with tempfile.TemporaryDirectory(prefix="nmt-bench-") as folder:
        output = Path(folder) / "translations"
        try:
            figures = in_process(spec["kind"], {**spec, "pieces": str(output)}, variables)
        except SystemExit:
            return None
        if spec["kind"] == "train":
            kept = ("peak_bytes", "gflops", "source_padding", "target_padding")
            return {"rate": figures["overall_target_tokens_per_second"], **_floats(figures, kept)}
        lines = output.read_text(encoding="utf-8").splitlines()
    return {"rate": figures["sentences_per_second"], "lines": lines, **_floats(figures, ("peak_bytes", "gflops"))}


def _floats(figures: Mapping[str, Any], names: Sequence[str]) -> Round:
    return {name: float(figures[name]) for name in names}


def _peer(contender: Contender, spec: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, Any] | None:
    """What an adapter answers; it works in a folder of its own, which is removed."""
    program = ADAPTERS / PROGRAMS[contender.program, spec["work"]]
    command = [str(environments.python(contender.program)), str(program), json.dumps(spec)]
    with tempfile.TemporaryDirectory(prefix="nmt-bench-") as folder:
        own = {**os.environ, **variables, "PYTHONPATH": "", "TMPDIR": folder}
        limited = {"cwd": folder, "env": own, "timeout": MAX_SECONDS}
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, **limited)
        except subprocess.TimeoutExpired:
            print(f"{program.name} took more than {MAX_SECONDS} s", file=sys.stderr, flush=True)
            return None
    lines = done.stdout.splitlines()
    if done.returncode or not lines or not lines[-1].startswith("{"):
        said = "\n".join((done.stdout + done.stderr).splitlines()[-12:])
        print(f"{program.name} did not run:\n{said}", file=sys.stderr, flush=True)
        return None
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer


def training_round(answer: Mapping[str, Any]) -> Round:
    """Target pieces a second over all measured updates, padding, and memory."""
    totals = [sum(column) for column in zip(*answer["updates"], strict=True)]
    seconds, source, target, source_places, target_places, _ = totals
    return {
        "rate": target / seconds,
        "source_padding": 1 - source / source_places,
        "target_padding": 1 - target / target_places,
        "peak_bytes": float(answer["peak_bytes"]),
    }


def search_round(answer: Mapping[str, Any]) -> Round:
    """Sentences a second in the median of the repetitions, the translations in pieces, and memory."""
    lines = answer["translations"]
    return {"rate": len(lines) / median(answer["seconds"]), "lines": lines, "peak_bytes": float(answer["peak_bytes"])}


def compare_lines(turns: Sequence[Round], found: Mapping[str, list[Round]]) -> list[Round]:
    """The share of translations that are ours in float32, in place of the translations themselves."""
    ours = next((name for name in found if name.endswith("/ours-float32")), None)
    if not turns or "lines" not in turns[0]:
        return list(turns)
    reference = found[ours][0]["lines"] if ours else []
    return [
        {**{key: value for key, value in turn.items() if key != "lines"}, **same_lines(turn["lines"], reference)}
        for turn in turns
    ]


def same_lines(lines: Sequence[str], reference: Sequence[str]) -> dict[str, float]:
    """The share of lines that are the same, where there is something to compare."""
    if len(lines) != len(reference):
        return {}
    return {"same_lines": sum(a == b for a, b in zip(lines, reference, strict=True)) / max(1, len(lines))}
