"""From text files to tokenizers and stores of piece ids, kept in a cache that goes by content.

    <cache>/<hash>/         tokenizer/   train/   valid/   report.json
    <cache>/digests.json    what is known of the files, so that none is read again only for its hash

The hash covers the bytes of all files, `max_length`, the tokenizer's options, the seed, the format and, where they
are asked for, context and copying; the files' names and places do not matter. A directory appears whole, by renaming,
or not at all; text that changes while it is read is refused.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from nmt.data.corpus import Pair, check_counts, check_formats, is_blank, read_lines, read_pairs
from nmt.data.digests import Digest, Unchanged, digests
from nmt.data.inputs import Inputs, Line, Recent, as_line, source_ids
from nmt.data.settings import DataSettings, TextFiles
from nmt.data.store import Layout, PairStore, PairWriter
from nmt.errors import DataError
from nmt.storage.files import clear_abandoned, made_whole
from nmt.storage.json_source import parse_json
from nmt.text.subwords import SAMPLE_LINES
from nmt.text.tokenizers import (
    TokenizerOptions,
    Tokenizers,
    load_tokenizers,
    save_tokenizers,
    train_tokenizers,
)

# Raise it whenever the same text and settings come to be prepared in another way: directories of before are then no
# longer found, and runs trained on them not resumed. What concerns some corpora only is told apart in `_of_some`.
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

    `valid_sources` and `valid_references` are the lines of every validation pair without a blank side, as the files
    have them, the sources as rows where there are several; pairs too long for the store are among them. `content` is
    the hash of all that it was made of.
    """

    tokenizers: Tokenizers
    train: PairStore
    valid: PairStore
    valid_sources: list[Line]
    valid_references: list[str]
    report: Report
    content: str
    inputs: Inputs = Inputs()


def prepare(
    data: DataSettings,
    tokenizer: TokenizerOptions,
    seed: int,
    cache: Path = CACHE,
    say: Callable[[str], None] = lambda line: None,
    copying: bool = False,
) -> Prepared:
    """The prepared data of `data`: from the cache, or made and put there. `say` is told of each stage. copying: with
    what an output that copies needs (nmt.text.copying).

    Raises: DataError for text that cannot be used, ConfigError when the tokenizer's settings do not fit it.
    """
    inputs = data.inputs._replace(copying=copying)
    unchanged = Unchanged(_files(data))
    with unchanged:
        directory = cache / _content_hash(data, tokenizer, seed, inputs, cache / DIGESTS)
    if not directory.is_dir():
        clear_abandoned(cache)
        with made_whole(directory) as unfinished, unchanged:
            _make(unfinished, data, tokenizer, seed, Cutting(inputs, data.max_length, say))
    with unchanged:
        return _open(directory, data, inputs)


def _files(data: DataSettings) -> list[Path]:
    """All text files."""
    return [path for files in (data.train, data.valid) for paths in _columns(files) for path in paths]


def _content_hash(data: DataSettings, tokenizer: TokenizerOptions, seed: int, inputs: Inputs, memory: Path) -> str:
    """Raises: DataError when files differ in their numbers of lines, or are no text."""
    check_formats(_files(data))
    known = digests(_files(data), memory)
    parts: dict[str, Any] = {"format": FORMAT, "max_length": data.max_length, "seed": seed}
    parts["tokenizer"] = tokenizer.model_dump()
    for name, files in (("train", data.train), ("valid", data.valid)):
        columns = _columns(files)
        for paths in columns:
            check_counts(paths, [known[path].lines for path in paths])
        parts[name] = [[known[path].sha256 for path in paths] for paths in columns]
    asked = {"context": inputs.context, "copying": inputs.copying, "texts": inputs.texts - 1}
    parts |= {name: value for name, value in asked.items() if value}
    parts |= _of_some(data, known)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def _of_some(data: DataSettings, known: dict[Path, Digest]) -> dict[str, int]:
    """What changed for some corpora after their format had its number: how many lines of a larger text subwords are
    learnt from, and that a document ends with its file."""
    lines = sum(known[path].lines for text in (*data.train.sources, data.train.targets) for path in text)
    sampled = {"sample_lines": SAMPLE_LINES} if lines > SAMPLE_LINES else {}
    several = len(data.train.targets) > 1 or len(data.valid.targets) > 1
    ended = {"documents": 2} if data.context.sentences and several else {}
    return sampled | ended


def _columns(files: TextFiles) -> list[tuple[Path, ...]]:
    """Files that go together: those of the source texts, of the target, and of document ids."""
    documents = [files.document_files] if files.documents else []
    return list(zip(*files.sources, files.targets, *documents, strict=True))


