"""Ids of pieces that may be copied: V + p is the source piece at place p (from 0) that the target vocabulary lacks.

V is the size of the target vocabulary. Of a piece that stands in a source more than once, p is the first place.
"""

from collections.abc import Iterable, Sequence

from nmt.text.vocabulary import UNKNOWN, Vocabulary


def copied_ids(pieces: Sequence[str], target: Vocabulary) -> list[int]:
    """For each source piece its id as a target piece, or V + p."""
    return target_ids(pieces, pieces, target)


def target_ids(pieces: Sequence[str], source: Sequence[str], target: Vocabulary) -> list[int]:
    """Ids of target pieces: V + p for those that only the source has, UNKNOWN for those that it lacks as well."""
    places = {piece: place for place, piece in reversed(list(enumerate(source)))}
    return [
        len(target) + places[piece] if number == UNKNOWN and piece in places else number
        for piece, number in zip(pieces, target.ids(pieces), strict=True)
    ]


def to_pieces(ids: Iterable[int], source: Sequence[str], target: Vocabulary) -> list[str]:
    """Pieces of ids, of which those from V on are pieces of the source."""
    size = len(target)
    return [target.pieces[number] if number < size else source[number - size] for number in ids]
