"""Beam search over one function, `step`, and an opaque state. It knows no model.

    score(Y|X) = log P(Y|X) / lp(Y) + cp(X; Y),   lp(Y) = ((5 + |Y|) / 6)^α,
    cp = β · Σ_j log(min(Σ_t α_{t,j}, 1)),   |Y| counting the end-of-sentence piece    (Wu et al. 2016, eq. 14)

A sentence keeps the `beam_size` best unfinished prefixes, ranked by log P, and every prefix's end-of-sentence
continuation is a finished hypothesis. Shapes: B sentences still searched, W prefixes of each (1 at the start, then
the beam size K), N = B·W, S source positions.
"""

import math
from typing import Annotated, Any, Literal, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from nmt import tree
from nmt.batch import Source
from nmt.decoders.base import Want
from nmt.errors import ConfigError
from nmt.settings import Settings, choice
from nmt.text.vocabulary import BOS, EOS, PAD

NEVER = (PAD, BOS, EOS)
COVERAGE_FLOOR = 1e-6
LENGTH_ALLOWANCE = 10


class Greedy:
    """The best piece at each step. Cost: one step of one prefix a target piece."""

    class Options(Settings):
        """Beam search with one prefix, which ends where the end of the sentence is the best piece."""

        name: Literal["greedy"] = "greedy"
        max_length_ratio: float = Field(
            2.0, gt=0, description="longest target, as a multiple of the source's pieces, plus 10"
        )


class Beam:
    """The best hypotheses that a beam finds. Cost: one step of K prefixes a target piece.

    `stopping: exact` searches until no unfinished prefix can still beat the n-th best finished hypothesis: log P only
    falls and cp ≤ 0, so that log P / lp(longest allowed target) bounds every continuation's score. `stopping: first`
    counts only endings among the K best continuations, and stops after K of them, as most toolkits do.
    """

    class Options(Settings):
        """Beam search."""

        name: Literal["beam"] = "beam"
        beam_size: int = Field(5, ge=1, description="K, the prefixes kept at each step")
        length_penalty: float = Field(0.6, ge=0, description="α; 0 ranks by log P, which favours short translations")
        coverage_penalty: float = Field(0.0, ge=0, description="β; punishes source positions that were never attended")
        max_length_ratio: float = Field(
            2.0, gt=0, description="longest target, as a multiple of the source's pieces, plus 10"
        )
        stopping: Literal["exact", "first"] = Field(
            "exact", description="when nothing better can follow, or after the first K endings"
        )


SearchOptions = Annotated[Beam.Options | Greedy.Options, choice()]


class Hypothesis(NamedTuple):
    """A finished translation. `alignment_TS` has a row for each piece and one for the end of the sentence."""

    ids: tuple[int, ...]
    log_prob: float
    score: float
    alignment_TS: NDArray[np.float32] | None


class Predictions(Protocol):
    """The next piece's distribution for N prefixes."""

    def top(self, k: int) -> tuple[Tensor, Tensor]:
        """The k best log-probabilities and their ids."""

    def log_prob(self, piece: int) -> Tensor:
        """log P of one piece: (N,)."""


class Stepper(Protocol):
    """What search asks of a model, or of an ensemble of them. `max_length`: its longest target, None being any."""

    max_length: int | None

    def encode(self, sources: tuple[Source, ...]) -> Any:
        """The memory; every tensor leads with B."""

    def start(self, memory: Any) -> Any:
        """The state before the first piece; every tensor leads with B."""

    def step(self, ids_N: Tensor, memory: Any, state: Any, want: Want | None) -> tuple[Predictions, Tensor | None, Any]:
        """Predictions, attention weights_NS and the next state."""


class Sentences(NamedTuple):
    """The sentences still searched, with the log P of their prefixes; every tensor leads with B."""

    number_B: Tensor
    limit_B: Tensor
    mask_BS: Tensor
    memory: Any
    log_prob_BW: Tensor


class Prefixes(NamedTuple):
    """Their unfinished prefixes: last piece, decoder state, summed weights; every tensor leads with N."""

    ids_N: Tensor
    state: Any
    coverage_NS: Tensor | None


class Frontier(NamedTuple):
    """Where the search stands."""

    sentences: Sentences
    prefixes: Prefixes


