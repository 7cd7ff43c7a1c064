"""Lines to lines by CTranslate2: an exported directory and our tokenizers, splitting and ranking around its search.

Its beam search follows the rule of our `stopping: first`: endings count among the K best continuations, and K of
them end a sentence. Two of its habits are turned around:

- it ranks by log P / |Y|^α, and stops early where α = 0: it is given an α′ whose |Y|^α′ grows as our length penalty
  does at the source's length, or 1e-30 for 0 (|Y|^α′ = 1, no early stop); all its K hypotheses are ranked here anew;
- where a target reaches its limit, it stops without an end: the end is added here, and log P is computed anew.

What is left of the difference: where more than K hypotheses have ended, CTranslate2 keeps the K best by its own rank;
and at a target's limit it ends those among the K best continuations, where our search ends K of the unfinished.
"""

import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import torch

from nmt.data.inputs import Line
from nmt.decoders.base import Want
from nmt.errors import ExportError
from nmt.export.directory import Exported
from nmt.export.library import compute_type, ctranslate2
from nmt.search import LENGTH_ALLOWANCE, Beam, Greedy, length_penalty
from nmt.sharing import shared_out
from nmt.text.tokenizers import load_tokenizers
from nmt.text.vocabulary import BOS, EOS, PAD, SPECIALS
from nmt.translate import Decoding, LineTranslator, Part, Translated, Translation

NEVER = [[SPECIALS[PAD]], [SPECIALS[BOS]]]  # what no translation holds
END = SPECIALS[EOS]
NO_PENALTY = 1e-30


class Asked(NamedTuple):
    """One group of sources of the same length: what the engine is asked for."""

    beam_size: int
    alpha: float
    length: int
    limit: int

    @property
    def engine_alpha(self) -> float:
        """α′ with which |Y|^α′ grows as ((5 + |Y|) / 6)^α does, for targets as long as the source."""
        return self.alpha * self.length / (5 + self.length) or NO_PENALTY


