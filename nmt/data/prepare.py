"""From text files to tokenizers and stores of piece ids, kept in a cache that goes by content.

    <cache>/<hash>/         tokenizer/   train/   valid/   report.json
    <cache>/digests.json    what is known of the files, so that none is read again only for its hash

The hash covers the bytes of all files, `max_length`, the tokenizer's options, the seed and the format; the
files' names and places do not matter. A directory appears whole, by renaming, or not at all.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from nmt.data.corpus import check_counts, is_blank, read_lines, read_pairs
from nmt.data.digests import digests
from nmt.data.settings import DataSettings, TextFiles
from nmt.data.store import PairStore, PairWriter
from nmt.errors import DataError
from nmt.files import made_whole
from nmt.text.tokenizers import (
    Tokenizer,
    TokenizerOptions,
    Tokenizers,
    load_tokenizers,
    save_tokenizers,
    train_tokenizers,
)
from nmt.text.vocabulary import EOS

FORMAT = 1
CACHE = Path("runs/.prepared")
DIGESTS = "digests.json"


class Counts(NamedTuple):
    """What became of the pairs of a corpus: `kept` are in the store; a pair is left out for one reason."""

    kept: int
    blank: int
    too_long: int


class Report(NamedTuple):
    """Counts of both corpora."""

    train: Counts
    valid: Counts


class Prepared(NamedTuple):
    """All that training needs to know of the text.

    `valid_sources` and `valid_references` are the lines of every validation pair without a blank side, as the
    files have them; pairs too long for the store are among them. `content` is the hash of all that it was made of.
    """

    tokenizers: Tokenizers
    train: PairStore
    valid: PairStore
    valid_sources: list[str]
    valid_references: list[str]
    report: Report
    content: str


def prepare(
    data: DataSettings,
    tokenizer: TokenizerOptions,
    seed: int,
    cache: Path = CACHE,
    say: Callable[[str], None] = lambda line: None,
) -> Prepared:
    """The prepared data of `data`: from the cache, or made and put there. `say` is told of each stage.

    Raises: DataError for text that cannot be used, ConfigError when the tokenizer's settings do not fit it.
    """
    directory = cache / _content_hash(data, tokenizer, seed, cache / DIGESTS)
    if not directory.is_dir():
        with made_whole(directory) as unfinished:
            _make(unfinished, data, tokenizer, seed, say)
    return _open(directory, data)


def _content_hash(data: DataSettings, tokenizer: TokenizerOptions, seed: int, memory: Path) -> str:
    """Raises: DataError when files differ in their numbers of lines."""
    known = digests([path for files in (data.train, data.valid) for path in (*files.sources, *files.targets)], memory)
    parts: dict[str, Any] = {"format": FORMAT, "max_length": data.max_length, "seed": seed}
    parts["tokenizer"] = tokenizer.model_dump()
    for name, files in (("train", data.train), ("valid", data.valid)):
        pairs = list(zip(files.sources, files.targets, strict=True))
        for source, target in pairs:
            check_counts(source, known[source].lines, target, known[target].lines)
        parts[name] = [(known[source].sha256, known[target].sha256) for source, target in pairs]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def _make(
    directory: Path, data: DataSettings, options: TokenizerOptions, seed: int, say: Callable[[str], None]
) -> None:
    say(f"training the {options.name} tokenizer")
    tokenizers = train_tokenizers(options, _lines(data.train.sources), _lines(data.train.targets), seed)
    save_tokenizers(tokenizers, directory / "tokenizer")
    counts = {}
    for name, files in (("train", data.train), ("valid", data.valid)):
        say(f"cutting the {name} text into pieces")
        found = _store(directory / name, files, tokenizers, data.max_length)
        _check_kept(files, found, data.max_length)
        counts[name] = found._asdict()
    (directory / "report.json").write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")


def _lines(paths: Sequence[Path]) -> Iterator[str]:
    return chain.from_iterable(map(read_lines, paths))


def _store(directory: Path, files: TextFiles, tokenizers: Tokenizers, max_length: int) -> Counts:
    """Write the pairs of `files` that can be used and count the others."""
    kept = blank = too_long = 0
    with PairWriter(directory) as writer:
        for pair in read_pairs(files.sources, files.targets):
            if is_blank(pair.source) or is_blank(pair.target):
                blank += 1
                continue
            source, target = _ids(tokenizers.source, pair.source), _ids(tokenizers.target, pair.target)
            if max(len(source), len(target)) > max_length:
                too_long += 1
                continue
            writer.add(source, target, pair.line)
            kept += 1
    return Counts(kept, blank, too_long)


def _ids(tokenizer: Tokenizer, line: str) -> list[int]:
    return [*tokenizer.vocabulary.ids(tokenizer.encode(line)), EOS]


def _check_kept(files: TextFiles, counts: Counts, max_length: int) -> None:
    if counts.kept == 0:
        raise DataError(
            f"{files.sources[0]}: no pair is left: {counts.blank} have a blank side,"
            f" {counts.too_long} are longer than data.max_length ({max_length} pieces)",
            "look at the files, or set data.max_length higher",
        )


def _open(directory: Path, data: DataSettings) -> Prepared:
    pairs = [
        pair
        for pair in read_pairs(data.valid.sources, data.valid.targets)
        if not (is_blank(pair.source) or is_blank(pair.target))
    ]
    try:
        tokenizers = load_tokenizers(directory / "tokenizer")
    except DataError as error:
        raise DataError(error.message, _mend(directory)) from error
    return Prepared(
        tokenizers,
        PairStore(directory / "train"),
        PairStore(directory / "valid"),
        [pair.source for pair in pairs],
        [pair.target for pair in pairs],
        _read_report(directory / "report.json"),
        directory.name,
    )


def _read_report(path: Path) -> Report:
    try:
        counts = json.loads(path.read_text(encoding="utf-8"))
        return Report(Counts(**counts["train"]), Counts(**counts["valid"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not prepared data: {error}", _mend(path.parent)) from error


def _mend(directory: Path) -> str:
    return f"remove {directory}; it is made again"