class Finished(NamedTuple):
    """The n best finished hypotheses so far of each sentence, best first: where each ended, and how many there were."""

    score_Bn: Tensor
    log_prob_Bn: Tensor
    step_Bn: Tensor
    parent_Bn: Tensor
    count_B: Tensor


class Trail(NamedTuple):
    """What one step decided, kept to walk hypotheses back: row of each sentence, and of its new prefixes the piece and
    the prefix it came from; the weights of the prefixes that asked."""

    row: dict[int, int]
    ids_BW: NDArray[np.int64]
    parent_BW: NDArray[np.int64]
    weights_BWS: NDArray[np.float32] | None


def search(
    model: Stepper,
    sources: tuple[Source, ...],
    options: Beam.Options | Greedy.Options,
    n_best: int = 1,
    want: Want | None = None,
    max_length: int | None = None,
) -> list[list[Hypothesis]]:
    """The n best hypotheses of each sentence, best first; with alignments where `want` names weights.

    Targets have at most max_length_ratio · S + 10 pieces, and no more than `max_length` and than the model can take,
    the end-of-sentence piece counted.
    Raises: ConfigError for a coverage penalty on a model without attention.
    """
    if isinstance(options, Greedy.Options):
        options = Beam.Options(
            beam_size=1, length_penalty=0.0, stopping="first", max_length_ratio=options.max_length_ratio
        )
    mask_BS = sources[0].mask_BS
    limit_B = (mask_BS.sum(dim=1) * options.max_length_ratio).ceil().long() + LENGTH_ALLOWANCE
    for longest in (max_length, model.max_length):
        if longest is not None:
            limit_B = limit_B.clamp(max=longest)
    frontier = _start(model, model.encode(sources), mask_BS, limit_B, options)
    return _Search(model, options, n_best, want).run(frontier)


def length_penalty(length: Tensor | int, alpha: float) -> Tensor:
    """lp(Y) = ((5 + |Y|) / 6)^α."""
    return ((5.0 + torch.as_tensor(length, dtype=torch.float64)) / 6.0) ** alpha


def coverage_penalty(coverage_NS: Tensor, mask_NS: Tensor, beta: float) -> Tensor:
    """cp = β · Σ_j log(min(Σ_t α_{t,j}, 1)) over real positions, the inner sum floored at 1e-6: (N,)."""
    logs_NS = coverage_NS.clamp(COVERAGE_FLOOR, 1.0).log().masked_fill(~mask_NS, 0.0)
    return beta * logs_NS.sum(dim=1)


def _start(model: Stepper, memory: Any, mask_BS: Tensor, limit_B: Tensor, options: Beam.Options) -> Frontier:
    num_sentences, device = mask_BS.shape[0], mask_BS.device
    number_B = torch.arange(num_sentences, device=device)
    log_prob_B1 = torch.zeros(num_sentences, 1, dtype=torch.float64, device=device)
    coverage_NS = torch.zeros(mask_BS.shape, device=device) if options.coverage_penalty else None
    ids_N = torch.full((num_sentences,), BOS, device=device)
    return Frontier(
        Sentences(number_B, limit_B, mask_BS, memory, log_prob_B1), Prefixes(ids_N, model.start(memory), coverage_NS)
    )


