"""Readouts by hand."""

import math

import pytest
import torch

from nmt.decoders.readout import AttentionalState, DeepOutput


def test_maxout_takes_the_larger_of_each_pair():
    # one number each: state 1, piece 2, context 3; candidates (1·1 + 2·2 + 3·3, -1) + bias (0, 0.5)
    readout = DeepOutput(1, 1, 1)
    for layer, column in ((readout.state, [1.0, -1.0]), (readout.piece, [2.0, 0.0]), (readout.context, [3.0, 0.0])):
        layer.weight.data = torch.tensor(column).unsqueeze(1)
    readout.state.bias.data = torch.tensor([0.0, 0.5])
    given = readout(torch.tensor([[1.0], [-5.0]]), torch.tensor([[2.0], [0.0]]), torch.tensor([[3.0], [0.0]]))
    assert given.tolist() == [[14.0], [5.5]]


def test_the_attentional_state_puts_the_context_first():
    readout = AttentionalState(1, 1, 1)
    readout.hidden.weight.data = torch.tensor([[0.5, 0.25]])
    given = readout(torch.tensor([[4.0]]), torch.tensor([[9.0]]), torch.tensor([[-1.0]]))
    assert given.item() == pytest.approx(math.tanh(0.5 * -1.0 + 0.25 * 4.0))


def test_without_a_context_deep_output_has_no_weights_for_one():
    assert DeepOutput(3, 0, 2).context is None
