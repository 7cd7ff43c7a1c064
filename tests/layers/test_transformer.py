"""Sub-layers of the Transformer by hand."""

import math

import pytest
import torch
from torch.nn import functional

from nmt.layers.positions import PositionOptions, Sinusoidal
from nmt.layers.transformer import Entrance, FeedForward, Residual, causal_mask
from nmt.settings import members


@pytest.mark.parametrize(("activation", "function"), [("relu", functional.relu), ("gelu", functional.gelu)])
def test_feed_forward_is_two_maps_with_an_activation_between(activation, function):
    layer, states = FeedForward(3, 5, activation, dropout=0.5).eval(), torch.randn(2, 4, 3)
    inner, outer = layer.inner, layer.outer
    expected = function(states @ inner.weight.t() + inner.bias) @ outer.weight.t() + outer.bias
    torch.testing.assert_close(layer(states), expected)


def normal(states):
    """Layer norm: mean 0 and variance 1 over the last axis."""
    mean = states.mean(-1, keepdim=True)
    return (states - mean) / ((states - mean).square().mean(-1, keepdim=True) + 1e-5).sqrt()


def test_a_residual_is_normalised_before_or_after():
    states, change = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    pre, post = Residual(4, "pre", 0.0), Residual(4, "post", 0.0)
    torch.testing.assert_close(pre.enter(states), normal(states))
    torch.testing.assert_close(pre.leave(states, change), states + change)
    torch.testing.assert_close(post.enter(states), states)
    torch.testing.assert_close(post.leave(states, change), normal(states + change))


def test_the_entrance_adds_the_position():
    entrance = Entrance(Sinusoidal.Options(), 4, 0.0)
    encodings = [math.sin(2), math.cos(2), math.sin(2 / 100), math.cos(2 / 100)]  # position 2, 10000^(2/4) = 100
    states = entrance(torch.full((1, 1, 4), 3.0), range(2, 3))
    assert states.flatten().tolist() == pytest.approx([3.0 + encoding for encoding in encodings])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
def test_the_entrance_keeps_the_embeddings_type(dtype, positions):
    states = Entrance(members(PositionOptions)[positions](), 4, 0.0)(torch.ones(2, 3, 4, dtype=dtype), range(3))
    assert states.dtype == dtype


def test_a_causal_mask_allows_the_past_and_the_present():
    assert causal_mask(3, torch.device("cpu")).int().tolist() == [[[1, 0, 0], [1, 1, 0], [1, 1, 1]]]
