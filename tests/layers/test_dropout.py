"""Dropout by its statistics."""

import math

import pytest
import torch

from nmt.layers import dropout as module
from nmt.layers.dropout import Dropout


@pytest.fixture(params=["cut here", "torch's"])
def masks(request, monkeypatch):
    """Either way of drawing them, on a CPU."""
    monkeypatch.setattr(module, "cuts_masks", lambda states: request.param == "cut here")


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_each_place_of_a_random_number_drops_its_share(p):
    torch.manual_seed(1)
    dropped = (Dropout(p)(torch.ones(100_000, 4)) == 0).double().mean(dim=0)
    deviation = math.sqrt(p * (1 - p) / 100_000)
    assert (dropped - p).abs().max() < 4 * deviation


def test_neighbouring_decisions_are_independent():
    torch.manual_seed(1)
    dropped = (Dropout(0.3)(torch.ones(100_000, 4)) == 0).double()
    assert (torch.corrcoef(dropped.t()) - torch.eye(4)).abs().max() < 4 / math.sqrt(100_000)


@pytest.mark.usefixtures("masks")
def test_what_is_kept_is_scaled_so_that_the_mean_stays():
    torch.manual_seed(1)
    thinned = Dropout(0.25)(torch.full((101, 7), 3.0))
    assert set(thinned.unique().tolist()) == {0.0, 4.0}


@pytest.mark.usefixtures("masks")
def test_nothing_is_dropped_in_eval_mode_or_at_0():
    states = torch.randn(3, 5)
    assert Dropout(0.5).eval()(states) is states
    assert Dropout(0.0)(states) is states


@pytest.mark.usefixtures("masks")
def test_a_seed_gives_the_same_mask_and_the_next_call_another():
    torch.manual_seed(1)
    one, other = (Dropout(0.5)(torch.ones(50)) for _ in range(2))
    torch.manual_seed(1)
    assert torch.equal(Dropout(0.5)(torch.ones(50)), one)
    assert not torch.equal(one, other)


@pytest.mark.usefixtures("masks")
def test_the_gradient_goes_where_the_mask_lets_through():
    states = torch.ones(40, requires_grad=True)
    thinned = Dropout(0.5)(states)
    thinned.sum().backward()
    assert torch.equal(states.grad, thinned.detach())


@pytest.mark.usefixtures("masks")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_precision_stays(dtype):
    assert Dropout(0.5)(torch.ones(3, dtype=dtype)).dtype == dtype


@pytest.mark.usefixtures("masks")
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("fused", ["added", "rectified"])
def test_fused_forms_give_the_values_and_gradients_of_their_parts(fused, training):
    torch.manual_seed(2)
    dropout = Dropout(0.3).train(training)
    one, other = (torch.randn(7, 9, dtype=torch.float64, requires_grad=True) for _ in range(2))
    upstream = torch.randn(7, 9, dtype=torch.float64)
    torch.manual_seed(1)
    expected = one + dropout(other) if fused == "added" else dropout(torch.relu(one)) + other
    torch.manual_seed(1)
    states = dropout.added(one, other) if fused == "added" else dropout.rectified(one * 1) + other
    torch.testing.assert_close(states, expected)
    torch.testing.assert_close(
        torch.autograd.grad(states, (one, other), upstream), torch.autograd.grad(expected, (one, other), upstream)
    )


def test_rectified_has_in_bfloat16_the_gradient_of_its_own_factor():
    torch.manual_seed(1)
    states = torch.ones(64, dtype=torch.bfloat16, requires_grad=True)
    thinned = Dropout(0.1).rectified(states * 1)
    thinned.sum().backward()
    assert torch.equal(states.grad, thinned.detach())


@pytest.mark.usefixtures("masks")
def test_dropping_nearly_all_still_has_a_scale():
    assert Dropout(0.999999)(torch.ones(5)).isfinite().all()
