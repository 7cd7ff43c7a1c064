"""The starter config that `nmt new` writes: commented YAML for two text files, with sizes that fit their length."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple

from nmt.data.corpus import read_pairs
from nmt.errors import ConfigError, DataError
from nmt.storage.files import written_whole
from nmt.storage.places import is_folder, is_there, resolved
from nmt.yaml_source import dump

LARGEST_VALID = 1000
SMALLEST_SHARE = 20  # at most one pair in so many is set aside


class TextPair(NamedTuple):
    """Two files whose n-th lines belong together."""

    source: Path
    target: Path


def write_starter(output: Path, text: TextPair, valid: TextPair | None, overwrite: bool = False) -> list[Path]:
    """Write a config for `text`, and training and validation text beside it where `valid` is not given.

    Gives the paths written. Raises: ConfigError when one of these exists, with `overwrite` only when it is the text
    itself or a folder; DataError for text that cannot be used.
    """
    if is_folder(output, ConfigError):
        raise ConfigError(f"{output}: is a folder", "--output names a file in it")
    directory = output.with_name(f"{output.stem}-data")
    parts = [] if valid else [*_place(text, directory, "train"), *_place(text, directory, "valid")]
    _check_free([output, *parts], [*text, *(valid or ())], overwrite)
    pairs = sum(1 for _ in read_pairs([[text.source]], [text.target]))
    if valid is not None:
        sum(1 for _ in read_pairs([[valid.source]], [valid.target]))
        written, train = [], text
    else:
        train, valid = set_aside(text, pairs, directory)
        written = [*train, *valid]
    with written_whole(output) as file:
        file.write(starter_config(train, valid, pairs).encode())
    return [*written, output]


def _check_free(written: Sequence[Path], read: Sequence[Path], overwrite: bool) -> None:
    kept = {resolved(path, ConfigError) for path in read}
    for path in written:
        if resolved(path, ConfigError) in kept:
            raise ConfigError(f"{path}: is the text itself, and would be replaced", "--output names another file")
        if is_there(path, ConfigError) and not overwrite:
            raise ConfigError(f"{path}: exists already", "--overwrite replaces it, --output names another file")


def _place(text: TextPair, directory: Path, part: str) -> TextPair:
    return TextPair(*(directory / f"{part}.{side}" for side in _side_names(text)))


def set_aside(text: TextPair, pairs: int, directory: Path) -> tuple[TextPair, TextPair]:
    """Copy the text into train and valid files: every n-th pair validates, in all at most LARGEST_VALID.

    Raises: DataError when there are fewer than two pairs.
    """
    if pairs < 2:
        raise DataError(
            f"{text.source}: {pairs} pair cannot be divided", "give more text, or --valid-source and -target"
        )
    every = max(SMALLEST_SHARE, -(-pairs // LARGEST_VALID)) if pairs >= SMALLEST_SHARE else pairs
    train, valid = (_place(text, directory, part) for part in ("train", "valid"))
    with ExitStack() as stack:
        files = [[stack.enter_context(written_whole(path)) for path in part] for part in (train, valid)]
        for pair in read_pairs([[text.source]], [text.target]):
            _write(files[(pair.line + 1) % every == 0], (*pair.sources, pair.target))
    return train, valid


def _write(files: Sequence[BinaryIO], lines: Sequence[str]) -> None:
    for file, line in zip(files, lines, strict=True):
        file.write(f"{line}\n".encode())


def _side_names(text: TextPair) -> tuple[str, str]:
    """The languages of both sides by the files' endings (`train.en`), else `source` and `target`."""
    names = [path.suffix[1:].lower() for path in text]
    known = names[0] != names[1] and all(name.isalpha() and 2 <= len(name) <= 3 and name != "txt" for name in names)
    return (names[0], names[1]) if known else ("source", "target")


def vocabulary_size(pairs: int) -> int:
    """Pieces for a corpus of so many pairs: each should be seen often enough to be learnt."""
    steps = ((5_000, 1000), (20_000, 3000), (50_000, 6000), (500_000, 8000), (5_000_000, 16_000))
    return next((size for limit, size in steps if pairs < limit), 32_000)


def starter_config(train: TextPair, valid: TextPair, pairs: int) -> str:
    """The text of a config for these files; `pairs` is the number of lines of the training text."""
    languages = _side_names(train)
    values = {"SOURCE": languages[0], "TARGET": languages[1], "VOCABULARY": str(vocabulary_size(pairs))}
    for name, path in zip(
        ("TRAIN_SOURCE", "TRAIN_TARGET", "VALID_SOURCE", "VALID_TARGET"), (*train, *valid), strict=True
    ):
        values[name] = _quoted(path)
    return "\n".join(_filled(_TEMPLATE.splitlines(), values)) + "\n"


def _filled(lines: Sequence[str], values: dict[str, str]) -> Iterator[str]:
    for line in lines:
        filled = line
        for name, value in values.items():
            filled = filled.replace(f"<{name}>", value)
        yield filled


def _quoted(path: Path) -> str:
    """The path as YAML text inside a flow mapping."""
    return dump([str(path)]).strip()[1:-1]


_TEMPLATE = """\
# A translation model from <SOURCE> to <TARGET>. Every key but `data` may be left out; what stands here are good
# first choices. `nmt list` explains the names, docs/architecture.md the whole.

languages: {source: <SOURCE>, target: <TARGET>}   # names only

data:
  # Line n of source and line n of target are translations of each other. Several files: [a.txt, b.txt].
  train: {source: <TRAIN_SOURCE>, target: <TRAIN_TARGET>}
  # Text that is never trained on: training stops when it no longer gets better on it.
  valid: {source: <VALID_SOURCE>, target: <VALID_TARGET>}
  max_length: 128           # pieces; longer pairs are left out of training and counted

tokenizer:
  name: unigram             # unigram | bpe | word | char
  vocabulary_size: <VOCABULARY>     # pieces; more for more text
  shared: true              # one vocabulary for both sides; false where they share no letters (English, Japanese)
  lowercase: false

model:
  embedding_size: 256
  tied_embeddings: all      # none | target | all (needs tokenizer.shared)
  dropout: 0.2              # higher for little text (0.3), lower for much (0.1)
  encoder: {name: rnn, cell: gru, size: 256, num_layers: 1, bidirectional: true}
  decoder:
    name: rnn
    cell: gru               # lstm | gru
    size: 512
    query: previous         # previous (Bahdanau) | current (Luong)
    attention: {score: additive, scope: global, heads: 1}    # `nmt list attention` shows the others
  # Or a Transformer, in place of the encoder and decoder above; norm: pre learns more surely than post, the paper's.
  # encoder: {name: transformer, num_layers: 3, heads: 4, feed_forward_size: 512, norm: pre}
  # decoder: {name: transformer, num_layers: 3, heads: 4, feed_forward_size: 512, norm: pre}

training:
  seed: 1
  batch_tokens: 4096        # pieces a batch, padding counted; less if memory runs out
  optimizer: {name: adam, learning_rate: 1e-3}
  schedule: {name: inverse_sqrt, warmup: 1000}
  label_smoothing: 0.1
  max_updates: 20000        # the first limit that is reached ends the run
  max_minutes: null         # of computing, for example 60
  validate_every: 500
  checkpoint_every: 500
  patience: 10              # validations without a better `select_by`
  select_by: bleu           # bleu | loss | chrf

# Translations that come out too short are mended by a greater length_penalty, 1.0 for example.
search: {name: beam, beam_size: 5, length_penalty: 0.6}
"""
