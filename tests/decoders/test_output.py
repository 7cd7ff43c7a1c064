"""The output layer: fused cross-entropy against torch's, predictions against log_softmax."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from nmt.decoders.output import LinearCrossEntropy, Softmax, linear_cross_entropy


def problem(rows=9, vocabulary=7, dtype=torch.float64):
    torch.manual_seed(1)
    hidden_ME = torch.randn(rows, 4, dtype=dtype, requires_grad=True)
    weight_VE = torch.randn(vocabulary, 4, dtype=dtype, requires_grad=True)
    bias_V = torch.randn(vocabulary, dtype=dtype, requires_grad=True)
    return (hidden_ME, weight_VE, bias_V), torch.randint(vocabulary, (rows,))


@pytest.mark.parametrize("chunk", [1, 4, 9, 1024])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_values_and_gradients_are_those_of_torch_cross_entropy(smoothing, chunk, monkeypatch):
    monkeypatch.setattr(LinearCrossEntropy, "chunk", chunk)
    inputs, target_M = problem()
    logits_MV = functional.linear(*inputs)
    expected_M = functional.cross_entropy(logits_MV, target_M, reduction="none", label_smoothing=smoothing)
    upstream_M = torch.linspace(-1, 2, 9).double()
    expected = torch.autograd.grad(expected_M, inputs, upstream_M)
    nll_M, uniform_M = linear_cross_entropy(*inputs, target_M)
    loss_M = (1 - smoothing) * nll_M + smoothing * uniform_M
    torch.testing.assert_close(loss_M, expected_M)
    torch.testing.assert_close(torch.autograd.grad(loss_M, inputs, upstream_M), expected)


def test_both_outputs_have_gradients_of_their_own():
    inputs, target_M = problem()
    log_probs_MV = functional.log_softmax(functional.linear(*inputs), dim=-1)
    expected = torch.autograd.grad(-log_probs_MV.mean(-1).sum(), inputs)
    _, uniform_M = linear_cross_entropy(*inputs, target_M)
    torch.testing.assert_close(torch.autograd.grad(uniform_M.sum(), inputs), expected)


def test_a_second_backward_pass_is_refused_rather_than_wrong():
    inputs, target_M = problem()
    nll_M, _ = linear_cross_entropy(*inputs, target_M)
    nll_M.sum().backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        nll_M.sum().backward()


def test_bfloat16_is_near_float32_and_sums_in_float32():
    torch.manual_seed(1)
    output, hidden_ME, target_M = Softmax(16, 300, None), torch.randn(20, 16), torch.randint(300, (20,))
    expected_M, _ = output.nll(hidden_ME, target_M)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        nll_M, uniform_M = output.nll(hidden_ME.requires_grad_(), target_M)
    assert nll_M.dtype == uniform_M.dtype == torch.float32
    torch.testing.assert_close(nll_M, expected_M, rtol=0.02, atol=0.02)
    nll_M.sum().backward()
    full = torch.autograd.grad(output.nll(hidden_ME, target_M)[0].sum(), hidden_ME)[0]
    torch.testing.assert_close(hidden_ME.grad, full, rtol=0.05, atol=0.05)
    assert output.weight_VE.grad.dtype == torch.float32


def test_logits_too_large_for_exp_give_finite_losses():
    nll_M, uniform_M = linear_cross_entropy(
        torch.tensor([[1e4]]), torch.tensor([[1.0], [-1.0]]), torch.zeros(2), torch.tensor([1])
    )
    assert (nll_M.item(), uniform_M.item()) == (2e4, 1e4)


def test_predictions_are_the_log_softmax():
    output, hidden_NE = Softmax(4, 7, None).double(), torch.randn(3, 4).double()
    nn.init.normal_(output.bias_V)
    expected_NV = functional.log_softmax(hidden_NE @ output.weight_VE.t() + output.bias_V, dim=-1)
    torch.testing.assert_close(output.predict(hidden_NE).log_probs(), expected_NV)


def test_tied_weights_are_the_embeddings():
    embeddings = nn.Embedding(7, 4)
    assert Softmax(4, 7, embeddings).weight_VE is embeddings.weight
