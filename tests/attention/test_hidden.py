"""Scores through a hidden layer, block by block: against a loop over all pairs, and their gradients."""

import numpy as np
import pytest
import torch

from nmt.attention import hidden
from nmt.attention.hidden import summed_tanh

SHAPES = [(3, 4, 5, 6, 1), (3, 4, 5, 6, 2), (1, 7, 2, 3, 1), (4, 1, 5, 6, 1), (2, 3, 1, 1, 1)]
BLOCKS = [1, 45, 90, 1 << 17]  # less than a pair, some rows of a sentence, a sentence and a half, everything


def given(shape, **kind):
    generator = torch.Generator().manual_seed(5)
    batch, rows, length, size, outputs = shape
    shapes = (batch, rows, size), (batch, length, size), (outputs, size)
    return [torch.randn(shape, generator=generator, dtype=torch.float64).to(**kind) for shape in shapes]


def by_loops(query, keys, weight):
    scores = np.zeros((*query.shape[:2], keys.shape[1], len(weight)))
    for b, r, s, d in np.ndindex(scores.shape):
        scores[b, r, s, d] = sum(weight[d, a] * np.tanh(query[b, r, a] + keys[b, s, a]) for a in range(weight.shape[1]))
    return scores


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_blocks_of_any_size_give_the_scores_of_all_pairs(shape, block, monkeypatch):
    monkeypatch.setattr(hidden, "CACHED", block)
    tensors = given(shape)
    expected = by_loops(*(tensor.numpy() for tensor in tensors))
    np.testing.assert_allclose(summed_tanh(*tensors).numpy(), expected, atol=1e-12)
    with torch.no_grad():
        np.testing.assert_allclose(summed_tanh(*tensors).numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_their_gradients_are_those_of_finite_differences(shape, block, monkeypatch):
    monkeypatch.setattr(hidden, "CACHED", block)
    torch.autograd.gradcheck(summed_tanh, [tensor.requires_grad_() for tensor in given(shape)])


@pytest.mark.parametrize("shape", [(2, 0, 3, 4, 1), (2, 3, 0, 4, 1), (0, 3, 2, 4, 1)])
def test_there_may_be_no_pairs(shape):
    tensors = [tensor.requires_grad_() for tensor in given(shape)]
    scores = summed_tanh(*tensors)
    assert scores.shape == (*shape[:3], 1)
    scores.sum().backward()
    assert all((tensor.grad == 0).all() for tensor in tensors)


@pytest.mark.parametrize("rows", [1, 3])
def test_search_scores_in_float32_where_the_model_is_in_bfloat16(rows):
    tensors = given((2, rows, 4, 64, 1), dtype=torch.bfloat16)
    with torch.no_grad():
        scores, expected = summed_tanh(*tensors), summed_tanh(*(tensor.double() for tensor in tensors))
    torch.testing.assert_close(scores, expected.float(), atol=1e-5, rtol=0)


def test_all_steps_at_once_and_their_way_back_are_computed_in_float32_where_the_model_is_in_bfloat16():
    tensors = [tensor.requires_grad_() for tensor in given((2, 3, 4, 64, 1), dtype=torch.bfloat16)]
    wide = [tensor.detach().double().requires_grad_() for tensor in tensors]
    scores, expected = summed_tanh(*tensors), summed_tanh(*wide)
    torch.testing.assert_close(scores, expected.float(), atol=1e-5, rtol=0)
    scores.sum().backward(), expected.sum().backward()
    for tensor, reference in zip(tensors, wide, strict=True):
        assert tensor.grad.dtype == torch.bfloat16
        torch.testing.assert_close(tensor.grad, reference.grad.bfloat16(), rtol=2**-7, atol=1e-3)


def test_the_way_back_keeps_no_hidden_layer():
    tensors = [tensor.requires_grad_() for tensor in given((3, 4, 5, 6, 1))]
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.numel()) or tensor, lambda t: t):
        summed_tanh(*tensors)
    assert max(kept) == 3 * 5 * 6  # the keys
