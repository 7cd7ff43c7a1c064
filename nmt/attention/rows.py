"""Rows of queries: steps of one hypothesis or hypotheses at one step, and rows that have keys of their own."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nmt.attention.base import Attended, Memory, Score

Advance = Callable[[Tensor, Tensor, Memory, Tensor, Score, Any], Attended]


class Featured(NamedTuple):
    """A score that is given features of every row and position besides, whichever scope asks it."""

    score: Score
    features_BRSF: Tensor

    def prepare(self, states_BSD: Tensor) -> Tensor:
        """The score's own keys."""
        return self.score.prepare(states_BSD)

    def __call__(self, query_BRQ: Tensor, keys_BSA: Tensor, features_BRSF: Tensor | None = None) -> Tensor:
        """scores_BRS with the features."""
        return self.score(query_BRQ, keys_BSA, self.features_BRSF)


class Placed(NamedTuple):
    """A score of positions, asked for columns: position_BRS says where each row's columns stand, counted from 1."""

    score: Score
    position_BRS: Tensor

    def prepare(self, states_BSD: Tensor) -> Tensor:
        """The score's own keys."""
        return self.score.prepare(states_BSD)

    def __call__(self, query_BRQ: Tensor, keys_BSA: Tensor, features_BRSF: Tensor | None = None) -> Tensor:
        """scores_BRS, each column's that of its position."""
        scores_BRS = self.score(query_BRQ, keys_BSA, features_BRSF)
        return scores_BRS.gather(-1, (self.position_BRS.long() - 1).clamp(min=0).expand_as(scores_BRS))


def apart(score: Score, query_BRQ: Tensor, keys_BRWA: Tensor, members_BRWS: Tensor | None = None) -> Tensor:
    """scores_BRW of rows that have keys of their own: the mean of each key's members, or W positions rewritten."""
    features_NWF = None
    if isinstance(score, Placed):  # what is rewritten stands in order
        score = score.score
    if isinstance(score, Featured):
        score, features_BRWF = score
        if members_BRWS is not None:
            features_BRWF = members_BRWS.to(features_BRWF.dtype) @ features_BRWF
        features_NWF = features_BRWF.flatten(0, 1).unsqueeze(1)
    scores_N1W = score(query_BRQ.flatten(0, 1).unsqueeze(1), keys_BRWA.flatten(0, 1), features_NWF)
    scores_BRW: Tensor = scores_N1W.squeeze(1).unflatten(0, query_BRQ.shape[:2])
    return scores_BRW


def over_steps(
    advance: Advance, query_BRQ: Tensor, step_BR: Tensor, memory: Memory, keys_BSA: Tensor, score: Score, state: Any
) -> Attended:
    """The rows of a scope with a recurrence. `state[0]` leads with N = B·K rows.

    Where N is B, the R rows are consecutive steps of one hypothesis each, and `advance` reads them one after the
    other; else they are one step of K hypotheses, which it reads at once.
    """
    num_sentences, rows = query_BRQ.shape[:2]
    if rows == 1 or state[0].shape[0] != num_sentences:
        return advance(query_BRQ, step_BR, memory, keys_BSA, score, state)
    read = []
    for row in range(rows):
        now = slice(row, row + 1)
        seen = memory if memory.mask_BRS.shape[1] == 1 else memory._replace(mask_BRS=memory.mask_BRS[:, now])
        read.append(advance(query_BRQ[:, now], step_BR[:, now], seen, keys_BSA, score, state))
        state = read[-1].state
    return Attended(
        torch.cat([step.context_BRD for step in read], dim=1),
        torch.cat([step.weights_BHRS for step in read if step.weights_BHRS is not None], dim=2),
        state,
        {name: torch.cat([step.terms[name] for step in read], dim=1) for name in read[0].terms},
    )
