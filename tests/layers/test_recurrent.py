"""Cells against torch's own and against the papers' equations; runs over padded sentences against unpadded ones."""

import numpy as np
import pytest
import torch
from references.recurrent import cho_gru
from torch import nn

from nmt.layers.recurrent import CellOptions, CellState, Gru, Lstm, unroll, zero_state
from nmt.settings import members

INPUT, SIZE = 3, 4


def scattered(module):
    """The module in float64 with every parameter random."""
    torch.manual_seed(1)
    for parameter in module.double().parameters():
        nn.init.normal_(parameter)
    return module


def run(theirs, inputs_BTI):
    with torch.no_grad():
        return theirs(inputs_BTI)


def test_gru_with_reset_after_is_torch_gru():
    # torch's order of gates is ours: reset, update, new; its bias_hh of reset and update adds to bias_ih
    ours, theirs = scattered(Gru(INPUT, SIZE)), nn.GRU(INPUT, SIZE, batch_first=True).double()
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(ours.input.weight)
        theirs.weight_hh_l0.copy_(ours.hidden.weight)
        theirs.bias_ih_l0.copy_(ours.input.bias)
        theirs.bias_hh_l0.zero_()[2 * SIZE :].copy_(ours.reset_bias)
    inputs_BTI = torch.randn(2, 5, INPUT).double()
    expected_BTH, last_1BH = run(theirs, inputs_BTI)
    outputs_BTH, state = unroll(ours, inputs_BTI, zero_state(ours, inputs_BTI[:, 0]))
    torch.testing.assert_close(outputs_BTH, expected_BTH, rtol=0, atol=1e-12)
    torch.testing.assert_close(state.output_NH, last_1BH[0], rtol=0, atol=1e-12)


def test_lstm_is_torch_lstm():
    # torch's order of gates: input, forget, cell candidate, output
    ours, theirs = scattered(Lstm(INPUT, SIZE)), nn.LSTM(INPUT, SIZE, batch_first=True).double()
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(ours.input.weight)
        theirs.weight_hh_l0.copy_(ours.hidden.weight)
        theirs.bias_ih_l0.copy_(ours.input.bias)
        theirs.bias_hh_l0.zero_()
    inputs_BTI = torch.randn(2, 5, INPUT).double()
    expected_BTH, (last_1BH, cell_1BH) = run(theirs, inputs_BTI)
    outputs_BTH, state = unroll(ours, inputs_BTI, zero_state(ours, inputs_BTI[:, 0]))
    torch.testing.assert_close(outputs_BTH, expected_BTH, rtol=0, atol=1e-12)
    torch.testing.assert_close(state.output_NH, last_1BH[0], rtol=0, atol=1e-12)
    torch.testing.assert_close(state.cell_NH, cell_1BH[0], rtol=0, atol=1e-12)


def test_gru_with_reset_before_is_the_equation_of_cho():
    gru = scattered(Gru(INPUT, SIZE, "before"))
    pieces = {}
    for number, gate in enumerate("rzn"):
        rows = slice(number * SIZE, (number + 1) * SIZE)
        pieces["W_" + gate] = gru.input.weight[rows].detach().numpy()
        pieces["b_" + gate] = gru.input.bias[rows].detach().numpy()
        pieces["U_" + gate] = gru.hidden.weight[rows].detach().numpy()
    inputs_BTI, expected = torch.randn(1, 4, INPUT).double(), [0.0] * SIZE
    outputs_BTH, _ = unroll(gru, inputs_BTI, zero_state(gru, inputs_BTI[:, 0]))
    for t in range(4):
        expected = cho_gru(pieces, inputs_BTI[0, t].numpy(), expected)
        np.testing.assert_allclose(outputs_BTH[0, t].detach(), expected, rtol=0, atol=1e-12)


def test_the_two_resets_differ():
    torch.manual_seed(0)
    after, before = Gru(INPUT, SIZE), Gru(INPUT, SIZE, "before")
    before.load_state_dict({name: value for name, value in after.state_dict().items() if name != "reset_bias"})
    inputs_NI, state = torch.randn(2, INPUT), CellState(torch.randn(2, SIZE), None)
    assert not torch.allclose(*(cell.step(cell.project(inputs_NI), state).output_NH for cell in (after, before)))


def test_the_forget_gate_starts_open():
    assert Lstm(INPUT, SIZE).input.bias.tolist() == [0.0] * SIZE + [1.0] * SIZE + [0.0] * (2 * SIZE)


def test_recurrent_weights_start_orthogonal_gate_by_gate():
    for options in members(CellOptions).values():
        for block in options().build(INPUT, SIZE).hidden.weight.split(SIZE):
            torch.testing.assert_close(block @ block.t(), torch.eye(SIZE), rtol=0, atol=1e-5)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", members(CellOptions))
def test_padding_changes_nothing(name, reverse, shapes_as_named):
    cell = scattered(members(CellOptions)[name]().build(INPUT, SIZE))
    inputs_BTI, lengths = torch.randn(3, 5, INPUT).double(), [5, 1, 3]
    mask_BT = torch.arange(5) < torch.tensor(lengths).unsqueeze(1)
    outputs_BTH, state = unroll(cell, inputs_BTI, zero_state(cell, inputs_BTI[:, 0]), mask_BT, reverse)
    for row, length in enumerate(lengths):
        alone_1TI = inputs_BTI[row : row + 1, :length]
        expected_1TH, last = unroll(cell, alone_1TI, zero_state(cell, alone_1TI[:, 0]), None, reverse)
        torch.testing.assert_close(outputs_BTH[row, :length], expected_1TH[0], rtol=0, atol=1e-12)
        torch.testing.assert_close(state.output_NH[row], last.output_NH[0], rtol=0, atol=1e-12)
        if state.cell_NH is not None:
            torch.testing.assert_close(state.cell_NH[row], last.cell_NH[0], rtol=0, atol=1e-12)


def test_reverse_reads_from_right_to_left():
    cell = scattered(Lstm(INPUT, SIZE))
    inputs_BTI = torch.randn(2, 4, INPUT).double()
    first = zero_state(cell, inputs_BTI[:, 0])
    backward_BTH, last = unroll(cell, inputs_BTI, first, reverse=True)
    flipped_BTH, expected = unroll(cell, inputs_BTI.flip(1), first)
    assert torch.equal(backward_BTH, flipped_BTH.flip(1))
    assert torch.equal(last.output_NH, expected.output_NH)


@pytest.mark.parametrize("options", [Gru.Options(), Gru.Options(reset="before"), Lstm.Options()], ids=repr)
def test_gradients_are_those_of_differences(options):
    cell, mask_BT = scattered(options.build(INPUT, SIZE)), torch.tensor([[True] * 3, [True, False, False]])

    def outputs(inputs_BTI, *_):
        return unroll(cell, inputs_BTI, zero_state(cell, inputs_BTI[:, 0]), mask_BT, reverse=True)[0]

    inputs_BTI = torch.randn(2, 3, INPUT).double().requires_grad_()
    assert torch.autograd.gradcheck(outputs, (inputs_BTI, *cell.parameters()), fast_mode=True)
