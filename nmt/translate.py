"""From lines to lines: a trained model, its tokenizers and search, put together.

Following one sentence: `translate_lines` → `Tokenizer.encode` → `make_source` → `EncoderDecoder.encode` →
`search` (`EncoderDecoder.step`) → `Tokenizer.decode`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from nmt import tree
from nmt.batch import make_batch, make_source
from nmt.checkpoint import Run
from nmt.data.batching import by_length, cut
from nmt.decoders.base import Want
from nmt.errors import ConfigError
from nmt.hypotheses import Hypothesis
from nmt.model import EncoderDecoder
from nmt.precision import Precision, lowered
from nmt.search import Beam, Greedy, search
from nmt.segments import Segment, segments
from nmt.text.tokenizers import Tokenizers
from nmt.text.vocabulary import EOS, UNKNOWN

CHUNK = 2048  # lines that are sorted by length together
SMALLEST = 512  # tokens of a batch, below which products get slow

Item = TypeVar("Item")
Done = TypeVar("Done")


class Decoding(NamedTuple):
    """How to search. `batch_tokens` bounds sentences × longest source in a batch; `max_length` the target's pieces,
    end of sentence counted; `want` names the attention weights to keep as alignments."""

    search: Beam.Options | Greedy.Options
    n_best: int = 1
    want: Want | None = None
    max_length: int | None = None
    batch_tokens: int = 2048
    replace_unknown: bool = False


class Translated(NamedTuple):
    """One hypothesis of a line. `alignment_TS` has a row for each target piece and one for the end of the sentence,
    a column for each source piece and one for the end of the sentence."""

    text: str
    pieces: tuple[str, ...]
    log_prob: float
    score: float
    alignment_TS: NDArray[np.float32] | None


class Translation(NamedTuple):
    """All hypotheses of one line, best first, and the parts it was split into (one, unless it was too long)."""

    source: str
    source_pieces: tuple[str, ...]
    hypotheses: tuple[Translated, ...]
    num_segments: int

    @property
    def text(self) -> str:
        """The best hypothesis; empty for an empty line."""
        return self.hypotheses[0].text if self.hypotheses else ""


class Alignment(NamedTuple):
    """Forced attention of a given pair: a row for each target piece and a column for each source piece, both with the
    end of the sentence last; and log P(target | source) in nats."""

    source_pieces: tuple[str, ...]
    target_pieces: tuple[str, ...]
    weights_TS: NDArray[np.float32]
    log_prob: float


class LineTranslator(ABC):
    """Lines to lines, whatever searches for the hypotheses of their parts: long lines are cut at `max_length` pieces of
    the source, end of sentence counted, and put together again."""

    tokenizers: Tokenizers
    search: Beam.Options | Greedy.Options
    max_length: int

    def translate(self, lines: Iterable[str], decoding: Decoding | None = None) -> list[str]:
        """The best translation of every line, in order; an empty line gives an empty line."""
        return [translation.text for translation in self.translate_lines(lines, decoding)]

    def translate_lines(self, lines: Iterable[str], decoding: Decoding | None = None) -> Iterator[Translation]:
        """Translations in the order of the lines, as they come; memory follows CHUNK, not the file.

        Without attention, the alignments of `Want()` are None.
        Raises: ConfigError as `check`, where a layer or heads are named or unknown pieces are to be replaced.
        """
        decoding = decoding or Decoding(self.search)
        if decoding.replace_unknown:
            decoding = decoding._replace(want=decoding.want or Want())
        if decoding.want is not None and (decoding.replace_unknown or decoding.want != Want()):
            self.check(decoding.want)
        remaining = iter(lines)
        chunks = iter(lambda: list(islice(remaining, CHUNK)), [])
        return chain.from_iterable(self._translate_chunk(chunk, decoding) for chunk in chunks)

    @abstractmethod
    def check(self, want: Want) -> None:
        """Raises: NmtError where there is no such attention to show."""

    def _translate_chunk(self, lines: list[str], decoding: Decoding) -> Iterator[Translation]:
        """Split, translate all parts by length, and put the lines together again."""
        parts = [self._segments(line) for line in lines]
        translated = iter(self.translate_segments([segment for line in parts for segment in line], decoding))
        for line, own in zip(lines, parts, strict=True):
            pieces = tuple(piece for segment in own for piece in segment.pieces)
            yield Translation(line, pieces, join(own, list(islice(translated, len(own)))), len(own))

    def _segments(self, line: str) -> list[Segment]:
        if not line.strip():
            return []
        pieces = self.tokenizers.source.encode(line)
        return segments(pieces, self.tokenizers.source.words(pieces), self.max_length - 1)

    @abstractmethod
    def translate_segments(self, parts: list[Segment], decoding: Decoding) -> list[list[Translated]]:
        """The hypotheses of each part, best first."""


class Translator(LineTranslator):
    """A model with its tokenizers, ready to translate.

    `Translator.load("runs/x").translate(["…"])` gives one line of text for each line.
    """

    def __init__(
        self, model: EncoderDecoder, tokenizers: Tokenizers, search: Beam.Options | Greedy.Options, max_length: int
    ) -> None:
        self.model = model
        self.tokenizers = tokenizers
        self.search = search
        limit = model.encoder.max_length
        self.max_length = max_length if limit is None else min(max_length, limit)
        self.device = next(model.parameters()).device

    @classmethod
    def load(
        cls, run: Path | str, checkpoint: str = "best", device: str | None = None, precision: Precision = "float32"
    ) -> "Translator":
        """The translator of a run directory. `checkpoint`: best, last, average or step-N.

        Raises: CheckpointError for a run or checkpoint that cannot be used, ConfigError for a precision that cannot.
        """
        opened = Run.open(Path(run))
        place = device or ("cuda" if torch.cuda.is_available() else "cpu")
        model = lowered(opened.load_model(checkpoint, place), precision)
        return cls(model, opened.tokenizers, opened.config.search, opened.config.data.max_length)

    def align(
        self, sources: Sequence[str], targets: Sequence[str], want: Want | None = None, batch_tokens: int = 4096
    ) -> list[Alignment]:
        """Forced alignments of given pairs.

        Raises: ConfigError as `check`.
        """
        want = want or Want()
        self.check(want)
        pieces = [
            (tuple(self.tokenizers.source.encode(source)), tuple(self.tokenizers.target.encode(target)))
            for source, target in zip(sources, targets, strict=True)
        ]
        lengths = [max(len(source), len(target)) + 1 for source, target in pieces]
        found: dict[int, Alignment] = {}
        for numbers in batches(lengths, batch_tokens):
            for number, alignment in zip(numbers, self._align([pieces[n] for n in numbers], want), strict=True):
                found[number] = alignment
        return [found[number] for number in range(len(pieces))]

    @torch.inference_mode()
    def _align(self, pairs: Sequence[tuple[tuple[str, ...], tuple[str, ...]]], want: Want) -> Iterator[Alignment]:
        sources = [self._source_ids(source) for source, _ in pairs]
        targets = [[*self.tokenizers.target.vocabulary.ids(target), EOS] for _, target in pairs]
        batch = tree.to(make_batch([sources], targets, range(len(pairs))), self.device)
        forced = self.model(batch, want)
        assert forced.weights_BTS is not None, "checked before"
        outcome = tree.map_tensors(lambda rows: rows[batch.mask_BT], forced.outcome)
        _, nll_M = self.model.output.nll(outcome, batch.target_BT[batch.mask_BT])
        start = 0
        for (source, target), weights_TS in zip(pairs, forced.weights_BTS.float().cpu().numpy(), strict=True):
            end = start + len(target) + 1
            yield Alignment(
                source, target, weights_TS[: len(target) + 1, : len(source) + 1], -float(nll_M[start:end].sum())
            )
            start = end

    def check(self, want: Want) -> None:
        """Raises: ConfigError unless the decoder attends to the source, in that layer and with those heads."""
        layers, heads = self.model.decoder.num_layers, self.model.decoder.num_heads
        if not heads:
            raise ConfigError("the model has no attention: there is nothing to align with", "train one that has")
        if not -layers <= want.layer < layers:
            raise _no_such("layer", want.layer, layers)
        for head in want.heads or ():
            if not 0 <= head < heads:
                raise _no_such("head", head, heads)

    def _source_ids(self, pieces: Sequence[str]) -> list[int]:
        return [*self.tokenizers.source.vocabulary.ids(pieces), EOS]

    def translate_segments(self, parts: list[Segment], decoding: Decoding) -> list[list[Translated]]:
        """Search for the parts in batches of alike lengths."""
        results: dict[int, list[Translated]] = {}
        lengths = [len(part.pieces) + 1 for part in parts]
        threads = torch.get_num_threads() if self.device.type == "cpu" else 1
        groups = batches(lengths, shared_out(sum(lengths), decoding.batch_tokens, threads))[::-1]
        texts = [[parts[number] for number in numbers] for numbers in groups]
        searched = side_by_side(lambda text: self._search(text, decoding), texts, self.device)
        for numbers, found in zip(groups, searched, strict=True):
            for number, hypotheses in zip(numbers, found, strict=True):
                results[number] = [self._translated(parts[number], found, decoding) for found in hypotheses]
        return [results[number] for number in range(len(parts))]

    @torch.inference_mode()
    def _search(self, parts: Sequence[Segment], decoding: Decoding) -> list[list[Hypothesis]]:
        sources = tree.to((make_source([self._source_ids(part.pieces) for part in parts]),), self.device)
        return search(self.model, sources, decoding.search, decoding.n_best, decoding.want, decoding.max_length)

    def _translated(self, part: Segment, found: Hypothesis, decoding: Decoding) -> Translated:
        pieces = self.tokenizers.target.vocabulary.to_pieces(found.ids)
        if decoding.replace_unknown and found.alignment_TS is not None:
            for place, piece in enumerate(found.ids):
                if piece == UNKNOWN:
                    pieces[place] = part.pieces[int(found.alignment_TS[place, :-1].argmax())]
        text = self.tokenizers.target.decode(pieces)
        return Translated(text, tuple(pieces), found.log_prob, found.score, found.alignment_TS)


def _no_such(part: str, number: int, count: int) -> ConfigError:
    asked = number + 1 if number >= 0 else number
    there = f"{count} {part}s" if count > 1 else f"1 {part}"
    return ConfigError(
        f"{part} {asked}: the decoder's attention has {there}", f"allowed: {'1 to ' * (count > 1)}{count}"
    )


def shared_out(tokens: int, batch_tokens: int, threads: int) -> int:
    """At most `batch_tokens`; where threads search side by side, so few that each has two batches of the `tokens`, but
    not fewer than SMALLEST."""
    return min(batch_tokens, max(SMALLEST, -(-tokens // (2 * threads)))) if threads > 1 else batch_tokens


def side_by_side(work: Callable[[Item], Done], items: Sequence[Item], device: torch.device) -> Iterator[Done]:
    """What `work` makes of each item, in their order: on a CPU several at a time, torch's threads shared among them.

    A step's products are small, which leaves threads little to share inside of one.
    """
    threads = torch.get_num_threads()
    workers = min(threads, len(items)) if device.type == "cpu" else 1
    if workers < 2:
        yield from map(work, items)
        return
    try:
        with ThreadPoolExecutor(workers, "search", torch.set_num_threads, (threads // workers,)) as pool:
            yield from pool.map(work, items)
    finally:
        torch.set_num_threads(threads)  # those of later threads, too


def batches(lengths: Sequence[int], batch_tokens: int) -> list[list[int]]:
    """Numbers of sentences in batches of alike lengths, each of at most `batch_tokens` with padding."""
    sides = (np.array(lengths, dtype=np.int64),)
    return [rows.tolist() for rows in cut(by_length(sides), sides, batch_tokens)] if lengths else []


def join(parts: Sequence[Segment], translated: Sequence[Sequence[Translated]]) -> tuple[Translated, ...]:
    """The hypotheses of a line from those of its parts: texts one after the other, log-probabilities and scores added,
    alignments as blocks on the diagonal."""
    if len(parts) == 1:
        return tuple(translated[0])
    joined = []
    for ranked in zip(*translated, strict=False):
        text = ""
        for part, hypothesis in zip(parts, ranked, strict=True):
            text += " " * (part.begins_word and bool(text) and bool(hypothesis.text)) + hypothesis.text
        pieces = tuple(piece for hypothesis in ranked for piece in hypothesis.pieces)
        log_prob, score = sum(h.log_prob for h in ranked), sum(h.score for h in ranked)
        alignments = [h.alignment_TS for h in ranked if h.alignment_TS is not None]
        joined.append(Translated(text, pieces, log_prob, score, _blocks(alignments) if alignments else None))
    return tuple(joined)


def _blocks(alignments: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """One matrix with the given ones on its diagonal; only the last keeps its end of sentence."""
    kept = [*(weights_TS[:-1, :-1] for weights_TS in alignments[:-1]), alignments[-1]]
    whole_TS = np.zeros(tuple(np.sum([weights_TS.shape for weights_TS in kept], axis=0)), dtype=np.float32)
    row = column = 0
    for weights_TS in kept:
        whole_TS[row : row + weights_TS.shape[0], column : column + weights_TS.shape[1]] = weights_TS
        row, column = row + weights_TS.shape[0], column + weights_TS.shape[1]
    return whole_TS
