"""What is fuzzed of the files that people write: each is a value, or an error that names it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nmt.config import dump_config, load_config
from nmt.data.check import check
from nmt.data.corpus import read_lines, read_pairs
from nmt.errors import NmtError
from nmt.metrics.alignment import read_links
from nmt.metrics.matrices import as_json, read_matrices
from nmt.segments import segments
from nmt.text.tokenizers import Tokenizer

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