class _Search(NamedTuple):
    """One search's fixed arguments; `run` walks the frontier until no sentence is left."""

    model: Stepper
    options: Beam.Options
    n_best: int
    want: Want | None

    def run(self, frontier: Frontier) -> list[list[Hypothesis]]:
        mask_BS = frontier.sentences.mask_BS
        lengths = mask_BS.sum(dim=1).tolist()
        results: list[list[Hypothesis]] = [[] for _ in lengths]
        finished = self.nothing_finished(len(lengths), mask_BS.device)
        trails: list[Trail] = []
        while len(frontier.sentences.number_B):
            frontier, finished, trail, done_B = self.advance(frontier, finished, len(trails) + 1)
            trails.append(trail)
            rows = done_B.nonzero().flatten()
            for row, sentence in zip(rows.tolist(), frontier.sentences.number_B[rows].tolist(), strict=True):
                results[sentence] = self.collect(finished, row, sentence, trails, lengths[sentence])
            if len(rows):
                frontier, finished = self.keep(frontier, finished, (~done_B).nonzero().flatten())
        return results

    def nothing_finished(self, num_sentences: int, device: torch.device) -> Finished:
        score_Bn = torch.full((num_sentences, self.n_best), -math.inf, dtype=torch.float64, device=device)
        step_Bn = torch.zeros_like(score_Bn, dtype=torch.long)
        return Finished(score_Bn, score_Bn, step_Bn, step_Bn, step_Bn[:, 0])

    def advance(self, frontier: Frontier, finished: Finished, step: int) -> tuple[Frontier, Finished, Trail, Tensor]:
        """One step of every prefix: endings, continuations, and which sentences are done."""
        sentences, prefixes = frontier
        want = self.want or (Want() if self.options.coverage_penalty else None)
        predictions, weights_NS, state = self.model.step(prefixes.ids_N, sentences.memory, prefixes.state, want)
        coverage_NS = self.covered(prefixes.coverage_NS, weights_NS)
        log_prob_BK, ids_BK, parent_BK = self.continuations(sentences.log_prob_BW, predictions)
        finished = self.end(sentences, finished, predictions.log_prob(EOS), coverage_NS, log_prob_BK, step)
        trail = Trail(
            {sentence: row for row, sentence in enumerate(sentences.number_B.tolist())},
            ids_BK.cpu().numpy(),
            parent_BK.cpu().numpy(),
            self.weights(sentences, weights_NS),
        )
        done_B = self.done(sentences, finished, log_prob_BK, step)
        width = sentences.log_prob_BW.shape[1]
        rows_N = (torch.arange(len(parent_BK), device=parent_BK.device).unsqueeze(1) * width + parent_BK).flatten()
        prefixes = Prefixes(ids_BK.flatten(), tree.select(state, rows_N), tree.select(coverage_NS, rows_N))
        return Frontier(sentences._replace(log_prob_BW=log_prob_BK), prefixes), finished, trail, done_B

    def covered(self, coverage_NS: Tensor | None, weights_NS: Tensor | None) -> Tensor | None:
        if coverage_NS is None:
            return None
        if weights_NS is None:
            raise ConfigError("search.coverage_penalty needs a model with attention", "set it to 0")
        return coverage_NS + weights_NS

    def weights(self, sentences: Sentences, weights_NS: Tensor | None) -> NDArray[np.float32] | None:
        if self.want is None or weights_NS is None:
            return None
        weights_BWS: NDArray[np.float32] = weights_NS.unflatten(0, sentences.log_prob_BW.shape).float().cpu().numpy()
        return weights_BWS

    def continuations(self, log_prob_BW: Tensor, predictions: Predictions) -> tuple[Tensor, Tensor, Tensor]:
        """The K best unfinished continuations: log P, last piece, and which prefix each continues."""
        best_NC, ids_NC = predictions.top(self.options.beam_size + len(NEVER))
        banned_NC = (ids_NC.unsqueeze(-1) == torch.tensor(NEVER, device=ids_NC.device)).any(dim=-1)
        best_NC = best_NC.double().masked_fill(banned_NC, -math.inf)
        total_BX = (log_prob_BW.view(-1, 1) + best_NC).view(len(log_prob_BW), -1)
        log_prob_BK, choice_BK = total_BX.topk(min(self.options.beam_size, total_BX.shape[1]), dim=1)
        ids_BK = ids_NC.view(len(log_prob_BW), -1).gather(1, choice_BK)
        return log_prob_BK, ids_BK, choice_BK // ids_NC.shape[1]

    def end(
        self,
        sentences: Sentences,
        finished: Finished,
        ending_N: Tensor,
        coverage_NS: Tensor | None,
        log_prob_BK: Tensor,
        step: int,
    ) -> Finished:
        """Take every prefix's end-of-sentence continuation among the finished hypotheses."""
        shape_BW = sentences.log_prob_BW.shape
        log_prob_BW = sentences.log_prob_BW + ending_N.double().view(shape_BW)
        score_BW = log_prob_BW / length_penalty(step, self.options.length_penalty).to(log_prob_BW.device)
        if coverage_NS is not None:
            mask_NS = tree.repeat(sentences.mask_BS, shape_BW[1])
            score_BW = score_BW + coverage_penalty(coverage_NS, mask_NS, self.options.coverage_penalty).view(shape_BW)
        counted_BW = log_prob_BW > -math.inf
        if self.options.stopping == "first":
            counted_BW &= self.among_best(log_prob_BW, log_prob_BK) | (sentences.limit_B <= step).unsqueeze(1)
        score_BW = score_BW.masked_fill(~counted_BW, -math.inf)
        parent_BW = torch.arange(shape_BW[1], device=score_BW.device).expand(shape_BW)
        ended = Finished(score_BW, log_prob_BW, torch.full_like(parent_BW, step), parent_BW, counted_BW.sum(dim=1))
        return self.merge(finished, ended)

    def merge(self, finished: Finished, ended: Finished) -> Finished:
        """The n best of those that ended before and those that ended now."""
        score_Bn, place_Bn = torch.cat((finished.score_Bn, ended.score_Bn), dim=1).topk(self.n_best, dim=1)
        log_prob_Bn, step_Bn, parent_Bn = (
            torch.cat((old, new), dim=1).gather(1, place_Bn) for old, new in zip(finished[1:4], ended[1:4], strict=True)
        )
        return Finished(score_Bn, log_prob_Bn, step_Bn, parent_Bn, finished.count_B + ended.count_B)

    def among_best(self, ending_BW: Tensor, log_prob_BK: Tensor) -> Tensor:
        """Which endings are among the K best of all continuations and endings together."""
        together_BX = torch.cat((log_prob_BK, ending_BW), dim=1)
        last_B1 = together_BX.topk(min(self.options.beam_size, together_BX.shape[1]), dim=1).values[:, -1:]
        return ending_BW >= last_B1

    def done(self, sentences: Sentences, finished: Finished, log_prob_BK: Tensor, step: int) -> Tensor:
        """Whether each sentence's n best can no longer change."""
        at_limit_B = sentences.limit_B <= step
        if self.options.stopping == "first":
            return at_limit_B | (finished.count_B >= max(self.options.beam_size, self.n_best))
        bound_B = log_prob_BK[:, 0] / length_penalty(sentences.limit_B, self.options.length_penalty)
        return at_limit_B | (bound_B <= finished.score_Bn[:, -1])

    def keep(self, frontier: Frontier, finished: Finished, rows: Tensor) -> tuple[Frontier, Finished]:
        """What is left when all other sentences leave the batch."""
        width = frontier.sentences.log_prob_BW.shape[1]
        prefix_rows = (rows.unsqueeze(1) * width + torch.arange(width, device=rows.device)).flatten()
        frontier = Frontier(tree.select(frontier.sentences, rows), tree.select(frontier.prefixes, prefix_rows))
        return frontier, tree.select(finished, rows)

    def collect(
        self, finished: Finished, row: int, sentence: int, trails: list[Trail], source_length: int
    ) -> list[Hypothesis]:
        """The sentence's finished hypotheses, best first, walked back through the trails."""
        hypotheses = []
        for place in range(self.n_best):
            score = float(finished.score_Bn[row, place])
            if score > -math.inf:
                step, parent = int(finished.step_Bn[row, place]), int(finished.parent_Bn[row, place])
                ids, weights = walk_back(trails[:step], sentence, parent)
                alignment_TS = np.stack(weights)[:, :source_length] if weights else None
                log_prob = float(finished.log_prob_Bn[row, place])
                hypotheses.append(Hypothesis(tuple(ids), log_prob, score, alignment_TS))
        return hypotheses


def walk_back(trails: list[Trail], sentence: int, prefix: int) -> tuple[list[int], list[NDArray[np.float32]]]:
    """The pieces and attention rows, in order, of the hypothesis that ended from `prefix` at the last of `trails`."""
    ids: list[int] = []
    weights: list[NDArray[np.float32]] = []
    for number, trail in reversed(list(enumerate(trails))):
        row = trail.row[sentence]
        if number < len(trails) - 1:
            ids.append(int(trail.ids_BW[row, prefix]))
            prefix = int(trail.parent_BW[row, prefix])
        if trail.weights_BWS is not None:
            weights.append(trail.weights_BWS[row, prefix])
    return ids[::-1], weights[::-1]
