"""Bridges by hand."""

import pytest
import torch

from nmt.attention.base import Memory
from nmt.decoders.bridge import Backward, Copy, Dense, Zero
from nmt.encoders.base import Encoded, EncoderShape
from nmt.errors import ConfigError

MEMORY = Memory(torch.zeros(2, 3, 4), torch.ones(2, 1, 3, dtype=torch.bool))
FINAL_BLD, CELL_BLD = torch.randn(2, 2, 4), torch.randn(2, 2, 4)
ENCODED = Encoded(MEMORY, FINAL_BLD, CELL_BLD)
SHAPE = EncoderShape(4, num_layers=2, final_size=4, bidirectional=True, has_cell=True)


def test_copy_hands_over_outputs_and_cells_layer_by_layer():
    states = Copy.Options().build(SHAPE, 4, 2, True)(ENCODED)
    for layer, state in enumerate(states):
        assert torch.equal(state.output_NH, FINAL_BLD[:, layer])
        assert torch.equal(state.cell_NH, CELL_BLD[:, layer])


@pytest.mark.parametrize(("size", "num_layers", "has_cell"), [(5, 2, True), (4, 1, True), (4, 2, False)])
def test_copy_refuses_states_that_differ(size, num_layers, has_cell):
    with pytest.raises(ConfigError, match="bridge 'copy' needs equal states: the encoder has 2 layers of width 4"):
        Copy.Options().build(SHAPE, size, num_layers, has_cell)


def test_dense_maps_each_layer_and_the_top_one_for_layers_above():
    bridge = Dense.Options().build(SHAPE, 5, 3, True)
    states = bridge(ENCODED)
    for layer, source in ((0, 0), (1, 1), (2, 1)):
        torch.testing.assert_close(states[layer].output_NH, torch.tanh(bridge.outputs[layer](FINAL_BLD[:, source])))
        torch.testing.assert_close(states[layer].cell_NH, torch.tanh(bridge.cells[layer](CELL_BLD[:, source])))


def test_dense_makes_a_cell_from_the_output_of_an_encoder_that_has_none():
    bridge = Dense.Options().build(SHAPE._replace(has_cell=False), 5, 1, True)
    (state,) = bridge(ENCODED._replace(cell_BLD=None))
    torch.testing.assert_close(state.cell_NH, torch.tanh(bridge.cells[0](FINAL_BLD[:, 0])))


def test_backward_reads_only_the_backward_half():
    bridge = Backward.Options().build(SHAPE, 5, 1, False)
    changed = FINAL_BLD.clone()
    changed[..., :2] += 1.0
    assert torch.equal(bridge(ENCODED)[0].output_NH, bridge(ENCODED._replace(final_BLD=changed))[0].output_NH)
    torch.testing.assert_close(bridge(ENCODED)[0].output_NH, torch.tanh(bridge.outputs[0](FINAL_BLD[:, 0, 2:])))


def test_backward_needs_both_directions():
    with pytest.raises(ConfigError, match="bridge 'backward' needs a bidirectional encoder"):
        Backward.Options().build(SHAPE._replace(bidirectional=False), 5, 1, False)


def test_zero_is_zero():
    states = Zero.Options().build(SHAPE, 5, 2, True)(ENCODED)
    assert [(float(s.output_NH.abs().sum()), float(s.cell_NH.abs().sum())) for s in states] == [(0.0, 0.0)] * 2
