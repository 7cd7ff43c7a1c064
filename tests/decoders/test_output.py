"""The output layer: fused cross-entropy against torch's, predictions against log_softmax."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from nmt.decoders.base import Outcome
from nmt.decoders.cross_entropy import LinearCrossEntropy, linear_cross_entropy
from nmt.decoders.output import Softmax


def problem(rows=9, vocabulary=7, dtype=torch.float64):
    torch.manual_seed(1)
    hidden_ME = torch.randn(rows, 4, dtype=dtype, requires_grad=True)
    weight_VE = torch.randn(vocabulary, 4, dtype=dtype, requires_grad=True)
    bias_V = torch.randn(vocabulary, dtype=dtype, requires_grad=True)
    return (hidden_ME, weight_VE, bias_V), torch.randint(vocabulary, (rows,))


@pytest.mark.parametrize("chunk", [1, 4, 9, 1024])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7, 1.0])
def test_values_and_gradients_are_those_of_torch_cross_entropy(smoothing, chunk, monkeypatch):
    monkeypatch.setattr(LinearCrossEntropy, "chunk", chunk)
    inputs, target_M = problem()
    logits_MV = functional.linear(*inputs)
    expected = functional.cross_entropy(logits_MV, target_M, reduction="sum", label_smoothing=smoothing)
    total, nll_M = linear_cross_entropy(*inputs, target_M, smoothing)
    torch.testing.assert_close(total, expected)
    torch.testing.assert_close(nll_M, functional.cross_entropy(logits_MV, target_M, reduction="none"))
    assert not nll_M.requires_grad
    torch.testing.assert_close(torch.autograd.grad(2.5 * total, inputs), torch.autograd.grad(2.5 * expected, inputs))


@pytest.mark.parametrize("chunk", [4, 1024])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_weighted_tokens_count_as_much_as_their_weights_say(smoothing, chunk, monkeypatch):
    monkeypatch.setattr(LinearCrossEntropy, "chunk", chunk)
    inputs, target_M = problem()
    weight_M = torch.tensor([0.0, 1.0, -2.0, 0.5, 3.0, 1.0, -0.1, 0.0, 7.0])
    logits_MV = functional.linear(*inputs)
    each_M = functional.cross_entropy(logits_MV, target_M, reduction="none", label_smoothing=smoothing)
    total, nll_M = linear_cross_entropy(*inputs, target_M, smoothing, weight_M=weight_M)
    expected = (weight_M * each_M).sum()
    torch.testing.assert_close(total, expected)
    torch.testing.assert_close(nll_M, functional.cross_entropy(logits_MV, target_M, reduction="none"))
    torch.testing.assert_close(torch.autograd.grad(total, inputs), torch.autograd.grad(expected, inputs))


def test_a_second_backward_pass_gives_the_same_gradients():
    inputs, target_M = problem()
    total, _ = linear_cross_entropy(*inputs, target_M, 0.1)
    first = torch.autograd.grad(total, inputs, retain_graph=True)
    torch.testing.assert_close(torch.autograd.grad(total, inputs), first, rtol=0, atol=0)


def test_without_tokens_the_sum_is_0_and_so_are_the_gradients():
    inputs, target_M = problem(rows=0)
    total, nll_M = linear_cross_entropy(*inputs, target_M, 0.1)
    assert (total.item(), len(nll_M)) == (0.0, 0)
    assert all((gradient == 0).all() for gradient in torch.autograd.grad(total, inputs))


def test_no_gradient_is_computed_where_none_is_recorded(monkeypatch):
    inputs, target_M = problem()
    monkeypatch.setattr("nmt.decoders.cross_entropy.Gradients.zeros", None)
    with torch.no_grad():
        total, _ = linear_cross_entropy(*inputs, target_M, 0.1)
    assert not total.requires_grad


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_bfloat16_is_near_float32_and_sums_in_float32(smoothing):
    torch.manual_seed(1)
    output, hidden_ME, target_M = Softmax(16, 300, None), torch.randn(600, 16), torch.randint(300, (600,))
    low, low_ME = copy.deepcopy(output).bfloat16(), hidden_ME.bfloat16().requires_grad_()
    expected, expected_M = output.nll(Outcome(hidden_ME.requires_grad_()), target_M, smoothing)
    total, nll_M = low.nll(Outcome(low_ME), target_M, smoothing)
    assert total.dtype == nll_M.dtype == torch.float32
    torch.testing.assert_close(nll_M, expected_M, rtol=0.02, atol=0.02)
    torch.testing.assert_close(total, expected, rtol=1e-3, atol=0)
    expected.backward()
    total.backward()
    torch.testing.assert_close(low_ME.grad.float(), hidden_ME.grad, rtol=0.05, atol=0.05)
    torch.testing.assert_close(low.weight_VE.grad.float(), output.weight_VE.grad, rtol=0.05, atol=0.05)
    torch.testing.assert_close(low.bias_V.grad.float(), output.bias_V.grad, rtol=0.05, atol=0.05)


def test_logits_too_large_for_exp_give_finite_losses():
    inputs = torch.tensor([[1e4]]), torch.tensor([[1.0], [-1.0]]), torch.zeros(2), torch.tensor([1])
    assert [float(value) for value in linear_cross_entropy(*inputs, 0.0)] == [2e4, 2e4]
    assert float(linear_cross_entropy(*inputs, 1.0)[0]) == 1e4


def test_predictions_are_the_log_softmax():
    output, hidden_NE = Softmax(4, 7, None).double(), torch.randn(3, 4).double()
    nn.init.normal_(output.bias_V)
    expected_NV = functional.log_softmax(hidden_NE @ output.weight_VE.t() + output.bias_V, dim=-1)
    torch.testing.assert_close(output.predict(Outcome(hidden_NE)).log_probs(), expected_NV)


def test_tied_weights_are_the_embeddings():
    embeddings = nn.Embedding(7, 4)
    assert Softmax(4, 7, embeddings).weight_VE is embeddings.weight
