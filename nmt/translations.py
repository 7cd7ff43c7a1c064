"""What goes into a translation and what comes out of it, as values; and a long line's, put together from its parts'."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nmt.data.inputs import Pieces
from nmt.decoders.base import Want
from nmt.search import Beam, Greedy

TOKENS = 10_240  # source tokens of a batch × beam size, where nothing else is said,
MOST_TOKENS = 6144  # and no more source tokens than these
CELLS = 1 << 22  # weights of the largest alignment that is put together: that of a line of 1 MB would fill the memory


class Decoding(NamedTuple):
    """How to search. `batch_tokens` bounds sentences × longest source in a batch, None leaving it to
    `source_tokens`; `max_length` bounds the target's pieces, end of sentence counted; `want` names the attention
    weights to keep as alignments."""

    search: Beam.Options | Greedy.Options
    n_best: int = 1
    want: Want | None = None
    max_length: int | None = None
    batch_tokens: int | None = None
    replace_unknown: bool = False

    @property
    def beam_size(self) -> int:
        """Prefixes kept of a sentence."""
        return self.search.beam_size if isinstance(self.search, Beam.Options) else 1

    @property
    def source_tokens(self) -> int:
        """Source tokens of a batch, padding counted: `batch_tokens`, or TOKENS / beam size, at most MOST_TOKENS."""
        if self.batch_tokens is not None:
            return self.batch_tokens
        return max(1, min(MOST_TOKENS, TOKENS // self.beam_size))


class Part(NamedTuple):
    """What is searched for at once, a line or a piece of a long one: the pieces of each source, and whether it begins a
    word (else its translation is joined without a space)."""

    sources: tuple[Pieces, ...]
    begins_word: bool = True

    @property
    def pieces(self) -> tuple[str, ...]:
        """Those of the first source."""
        return self.sources[0]


class Note(NamedTuple):
    """What a line's reader should know of its translation: in words, and of which source it is said, from 0."""

    text: str
    source: int = 0


class Translated(NamedTuple):
    """One hypothesis of a line. `alignment_TS` has a row for each target piece and one for the end of the sentence,
    a column for each source piece and one for the end of the sentence."""

    text: str
    pieces: tuple[str, ...]
    log_prob: float
    score: float
    alignment_TS: NDArray[np.float32] | None


class Translation(NamedTuple):
    """All hypotheses of one line, best first, and the parts it was split into (one, unless it was too long). `source`
    and its pieces are those of the first source. notes: that it was split or cut off, or why there is no hypothesis."""

    source: str
    source_pieces: tuple[str, ...]
    hypotheses: tuple[Translated, ...]
    num_segments: int
    notes: tuple[Note, ...] = ()

    @property
    def text(self) -> str:
        """The best hypothesis; empty where there is none."""
        return self.hypotheses[0].text if self.hypotheses else ""


class Alignment(NamedTuple):
    """Forced attention of a given pair: a row for each target piece and a column for each source piece, both with the
    end of the sentence last; and log P(target | source) in nats. notes: why there are no pieces."""

    source_pieces: tuple[str, ...]
    target_pieces: tuple[str, ...]
    weights_TS: NDArray[np.float32]
    log_prob: float
    notes: tuple[Note, ...] = ()


def join(parts: Sequence[Part], translated: Sequence[Sequence[Translated]]) -> tuple[Translated, ...]:
    """The hypotheses of a line from those of its parts: texts one after the other, log-probabilities and scores added,
    alignments as blocks on the diagonal, or none where they would be larger than CELLS."""
    if len(parts) == 1:
        return tuple(translated[0])
    joined = []
    for ranked in zip(*translated, strict=False):
        written: list[str] = []
        for part, hypothesis in zip(parts, ranked, strict=True):
            if hypothesis.text:
                written += [" "] * (part.begins_word and bool(written)) + [hypothesis.text]
        pieces = tuple(piece for hypothesis in ranked for piece in hypothesis.pieces)
        log_prob, score = sum(h.log_prob for h in ranked), sum(h.score for h in ranked)
        alignments = [h.alignment_TS for h in ranked if h.alignment_TS is not None]
        joined.append(Translated("".join(written), pieces, log_prob, score, _blocks(alignments)))
    return tuple(joined)


def _blocks(alignments: Sequence[NDArray[np.float32]]) -> NDArray[np.float32] | None:
    """One matrix with the given ones on its diagonal; only the last keeps its end of sentence."""
    if not alignments:
        return None
    kept = [*(weights_TS[:-1, :-1] for weights_TS in alignments[:-1]), alignments[-1]]
    height, width = np.sum([weights_TS.shape for weights_TS in kept], axis=0).tolist()
    if height * width > CELLS:
        return None
    whole_TS = np.zeros((height, width), dtype=np.float32)
    row = column = 0
    for weights_TS in kept:
        whole_TS[row : row + weights_TS.shape[0], column : column + weights_TS.shape[1]] = weights_TS
        row, column = row + weights_TS.shape[0], column + weights_TS.shape[1]
    return whole_TS
