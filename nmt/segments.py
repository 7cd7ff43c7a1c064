"""Cutting lines that are longer than the model's limit at the best place, and joining their translations again."""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from nmt.text.escape import MARK

SENTENCE_ENDS = frozenset(".!?。！？…؟۔।॥။។።։")
CLAUSE_ENDS = frozenset(",;:、，；：)—–،؛၊፣")
CLOSING = "\"'”’»›)]}」』）】》"  # what may follow a mark and belongs to what it ends
WITHOUT_SPACE = frozenset(
    "。！？、，；：」』）】》"
)  # marks of scripts that write no spaces: a word may begin after them

_ZERO_WIDTH_JOINERS = "\u200c\u200d"
_HALF_WIDTH_MARKS = "\uff9e\uff9f"
_FLAG_LETTERS = "".join(map(chr, range(0x1F1E6, 0x1F200)))  # two of them are a flag
_LEADING = "\u1100-\u115f\ua960-\ua97c"  # Hangul consonants, which go on with what begins a syllable
_LED = re.compile(f"[{_LEADING}][{_LEADING}\uac00-\ud7a3]")
_RANGES = (  # of characters that go on with the one before: skin tones, tags of flags, Hangul vowels and finals
    ("\U0001f3fb", "\U0001f3ff"),
    ("\U000e0020", "\U000e007f"),
    ("\u1160", "\u11ff"),
    ("\ud7b0", "\ud7fb"),
)


class Segment(NamedTuple):
    """A part of a line: its pieces, and whether it begins a word (else its translation is joined without a space)."""

    pieces: tuple[str, ...]
    begins_word: bool


def segments(pieces: Sequence[str], words: Sequence[int], limit: int) -> list[Segment]:
    """Parts of at most `limit` pieces: cut after the last end of a sentence in the second half of what fits, else
    after the last clause there, else before the last word, else (a word that alone is too long) at the limit, but not
    inside what a reader sees as one character, unless that alone is too long.

    `words` gives each piece's word number. Cost: in proportion to the number of pieces.
    """
    parts, first = [], 0
    while first < len(pieces):
        end = _best_end(pieces, words, first, limit) if len(pieces) - first > limit else len(pieces)
        parts.append(Segment(tuple(pieces[first:end]), first == 0 or _begins_word(pieces, words, first)))
        first = end
    return parts


def _begins_word(pieces: Sequence[str], words: Sequence[int], place: int) -> bool:
    return words[place] != words[place - 1] or pieces[place - 1].strip()[-1:] in WITHOUT_SPACE


def _best_end(pieces: Sequence[str], words: Sequence[int], first: int, limit: int) -> int:
    """Where the segment that begins at `first` ends: the number of the piece after its last."""
    last, half = first + limit, first + limit // 2
    between = (end for end in range(last, first, -1) if not _inside_character(pieces, first, end))
    words_begin = (end for end in range(last, first, -1) if _begins_word(pieces, words, end))
    candidates = [end for end in words_begin if not _inside_character(pieces, first, end)]
    for marks in (SENTENCE_ENDS, CLAUSE_ENDS):
        for end in candidates:
            if end > half and _ends_with(pieces, end, marks):
                return end
    return candidates[0] if candidates else next(between, last)


def _ends_with(pieces: Sequence[str], end: int, marks: frozenset[str]) -> bool:
    """Whether one of `marks` stands before the end, maybe with what closes after it."""
    text = "".join(piece[-4:] for piece in pieces[max(0, end - 4) : end]).rstrip(" ▁")
    return text[-1:] in marks or text.rstrip(CLOSING)[-1:] in marks


def _inside_character(pieces: Sequence[str], first: int, place: int) -> bool:
    """Whether a reader sees one character on both sides of the place, in the segment that begins at `first`."""
    before, after = pieces[place - 1][-1:], pieces[place][:1]
    if before and after and before in _FLAG_LETTERS and after in _FLAG_LETTERS:
        text = "".join(pieces[first:place])
        return bool((len(text) - len(text.rstrip(_FLAG_LETTERS))) % 2)
    drawn = before == "\u200d" and unicodedata.category(after)[0] == "S"  # emoji joined to one picture
    return drawn or before == MARK or goes_on(after) or bool(_LED.match(before + after))


def goes_on(character: str) -> bool:
    """Whether a character belongs to whatever is before it: combining marks, variation selectors, skin tones, …

    Source: Unicode Standard Annex 29, grapheme clusters. Differs: by character classes alone; where in doubt they
    belong together.
    """
    return bool(character) and (
        unicodedata.category(character) in ("Mn", "Me", "Mc")
        or character in _ZERO_WIDTH_JOINERS + _HALF_WIDTH_MARKS
        or any(low <= character <= high for low, high in _RANGES)
    )
