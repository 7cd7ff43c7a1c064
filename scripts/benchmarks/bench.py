"""The command line of scripts/bench (docs/benchmarks.md says what is measured, and how)."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.machine import describe
from benchmarks.processes import in_process
from benchmarks.report import comparison, table, write
from nmt.checkpoint import Run
from nmt.config import config_hash, load_config
from nmt.errors import NmtError

KEPT = Path(".bench/reports")


def main(arguments: list[str] | None = None) -> None:
    asked = parser().parse_args(arguments)
    try:
        report = measured(asked)
    except NmtError as error:
        sys.exit("\n".join(filter(None, (f"error: {error.message}", error.hint and f"hint: {error.hint}"))))
    path = asked.output or KEPT / f"{asked.kind}-{asked.what.stem}.json"
    write(report, path)
    print(table(report))
    if asked.against:
        print(comparison(report, json.loads(asked.against.read_text(encoding="utf-8"))))
    print(f"kept in {path}")


def parser() -> argparse.ArgumentParser:
    """Four kinds of measurement, with what they have in common."""
    root = argparse.ArgumentParser(prog="scripts/bench", description="How fast training, search and data are here.")
    kinds = root.add_subparsers(dest="kind", required=True)
    for kind, text in (
        ("train", "updates of a config's training"),
        ("memory", "resident memory of a config's training"),
        ("data", "preparing a config's text, opening it, and an epoch of batches"),
        ("decode", "translating a file with a run"),
    ):
        one = kinds.add_parser(kind, help=text, description=text)
        one.add_argument("what", type=Path, metavar="RUN" if kind == "decode" else "CONFIG")
        one.add_argument("--threads", type=int, default=torch.get_num_threads(), metavar="N")
        one.add_argument("--device", default="cpu", metavar="NAME")
        one.add_argument("--output", type=Path, metavar="FILE", help="JSON of all figures; a file in .bench/reports")
        one.add_argument("--against", type=Path, metavar="FILE", help="print ratios to the figures in another JSON")
        (add_decoding if kind == "decode" else add_training)(one)
    return root


def add_training(one: argparse.ArgumentParser) -> None:
    """Options of what starts from a config."""
    one.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting of the config")
    one.add_argument("--updates", type=int, default=60, metavar="N", help="measured ones")
    one.add_argument("--warmup", type=int, default=10, metavar="N", help="updates before those")


def add_decoding(one: argparse.ArgumentParser) -> None:
    """Options of what starts from a run."""
    one.add_argument("--source", type=Path, required=True, metavar="FILE", help="text to translate")
    one.add_argument("--translations", type=Path, metavar="FILE", help="where to write the translations, too")
    one.add_argument("--lines", type=int, metavar="N", help="only the first N")
    one.add_argument("--checkpoint", default="best", metavar="NAME")
    one.add_argument("--repeats", type=int, default=3, metavar="N")
    one.add_argument("--batch-tokens", type=int, metavar="N")
    one.add_argument("--greedy", action="store_true", help="instead of the run's own search")
    one.add_argument("--search", action="append", default=[], metavar="KEY=VALUE", help="beam_size=5, stopping=first …")
    one.add_argument("--load", action="append", default=[], metavar="KEY=VALUE", help="arguments of Translator.load")


def measured(asked: argparse.Namespace) -> dict[str, Any]:
    """The whole report; the machine's product rates are taken before and after."""
    about = describe(asked.threads, asked.device)
    config = Run.open(asked.what).config if asked.kind == "decode" else load_config(asked.what, asked.set)
    spec = decoding_spec(asked) if asked.kind == "decode" else training_spec(asked)
    if asked.kind != "decode":
        in_process("ready", spec)
    before = in_process("rates", spec)
    figures = in_process(asked.kind, spec)
    after = in_process("rates", spec)
    for name in before:
        rate = (before[name] + after[name]) / 2
        figures[f"{name}_product_gflops"] = rate
        if "gflops" in figures:
            figures[f"share_of_{name}_products"] = figures["gflops"] / rate
    return {
        "benchmark": asked.kind,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **about,
        "what": str(asked.what),
        "config_hash": config_hash(config),
        "spec": spec,
        "figures": figures,
    }


def training_spec(asked: argparse.Namespace) -> dict[str, Any]:
    """What `measure` is to do with a config."""
    return {
        "config": str(asked.what),
        "set": asked.set,
        "updates": asked.updates,
        "warmup": asked.warmup,
        "threads": asked.threads,
        "device": asked.device,
    }


def decoding_spec(asked: argparse.Namespace) -> dict[str, Any]:
    """What `measure` is to do with a run."""
    search = {"name": "greedy"} if asked.greedy else pairs(asked.search)
    return {
        "run": str(asked.what),
        "source": str(asked.source),
        "output": asked.translations and str(asked.translations),
        "lines": asked.lines,
        "checkpoint": asked.checkpoint,
        "repeats": asked.repeats,
        "search": search,
        "load": pairs(asked.load),
        "decoding": {"batch_tokens": asked.batch_tokens} if asked.batch_tokens else {},
        "threads": asked.threads,
        "device": asked.device,
    }


def pairs(given: list[str]) -> dict[str, Any]:
    """`key=value`, the value a number where it can be read as JSON."""
    found = {}
    for key, _, value in (item.partition("=") for item in given):
        try:
            found[key] = json.loads(value)
        except json.JSONDecodeError:
            found[key] = value
    return found


if __name__ == "__main__":
    main()
