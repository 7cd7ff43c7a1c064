"""Cutting lines that are longer than the model's limit at the best place, and joining their translations again."""

from collections.abc import Sequence
from typing import NamedTuple

SENTENCE_ENDS = frozenset(".!?。！？…")
CLAUSE_ENDS = frozenset(",;:、，；：)—–")
WITHOUT_SPACE = frozenset("。！？、，；：")  # marks of scripts that write no spaces: a word may begin right after them


class Segment(NamedTuple):
    """A part of a line: its pieces, and whether it begins a word (else its translation is joined without a space)."""

    pieces: tuple[str, ...]
    begins_word: bool


def segments(pieces: Sequence[str], words: Sequence[int], limit: int) -> list[Segment]:
    """Parts of at most `limit` pieces: cut after the last end of a sentence in the second half of what fits, else
    after the last clause there, else before the last word, else (a word that alone is too long) at the limit.

    `words` gives each piece's word number.
    """
    parts, first = [], 0
    while first < len(pieces):
        end = _best_end(pieces, words, first, limit) if len(pieces) - first > limit else len(pieces)
        parts.append(Segment(tuple(pieces[first:end]), first == 0 or _begins_word(pieces, words, first)))
        first = end
    return parts


def _begins_word(pieces: Sequence[str], words: Sequence[int], place: int) -> bool:
    return words[place] != words[place - 1] or _last_letter(pieces[place - 1]) in WITHOUT_SPACE


def _best_end(pieces: Sequence[str], words: Sequence[int], first: int, limit: int) -> int:
    """Where the segment that begins at `first` ends: the number of the piece after its last."""
    last, half = first + limit, first + limit // 2
    candidates = [end for end in range(last, first, -1) if _begins_word(pieces, words, end)]
    for marks in (SENTENCE_ENDS, CLAUSE_ENDS):
        for end in candidates:
            if end > half and _last_letter(pieces[end - 1]) in marks:
                return end
    return candidates[0] if candidates else last


def _last_letter(piece: str) -> str:
    return piece.strip()[-1:]
