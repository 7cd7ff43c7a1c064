"""What is fuzzed: functions of bytes that end, with a value or with an error that names its file; seeds for each.

A target is called with the bytes that a fuzzer makes up. An NmtError that names no file, any other exception, and a
broken promise (an AssertionError) are crashes. The tests of the suite call the same functions.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from safetensors.torch import save
from torch.nn import Module

from nmt.checkpoint import Run
from nmt.config import Config, dump_config, load_config
from nmt.data.check import check
from nmt.data.corpus import read_lines, read_pairs
from nmt.errors import NmtError
from nmt.metrics.alignment import read_links
from nmt.metrics.matrices import as_json, read_matrices
from nmt.segments import segments
from nmt.settings import members
from nmt.storage.manifest import damage
from nmt.storage.partial import partial_files
from nmt.storage.tensors import load_weights
from nmt.storage.tensors import weights as tensors_of
from nmt.text.tokenizers import Tokenizer, TokenizerOptions, load_tokenizers, save_tokenizers, train_tokenizers
from nmt.visualize.curves import read_events
from nmt.yaml_source import parse

TEXT = ["a b c", "Ein Satz, und noch einer.", "日本語。", "e\u0301 👩‍👧 🇩🇪", "<unk> ▁ \ue581"]
CONFIG = b"""\
data:
  train: {source: a.en, target: a.de}
  valid: {source: [b.en], target: [b.de]}
  max_length: 64
tokenizer: {name: bpe, vocabulary_size: 99}
model:
  embedding_size: 8
  encoder: {name: rnn, size: 4, bidirectional: true}
  decoder: &d {name: rnn, size: 8, attention: {score: additive, heads: 2}}
training: {optimizer: {learning_rate: 1e-2, betas: [0.9, 0.98]}, max_minutes: 0.5, clip_norm: null}
search: {name: beam, beam_size: 5}
"""


class Target(NamedTuple):
    """`run` takes what a fuzzer makes up; `seeds` are what it begins with."""

    title: str
    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


@contextmanager
def refused(*names: Path) -> Iterator[None]:
    """An error that names one of the files is an answer, unless it cannot be shown."""
    try:
        yield
    except NmtError as error:
        if not any(str(name) in error.message for name in names):
            raise
        (error.message + error.hint).encode("utf-8", "backslashreplace")


def written(path: Path, content: bytes) -> Path:
    """The file with that content."""
    path.write_bytes(content)
    return path


def config(folder: Path, data: bytes) -> None:
    """YAML: a Config that is written and read back as it is, or an error with file and line."""
    path = written(folder / "config.yaml", data)
    with refused(path):
        found = load_config(path)
        copy = written(folder / "copy.yaml", dump_config(found).encode())
        assert load_config(copy) == found, "a config is read back as it was written"


def assignment(folder: Path, data: bytes) -> None:
    """`--set`: the config with one value changed, or an error that names the option."""
    path = written(folder / "config.yaml", CONFIG)
    with refused(Path("--set")):
        load_config(path, [data.decode("utf-8", "replace")])


def corpus(folder: Path, data: bytes) -> None:
    """Two sides of a corpus: as many pairs as lines, or an error; what `check` says of them agrees."""
    source, _, target = data.partition(b"\xfe\xfe")
    paths = [written(folder / "a", source), written(folder / "b", target)]
    count = None
    with refused(*paths):
        count = sum(1 for _ in read_pairs([[paths[0]]], [paths[1]]))
        assert count == source.count(b"\n") + (source[-1:] not in (b"\n", b""))
    report = check([paths[0]], [paths[1]])
    assert report.ok == (count is not None), "nmt data check says what training does"
    (report.as_text() + report.as_json()).encode()


def links(folder: Path, data: bytes) -> None:
    """Gold links: each line's, or an error; what is out of range is left out and named."""
    path = written(folder / "gold", data)
    with refused(path):
        lines = len(list(read_lines(path)))
        sizes = [(number % 7, number % 5) for number in range(lines)]
        found = read_links(path, sizes)
        assert len(found.sentences) == lines
        for gold, size in zip(found.sentences, sizes, strict=True):
            assert gold.sure <= gold.possible
            assert all(i < size[0] and j < size[1] for i, j in gold.possible)
        assert all(str(path) in message for message in found.dropped)


def matrices(folder: Path, data: bytes) -> None:
    """JSON Lines of alignments: matrices of the right shape that can be written again, or an error."""
    path = written(folder / "matrices", data)
    with refused(path):
        for matrix in read_matrices(path):
            assert matrix.weights_TS.shape == (len(matrix.target), len(matrix.source))
            json.dumps(as_json(matrix), ensure_ascii=False, allow_nan=False).encode()


