"""The Transformer's encoder against torch.nn.TransformerEncoderLayer with the same weights."""

import pytest
import torch
from torch import nn
from torch_transformer import copy_layer

from nmt.encoders.transformer import TransformerEncoder

MASK_BS = torch.arange(5) < torch.tensor([[5], [2], [3]])


def encoder_of(**options):
    """The encoder in float64, all parameters random (norms near 1)."""
    torch.manual_seed(1)
    settings = {"num_layers": 2, "heads": 2, "feed_forward_size": 12, **options}
    encoder = TransformerEncoder.Options.model_validate(settings).build(8, 0.5).double().eval()
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    return encoder


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_its_layers_are_torch_encoder_layers(norm, activation, shapes_as_named):
    encoder, states_BSE = encoder_of(norm=norm, activation=activation), torch.randn(3, 5, 8).double()
    for ours in encoder.layers:
        theirs = nn.TransformerEncoderLayer(8, 2, 12, 0.0, activation, norm_first=norm == "pre", batch_first=True)
        expected_BSE = copy_layer(ours, theirs)(states_BSE, src_key_padding_mask=~MASK_BS)
        given_BSE = ours(states_BSE, MASK_BS.unsqueeze(1), torch.ones_like(MASK_BS).long().cumsum(1))
        torch.testing.assert_close(given_BSE[MASK_BS], expected_BSE[MASK_BS], rtol=0, atol=1e-9)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_the_whole_is_entrance_layers_and_a_last_norm_for_pre(norm):
    encoder, embedded_BSE = encoder_of(norm=norm), torch.randn(3, 5, 8).double()
    angle = torch.arange(5.0).double().unsqueeze(1) / 10000 ** (torch.arange(0, 8, 2).double() / 8)
    states_BSE = embedded_BSE.clone()
    states_BSE[..., 0::2] += angle.sin()
    states_BSE[..., 1::2] += angle.cos()
    for ours in encoder.layers:
        theirs = nn.TransformerEncoderLayer(8, 2, 12, 0.0, norm_first=norm == "pre", batch_first=True)
        states_BSE = copy_layer(ours, theirs)(states_BSE, src_mask=torch.zeros(5, 5).double())
    if norm == "pre":
        states_BSE = nn.functional.layer_norm(states_BSE, (8,), encoder.norm.weight, encoder.norm.bias)
    encoded = encoder(embedded_BSE, torch.ones_like(MASK_BS))
    torch.testing.assert_close(encoded.memory.states_BSD, states_BSE, rtol=0, atol=1e-9)


def test_the_final_state_is_the_mean_over_the_sentence():
    encoder, embedded_BSE = encoder_of(), torch.randn(3, 5, 8).double()
    encoded = encoder(embedded_BSE, MASK_BS)
    expected = torch.stack(
        [states[:length].mean(0) for states, length in zip(encoded.memory.states_BSD, (5, 2, 3), strict=True)]
    )
    torch.testing.assert_close(encoded.final_BLD[:, 0], expected)
