"""Convolution over positions as one product: a window of states laid side by side, then a linear map."""

import torch
from torch import Tensor
from torch.nn import functional


def windows(states_BSD: Tensor, width: int, before: int, dilation: int = 1) -> Tensor:
    """(B, S, width · D): for each position the states `dilation` apart, the first `before` · dilation positions before
    it, with zeros beyond both ends. With before = width − 1 nothing after a position is seen.

    Cost: a copy of width · S · D numbers.
    """
    length = states_BSD.shape[1]
    after = width - 1 - before
    padded = functional.pad(states_BSD, (0, 0, before * dilation, after * dilation))
    return torch.cat([padded[:, tap * dilation : tap * dilation + length] for tap in range(width)], dim=-1)
