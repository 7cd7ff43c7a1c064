"""The Transformer's decoder against torch.nn.TransformerDecoderLayer with the same weights."""

import pytest
import torch
from models import batch_of, build, transformer
from torch import nn
from torch_transformer import copy_layer

from nmt.attention.base import Memory
from nmt.decoders.transformer import Seen, TransformerDecoder
from nmt.encoders.base import Encoded, EncoderShape

MASK_BS = torch.arange(5) < torch.tensor([[5], [2], [3]])


def decoder_of(**options):
    """The decoder in float64, all parameters random (norms near 1)."""
    torch.manual_seed(1)
    settings = {"num_layers": 2, "heads": 2, "feed_forward_size": 12, **options}
    shape = EncoderShape(8, 1, 8, False, False)
    decoder = TransformerDecoder.Options.model_validate(settings).build(8, shape, 0.5).double().eval()
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    return decoder


def encoded_of(states_BSE):
    return (Encoded(Memory(states_BSE, MASK_BS.unsqueeze(1)), states_BSE[:, -1:], None),)


@pytest.mark.parametrize("want", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_its_layers_are_torch_decoder_layers(norm, activation, want, shapes_as_named):
    decoder, states_BTE = decoder_of(norm=norm, activation=activation), torch.randn(3, 4, 8).double()
    memory_BSE = torch.randn(3, 5, 8).double()
    encoded = encoded_of(memory_BSE)
    reader = decoder.prepare(encoded)
    causal_BTT = torch.ones(3, 4, 4, dtype=torch.bool).tril()
    for ours, source in zip(decoder.layers, reader.layers, strict=True):
        theirs = nn.TransformerDecoderLayer(8, 2, 12, 0.0, activation, norm_first=norm == "pre", batch_first=True)
        expected_BTE = copy_layer(ours, theirs)(
            states_BTE, memory_BSE, tgt_mask=~causal_BTT[0], memory_key_padding_mask=~MASK_BS
        )
        seen = Seen(torch.arange(1, 5).expand(3, 4), causal_BTT, want=want)
        torch.testing.assert_close(ours(states_BTE, None, source, None, seen)[0], expected_BTE, rtol=0, atol=1e-9)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_the_whole_is_entrance_layers_and_a_last_norm_for_pre(norm):
    decoder, embedded_BTE, memory_BSE = (
        decoder_of(norm=norm),
        torch.randn(3, 4, 8).double(),
        torch.randn(3, 5, 8).double(),
    )
    angle = torch.arange(4.0).double().unsqueeze(1) / 10000 ** (torch.arange(0, 8, 2).double() / 8)
    states_BTE = embedded_BTE.clone()
    states_BTE[..., 0::2] += angle.sin()
    states_BTE[..., 1::2] += angle.cos()
    for ours in decoder.layers:
        theirs = nn.TransformerDecoderLayer(8, 2, 12, 0.0, norm_first=norm == "pre", batch_first=True)
        causal = torch.ones(4, 4, dtype=torch.bool).triu(1)
        states_BTE = copy_layer(ours, theirs)(states_BTE, memory_BSE, causal, memory_key_padding_mask=~MASK_BS)
    if norm == "pre":
        states_BTE = nn.functional.layer_norm(states_BTE, (8,), decoder.norm.weight, decoder.norm.bias)
    encoded = encoded_of(memory_BSE)
    reader = decoder.prepare(encoded)
    given_BTE = decoder(embedded_BTE, reader, decoder.start(encoded, reader), frozenset()).hidden
    torch.testing.assert_close(given_BTE, states_BTE, rtol=0, atol=1e-9)


def test_the_weights_of_the_wanted_layers_are_those_of_torch_attention():
    decoder, embedded_BTE, memory_BSE = decoder_of(), torch.randn(3, 4, 8).double(), torch.randn(3, 5, 8).double()
    encoded, taken = encoded_of(memory_BSE), []
    reader = decoder.prepare(encoded)
    for ours in decoder.layers:
        theirs = copy_layer(ours, nn.TransformerDecoderLayer(8, 2, 12, 0.0, batch_first=True)).multihead_attn
        ours.cross_attention.register_forward_hook(
            lambda _, inputs, __, theirs=theirs: taken.append(
                theirs(inputs[0], memory_BSE, memory_BSE, ~MASK_BS, average_attn_weights=False)[1]
            )
        )
    weights = decoder(embedded_BTE, reader, decoder.start(encoded, reader), frozenset({0, 1})).weights
    for layer in (0, 1):
        torch.testing.assert_close(weights[layer], taken[layer].transpose(1, 2), rtol=0, atol=1e-9)


def test_a_step_feeds_no_prefix_again():
    model, batch, seen = build(transformer()), batch_of([3], [4]), []
    model.decoder.layers[0].feed_forward.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape[1]))
    memory = model.encode(batch.sources)
    state = model.start(memory)
    for ids_B in batch.input_BT.unbind(1):
        _, _, state = model.step(ids_B, memory, state, None)
    assert seen == [1, 1, 1, 1]
