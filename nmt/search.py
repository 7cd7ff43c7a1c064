"""Beam search over one function, `step`, and an opaque state. It knows no model.

    score(Y|X) = log P(Y|X) / lp(Y) + cp(X; Y),   lp(Y) = ((5 + |Y|) / 6)^α,
    cp = β · Σ_j log(min(Σ_t α_{t,j}, 1)),   |Y| counting the end-of-sentence piece    (Wu et al. 2016, eq. 14)

A sentence keeps the `beam_size` best unfinished prefixes, ranked by log P, and every prefix's end-of-sentence
continuation is a finished hypothesis. When few sentences of a batch are left, they wait until the next batch comes to
the step where they are, and go on with it: a step of few rows takes hardly less time than one of many.
Shapes: B sentences still searched, W prefixes of each (1 at the start, then the beam size K), N = B·W, S source
positions.
"""

import math
from collections.abc import Iterable
from itertools import chain
from typing import Annotated, Any, Literal, NamedTuple, Protocol

import torch
from pydantic import Field
from torch import Tensor

from nmt import tree
from nmt.batch import Source, source_parts
from nmt.decoders.base import Want
from nmt.errors import ConfigError
from nmt.hypotheses import Decided, Finished, Hypothesis, Track
from nmt.settings import Settings, choice
from nmt.text.vocabulary import BOS, EOS, PAD

