"""Position encodings against the formula."""

import math

import pytest
import torch

from nmt.errors import DataError
from nmt.layers.positions import Learned, Sinusoidal
from nmt.layers.transformer import Entrance


@pytest.mark.parametrize("size", [2, 6, 7])
def test_sinusoidal_positions_are_the_formula(size):
    encodings = Sinusoidal(size)(torch.tensor([0, 1, 2, 50, 999]))
    for row, position in enumerate([0, 1, 2, 50, 999]):
        for k in range(size):
            angle = position / 10000 ** ((k - k % 2) / size)
            expected = math.cos(angle) if k % 2 else math.sin(angle)
            assert encodings[row, k].item() == pytest.approx(expected, abs=1e-6)


def test_sinusoidal_positions_keep_leading_axes():
    positions = torch.tensor([[0, 5], [7, 3]])
    encodings = Sinusoidal(4)(positions)
    assert torch.equal(encodings[1, 0], Sinusoidal(4)(torch.tensor([7]))[0])


def test_sinusoidal_positions_are_exact_in_float64():
    encodings = Sinusoidal(2)(torch.tensor([0, 1000]))
    assert encodings.dtype == torch.float64
    assert encodings.tolist() == [[0, 1], pytest.approx([math.sin(1000), math.cos(1000)], abs=1e-15)]


def test_learned_positions_are_rows_of_a_table():
    learned = Learned(5, 3)
    assert torch.equal(learned(torch.tensor([4, 0])), learned.table.weight[[4, 0]])


@pytest.mark.parametrize(("number", "positions"), [(6, range(6)), (2, range(5, 6))])
def test_a_sentence_longer_than_the_table_is_refused(number, positions):
    entrance = Entrance(Learned.Options(max_positions=5), 3, 0.0)
    entrance(torch.zeros(1, 5, 3), range(5))
    entrance(torch.zeros(1, 2, 3), range(4, 5))
    with pytest.raises(DataError) as error:
        entrance(torch.zeros(1, number, 3), positions)
    assert error.value.message == "a sentence has more than the model's 5 positions"
    assert error.value.hint == "shorten it, or train with a larger positions.max_positions"
