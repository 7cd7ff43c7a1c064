"""Dropout whose masks are cheap to draw on a CPU; elsewhere torch's own."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

LEVELS = 1 << 16


class Dropout(nn.Module):
    """y = x · m / (1 − p), each m independently 0 with probability p and else 1; nothing in eval mode.

    p is rounded to a multiple of 2^−16, so that on a CPU four decisions can be cut from each 64-bit random number;
    drawing one number for every decision took a sixth of a Transformer's training time.
    Source: Srivastava et al. 2014. Differs: nothing.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = min(round(p * LEVELS), LEVELS - 1) / LEVELS

    def forward(self, states: Tensor) -> Tensor:
        """The states, thinned out while training."""
        if not self._drops:
            return states
        return states * self._factors(states) if cuts_masks(states) else functional.dropout(states, self.p)

    def added(self, states: Tensor, change: Tensor) -> Tensor:
        """states + forward(change), on a CPU in one pass."""
        if self._drops and cuts_masks(change):
            return torch.addcmul(states, change, self._factors(change))
        return states + self.forward(change)

    def rectified(self, states: Tensor) -> Tensor:
        """forward(relu(states)), in the place of the states: the way back needs nothing but its zeros."""
        if not self._drops:
            return torch.relu_(states)
        return rectify(states, self._factors(states), self._scale(states))

    @property
    def _drops(self) -> bool:
        return self.training and self.p > 0

    def _scale(self, states: Tensor) -> float:
        """1 / (1 − p) as the states' precision has it, so that both ways take the same factor."""
        return float(torch.tensor(1 / (1 - self.p), dtype=states.dtype))

    def _factors(self, states: Tensor) -> Tensor:
        """m / (1 − p) for each of the states, in their precision."""
        if not cuts_masks(states):
            return functional.dropout(torch.ones_like(states), self.p)
        bits = torch.empty((states.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
        lowest_kept = round(self.p * LEVELS) - LEVELS // 2
        kept = torch.empty_like(states, memory_format=torch.contiguous_format)
        return torch.ge(bits[: kept.numel()].view(kept.shape), lowest_kept, out=kept).mul_(self._scale(states))


def cuts_masks(states: Tensor) -> bool:
    """Whether their masks are cut from 64-bit numbers, as on a CPU, or drawn by torch."""
    return states.device.type == "cpu"


class Rectify(Function):
    """y = max(x, 0) · f in the place of x, f being 0 or s; dx = dy · s where y > 0."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, factors: Tensor, scale: float) -> Tensor:
        """y."""
        ctx.mark_dirty(states)
        states.relu_().mul_(factors)
        ctx.save_for_backward(states)
        ctx.scale = scale
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """dx."""
        (states,) = ctx.saved_tensors
        return torch.ops.aten.threshold_backward(gradient, states, 0).mul_(ctx.scale), None, None


rectify: Callable[..., Tensor] = Rectify.apply
