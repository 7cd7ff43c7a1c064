"""What a model reads for one target sentence: one source, several, or one and the sentences before it.

A row holds the texts of all sources of a sentence, in order; each becomes one `Source` of a batch.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from nmt.data.corpus import is_blank, is_text
from nmt.text.copying import copied_ids, target_ids
from nmt.text.tokenizers import Tokenizer
from nmt.text.vocabulary import EOS, Vocabulary

Row = tuple[str, ...]
Line = str | Row  # a text where there is one, else a row
Pieces = tuple[str, ...]  # none where there is no sentence, as before the first of a document


class Inputs(NamedTuple):
    """The sources of a row: `texts` that belong together, or one text and `context` sentences before it, the last one
    first. copying: target pieces that their vocabulary lacks are looked for in the first source."""

    texts: int = 1
    context: int = 0
    copying: bool = False

    @property
    def num_sources(self) -> int:
        """How many sources a batch has."""
        return self.texts + self.context

    def is_blank(self, row: Row) -> bool:
        """Whether there is nothing to translate, whatever stood before it."""
        return all(map(is_blank, row[: self.texts]))

    def cut(self, row: Row, tokenizer: Tokenizer, limit: int) -> list[Pieces]:
        """The pieces of each source; those before a sentence are cut off at `limit` pieces."""
        read = [tuple(tokenizer.encode(text)) for text in row[: self.texts]]
        before = [tuple(tokenizer.encode(text))[:limit] for text in row[self.texts :]]
        return [*read, *before]

    def target_ids(self, pieces: Sequence[str], first: Sequence[str], vocabulary: Vocabulary) -> list[int]:
        """Ids of a target with its end; with copying, as places in the first source where the vocabulary lacks them."""
        return [*(target_ids(pieces, first, vocabulary) if self.copying else vocabulary.ids(pieces)), EOS]

    def copies(self, first: Sequence[str], vocabulary: Vocabulary) -> list[int]:
        """What copying a piece of the first source would write, as target ids, and the end."""
        return [*copied_ids(first, vocabulary), EOS]


def source_ids(pieces: Pieces, vocabulary: Vocabulary) -> list[int]:
    """Ids with the end of the sentence, which stands alone where there is no sentence."""
    return [*vocabulary.ids(pieces), EOS]


class Recent:
    """The last `count` sentences of a document."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._kept: deque[str] = deque(maxlen=count)

    def before(self) -> Row:
        """The sentences so far, the last one first; blank where there are fewer than `count`."""
        return (*self._kept, *[""] * (self._count - len(self._kept)))

    def add(self, sentence: str) -> None:
        """The next sentence of the document; what is blank, or no text, is none."""
        if is_text(sentence) and not is_blank(sentence):
            self._kept.appendleft(sentence)

    def end(self) -> None:
        """The document ends here."""
        self._kept.clear()


def in_documents(rows: Iterable[Row], count: int) -> Iterator[Row]:
    """Of lines with the ids of their documents, each line with the `count` sentences before it in its document, which
    ends at a blank line, too."""
    recent, document = Recent(count), ""
    for line, own in rows:
        if own != document or is_blank(line):
            recent.end()
        document = own
        yield (line, *recent.before())
        recent.add(line)


def as_line(row: Sequence[str]) -> Line:
    """The text itself where there is one source."""
    return row[0] if len(row) == 1 else tuple(row)
