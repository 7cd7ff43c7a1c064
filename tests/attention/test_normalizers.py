"""Normalizers against what defines them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nmt.attention.normalizers import Entmax, Softmax, Sparsemax

scores_S = st.lists(st.floats(-30, 30), min_size=1, max_size=9)


def weights(normalizer, scores, mask=None):
    mask = [True] * len(scores) if mask is None else mask
    return normalizer(torch.tensor([[scores]], dtype=torch.float64), torch.tensor([[mask]])).flatten()


def test_sparsemax_by_hand():
    # (2, 1.5, 0): the two best sum to 3.5, so tau = (3.5 - 1) / 2 = 1.25 and the weights are 0.75, 0.25, 0
    assert weights(Sparsemax(), [2.0, 1.5, 0.0]).tolist() == pytest.approx([0.75, 0.25, 0.0])
    assert weights(Sparsemax(), [1.5, 9.0, 2.0, 0.0], [True, False, True, True]).tolist() == pytest.approx(
        [0.25, 0, 0.75, 0]
    )


def test_sparsemax_at_the_edge_of_its_support():
    # of two scores d apart the second has (1 - d) / 2, until d = 1
    assert weights(Sparsemax(), [0.9996, 0.0]).tolist() == pytest.approx([0.9998, 0.0002])
    assert weights(Sparsemax(), [1.0, 0.0]).tolist() == [1.0, 0.0]
    assert weights(Sparsemax(), [1.0004, 0.0]).tolist() == [1.0, 0.0]


def test_entmax_by_hand():
    # of two scores e apart (z = e / 2 = d apart): (x + d)^2 + x^2 = 1. For d = 0.2: x = 0.6 and weights 0.64, 0.36
    assert weights(Entmax(), [0.4, 0.0]).tolist() == pytest.approx([0.64, 0.36])
    assert weights(Entmax(), [5.0, 0.0]).tolist() == [1.0, 0.0]


@given(scores_S)
def test_sparsemax_is_the_nearest_point_of_the_simplex(scores):
    # optimality: e_j - p_j is one number where p_j > 0 and at most that number elsewhere
    e, p = torch.tensor(scores, dtype=torch.float64), weights(Sparsemax(), scores)
    slack = (e - p).max() - (e - p)
    assert p.sum().item() == pytest.approx(1.0)
    assert (p >= 0).all()
    assert slack[p > 0].max() < 1e-9


@given(scores_S)
def test_entmax_solves_its_equation(scores):
    # optimality: e_j / 2 - sqrt(p_j) is one number tau where p_j > 0, and e_j / 2 <= tau elsewhere
    half, p = torch.tensor(scores, dtype=torch.float64) / 2, weights(Entmax(), scores)
    tau = (half - p.sqrt())[p > 0]
    assert p.sum().item() == pytest.approx(1.0, abs=1e-9)
    assert (tau - tau[0]).abs().max() < 1e-6
    assert (half[p == 0] <= tau.max() + 1e-9).all()


@given(scores_S, st.floats(-100, 100))
def test_a_constant_on_all_scores_changes_nothing(scores, constant):
    for normalizer in (Softmax(), Sparsemax(), Entmax()):
        moved = weights(normalizer, [score + constant for score in scores])
        torch.testing.assert_close(moved, weights(normalizer, scores), rtol=0, atol=1e-6)


def test_sparsemax_has_the_jacobian_of_its_support():
    # Martins & Astudillo 2016, proposition 2: diag(s) - s s^T / |S(z)|, s the indicator of the support
    scores = torch.tensor([2.0, 1.5, 0.0, 1.4], dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(
        lambda e: Sparsemax()(e.view(1, 1, -1), torch.ones(1, 1, 4, dtype=torch.bool)).flatten(), scores
    )
    s = torch.tensor([1.0, 1.0, 0.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(jacobian, torch.diag(s) - torch.outer(s, s) / 3)


def test_scores_of_any_size_stay_finite():
    for normalizer in (Softmax(), Sparsemax(), Entmax()):
        assert weights(normalizer, [1e30, -1e30, 0.0]).tolist() == [1.0, 0.0, 0.0]
        assert weights(normalizer, [-1e30, 1e30], [True, False]).tolist() == [1.0, 0.0]
