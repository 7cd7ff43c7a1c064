"""Gradients of the whole loss, for every entry of every parameter, against finite differences in float64."""

import pytest
import torch
from models import SHAPES, batch_of, build, num_sources
from torch import nn
from torch.func import functional_call

from nmt.loss import translation_loss

NAMES = (
    *("conv-rnn", "lstmn-rnn", "snail-rnn", "gated", "mixed", "rnn-transformer", "conv-conv", "rnn-conv-hops"),
    *("pointer-global", "copy-global", "sources-co-attention", "sources-context", "sources-hierarchical"),
)


class Loss(nn.Module):
    """Of a batch, as a function of the model's parameters."""

    def __init__(self, model, batch):
        super().__init__()
        self.model, self.batch = model, batch

    def forward(self):
        return translation_loss(self.model, self.batch, label_smoothing=0.0).total


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_gradient_is_that_of_finite_differences(name):
    model = build(SHAPES[name]).double().eval()
    loss = Loss(model, batch_of([3, 2], [2, 3], seed=7, sources=num_sources(SHAPES[name])))
    names, values = zip(*loss.named_parameters(), strict=True)
    torch.autograd.gradcheck(lambda *given: functional_call(loss, dict(zip(names, given, strict=True)), ()), values)
