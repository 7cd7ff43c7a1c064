"""Scopes by hand: which positions a window holds."""

import math

import pytest
import torch

from nmt.attention.base import Memory
from nmt.attention.normalizers import Softmax
from nmt.attention.scopes import LocalM, LocalP
from nmt.attention.scores import Dot


def attend(scope, length, step, padding=0, query=(0.0,)):
    """Weights of one query that scores every position alike."""
    size = length + padding
    memory = Memory(torch.zeros(1, size, len(query)), (torch.arange(size) < length).view(1, 1, size))
    attended = scope(torch.tensor([[query]]), torch.tensor([[step]]), memory, memory.states_BSD, Dot(), None)
    return attended.weights_BHRS.flatten().tolist()


@pytest.mark.parametrize(
    ("step", "inside"),
    [
        (1, {1, 2}),  # clipped at the front
        (3, {2, 3, 4}),
        (5, {4, 5}),  # clipped at the end
        (6, {5}),  # reaches back to the last position
        (7, {3, 4, 5}),  # wholly past the end: the last 2D + 1
        (40, {3, 4, 5}),
    ],
)
def test_the_monotonic_window_of_half_width_1_over_5_positions(step, inside):
    expected = [1 / len(inside) if j in inside else 0.0 for j in range(1, 6)]
    assert attend(LocalM(1, Softmax()), 5, step, padding=2) == pytest.approx([*expected, 0.0, 0.0])


def test_a_window_past_the_end_of_a_short_sentence_is_the_sentence():
    assert attend(LocalM(2, Softmax()), 2, 9, padding=1) == pytest.approx([0.5, 0.5, 0.0])


def predicted(window, renormalize, raw):
    """A scope that predicts S * sigmoid(raw) for the query 1."""
    scope = LocalP(1, window, renormalize, Softmax())
    scope.hidden.weight.data.fill_(50.0)  # tanh(50) = 1
    scope.position.weight.data.fill_(raw)
    return scope


def test_the_predicted_window_by_hand():
    # S = 4, sigmoid(0) = 1/2: p = 2, D = 1 holds 1, 2, 3; sigma = 1/2: exp(-(1)^2 / (2/4)) = e^-2
    weights = attend(predicted(1, False, 0.0), 4, 1, query=(1.0,))
    assert weights == pytest.approx([math.exp(-2) / 3, 1 / 3, math.exp(-2) / 3, 0.0])


def test_renormalised_weights_sum_to_1():
    weights = attend(predicted(1, True, 0.0), 4, 1, query=(1.0,))
    total = 1 + 2 * math.exp(-2)
    assert weights == pytest.approx([math.exp(-2) / total, 1 / total, math.exp(-2) / total, 0.0])


def test_the_predicted_position_is_real_valued():
    # S = 3, sigmoid(ln 3) = 3/4: p = 2.25; D = 1 holds 2 and 3 (at -0.25 and 0.75), 1 is 1.25 away
    weights = attend(predicted(1, False, math.log(3)), 3, 1, padding=1, query=(1.0,))
    assert weights == pytest.approx([0.0, math.exp(-0.125) / 2, math.exp(-1.125) / 2, 0.0], rel=1e-5)


@pytest.mark.parametrize("raw", [-200.0, 200.0])
def test_a_position_at_either_end_still_has_a_window(raw):
    weights = attend(predicted(1, True, raw), 3, 1, query=(1.0,))
    assert sum(weights) == pytest.approx(1.0)


def test_the_predicted_position_can_be_learned():
    scope = predicted(2, False, 0.1)
    memory = Memory(torch.arange(5.0).view(1, 5, 1), torch.ones(1, 1, 5, dtype=torch.bool))
    attended = scope(torch.ones(1, 1, 1), torch.ones(1, 1), memory, memory.states_BSD, Dot(), None)
    attended.context_BRD.sum().backward()
    assert scope.position.weight.grad.abs().item() > 0
