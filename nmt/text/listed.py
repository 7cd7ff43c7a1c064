"""Tokenizers that list what they see, whitespace words or characters, by frequency, then alphabet.

How they join: `word` puts one space between words, decode(encode(line)) == " ".join(line.split()); `char`
writes a space as `▁` (and `▁` itself as `▁▁`, one piece), decode(encode(line)) == line for every line.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import sentencepiece

from nmt.text.base import UNKNOWN_TEXT, TokenizerSettings, word_numbers, write_json
from nmt.text.vocabulary import SPECIALS, UNKNOWN, Vocabulary

_SPECIAL_TEXT = {name: UNKNOWN_TEXT if number == UNKNOWN else "" for number, name in enumerate(SPECIALS)}
_SPACE, _LOW_LINE = "▁", "▁▁"
_CHAR_PIECES = {" ": _SPACE, _SPACE: _LOW_LINE}
_CHAR_TEXTS = {_SPACE: " ", _LOW_LINE: _SPACE, **_SPECIAL_TEXT}


class Listed(ABC):
    """A vocabulary counted from text, saved as JSON."""

    def __init__(self, options: TokenizerSettings, pieces: Sequence[str]) -> None:
        self.options = options
        self.vocabulary = Vocabulary(pieces)

    @classmethod
    def learn(cls, options: TokenizerSettings, lines: Iterable[str]) -> Self:
        """Count the pieces of `lines`; the most frequent fill the vocabulary, special pieces counted."""
        counter = cls(options, SPECIALS)
        counts = Counter(piece for line in lines for piece in counter.encode(line))
        ranked = sorted(counts, key=lambda piece: (-counts[piece], piece))
        return cls(options, [*SPECIALS, *ranked[: options.vocabulary_size - len(SPECIALS)]])

    @abstractmethod
    def encode(self, line: str) -> list[str]:
        """Pieces of a line."""

    def normalize(self, line: str) -> str:
        """The line lowercased and normalized as the options ask."""
        text = line.lower() if self.options.lowercase else line
        return text if self.options.normalization == "identity" else self._rules.normalize(text)

    @cached_property
    def _rules(self) -> Any:
        return sentencepiece.SentencePieceNormalizer(
            rule_name=self.options.normalization,
            add_dummy_prefix=False,
            escape_whitespaces=False,
            remove_extra_whitespaces=True,
        )

    def save(self, path: Path) -> None:
        """Write the options and the pieces as JSON."""
        write_json(path, {"options": self.options.model_dump(), "pieces": self.vocabulary.pieces})

    @classmethod
    def load(cls, _path: Path, options: TokenizerSettings, saved: dict[str, Any]) -> Self:
        """The tokenizer that `save` wrote. Raises ValueError when its pieces are no list of different texts."""
        pieces = saved["pieces"]
        if not isinstance(pieces, list) or not all(isinstance(piece, str) for piece in pieces):
            raise ValueError("its pieces are no list of texts")
        if tuple(pieces[: len(SPECIALS)]) != SPECIALS or len(set(pieces)) < len(pieces):
            raise ValueError("its pieces do not begin with the special ones, or stand twice")
        return cls(options, pieces)


class Word(Listed):
    """Whitespace words, joined by one space. A word that looks like a special piece gets a backslash."""

    class Options(TokenizerSettings):
        name: Literal["word"] = "word"

        def train(self, lines: Iterable[str], _seed: int) -> "Word":
            """Count the words of `lines`."""
            return Word.learn(self, lines)

    def encode(self, line: str) -> list[str]:
        """Words of a line."""
        return [f"\\{word}" if _looks_special(word) else word for word in self.normalize(line).split()]

    def decode(self, pieces: Sequence[str]) -> str:
        """The words joined by one space; `<unk>` becomes ⁇, the other special pieces nothing."""
        return " ".join(filter(None, map(self._text, pieces)))

    @staticmethod
    def _text(piece: str) -> str:
        escaped = piece.startswith("\\") and _looks_special(piece)
        return piece[1:] if escaped else _SPECIAL_TEXT.get(piece, piece)

    def words(self, pieces: Sequence[str]) -> list[int]:
        """Each piece is a word: 0, 1, 2, …"""
        return list(range(len(pieces)))


def _looks_special(word: str) -> bool:
    return word.lstrip("\\") in SPECIALS


class Char(Listed):
    """Characters, a space being `▁`."""

    class Options(TokenizerSettings):
        name: Literal["char"] = "char"

        def train(self, lines: Iterable[str], _seed: int) -> "Char":
            """Count the characters of `lines`."""
            return Char.learn(self, lines)

    def encode(self, line: str) -> list[str]:
        """Characters of a line."""
        return [_CHAR_PIECES.get(character, character) for character in self.normalize(line)]

    def decode(self, pieces: Sequence[str]) -> str:
        """The characters in a row; `<unk>` becomes ⁇, the other special pieces nothing."""
        return "".join(_CHAR_TEXTS.get(piece, piece) for piece in pieces)

    def words(self, pieces: Sequence[str]) -> list[int]:
        """For each piece, the 0-based number of its word in `decode(pieces).split()`."""
        return word_numbers([_CHAR_TEXTS.get(piece, piece) for piece in pieces])
