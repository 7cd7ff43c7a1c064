"""The model that computes losses and gradients, in the precision that was asked for."""

import copy
import sys

import torch
from torch import Tensor, nn

from nmt.model import EncoderDecoder

HELD = 192 << 20  # bytes that a part of a batch may leave for the way back, on a CPU


class Worker:
    """Computes the gradient of an update for the trained model.

    In the trained model's own precision it is that model. In another it is a copy, which takes over the weights before
    each update and hands its gradients back: bfloat16's 8 bits would round most of an update's changes away.
    The trained model's gradients stay in the memory that they were given first: strewn anew at each update among the
    activations, they would break the free memory into pieces.
    `room` is how many places, padding counted, are to be computed at a time: so many that their activations take about
    HELD bytes, which stay near a processor's caches and are the same at the next batch; on a GPU, all.
    Source: Micikevicius et al. 2018, §3.1. Differs: losses are not scaled, since bfloat16 has float32's range.
    """

    def __init__(self, trained: EncoderDecoder, precision: torch.dtype) -> None:
        self.precision = precision
        own = next(trained.parameters()).dtype == precision
        self.model = trained if own else copy.deepcopy(trained).to(precision)
        on_cpu = next(trained.parameters()).device.type == "cpu"
        self.room = max(1, HELD // held(self.model)) if on_cpu else sys.maxsize
        self._trained: list[Tensor] = [*trained.parameters()]
        self._copies: list[Tensor] = [] if own else [*self.model.parameters()]

    def begin(self) -> None:
        """Before an update's first batch: gradients of 0, and the weights as they are now."""
        for parameter in self._trained:
            if parameter.grad is not None:
                parameter.grad.zero_()
        if self._copies:
            with torch.no_grad():
                torch._foreach_copy_(self._copies, self._trained)

    def hand_back(self) -> None:
        """After each batch: add its gradients to those of the trained model."""
        for trained, ours in zip(self._trained, self._copies, strict=False):  # there may be no copies
            if ours.grad is not None:
                trained.grad = ours.grad.to(trained.dtype) if trained.grad is None else trained.grad.add_(ours.grad)
                ours.grad = None


def held(model: nn.Module) -> int:
    """Bytes that a pair of a source and a target piece leaves for the way back, about: the inputs and outputs of all
    linear maps (attention's weights are not counted; norms and dropout make up for shared inputs)."""
    widths = [m.in_features + m.out_features for m in model.modules() if isinstance(m, nn.Linear)]
    return sum(widths) * next(model.parameters()).element_size()
