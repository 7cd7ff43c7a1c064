"""Encoders, and what stands before and over them, against their loop-by-loop versions in float64, to 1e-9."""

import numpy as np
import pytest
import torch
from references.encoders import ENCODERS, gated, mixed

from nmt.attention.base import Memory
from nmt.encoders.gated import GatedEncoder, GatedSelfAttention
from nmt.layers.embeddings import MixedEmbeddings
from nmt.model import EncoderOptions, ModelOptions
from nmt.settings import members

TORCHS_OWN = {"rnn", "transformer"}  # against torch's modules, in test_rnn and test_transformer
LENGTHS = [7, 1, 4]
MASK_BS = torch.arange(7) < torch.tensor(LENGTHS).unsqueeze(1)
OPTIONS = [
    {"name": "conv", "size": 5, "num_layers": 1, "width": 1},
    {"name": "conv", "size": 5, "num_layers": 3, "width": 3},
    {"name": "conv", "size": 4, "num_layers": 2, "width": 4},
    {"name": "lstmn", "size": 5, "num_layers": 1},
    {"name": "lstmn", "size": 3, "num_layers": 2},
    {"name": "snail", "size": 5, "num_blocks": 2, "filters": 3, "span": 4, "key_size": 3, "value_size": 2},
    {"name": "snail", "size": 5, "num_blocks": 1, "filters": 2, "span": 5, "key_size": 2, "value_size": 4},
]


def numbers(module):
    return {name: value.numpy() for name, value in module.state_dict().items()}


def randomised(module):
    """In float64 and eval mode, every parameter random."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in module.double().eval().parameters():
            parameter.copy_(torch.randn_like(parameter) / 2)
    return module


def embedded(size=6):
    """Sentences of LENGTHS with garbage on their padding."""
    return torch.randn(3, 7, size, generator=torch.Generator().manual_seed(2)).double()


def test_every_encoder_has_a_reference():
    assert set(members(EncoderOptions)) == set(ENCODERS) | TORCHS_OWN
    assert {options["name"] for options in OPTIONS} == set(ENCODERS)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(map(str, options.values())))
def test_an_encoder_is_its_equation(options, shapes_as_named):
    built = members(EncoderOptions)[options["name"]].model_validate(options).build(6, 0.1)
    encoder, embedded_BSE = randomised(built), embedded()
    with torch.no_grad():
        memory, final_BLD, cell_BLD = encoder(embedded_BSE, MASK_BS)
    for row, length in enumerate(LENGTHS):
        expected = ENCODERS[options["name"]](numbers(encoder), options, embedded_BSE[row, :length].numpy())
        np.testing.assert_allclose(memory.states_BSD[row, :length], expected.states, rtol=0, atol=1e-9)
        np.testing.assert_allclose(memory.read_BSD[row, :length], expected.values, rtol=0, atol=1e-9)
        np.testing.assert_allclose(final_BLD[row], expected.final, rtol=0, atol=1e-9)
        assert (cell_BLD is None) == (expected.cells is None)
        if cell_BLD is not None:
            np.testing.assert_allclose(cell_BLD[row], expected.cells, rtol=0, atol=1e-9)


@pytest.mark.parametrize("own_values", [False, True])
@pytest.mark.parametrize("size", [3, 16])
def test_gated_self_attention_is_its_equation(size, own_values, shapes_as_named):
    layer, states_BSD = randomised(GatedSelfAttention(size)), embedded(size)
    before = Memory(states_BSD, MASK_BS.unsqueeze(1), 2 * states_BSD if own_values else None)
    with torch.no_grad():
        after = layer(before)
    for row, length in enumerate(LENGTHS):
        change = gated(numbers(layer), states_BSD[row, :length].numpy())
        for new, old in ((after.states_BSD, before.states_BSD), (after.read_BSD, before.read_BSD)):
            np.testing.assert_allclose((new - old)[row, :length], change, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", members(EncoderOptions))
def test_a_new_gate_leaves_every_encoder_as_it_is(name):
    settings = {"embedding_size": 8, "gated_layers": 2, "encoder": name}
    encoder = ModelOptions.model_validate(settings).build_encoder()
    assert isinstance(encoder, GatedEncoder)
    encoder.double().eval()
    plain, over = encoder.encoder(embedded(8), MASK_BS), encoder(embedded(8), MASK_BS)
    assert torch.equal(plain.memory.read_BSD, over.memory.read_BSD)
    assert torch.equal(plain.memory.states_BSD, over.memory.states_BSD)
    assert torch.equal(plain.final_BLD, over.final_BLD)
    assert (encoder.shape, encoder.max_length) == (encoder.encoder.shape, encoder.encoder.max_length)


@pytest.mark.parametrize("count", [2, 3])
def test_mixed_embeddings_are_their_equation(count):
    table = randomised(MixedEmbeddings(count, 9, 4))
    ids_BS = torch.tensor([[0, 8, 3], [5, 5, 1]])
    with torch.no_grad():
        given = table(ids_BS)
    for place, piece in np.ndenumerate(ids_BS.numpy()):
        np.testing.assert_allclose(given[place], mixed(numbers(table), int(piece), count), rtol=0, atol=1e-9)
