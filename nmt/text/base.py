"""What every tokenizer is, has as settings, and does alike."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import Field

from nmt.settings import Settings
from nmt.text.vocabulary import SPECIALS, Vocabulary

UNKNOWN_TEXT = "⁇"


class TokenizerSettings(Settings):
    """What all tokenizers have in common.

    vocabulary_size: pieces, the four special ones counted; a small corpus may give fewer.
    shared: one tokenizer, trained on both sides together.
    normalization: SentencePiece's rules; `identity` leaves the text alone.
    """

    vocabulary_size: int = Field(8000, gt=len(SPECIALS), description="pieces, the four special ones counted")
    shared: bool = Field(True, description="one vocabulary, made of both sides together")
    normalization: Literal["identity", "nfkc", "nfkc_cf"] = Field(
        "identity", description="SentencePiece's rules; identity leaves the text alone"
    )
    lowercase: bool = Field(False, description="lowercase the text first, and so what is translated")


class Tokenizer(Protocol):
    """Cuts a line into pieces (no special ones) and joins pieces to a line."""

    vocabulary: Vocabulary

    def encode(self, line: str) -> list[str]:
        """Pieces of a line; a piece outside the vocabulary keeps its text and has the id UNKNOWN."""

    def decode(self, pieces: Sequence[str]) -> str:
        """The line that pieces stand for; `<unk>` becomes ⁇, the other special pieces nothing."""

    def words(self, pieces: Sequence[str]) -> list[int]:
        """For each piece, the 0-based number of its word in `decode(pieces).split()`."""

    def save(self, path: Path) -> None:
        """Write `path` (JSON), and for SentencePiece its model beside it with the ending `.model`."""


def word_numbers(texts: Sequence[str]) -> list[int]:
    """The word of each piece's first visible character; blanks alone belong to the word that follows them.

    `texts` are the pieces with blanks as such; words are what `str.split()` makes of their concatenation.
    """
    numbers, begun, inside = [], 0, False
    for text in texts:
        number = None
        for character in text:
            begun += not (inside or character.isspace())
            inside = not character.isspace()
            if inside and number is None:
                number = begun - 1
        numbers.append(begun if number is None else number)
    return [min(number, max(begun - 1, 0)) for number in numbers]


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write `value` as readable JSON."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
