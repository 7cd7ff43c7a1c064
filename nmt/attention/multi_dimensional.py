"""Multi-dimensional attention: one weight for every feature of every position."""

from typing import Literal

import torch
from torch import Tensor, nn

from nmt.attention.base import Attended, Memory, Normalizer, Score
from nmt.settings import Settings


class MultiDimensional(nn.Module):
    """α_{t,j,k} = normalizer_j(score_k(s_t, h_j)), c_{t,k} = Σ_j α_{t,j,k} h_{j,k}: one weight for every feature k.

    The score's last map has D outputs. The row of the alignment is the mean over k.
    Cost: S·A·D multiplications a step for the scores, and D weights a position in place of one.
    Source: Shen et al. 2018, §3.1. Differs: the score is the one that the config names, of additive, concat and mlp.
    """

    class Options(Settings):
        """The whole sentence, with one weight for every feature."""

        name: Literal["multi_dimensional"] = "multi_dimensional"

        def build(self, query_size: int, memory_size: int, normalizer: Normalizer) -> "MultiDimensional":
            """The scope with this normalizer."""
            return MultiDimensional(normalizer)

    def __init__(self, normalizer: Normalizer) -> None:
        super().__init__()
        self.normalizer = normalizer

    def start(self, memory: Memory) -> None:
        """No state."""

    def forward(
        self, query_BRQ: Tensor, step_BR: Tensor, memory: Memory, keys_BSA: Tensor, score: Score, state: None
    ) -> Attended:
        """Attend with a row of weights for each feature."""
        size, mask_BZS = memory.states_BSD.shape[2], memory.mask_BRS
        # One feature's scores have no axis of their own.
        scores_BRSD = score(query_BRQ, keys_BSA).reshape(*query_BRQ.shape[:2], -1, size)
        if mask_BZS.shape[1] > 1:
            mask_BZS = mask_BZS.repeat_interleave(size, dim=1)
        weights_BZS = self.normalizer(scores_BRSD.transpose(2, 3).flatten(1, 2), mask_BZS)
        weights_BRDS = weights_BZS.unflatten(1, (-1, size))
        context_BRD = torch.einsum("brds,bsd->brd", weights_BRDS.to(memory.states_BSD.dtype), memory.states_BSD)
        return Attended(context_BRD, weights_BRDS.mean(dim=2).unsqueeze(1), state, {})