class ExportedTranslator(LineTranslator):
    """A model exported to CTranslate2, ready to translate; `threads` groups of sentences are searched side by
    side on a CPU.

    `ExportedTranslator(exported).translate(["…"])` gives one line of text for each line.
    """

    def __init__(self, exported: Exported, device: str | None = None, threads: int | None = None) -> None:
        self.exported = exported
        self.tokenizers = load_tokenizers(exported.path)
        self.search = exported.description.search
        self.max_length = exported.description.max_length
        kind, _, number = (device or _best_device()).partition(":")
        self.threads = (threads or torch.get_num_threads()) if kind == "cpu" else 1
        self.engine = ctranslate2.Translator(
            str(exported.path),
            device=kind,
            compute_type=self.compute_type(kind),
            device_index=int(number or 0),
            inter_threads=self.threads,
            intra_threads=1,
        )

    def compute_type(self, kind: str) -> str:
        """As `nmt.export.library.compute_type`. Warns: where that is not what was exported."""
        quantization = self.exported.description.quantization
        found = compute_type(kind, quantization)
        if found == "float32":
            warnings.warn(
                f"this processor's 8-bit products overflow: {quantization} is computed in float32", stacklevel=3
            )
        return found

    def translate_lines(
        self, lines: Iterable[Line], decoding: Decoding | None = None, done: int = 0, at_once: int | None = None
    ) -> Iterator[Translation]:
        """Translations as `LineTranslator` gives them; alignments are None.

        Raises: ExportError for alignments, a coverage penalty, or more hypotheses than the beam has. Warns: where the
        search is `stopping: exact`, which CTranslate2 does not have.
        """
        decoding = decoding or Decoding(self.search)
        check_search(decoding)
        return super().translate_lines(lines, decoding, done, at_once)

    def check(self, want: Want) -> None:
        """Raises: ExportError, as there are no alignments."""
        raise ExportError("ctranslate2 gives no alignments", "translate with `--engine torch`")

    def translate_segments(self, parts: list[Part], decoding: Decoding) -> list[list[Translated]]:
        """Search for the parts in groups of the same length, several groups at a time."""
        started, lengths = [], [len(part.pieces) for part in parts]
        most = shared_out([length + 1 for length in lengths], decoding.source_tokens, self.threads)
        for numbers in same_length(lengths, most):
            asked = self._asked(len(parts[numbers[0]].pieces) + 1, decoding)
            sources = [self._known(parts[number]) for number in numbers]
            started.append((numbers, sources, asked, self._start(sources, asked)))
        results: dict[int, list[Translated]] = {}
        for numbers, sources, asked, answers in started:
            for number, source, answer in zip(numbers, sources, answers, strict=True):
                results[number] = self._ranked(source, answer.result(), asked)[: decoding.n_best]
        return [results[number] for number in range(len(parts))]

    def _known(self, part: Part) -> list[str]:
        """The pieces with `<unk>` for those that are not in the vocabulary."""
        vocabulary = self.tokenizers.source.vocabulary
        return vocabulary.to_pieces(vocabulary.ids(part.pieces))

    def _asked(self, length: int, decoding: Decoding) -> Asked:
        """What our own search would do for a source of this length, end of sentence counted."""
        search = decoding.search
        limit = math.ceil(length * search.max_length_ratio) + LENGTH_ALLOWANCE
        limit = min(limit, self.exported.description.max_target, decoding.max_length or limit)
        if isinstance(search, Greedy.Options):
            return Asked(1, 0.0, length, limit)
        return Asked(search.beam_size, search.length_penalty, length, limit)

    def _start(
        self, sources: list[list[str]], asked: Asked, patience: int = 1, never: list[list[str]] | None = None
    ) -> list[Any]:
        """Answers that will come. A search ends after K · patience endings."""
        answers: list[Any] = self.engine.translate_batch(
            sources,
            asynchronous=True,
            beam_size=asked.beam_size,
            patience=patience,
            num_hypotheses=asked.beam_size * patience,
            length_penalty=asked.engine_alpha,
            min_decoding_length=0,
            max_decoding_length=max(asked.limit - 1, 1),
            max_input_length=0,
            suppress_sequences=never,
            return_scores=True,
            return_end_token=True,
        )
        return answers

    def _ranked(self, source: list[str], answer: Any, asked: Asked) -> list[Translated]:
        """The hypotheses by our own score.

        CTranslate2 can forbid pieces only by renormalising all others, so it is asked for that where one came up.
        Where a target came to its limit, it is asked for all that ended on the way there.
        """
        forbidden = any([piece] in NEVER for hypothesis in answer.hypotheses for piece in hypothesis)
        cut = asked.beam_size > 1 and any(hypothesis[-1:] != [END] for hypothesis in answer.hypotheses)
        if forbidden or cut:
            patience = asked.limit if cut else 1
            answer = self._start([source], asked, patience, NEVER if forbidden else None)[0].result()
        found: list[Translated] = []
        for tokens, score in zip(answer.hypotheses, answer.scores, strict=True):
            pieces = tuple(piece for piece in tokens if piece != END)
            known = len(pieces) < len(tokens) and not forbidden
            log_prob = score * len(tokens) ** asked.engine_alpha if known else self._log_prob(source, pieces)
            own_score = log_prob / float(length_penalty(len(pieces) + 1, asked.alpha))
            text = self.text(pieces)
            found += [] if text is None else [Translated(text, pieces, log_prob, own_score, None)]
        if not found:
            return []
        return sorted(first_ended(found, asked.beam_size), key=lambda hypothesis: -hypothesis.score)

    def _log_prob(self, source: list[str], pieces: Sequence[str]) -> float:
        """log P(pieces and the end of the sentence | source)."""
        return float(sum(self.engine.score_batch([source], [list(pieces)], max_input_length=0)[0].log_probs))


def first_ended(found: Sequence[Translated], count: int) -> list[Translated]:
    """Those that had ended when there were `count`: in step t end hypotheses of t pieces, their end counted."""
    lengths = sorted(len(hypothesis.pieces) for hypothesis in found)
    return [hypothesis for hypothesis in found if len(hypothesis.pieces) <= lengths[:count][-1]]


def same_length(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Numbers of sources in groups of one length, longest first; each of at most `batch_tokens`."""
    ordered = sorted(range(len(lengths)), key=lambda number: -lengths[number])
    for length, group in groupby(ordered, key=lambda number: lengths[number]):
        numbers, size = list(group), max(1, batch_tokens // (length + 1))
        yield from (numbers[start : start + size] for start in range(0, len(numbers), size))


def check_search(decoding: Decoding) -> None:
    """Raises: ExportError for what CTranslate2's search cannot do. Warns: where it stops sooner than the search."""
    search, beam_size = decoding.search, decoding.beam_size
    if decoding.n_best > beam_size:
        message = (
            f"--n-best {decoding.n_best}: ctranslate2 gives at most as many as the beam has, and it has {beam_size}"
        )
        raise ExportError(message, f"--beam-size {decoding.n_best}")
    if isinstance(search, Beam.Options) and search.coverage_penalty:
        message = f"search.coverage_penalty: {search.coverage_penalty}: ctranslate2 gives no alignments to count in"
        raise ExportError(message, "--coverage-penalty 0, or translate with `--engine torch`")
    if isinstance(search, Beam.Options) and search.stopping == "exact":
        warnings.warn(
            "ctranslate2 ends each search by the rule `stopping: first`; the run's own is exact, which may find better",
            stacklevel=3,
        )


def _best_device() -> str:
    return "cuda" if torch.cuda.is_available() and ctranslate2.get_cuda_device_count() else "cpu"
