"""Finished hypotheses: the best of each sentence, and the way back to their pieces.

Search decides at each step which prefixes go on, and keeps those decisions; pieces are read off them, from the end to
the beginning, when all is over. Shapes: B sentences, W prefixes of each before a step and K after it, n best.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nmt import tree


class Hypothesis(NamedTuple):
    """A finished translation. `alignment_TS` has a row for each piece and one for the end of the sentence."""

    ids: tuple[int, ...]
    log_prob: float
    score: float
    alignment_TS: NDArray[np.float32] | None


class Finished(NamedTuple):
    """The n best finished hypotheses so far of each sentence, best first: where each ended (step, counted from 1, and
    prefix), and how many there were."""

    score_Bn: Tensor
    log_prob_Bn: Tensor
    step_Bn: Tensor
    prefix_Bn: Tensor
    count_B: Tensor

    @classmethod
    def none(cls, num_sentences: int, n_best: int, device: torch.device) -> "Finished":
        """Nothing finished: every score is −∞."""
        score_Bn = torch.full((num_sentences, n_best), -math.inf, dtype=torch.float64, device=device)
        step_Bn = torch.zeros_like(score_Bn, dtype=torch.long)
        return cls(score_Bn, score_Bn, step_Bn, step_Bn, step_Bn[:, 0])

    def merge(self, ended: "Finished") -> "Finished":
        """The n best of those that ended before and those that ended now."""
        score_Bn, place_Bn = torch.cat((self.score_Bn, ended.score_Bn), dim=1).topk(self.score_Bn.shape[1], dim=1)
        log_prob_Bn, step_Bn, prefix_Bn = (
            torch.cat((old, new), dim=1).gather(1, place_Bn) for old, new in zip(self[1:4], ended[1:4], strict=True)
        )
        return Finished(score_Bn, log_prob_Bn, step_Bn, prefix_Bn, self.count_B + ended.count_B)

    def put(self, rows: Tensor, values: "Finished") -> "Finished":
        """These, but `values` in the given rows."""
        return Finished(*(column.index_copy(0, rows, value) for column, value in zip(self, values, strict=True)))


class Decided(NamedTuple):
    """What one step decided: the sentences' numbers in the batch; the piece and the former prefix of each new prefix;
    and the attention weights of the prefixes that asked."""

    number_B: Tensor
    ids_BK: Tensor
    parent_BK: Tensor
    weights_BWS: Tensor | None


class Track:
    """What becomes of one batch: what each step decided, and the sentences that are done. Their numbers begin with
    `first`; `lengths` are their sources'."""

    def __init__(self, first: int, lengths: Sequence[int], n_best: int, device: torch.device) -> None:
        self.first, self.lengths = first, lengths
        self.num_open = len(lengths)
        self.trail: list[Decided] = []
        self.finished = Finished.none(len(lengths), n_best, device)
        self.found: list[list[Hypothesis]] = []

    def end(self, number_D: Tensor, finished: Finished) -> None:
        """Some sentences are done: of all but this batch's nothing is kept; with its last one, all are read off."""
        place_D = number_D - self.first
        rows = ((place_D >= 0) & (place_D < len(self.lengths))).nonzero().flatten()
        self.finished = self.finished.put(place_D[rows], tree.select(finished, rows))
        self.num_open -= len(rows)
        if not self.num_open:
            self.found = read_off(self.finished, self.trail, self.lengths, self.first)
            self.trail = []


def read_off(
    finished: Finished, trail: Sequence[Decided], lengths: Sequence[int], first: int = 0
) -> list[list[Hypothesis]]:
    """The finished hypotheses of all sentences, best first, in the order of `lengths`, their sources' lengths. `first`
    is the first one's number in the trail, which may tell of other sentences, too."""
    score_Bn, log_prob_Bn, step_Bn, prefix_Bn = (column.cpu().numpy() for column in finished[:4])
    ids_BnT, weights_BnTS = _walk_back(step_Bn, prefix_Bn, trail, first)
    found: list[list[Hypothesis]] = [[] for _ in lengths]
    for sentence, place in zip(*np.nonzero(score_Bn > -math.inf), strict=True):
        step, at = int(step_Bn[sentence, place]), (sentence, place)
        weights = None if weights_BnTS is None else weights_BnTS[at][:step, : lengths[sentence]].copy()
        ids = tuple(ids_BnT[at][: step - 1].tolist())
        found[sentence].append(Hypothesis(ids, float(log_prob_Bn[at]), float(score_Bn[at]), weights))
    return found


def _walk_back(
    step_Bn: NDArray[np.int64], prefix_Bn: NDArray[np.int64], trail: Sequence[Decided], first: int
) -> tuple[NDArray[np.int64], NDArray[np.float32] | None]:
    """The pieces and attention rows of hypotheses that ended at `step_Bn` from `prefix_Bn`; 0 beyond the end."""
    longest = int(step_Bn.max(initial=0))
    ids_BnT = np.zeros((*step_Bn.shape, longest), dtype=np.int64)
    asked = trail[0].weights_BWS if trail else None
    weights_BnTS = None if asked is None else np.zeros((*ids_BnT.shape, asked.shape[-1]), dtype=np.float32)
    at_Bn, row_B1 = np.zeros_like(prefix_Bn), np.zeros((len(step_Bn), 1), dtype=np.int64)
    for step in range(longest, 0, -1):
        number_B, ids_BK, parent_BK, weights_BWS = trail[step - 1]
        place = number_B.cpu().numpy() - first
        rows = np.flatnonzero((place >= 0) & (place < len(row_B1)))
        row_B1[place[rows], 0] = rows
        going_Bn = step_Bn > step
        ids_BnT[:, :, step - 1] = np.where(going_Bn, _taken(ids_BK, row_B1, at_Bn, going_Bn), 0)
        at_Bn = np.where(going_Bn, _taken(parent_BK, row_B1, at_Bn, going_Bn), np.where(step_Bn == step, prefix_Bn, 0))
        if weights_BnTS is not None and weights_BWS is not None:
            there_Bn = step_Bn >= step
            read_BWS = weights_BWS[..., : weights_BnTS.shape[-1]].float()
            weights_BnTS[there_Bn, step - 1] = _taken(read_BWS, row_B1, at_Bn, there_Bn)[there_Bn]
    return ids_BnT, weights_BnTS


def _taken(
    values: Tensor, row_B1: NDArray[np.int64], at_Bn: NDArray[np.int64], there_Bn: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """values[row, at] of hypotheses that are there, and any other of the rest."""
    taken: NDArray[np.int64] = values.cpu().numpy()[np.where(there_Bn, row_B1, 0), np.where(there_Bn, at_Bn, 0)]
    return taken
