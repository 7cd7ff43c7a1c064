"""What is fuzzed: functions of bytes that end, with a value or with an error that names its file; seeds for each.

A target is called with the bytes that a fuzzer makes up. An NmtError that names no file, any other exception, and a
broken promise (an AssertionError) are crashes. The tests of the suite call the same functions.
"""

import hashlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from experiments import fuzz_formats as formats
from experiments import fuzz_runs as runs
from experiments.fuzz_formats import CONFIG, TEXT
from experiments.fuzz_runs import FILES, SEPARATOR, Damage, DamagedRun
from experiments.fuzz_translation import SIDES, Translating

from nmt.settings import members
from nmt.text.tokenizers import TokenizerOptions, train_tokenizers

DAMAGES = (
    [Damage("checkpoints/step-3/state.json", "splice", True, 12, 1, b"7")],
    [Damage("checkpoints/step-3/model.safetensors", "splice", True, 900, 1, b"\x7f")],
    [Damage("checkpoints/step-3/training.safetensors", "splice", True, 1500, 4, b"\0\0\xc0\x7f")],
    [
        Damage("checkpoints/step-3/manifest.json", "cut", False, 40, 0, b""),
        Damage("train.log", "folder", False, 0, 0, b""),
    ],
    [Damage("checkpoints/step-3/state.json", "copy", True, FILES.index("checkpoints/step-2/state.json"), 0, b"")],
    [Damage("tokenizer/shared.json", "remove", False, 0, 0, b""), Damage("metrics.jsonl", "cut", False, 9, 0, b"")],
    [Damage("config.yaml", "replace", False, 0, 0, CONFIG)],
)
TRANSLATED = ("\n".join(TEXT).encode(), b"a b\n\n\xff c\na " + b"b, c. " * 9 + b"\r\n", b"a\n" + SIDES + b"b c\n")


class Target(NamedTuple):
    """`run` takes what a fuzzer makes up; `seeds` are what it begins with."""

    title: str
    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def targets(folder: Path) -> dict[str, Target]:
    """All of them by name; files are written into `folder`, which should lie in memory."""
    for name in ("run/tokenizer", "run/checkpoints"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    options = {name: kind.model_validate({"vocabulary_size": 60}) for name, kind in members(TokenizerOptions).items()}
    pairs = {name: train_tokenizers(option, TEXT * 9, [], 1) for name, option in options.items()}
    tokenizers = {name: pair.source for name, pair in pairs.items()}
    model, content = runs.small_model()
    lines = tuple(line.encode() for line in TEXT)
    digest = hashlib.sha256(CONFIG).hexdigest()
    manifest = {"format": 1, "files": {"config.yaml": {"size": len(CONFIG), "sha256": digest}}}
    word = {"options": {"name": "word"}, "pieces": ["<pad>", "<unk>", "<s>", "</s>", "a"]}
    head = {"format": 1, "state": "begun", "made_of": {"a": 1}}
    event = {"event": "train", "step": 3, "loss": 2.5}
    files = [json.dumps(value).encode() for value in (manifest, word, {"step": 8, "score": -1.5}, event, head)]
    seeds = tuple(bytes([number]) + file for number, file in enumerate(files))
    matrix = {"source": ["a", "b"], "target": ["c"], "weights": [[0.25, 0.5]]}
    shown = json.dumps(matrix).encode()
    texts = tuple(bytes([choice]) + text for choice, text in enumerate(TRANSLATED))
    damaged = tuple(SEPARATOR.join(one.packed() for one in damages) for damages in DAMAGES)
    sets = (b"training.seed=2", b"model.decoder.attention.score=general", b"data.train={source: a, target: b}")
    sets += (b"data.train.source.0=x",)
    return {
        "config": Target("configs (YAML)", partial(formats.config, folder), (CONFIG, b"a: [1, {b: !!str 2}]\n")),
        "set": Target("`--set`", partial(formats.assignment, folder), sets),
        "corpus": Target("corpora", partial(formats.corpus, folder), (b"a\nb\n\xfe\xfex\ny\n", b"\n".join(lines))),
        "links": Target("gold links", partial(formats.links, folder), (b"0-0 1-2 2p1\n\n3-3\n",)),
        "matrices": Target("alignment matrices", partial(formats.matrices, folder), (shown + b"\n" + shown,)),
        "tokenizers": Target("tokenizers, there and back", partial(formats.tokenization, tokenizers), lines),
        "segments": Target(
            "cutting long lines", partial(formats.segmentation, tokenizers), tuple(b"\5" + it for it in lines)
        ),
        "translate": Target("texts to translate", Translating(folder, pairs), texts),
        "resume": Target("damaged runs, gone on with", DamagedRun(folder), damaged),
        "run": Target("JSON files of a run directory", partial(runs.run_directory, folder), seeds),
        "weights": Target("safetensors", partial(runs.weights, model, folder), (content,)),
    }
