"""Pieces and their ids. The four special pieces have the same ids in every vocabulary."""

from collections.abc import Iterable, Sequence

PAD, UNKNOWN, BOS, EOS = range(4)
SPECIALS = ("<pad>", "<unk>", "<s>", "</s>")


class Vocabulary:
    """A fixed list of pieces; a piece's id is its place in it. Ids 0–3 are the special pieces.

    Raises: ValueError for what cannot be a piece of a line.
    """

    def __init__(self, pieces: Sequence[str]) -> None:
        for piece in pieces:
            if not isinstance(piece, str) or "\n" in piece:
                raise ValueError(f"{piece!r:.40} is no piece of a line")
        if tuple(pieces[: len(SPECIALS)]) != SPECIALS:
            raise ValueError("a vocabulary begins with the special pieces")
        self.pieces = tuple(pieces)
        self._ids = {piece: number for number, piece in enumerate(self.pieces)}
        if len(self._ids) != len(self.pieces):
            raise ValueError("a vocabulary holds each piece once")

    def __len__(self) -> int:
        return len(self.pieces)

    def __contains__(self, piece: str) -> bool:
        return piece in self._ids

    def ids(self, pieces: Iterable[str]) -> list[int]:
        """Ids of pieces; a piece that is not in the vocabulary becomes UNKNOWN."""
        return [self._ids.get(piece, UNKNOWN) for piece in pieces]

    def to_pieces(self, ids: Iterable[int]) -> list[str]:
        """Pieces of ids."""
        return [self.pieces[number] for number in ids]