NEVER = (PAD, BOS, EOS)
COVERAGE_FLOOR = 1e-6
LENGTH_ALLOWANCE = 10
LEAVING = 1 / 8  # the share of a batch's sentences that, once done, leave it together: each time costs a copy
ENCODED = 1024  # source tokens encoded at once, so that what one layer hands to the next stays in the cache
WAITING = 1 / 8  # the share of a batch's sentences that, when no more are left, wait for the next batch


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
    counts only endings among the K best continuations, and stops after K of them, as most toolkits do, or as soon as
    `exact` would.
    """

    class Options(Settings):
        """Beam search."""

        name: Literal["beam"] = "beam"
        beam_size: int = Field(5, ge=1, le=1000, description="K, the prefixes kept at each step")
        length_penalty: float = Field(0.6, ge=0, description="α; 0 ranks by log P, which favours short translations")
        coverage_penalty: float = Field(0.0, ge=0, description="β; punishes source positions that were never attended")
        max_length_ratio: float = Field(
            2.0, gt=0, description="longest target, as a multiple of the source's pieces, plus 10"
        )
        stopping: Literal["exact", "first"] = Field(
            "exact", description="when nothing better can follow, or after the first K endings"
        )


SearchOptions = Annotated[Beam.Options | Greedy.Options, choice()]


class Predictions(Protocol):
    """The next piece's distribution for N prefixes."""

    def continuations(self, before_BW: Tensor, k: int, never: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """`before` + log P, prefix and piece of the k best continuations of each sentence's prefixes, best first,
        pieces `never` ruled out."""

    def log_prob(self, piece: int) -> Tensor:
        """log P of one piece: (N,)."""

    def draw(self, never: Tensor, temperature: float) -> Tensor:
        """A random piece for each prefix, drawn in proportion to P^(1 / temperature), but for those `never`: (N,)."""


class Stepper(Protocol):
    """What search asks of a model, or of an ensemble of them. `max_length`: its longest target, None being any."""

    max_length: int | None

    def encode(self, sources: tuple[Source, ...]) -> Any:
        """The memory; every tensor leads with B."""

    def start(self, memory: Any) -> Any:
        """The state before the first piece, one row a sentence."""

    def step(self, ids_N: Tensor, memory: Any, state: Any, want: Want | None) -> tuple[Predictions, Tensor | None, Any]:
        """Predictions, attention weights_NS and the next state."""


class Sentences(NamedTuple):
    """The sentences in the batch, with the log P of their prefixes; every tensor leads with B. Those that are done, no
    more `open`, leave when there are enough of them."""

    number_B: Tensor
    open_B: Tensor
    limit_B: Tensor
    mask_BS: Tensor
    memory: Any
    log_prob_BW: Tensor


class Prefixes(NamedTuple):
    """Their unfinished prefixes: last piece, decoder state, summed weights; every tensor leads with N, but for what
    prefixes of a sentence share."""

    ids_N: Tensor
    state: Any
    coverage_NS: Tensor | None


class Frontier(NamedTuple):
    """Where the search stands."""

    sentences: Sentences
    prefixes: Prefixes
    finished: Finished


class Group(NamedTuple):
    """Sentences that are searched together, all of them at the same step, counted from 1, and the batches they are
    of; they wait for others when there are only `few` left."""

    frontier: Frontier
    tracks: tuple[Track, ...]
    step: int
    few: int

    @property
    def num_open(self) -> int:
        """Sentences that are not done."""
        return sum(track.num_open for track in self.tracks)


def search(
    model: Stepper,
    batches: Iterable[tuple[Source, ...]],
    options: Beam.Options | Greedy.Options,
    n_best: int = 1,
    want: Want | None = None,
    max_length: int | None = None,
) -> list[list[Hypothesis]]:
    """The n best hypotheses of each sentence of the batches, one after the other, best first; with alignments where
    `want` names weights. Batches whose sentences become longer let the last ones of each go on with the next.

    Targets have at most max_length_ratio · S + 10 pieces, S being the longest source's, and no more than `max_length`
    and than the model can take, the end-of-sentence piece counted.
    Raises: ConfigError for a coverage penalty on a model without attention.
    """
    if isinstance(options, Greedy.Options):
        options = Beam.Options(
            beam_size=1, length_penalty=0.0, stopping="first", max_length_ratio=options.max_length_ratio
        )
    return _Search(model, options, n_best, want, max_length).run(batches)


def limits(length_B: Tensor, ratio: float, *longest: int | None) -> Tensor:
    """ratio · length + LENGTH_ALLOWANCE, and no more than any of the longest; None is any."""
    limit_B = (length_B * ratio).ceil().long() + LENGTH_ALLOWANCE
    for bound in longest:
        if bound is not None:
            limit_B = limit_B.clamp(max=bound)
    return limit_B


def length_penalty(length: Tensor | int, alpha: float) -> Tensor:
    """lp(Y) = ((5 + |Y|) / 6)^α."""
    return ((5.0 + torch.as_tensor(length, dtype=torch.float64)) / 6.0) ** alpha


def coverage_penalty(coverage_NS: Tensor, mask_NS: Tensor, beta: float) -> Tensor:
    """cp = β · Σ_j log(min(Σ_t α_{t,j}, 1)) over real positions, the inner sum floored at 1e-6: (N,)."""
    logs_NS = coverage_NS.clamp(COVERAGE_FLOOR, 1.0).log().masked_fill(~mask_NS, 0.0)
    return beta * logs_NS.sum(dim=1)


class _Search(NamedTuple):
    """One search's fixed arguments; `run` walks until no sentence is left."""

    model: Stepper
    options: Beam.Options
    n_best: int
    want: Want | None
    max_length: int | None

    def run(self, batches: Iterable[tuple[Source, ...]]) -> list[list[Hypothesis]]:
        """The hypotheses of all sentences, batch after batch."""
        tracks, waiting, first = list[Track](), dict[int, Group](), 0
        for sources in batches:
            group = self.start(sources, first)
            self.walk(group, waiting)
            first += len(group.tracks[0].lengths)
            tracks += group.tracks
        while waiting:
            self.walk(waiting.pop(min(waiting))._replace(few=0), waiting)
        return list(chain.from_iterable(track.found for track in tracks))

    def start(self, sources: tuple[Source, ...], first: int) -> Group:
        """A batch before its first step, its sentences numbered from `first` on."""
        mask_BS = sources[0].mask_BS
        length_B = torch.stack([source.mask_BS.sum(dim=1) for source in sources]).amax(dim=0)
        limit_B = limits(length_B, self.options.max_length_ratio, self.max_length, self.model.max_length)
        (memory, state), (num_sentences, _), device = self.encoded(sources), mask_BS.shape, mask_BS.device
        number_B = torch.arange(first, first + num_sentences, device=device)
        open_B = torch.ones_like(number_B, dtype=torch.bool)
        log_prob_B1 = torch.zeros(num_sentences, 1, dtype=torch.float64, device=device)
        coverage_NS = torch.zeros(mask_BS.shape, device=device) if self.options.coverage_penalty else None
        ids_N = torch.full((num_sentences,), BOS, device=device)
        sentences = Sentences(number_B, open_B, limit_B, mask_BS, memory, log_prob_B1)
        prefixes = Prefixes(ids_N, state, coverage_NS)
        finished = Finished.none(num_sentences, self.n_best, device)
        track = Track(first, mask_BS.sum(dim=1).tolist(), self.n_best, device)
        return Group(Frontier(sentences, prefixes, finished), (track,), 1, int(WAITING * num_sentences))

    def encoded(self, sources: tuple[Source, ...]) -> tuple[Any, Any]:
        """Memory and state before the first piece, of few sentences at a time: hardly any place is padded then."""
        memories = [self.model.encode(part) for part in source_parts(sources, ENCODED)]
        return tree.below(*((memory, self.model.start(memory)) for memory in memories))

    def walk(self, group: Group, waiting: dict[int, Group]) -> None:
        """Steps of a group until few of it are left, which then wait at their step; at each, those who wait there join
        it."""
        while group.num_open:
            if group.step in waiting:
                group = joined(group, waiting.pop(group.step))
            if group.num_open <= group.few:
                waiting[group.step] = group._replace(frontier=remaining(group.frontier))
                return
            group = self.advance(group)

    def advance(self, group: Group) -> Group:
        """One step of every prefix; who is done by it leaves, as soon as there are enough of them."""
        frontier, decided, done_B = self.advanced(group.frontier, group.step)
        rows = done_B.nonzero().flatten()
        for track in group.tracks:
            track.trail.append(decided)
        if len(rows):
            for track in group.tracks:
                track.end(decided.number_B[rows], tree.select(frontier.finished, rows))
            tracks = tuple(track for track in group.tracks if track.num_open)
            group = group._replace(tracks=tracks)
            if 0 < group.num_open <= (1 - LEAVING) * len(done_B):
                frontier = remaining(frontier)
        return group._replace(frontier=frontier, step=group.step + 1)

    def advanced(self, frontier: Frontier, step: int) -> tuple[Frontier, Decided, Tensor]:
        """Endings and continuations of every prefix, and which sentences are done by them."""
        sentences, prefixes, finished = frontier
        want = self.want or (Want() if self.options.coverage_penalty else None)
        predictions, weights_NS, state = self.model.step(prefixes.ids_N, sentences.memory, prefixes.state, want)
        coverage_NS = self.covered(prefixes.coverage_NS, weights_NS)
        ending_BW = sentences.log_prob_BW + predictions.log_prob(EOS).double().view(sentences.log_prob_BW.shape)
        never = torch.tensor(NEVER, device=ending_BW.device)
        log_prob_BK, parent_BK, ids_BK = predictions.continuations(sentences.log_prob_BW, self.options.beam_size, never)
        finished = finished.merge(self.ended(sentences, ending_BW, coverage_NS, log_prob_BK, step))
        asked = None if self.want is None or weights_NS is None else weights_NS.unflatten(0, ending_BW.shape)
        done_B = sentences.open_B & self.done(sentences, finished, log_prob_BK, step)
        state, coverage_NS = reordered((state, coverage_NS), parent_BK, ending_BW.shape[1])
        sentences = sentences._replace(log_prob_BW=log_prob_BK, open_B=sentences.open_B & ~done_B)
        frontier = Frontier(sentences, Prefixes(ids_BK.flatten(), state, coverage_NS), finished)
        return frontier, Decided(sentences.number_B, ids_BK, parent_BK, asked), done_B

    def covered(self, coverage_NS: Tensor | None, weights_NS: Tensor | None) -> Tensor | None:
        if coverage_NS is None:
            return None
        if weights_NS is None:
            raise ConfigError("search.coverage_penalty needs a model with attention", "set it to 0")
        return coverage_NS + weights_NS

    def ended(
        self, sentences: Sentences, ending_BW: Tensor, coverage_NS: Tensor | None, log_prob_BK: Tensor, step: int
    ) -> Finished:
        """Every prefix's end-of-sentence continuation as a finished hypothesis; not counted ones score −∞."""
        shape_BW = ending_BW.shape
        score_BW = ending_BW / length_penalty(step, self.options.length_penalty).to(ending_BW.device)
        if coverage_NS is not None:
            mask_NS = tree.repeat(sentences.mask_BS, shape_BW[1])
            score_BW = score_BW + coverage_penalty(coverage_NS, mask_NS, self.options.coverage_penalty).view(shape_BW)
        counted_BW = ending_BW > -math.inf
        if self.options.stopping == "first":
            counted_BW &= self.among_best(ending_BW, log_prob_BK) | (sentences.limit_B <= step).unsqueeze(1)
        score_BW = score_BW.masked_fill(~counted_BW, -math.inf)
        prefix_BW = torch.arange(shape_BW[1], device=score_BW.device).expand(shape_BW)
        return Finished(score_BW, ending_BW, torch.full_like(prefix_BW, step), prefix_BW, counted_BW.sum(dim=1))

    def among_best(self, ending_BW: Tensor, log_prob_BK: Tensor) -> Tensor:
        """Which endings are among the K best of all continuations and endings together."""
        together_BX = torch.cat((log_prob_BK, ending_BW), dim=1)
        last_B1 = together_BX.topk(min(self.options.beam_size, together_BX.shape[1]), dim=1).values[:, -1:]
        return ending_BW >= last_B1

    def done(self, sentences: Sentences, finished: Finished, log_prob_BK: Tensor, step: int) -> Tensor:
        """Whether each sentence's n best can no longer change."""
        bound_B = log_prob_BK[:, 0] / length_penalty(sentences.limit_B, self.options.length_penalty)
        done_B = (sentences.limit_B <= step) | (bound_B <= finished.score_Bn[:, -1])
        if self.options.stopping == "first":
            done_B |= finished.count_B >= max(self.options.beam_size, self.n_best)
        return done_B


def remaining(frontier: Frontier) -> Frontier:
    """What is left when all sentences that are done leave."""
    rows = frontier.sentences.open_B.nonzero().flatten()
    width = frontier.sentences.log_prob_BW.shape[1]
    prefix_rows = (rows.unsqueeze(1) * width + torch.arange(width, device=rows.device)).flatten()
    prefixes = tree.select(frontier.prefixes, prefix_rows, rows)
    return Frontier(tree.select(frontier.sentences, rows), prefixes, tree.select(frontier.finished, rows))


def joined(group: Group, waiting: Group) -> Group:
    """A group and one that waited at its step."""
    return group._replace(frontier=tree.below(group.frontier, waiting.frontier), tracks=group.tracks + waiting.tracks)


def reordered(state: tree.Tree, parent_BK: Tensor, width: int) -> tree.Tree:
    """The states of new prefixes, each its parent's among the `width` of its sentence; untouched where the order is.

    Whether it is is looked at where that waits for no other device.
    """
    place_K = torch.arange(parent_BK.shape[1], device=parent_BK.device)
    same = width == 1 or (parent_BK.device.type == "cpu" and bool((parent_BK == place_K).all()))
    if same and width == len(place_K):
        return state
    first_B1 = width * torch.arange(len(parent_BK), device=parent_BK.device).unsqueeze(1)
    return tree.select(state, (first_B1 + parent_BK).flatten())
