"""SentencePiece tokenizers, trained here.

With normalization `identity`, decode(encode(line)) == line for every line. Training is deterministic: one
thread, lines in order. Of more than 500,000 lines as many are drawn with the seed; lines longer than 1,000
characters are cut there for training, so that none is skipped.
"""

import io
import random
import re
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, Self

import sentencepiece

from nmt.errors import ConfigError, DataError
from nmt.storage.reading import read_bytes
from nmt.text.base import UNKNOWN_TEXT, TokenizerSettings, word_numbers, write_json
from nmt.text.escape import blanks, escape, restore
from nmt.text.vocabulary import BOS, EOS, PAD, SPECIALS, UNKNOWN, Vocabulary

SAMPLE_LINES = 500_000
LINE_CHARACTERS = 1_000


class SentencePiece:
    """What `unigram` and `bpe` share: everything but the name of the training algorithm."""

    def __init__(self, options: TokenizerSettings, model: bytes) -> None:
        self.options = options
        self._model = model
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        self.vocabulary = Vocabulary([self._processor.id_to_piece(i) for i in range(len(self._processor))])

    def encode(self, line: str) -> list[str]:
        """Pieces of a line, `▁` being a space; a stretch of unknown characters is one piece."""
        text = escape(line.lower() if self.options.lowercase else line)
        pieces: list[str] = self._processor.encode(text, out_type=str)
        if any(piece in SPECIALS for piece in pieces):  # normalization made unknown characters spell `<s>`
            return list(chain.from_iterable(piece if piece in SPECIALS else [piece] for piece in pieces))
        return pieces

    def decode(self, pieces: Sequence[str]) -> str:
        """The line that pieces stand for; `<unk>` becomes ⁇, the other special pieces nothing."""
        return restore(self._processor.decode(list(pieces))) if pieces else ""

    def words(self, pieces: Sequence[str]) -> list[int]:
        """For each piece, the 0-based number of its word in `decode(pieces).split()`."""
        text = iter(blanks("".join(pieces)))
        return word_numbers(["".join(islice(text, len(piece))) for piece in pieces])

    def save(self, path: Path) -> None:
        """Write the options as JSON and the SentencePiece model beside them, ending in `.model`."""
        write_json(path, {"options": self.options.model_dump()})
        path.with_suffix(".model").write_bytes(self._model)

    @classmethod
    def load(cls, path: Path, options: TokenizerSettings, _saved: dict[str, Any]) -> Self:
        """The tokenizer that `save` wrote. Raises: DataError or RuntimeError when its model cannot be read."""
        return cls(options, read_bytes(path.with_suffix(".model"), DataError))


class Unigram(SentencePiece):
    """Pieces by a unigram language model. Source: Kudo 2018, by SentencePiece. Differs: nothing."""

    class Options(TokenizerSettings):
        name: Literal["unigram"] = "unigram"

        def train(self, lines: Iterable[str], seed: int) -> "Unigram":
            """Learn pieces from `lines`. Raises ConfigError, DataError."""
            return Unigram(self, _learn(self, self.name, lines, seed))


class Bpe(SentencePiece):
    """Byte-pair encoding. Source: Sennrich et al. 2016, by SentencePiece. Differs: a space is a character, `▁`."""

    class Options(TokenizerSettings):
        name: Literal["bpe"] = "bpe"

        def train(self, lines: Iterable[str], seed: int) -> "Bpe":
            """Learn pieces from `lines`. Raises ConfigError, DataError."""
            return Bpe(self, _learn(self, self.name, lines, seed))


def _learn(options: TokenizerSettings, algorithm: str, lines: Iterable[str], seed: int) -> bytes:
    text = [_prepared(line, options) for line in draw(lines, SAMPLE_LINES, seed) if line]
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=chain.from_iterable(map(_cut, text)),
            model_writer=model,
            model_type=algorithm,
            vocab_size=options.vocabulary_size,
            hard_vocab_limit=False,
            character_coverage=_coverage(text, options.vocabulary_size),
            normalization_rule_name=options.normalization,
            remove_extra_whitespaces=options.normalization != "identity",
            max_sentence_length=16 * LINE_CHARACTERS,
            num_threads=1,
            pad_id=PAD,
            unk_id=UNKNOWN,
            bos_id=BOS,
            eos_id=EOS,
            unk_surface=UNKNOWN_TEXT,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise _explained(error, options.vocabulary_size) from error
    return model.getvalue()


def _prepared(line: str, options: TokenizerSettings) -> str:
    return escape(line.lower() if options.lowercase else line)


def _cut(line: str) -> list[str]:
    return [line[start : start + LINE_CHARACTERS] for start in range(0, len(line), LINE_CHARACTERS)]


def draw(lines: Iterable[str], count: int, seed: int) -> list[str]:
    """All lines when there are at most `count`, otherwise that many drawn at random (reservoir sampling)."""
    stream = iter(lines)
    drawn = list(islice(stream, count))
    chance = random.Random(seed)
    for seen, line in enumerate(stream, count + 1):
        place = chance.randrange(seen)
        if place < count:
            drawn[place] = line
    return drawn


def _coverage(text: Iterable[str], vocabulary_size: int) -> float:
    """Share of the characters to keep: all, unless they would fill a quarter of the vocabulary (Japanese)."""
    alphabet: set[str] = set()
    for line in text:
        alphabet.update(line)
    return 1.0 if len(alphabet) <= vocabulary_size // 4 else 0.9995


def _explained(error: RuntimeError, vocabulary_size: int) -> ConfigError | DataError:
    """SentencePiece's complaint in the words of the user's configuration."""
    if needed := re.search(r"smaller than required_chars\. \d+ vs (\d+)", str(error)):
        return ConfigError(
            f"tokenizer.vocabulary_size: {vocabulary_size} is less than the {needed[1]} characters and"
            " special pieces of the training text",
            f"set it to {needed[1]} or more",
        )
    if "sentences_.empty()" in str(error):
        return DataError("the training text of the tokenizer is empty", "every line of it is blank")
    return DataError(f"SentencePiece cannot learn from the training text: {error}")
