"""The expanded window: local attention that still sees the whole sentence."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from nmt.attention.base import Attended, Memory, Normalizer, Score, read
from nmt.attention.local import LocalP, monotonic_window, positions
from nmt.attention.rows import apart
from nmt.settings import Settings


def blocks(memory: Memory, first_BR1: Tensor, last_BR1: Tensor, width: int, dtype: torch.dtype) -> Tensor:
    """The blocks outside the window first…last, each `width` positions counted from the window's edge outwards:
    members_BRWS, 1 / size of the block for its members and 0 elsewhere; blocks without members are all 0."""
    mask_BRS, (position_BRS, _) = memory.mask_BRS, positions(memory)
    before_BRS, after_BRS = first_BR1 - 1 - position_BRS, position_BRS - 1 - last_BR1
    num_before_BR1 = (first_BR1 - 1).clamp(min=0).add(width - 1) // width
    number_BRS = torch.where(before_BRS >= 0, before_BRS // width, num_before_BR1 + after_BRS // width)
    outside_BRS = mask_BRS & ((before_BRS >= 0) | (after_BRS >= 0))
    number_BR1S = number_BRS.masked_fill(~outside_BRS, -1).unsqueeze(2)
    block_11W1 = torch.arange(mask_BRS.shape[-1] // width + 2, device=mask_BRS.device).view(1, 1, -1, 1)
    members_BRWS = (number_BR1S == block_11W1).to(dtype)
    return members_BRWS / members_BRWS.sum(dim=-1, keepdim=True).clamp(min=1.0)


class Expanded(nn.Module):
    """α_t = normalizer over the positions |j − p_t| ≤ D and the blocks of b positions outside: a block is scored by
    the mean of its states, and its weight spreads equally over its members.

    p_t = t as in `local_m`, or predicted as in `local_p`. Cost: S + S / b scores a step, and S² / b · A
    multiplications to take the means. Source: the window, Luong et al. 2015, §3.2 and eq. 9; the blocks have none.
    Differs: blocks are counted from the window's edges outwards, so that only the outermost of either end may be
    shorter than b; around a predicted centre the logarithm of the Gaussian, −2 (j − p_t)² / D², is added to the scores
    before the normalizer, and for all blocks its value at the edge, −2: so rows sum to 1 and p_t can be learned.
    """

    class Options(Settings):
        """A window at full resolution, and blocks of states to both ends of the sentence."""

        name: Literal["expanded"] = "expanded"
        centre: Literal["local_m", "local_p"] = Field(
            "local_m", description="the window's middle: monotonic, predicted"
        )
        window: int = Field(5, ge=1, description="half-width D, in positions")
        block: int = Field(5, ge=1, description="width b of a block, in positions")

        def build(self, query_size: int, memory_size: int, normalizer: Normalizer) -> "Expanded":
            """The scope for queries of this width."""
            predictor = LocalP(query_size, self.window, False, normalizer) if self.centre == "local_p" else None
            return Expanded(self.window, self.block, predictor, normalizer)

    def __init__(self, window: int, block: int, predictor: LocalP | None, normalizer: Normalizer) -> None:
        super().__init__()
        self.window, self.block = window, block
        self.predictor = predictor
        self.normalizer = normalizer

    def start(self, memory: Memory) -> None:
        """No state."""

    def forward(
        self, query_BRQ: Tensor, step_BR: Tensor, memory: Memory, keys_BSA: Tensor, score: Score, state: None
    ) -> Attended:
        """Attend to the window's positions and to the blocks around it, with one normalizer."""
        position_BRS, length_BR = positions(memory)
        scores_BRS = score(query_BRQ, keys_BSA)
        if self.predictor is None:
            first_BR1, last_BR1 = monotonic_window(step_BR, length_BR, self.window)
        else:
            centre_BR1 = self.predictor.predict(query_BRQ, length_BR)
            first_BR1 = (centre_BR1 - self.window).ceil().long()
            last_BR1 = (centre_BR1 + self.window).floor().long()
            # Taken from the window instead of from the blocks: adding a constant to all scores changes no weight.
            scores_BRS = scores_BRS + 2.0 - 2.0 * ((position_BRS - centre_BR1) / self.window).square()
        inside_BRS = memory.mask_BRS & (position_BRS >= first_BR1) & (position_BRS <= last_BR1)
        wide = torch.promote_types(scores_BRS.dtype, torch.float32)
        members_BRWS = blocks(memory, first_BR1, last_BR1, self.block, wide)
        outer_BRW = self.score_blocks(query_BRQ, keys_BSA, members_BRWS, score)
        weights_BRX = self.normalizer(
            torch.cat((scores_BRS, outer_BRW), dim=-1), torch.cat((inside_BRS, (members_BRWS > 0).any(dim=-1)), dim=-1)
        )
        near_BRS, far_BRW = weights_BRX.split((scores_BRS.shape[-1], outer_BRW.shape[-1]), dim=-1)
        spread_BRS = (far_BRW.unsqueeze(2) @ members_BRWS).squeeze(2)
        return read(near_BRS + spread_BRS, memory)

    def score_blocks(self, query_BRQ: Tensor, keys_BSA: Tensor, members_BRWS: Tensor, score: Score) -> Tensor:
        """scores_BRW of the means: the mean of keys is the key of the mean."""
        means_BZA = members_BRWS.flatten(1, 2).to(keys_BSA.dtype) @ keys_BSA
        return apart(score, query_BRQ, means_BZA.unflatten(1, members_BRWS.shape[1:3]), members_BRWS)
