"""Tokenizers of both sides: trained from lines, saved as plain files, loaded again.

    unigram, bpe   SentencePiece, joint or separate (nmt.text.subwords)
    word, char     whitespace words, characters     (nmt.text.listed)

`lowercase` and `normalization` change the text before it is cut; what decode gives back is the changed text.
"""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from nmt.errors import DataError
from nmt.settings import choice, component, members
from nmt.storage.json_source import parse_json
from nmt.storage.reading import read_bytes
from nmt.text.base import Tokenizer, TokenizerSettings
from nmt.text.listed import Char, Word
from nmt.text.subwords import Bpe, Unigram

__all__ = [
    "Tokenizer",
    "TokenizerOptions",
    "TokenizerSettings",
    "Tokenizers",
    "load_tokenizers",
    "save_tokenizers",
    "train_tokenizers",
]

TokenizerOptions = Annotated[Unigram.Options | Bpe.Options | Word.Options | Char.Options, choice(default="unigram")]


class Tokenizers(NamedTuple):
    """The tokenizers of both sides: one object twice when they are shared."""

    source: Tokenizer
    target: Tokenizer


def train_tokenizers(
    options: TokenizerOptions, source_lines: Iterable[str], target_lines: Iterable[str], seed: int
) -> Tokenizers:
    """Train one tokenizer on both texts, or one on each. The lines are read once and not all kept.

    Raises: ConfigError when the vocabulary is too small for the characters, DataError if all lines are blank.
    """
    if options.shared:
        shared = options.train(chain(source_lines, target_lines), seed)
        return Tokenizers(shared, shared)
    return Tokenizers(options.train(source_lines, seed), options.train(target_lines, seed))


def save_tokenizers(tokenizers: Tokenizers, directory: Path) -> None:
    """Write `shared.json`, or `source.json` and `target.json`, into `directory`; `.model` files beside."""
    directory.mkdir(parents=True, exist_ok=True)
    names = ["shared"] if tokenizers.source is tokenizers.target else ["source", "target"]
    for name, tokenizer in zip(names, tokenizers, strict=False):
        tokenizer.save(directory / f"{name}.json")


def load_tokenizers(directory: Path) -> Tokenizers:
    """The tokenizers that `save_tokenizers` wrote. Raises: DataError when a file is missing or damaged."""
    if (directory / "shared.json").exists():
        shared = _load(directory / "shared.json")
        return Tokenizers(shared, shared)
    return Tokenizers(_load(directory / "source.json"), _load(directory / "target.json"))


def _load(path: Path) -> Tokenizer:
    if not path.exists():
        raise DataError(f"{path}: no such file", "the tokenizer was not saved whole")
    try:
        saved = parse_json(read_bytes(path, DataError).decode())
        options = members(TokenizerOptions)[saved["options"]["name"]]
        kind: Any = component(options)
        tokenizer: Tokenizer = kind.load(path, options.model_validate(saved["options"]), saved)
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise DataError(f"{path}: not a tokenizer of this program: {error}", "train it again") from error
    return tokenizer