def round_trip(tokenizer: Tokenizer, name: str, line: str) -> None:
    """Decoding gives a line back, and pieces know their words."""
    pieces = tokenizer.encode(line)
    expected = " ".join(line.split()) if name == "word" else line
    assert tokenizer.decode(pieces) == expected, "decode(encode(line)) is the line"
    words = tokenizer.words(pieces)
    assert len(words) == len(pieces)
    assert max(words, default=0) <= max(len(expected.split()) - 1, 0)
    tokenizer.decode(tokenizer.vocabulary.to_pieces(tokenizer.vocabulary.ids(pieces)))


def tokenization(tokenizers: dict[str, Tokenizer], data: bytes) -> None:
    """A line: each tokenizer gives it back."""
    line = data.decode("utf-8", "replace").replace("\n", " ")
    for name, tokenizer in tokenizers.items():
        round_trip(tokenizer, name, line)


def segmentation(tokenizers: dict[str, Tokenizer], data: bytes) -> None:
    """A line and a limit: parts within the limit that are the line together."""
    limit, line = 1 + (data[0] if data else 0) % 40, data[1:].decode("utf-8", "replace").replace("\n", " ")
    for tokenizer in tokenizers.values():
        pieces = tokenizer.encode(line)
        parts = segments(pieces, tokenizer.words(pieces), limit)
        assert [piece for part in parts for piece in part.pieces] == pieces
        assert all(1 <= len(part.pieces) <= limit for part in parts)
        assert all(part.begins_word for part in parts[:1])


def run_directory(folder: Path, data: bytes) -> None:
    """A JSON file of a run: which one, the first byte says. Its manifest agrees with it."""
    names = ["manifest.json", "tokenizer/shared.json", "checkpoints/best.json", "metrics.jsonl", "partial.json"]
    name, content = names[(data[0] if data else 0) % len(names)], data[1:]
    written(folder / "run" / "config.yaml", CONFIG)
    for other in names:
        (folder / "run" / other).unlink(missing_ok=True)
    path = written(folder / "run" / name, content)
    with refused(folder / "run"):
        if name == "manifest.json":
            damage(path.parent).encode()
        elif name == "tokenizer/shared.json":
            save_again(path.parent)
        elif name == "metrics.jsonl":
            read_events(path)
        elif name == "partial.json":
            path.rename(path.with_name("out.partial.json"))
            with partial_files([path.with_name("out")], {"a": 1}, resume=True) as files:
                files.write([b"a\n"])
        else:
            Run.open(folder / "run").checkpoint("best")


def save_again(folder: Path) -> None:
    """Tokenizers are loaded, cut a line and are written again."""
    tokenizers = load_tokenizers(folder)
    tokenizers.target.decode(tokenizers.source.encode(TEXT[0]))
    save_tokenizers(tokenizers, folder)


def weights(model: Module, folder: Path, data: bytes) -> None:
    """A file of weights: those of the model, or an error."""
    path = written(folder / "model.safetensors", data)
    with refused(path):
        load_weights(model, path)


def small_model() -> tuple[Module, bytes]:
    """A model of few weights, and these as a file's bytes."""
    text = CONFIG.decode().replace("size: 8", "size: 2").replace("size: 4", "size: 1").replace("heads: 2", "heads: 1")
    model = Config.model_validate(parse(text, "seed").data).model.build(5, 5)
    return model, save({name: tensor.contiguous() for name, tensor in tensors_of(model).items()}, {"format": "pt"})


def targets(folder: Path) -> dict[str, Target]:
    """All of them by name; files are written into `folder`, which should lie in memory."""
    for name in ("run/tokenizer", "run/checkpoints"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    options = {name: kind.model_validate({"vocabulary_size": 60}) for name, kind in members(TokenizerOptions).items()}
    tokenizers = {name: train_tokenizers(option, TEXT * 9, [], 1).source for name, option in options.items()}
    model, content = small_model()
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
    sets = (b"training.seed=2", b"model.decoder.attention.score=general", b"data.train={source: a, target: b}")
    return {
        "config": Target("configs (YAML)", partial(config, folder), (CONFIG, b"a: [1, {b: !!str 2}]\n")),
        "set": Target("`--set`", partial(assignment, folder), sets),
        "corpus": Target("corpora", partial(corpus, folder), (b"a\nb\n\xfe\xfex\ny\n", b"\n".join(lines))),
        "links": Target("gold links", partial(links, folder), (b"0-0 1-2 2p1\n\n3-3\n",)),
        "matrices": Target("alignment matrices", partial(matrices, folder), (shown + b"\n" + shown,)),
        "tokenizers": Target("tokenizers, there and back", partial(tokenization, tokenizers), lines),
        "segments": Target("cutting long lines", partial(segmentation, tokenizers), tuple(b"\5" + it for it in lines)),
        "run": Target("JSON files of a run directory", partial(run_directory, folder), seeds),
        "weights": Target("safetensors", partial(weights, model, folder), (content,)),
    }
