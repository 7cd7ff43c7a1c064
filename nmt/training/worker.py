"""The model that computes losses and gradients, in the precision that was asked for."""

import copy

import torch
from torch import Tensor

from nmt.model import EncoderDecoder


class Worker:
    """Computes the gradient of an update for the trained model.

    In the trained model's own precision it is that model. In another it is a copy, which takes over the weights before
    each update and hands its gradients back: bfloat16's 8 bits would round most of an update's changes away.
    The trained model's gradients stay in the memory that they were given first: strewn anew at each update among the
    activations, they would break the free memory into pieces.
    Source: Micikevicius et al. 2018, §3.1. Differs: losses are not scaled, since bfloat16 has float32's range.
    """

    def __init__(self, trained: EncoderDecoder, precision: torch.dtype) -> None:
        self.precision = precision
        own = next(trained.parameters()).dtype == precision
        self.model = trained if own else copy.deepcopy(trained).to(precision)
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