class Cutting(NamedTuple):
    """How text becomes pairs of a store."""

    inputs: Inputs
    max_length: int
    say: Callable[[str], None]


def _make(directory: Path, data: DataSettings, options: TokenizerOptions, seed: int, cutting: Cutting) -> None:
    cutting.say(f"training the {options.name} tokenizer")
    sources = _lines([path for text in data.train.sources for path in text])
    tokenizers = train_tokenizers(options, sources, _lines(data.train.targets), seed)
    save_tokenizers(tokenizers, directory / "tokenizer")
    counts = {}
    for name, files in (("train", data.train), ("valid", data.valid)):
        cutting.say(f"cutting the {name} text into pieces")
        found = _store(directory / name, files, tokenizers, cutting)
        _check_kept(files, found, data.max_length)
        counts[name] = found._asdict()
    (directory / "report.json").write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")


def _lines(paths: Sequence[Path]) -> Iterator[str]:
    return chain.from_iterable(map(read_lines, paths))


def _store(directory: Path, files: TextFiles, tokenizers: Tokenizers, cutting: Cutting) -> Counts:
    """Write the pairs of `files` that can be used and count the others."""
    kept = blank = too_long = 0
    with PairWriter(directory, _layout(cutting.inputs)) as writer:
        for pair in _pairs(files, cutting.inputs):
            if _has_blank(pair, cutting.inputs):
                blank += 1
                continue
            ids = _ids(pair, tokenizers, cutting)
            if max(map(len, (*ids.sources, ids.target))) > cutting.max_length:
                too_long += 1
                continue
            writer.add(ids.sources, ids.target, pair.line, ids.copies)
            kept += 1
    return Counts(kept, blank, too_long)


def _layout(inputs: Inputs) -> Layout:
    return Layout(inputs.num_sources, inputs.copying)


def _pairs(files: TextFiles, inputs: Inputs) -> Iterator[Pair]:
    """The pairs of files, each with the sentences before it in its document as further sources.

    A document ends where both sides are blank, where the id changes, and at the end of a file.
    """
    recent, document = Recent(inputs.context), (0, "")
    for pair in read_pairs(files.sources, files.targets, files.document_files):
        if pair.document != document or all(map(is_blank, (*pair.sources, pair.target))):
            recent.end()
        yield pair._replace(sources=(*pair.sources, *recent.before()))
        recent.add(pair.sources[0])
        document = pair.document


def _has_blank(pair: Pair, inputs: Inputs) -> bool:
    return any(map(is_blank, (*pair.sources[: inputs.texts], pair.target)))


class _Ids(NamedTuple):
    sources: list[list[int]]
    target: list[int]
    copies: list[int] | None


def _ids(pair: Pair, tokenizers: Tokenizers, cutting: Cutting) -> _Ids:
    pieces = cutting.inputs.cut(pair.sources, tokenizers.source, cutting.max_length - 1)
    sources = [source_ids(source, tokenizers.source.vocabulary) for source in pieces]
    first, vocabulary = pieces[0], tokenizers.target.vocabulary
    target = cutting.inputs.target_ids(tokenizers.target.encode(pair.target), first, vocabulary)
    return _Ids(sources, target, cutting.inputs.copies(first, vocabulary) if cutting.inputs.copying else None)


def _check_kept(files: TextFiles, counts: Counts, max_length: int) -> None:
    if counts.kept == 0:
        raise DataError(
            f"{files.sources[0][0]}: no pair is left: {counts.blank} have a blank side,"
            f" {counts.too_long} are longer than data.max_length ({max_length} pieces)",
            "look at the files, or set data.max_length higher",
        )


def _open(directory: Path, data: DataSettings, inputs: Inputs) -> Prepared:
    pairs = [pair for pair in _pairs(data.valid, inputs) if not _has_blank(pair, inputs)]
    try:
        tokenizers = load_tokenizers(directory / "tokenizer")
    except DataError as error:
        raise DataError(error.message, _mend(directory)) from error
    return Prepared(
        tokenizers,
        PairStore(directory / "train", _layout(inputs)),
        PairStore(directory / "valid", _layout(inputs)),
        [as_line(pair.sources) for pair in pairs],
        [pair.target for pair in pairs],
        _read_report(directory / "report.json"),
        directory.name,
        inputs,
    )


def _read_report(path: Path) -> Report:
    try:
        counts = parse_json(path.read_text(encoding="utf-8"))
        return Report(Counts(**counts["train"]), Counts(**counts["valid"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not prepared data: {error}", _mend(path.parent)) from error


def _mend(directory: Path) -> str:
    return f"remove {directory}; it is made again"
