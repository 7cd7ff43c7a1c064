"""Scopes over the whole sentence, or over a window of it.

Positions j and target steps t count from 1. A window of half-width D around p holds the integers j with |j − p| ≤ D.
Among the target's own words, S is how many of them a row sees: 1…t.
"""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from nmt.attention.base import Attended, Memory, Normalizer, Score, read
from nmt.settings import Settings, choice


class Global(nn.Module):
    """α_t = normalizer_j(score(s_t, h_j)) over the whole sentence.

    Cost: S a step. Source: Bahdanau et al. 2015; Luong et al. 2015, §3.1; Xu et al. 2015 (soft). Differs: nothing.
    """

    class Options(Settings):
        """The whole sentence."""

        name: Literal["global"] = "global"

        def build(self, query_size: int, memory_size: int, normalizer: Normalizer) -> "Global":
            """The scope with this normalizer."""
            return Global(normalizer)

    def __init__(self, normalizer: Normalizer) -> None:
        super().__init__()
        self.normalizer = normalizer

    def start(self, memory: Memory) -> None:
        """No state."""

    def forward(
        self, query_BRQ: Tensor, step_BR: Tensor, memory: Memory, keys_BSA: Tensor, score: Score, state: None
    ) -> Attended:
        """Attend to every position that the mask allows."""
        return read(self.normalizer(score(query_BRQ, keys_BSA), memory.mask_BRS), memory)


def positions(memory: Memory) -> tuple[Tensor, Tensor]:
    """The numbers of the positions (B, R or 1, S), and how many there are in each row (B, R or 1).

    What a row sees is counted from 1, in the order in which it lies: columns of other hypotheses have no number.
    """
    position_BRS = memory.mask_BRS.cumsum(dim=-1, dtype=torch.int32)
    return position_BRS, memory.mask_BRS.sum(dim=-1)


def monotonic_window(step_BR: Tensor, length_BR: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """First and last position around p_t = t; the last 2D + 1 of the sentence where that is wholly past its end."""
    past_BR = step_BR - window > length_BR
    first_BR = torch.where(past_BR, length_BR - 2 * window, step_BR - window)
    last_BR = torch.where(past_BR, length_BR, step_BR + window)
    return first_BR.unsqueeze(-1), last_BR.unsqueeze(-1)


class LocalM(nn.Module):
    """p_t = t (monotonic alignment); softmax over the window [p_t − D, p_t + D] only, clipped to the sentence.

    When the window lies wholly past the sentence's end, it is the last 2D + 1 positions.
    Cost: the scores of all S positions are computed and those outside dropped. Source: Luong et al. 2015, §3.2.
    Differs: the rule for windows past the end, on which the paper is silent.
    """

    class Options(Settings):
        """A window that moves one source position a target position."""

        name: Literal["local_m"] = "local_m"
        window: int = Field(10, ge=1, description="half-width D, in positions")

        def build(self, query_size: int, memory_size: int, normalizer: Normalizer) -> "LocalM":
            """The scope with this normalizer."""
            return LocalM(self.window, normalizer)

    def __init__(self, window: int, normalizer: Normalizer) -> None:
        super().__init__()
        self.window = window
        self.normalizer = normalizer

    def start(self, memory: Memory) -> None:
        """No state."""

    def forward(
        self, query_BRQ: Tensor, step_BR: Tensor, memory: Memory, keys_BSA: Tensor, score: Score, state: None
    ) -> Attended:
        """Attend inside the window around the target position's own number."""
        position_BRS, length_BR = positions(memory)
        first_BR1, last_BR1 = monotonic_window(step_BR, length_BR, self.window)
        inside_BRS = (position_BRS >= first_BR1) & (position_BRS <= last_BR1)
        return read(self.normalizer(score(query_BRQ, keys_BSA), memory.mask_BRS & inside_BRS), memory)


class LocalP(nn.Module):
    """p_t = S · sigmoid(v_p^T tanh(W_p s_t)); α_t(j) = align(s_t, h_j) · exp(−(j − p_t)² / (2σ²)), σ = D / 2.

    align is the normalizer over the window around p_t, which is real-valued and differentiable through the Gaussian.
    Rows sum to less than 1 unless `renormalize`. Cost: Q² + S multiplications a step more than global attention.
    Source: Luong et al. 2015, eq. 9–10. Differs: nothing (`renormalize: true` does).
    """

    class Options(Settings):
        """A window around a predicted position."""

        name: Literal["local_p"] = "local_p"
        window: int = Field(10, ge=1, description="half-width D, in positions")
        renormalize: bool = Field(False, description="divide the weights by their sum, so that rows sum to 1")

        def build(self, query_size: int, memory_size: int, normalizer: Normalizer) -> "LocalP":
            """The scope for queries of this width."""
            return LocalP(query_size, self.window, self.renormalize, normalizer)

    def __init__(self, query_size: int, window: int, renormalize: bool, normalizer: Normalizer) -> None:
        super().__init__()
        self.window = window
        self.renormalize = renormalize
        self.normalizer = normalizer
        self.hidden = nn.Linear(query_size, query_size, bias=False)
        self.position = nn.Linear(query_size, 1, bias=False)

    def start(self, memory: Memory) -> None:
        """No state."""

    def predict(self, query_BRQ: Tensor, length_BR: Tensor) -> Tensor:
        """p_BR1, a real number between 0 and the sentence's length."""
        raw_BR1: Tensor = self.position(torch.tanh(self.hidden(query_BRQ)))
        wide = torch.promote_types(raw_BR1.dtype, torch.float32)
        return length_BR.unsqueeze(-1) * torch.sigmoid(raw_BR1.to(wide))

    def forward(
        self, query_BRQ: Tensor, step_BR: Tensor, memory: Memory, keys_BSA: Tensor, score: Score, state: None
    ) -> Attended:
        """Attend inside the window around the predicted position, favouring its middle."""
        position_BRS, length_BR = positions(memory)
        offset_BRS = position_BRS - self.predict(query_BRQ, length_BR)
        inside_BRS = memory.mask_BRS & (offset_BRS.abs() <= self.window)
        weights_BRS = self.normalizer(score(query_BRQ, keys_BSA), inside_BRS)
        weights_BRS = weights_BRS * torch.exp(-2.0 * (offset_BRS / self.window).square())
        if self.renormalize:
            smallest = torch.finfo(weights_BRS.dtype).tiny
            weights_BRS = weights_BRS / weights_BRS.sum(dim=-1, keepdim=True).clamp(min=smallest)
        return read(weights_BRS, memory)


LocalOptions = Annotated[LocalM.Options | LocalP.Options, choice()]
