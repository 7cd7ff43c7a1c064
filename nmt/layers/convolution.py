"""Convolution over positions as one product: a window of states laid side by side, then a linear map."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


def windows(states_BSD: Tensor, width: int, before: int, dilation: int = 1) -> Tensor:
    """(B, S, width · D): for each position the states `dilation` apart, the first `before` · dilation positions before
    it, with zeros beyond both ends. With before = width − 1 nothing after a position is seen.

    Cost: a copy of width · S · D numbers.
    """
    after = width - 1 - before
    return slid(functional.pad(states_BSD, (0, 0, before * dilation, after * dilation)), width, dilation)


def slid(states_BSD: Tensor, width: int, dilation: int = 1) -> Tensor:
    """The windows that lie wholly inside: (B, S − (width − 1) · dilation, width · D)."""
    length = states_BSD.shape[1] - (width - 1) * dilation
    return torch.cat([states_BSD[:, tap * dilation : tap * dilation + length] for tap in range(width)], dim=-1)


def spread(linear: nn.Linear, gain: float = 1.0) -> nn.Linear:
    """The map with weights from N(0, gain / inputs) and no bias yet: it keeps a variance that is divided by `gain`.

    Source: Gehring et al. 2017, §3.5. Differs: nothing.
    """
    nn.init.normal_(linear.weight, std=math.sqrt(gain / linear.in_features))
    nn.init.zeros_(linear.bias)
    return linear


class GatedConvolution(nn.Module):
    """a ⊙ σ(b), [a; b]_j = W [x_j; …; x_{j+k−1}] + b: k states to one of their width.

    Cost: 2·k·C² multiplications a position. Source: Gehring et al. 2017, §3.2; Dauphin et al. 2017 (the gate).
    Differs: weights are not normalised to a length of their own.
    """

    def __init__(self, size: int, width: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.both = spread(nn.Linear(width * size, 2 * size), 4 * (1 - dropout))  # a gate lets a quarter through

    def forward(self, states_BSF: Tensor) -> Tensor:
        """States (B, S − k + 1, F) of the windows that lie wholly inside."""
        return functional.glu(self.both(slid(states_BSF, self.width)), dim=-1)
