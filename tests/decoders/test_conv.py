"""The convolutional decoder against its equations, loop by loop in NumPy."""

import math

import numpy as np
import pytest
import torch
from models import ENCODERS, VOCABULARY, batch_of, build, conv_decoder, rnn, sentences, transformer
from references.decoders import conv

from nmt import tree
from nmt.attention.base import Memory
from nmt.batch import make_batch
from nmt.decoders.base import Want
from nmt.decoders.conv import ConvDecoder
from nmt.encoders.base import Encoded, EncoderShape
from nmt.loss import translation_loss
from nmt.model import ModelOptions
from nmt.text.vocabulary import EOS

SOURCES = {
    "conv": ENCODERS["conv"],
    "transformer": transformer()["encoder"],
    "rnn": rnn()["encoder"],
    "wide": rnn(encoder={"size": 3})["encoder"],
}
LOCAL_P = {"name": "local_p", "window": 2, "renormalize": False}


def array(tensor):
    return tensor.detach().numpy()


def both_ways(encoder="conv", score="scaled_dot", scope=None, **options):
    """Hidden states (T, E) and weights (L, T, S) of the second pair of a padded batch: the reference's and ours."""
    scope, options = scope or {"name": "global"}, {"num_layers": 2, "width": 3, **options}
    model = build({"encoder": SOURCES[encoder], "decoder": conv_decoder({"score": score, "scope": scope}, **options)})
    batch = batch_of([5, 3], [4, 2])
    with torch.no_grad():
        memory = model.encode(batch.sources).encoded[0].memory
        ours = [model(batch, Want(layer)) for layer in range(options["num_layers"])]
        embedded_TE = array(model.target_embedding(batch.input_BT[1, :2])) * math.sqrt(model.decoder.hidden_size)
    p = {name: array(value) for name, value in model.decoder.state_dict().items()}
    settings = {"score": score, "scope": scope, **options}
    expected = conv(p, settings, array(memory.states_BSD[1, :3]), array(memory.read_BSD[1, :3]), embedded_TE)
    given = np.array([array(forced.weights_BTS[1, :2, :3]) for forced in ours])
    return expected, (array(ours[0].outcome.hidden[1, :2]), given)


def assert_equal_ways(expected, given):
    for reference, ours in zip(expected, given, strict=True):
        np.testing.assert_allclose(ours, reference, rtol=0, atol=1e-9)


@pytest.mark.parametrize("encoder", SOURCES)
def test_it_is_its_equations_over_every_kind_of_memory(encoder):
    assert_equal_ways(*both_ways(encoder))


@pytest.mark.parametrize("score", ["dot", "general", "additive", "cosine", "location"])
def test_it_is_its_equations_with_every_kind_of_score(score):
    assert_equal_ways(*both_ways(score=score))


@pytest.mark.parametrize("scope", [{"name": "local_m", "window": 1}, LOCAL_P], ids=lambda scope: scope["name"])
def test_each_layer_attends_in_a_window_of_its_own(scope):
    assert_equal_ways(*both_ways(scope=scope))


@pytest.mark.parametrize(("width", "num_layers"), [(1, 3), (2, 1), (4, 2)])
def test_its_convolutions_may_have_any_width(width, num_layers):
    assert_equal_ways(*both_ways(width=width, num_layers=num_layers))


def decoded(embedded_BTE, source_length, **options):
    """Hidden states over a random memory, of a decoder as it is before training."""
    num_sentences, _, size = embedded_BTE.shape
    decoder = ConvDecoder.Options(**options).build(size, EncoderShape(size, 1, size, False, False), 0.0)
    states_BSD = torch.randn(num_sentences, source_length, size)
    mask_BRS = torch.ones(num_sentences, 1, source_length, dtype=torch.bool)
    encoded = (Encoded(Memory(states_BSD, mask_BRS), states_BSD[:, -1:], None),)
    reader = decoder.prepare(encoded)
    return decoder(embedded_BTE, reader, decoder.start(encoded, reader), frozenset()).hidden


@pytest.mark.parametrize(("width", "num_layers", "first"), [(1, 3, 7), (3, 1, 5), (3, 2, 3), (2, 4, 3)])
def test_a_position_sees_layers_times_width_less_1_positions_before_it(width, num_layers, first):
    embedded_BTE = torch.randn(1, 8, 4, requires_grad=True)
    hidden_BTE = decoded(embedded_BTE, 2, size=5, width=width, num_layers=num_layers)
    (gradient_BTE,) = torch.autograd.grad(hidden_BTE[:, -1].sum(), embedded_BTE)
    assert (gradient_BTE[0] != 0).any(dim=-1).nonzero().flatten().tolist() == [*range(first, 8)]


def test_a_state_is_the_last_inputs_of_every_layer_however_long_the_target():
    model, batch = build({"encoder": SOURCES["conv"], "decoder": conv_decoder(width=4)}), batch_of([3, 2], [6, 6])
    memory = model.encode(batch.sources)
    state = tree.repeat(model.start(memory), 5)
    for ids_B in batch.input_BT.unbind(1):
        _, _, state = model.step(tree.repeat(ids_B, 5), memory, state, None)
        assert [past.shape for past in state.past] == [(10, 3, 6)] * 2


def reversals(seed):
    """32 sentences of 3 to 6 pieces, and each backwards."""
    sources = sentences([4 + number % 4 for number in range(32)], seed)
    return make_batch([sources], [[*reversed(source[:-1]), EOS] for source in sources], range(32))


def nats(model, batch):
    """Cross-entropy of a token."""
    loss = translation_loss(model, batch, 0.0)
    return loss.total / loss.tokens


def test_before_training_all_pieces_are_about_as_likely():
    part = {"name": "conv", "size": 64}
    options = ModelOptions(embedding_size=64, dropout=0.0, encoder=part, decoder=part)
    with torch.no_grad():
        given = float(nats(options.build(VOCABULARY, VOCABULARY), reversals(1)))
    assert given == pytest.approx(math.log(VOCABULARY), abs=0.5)


def test_convolutions_on_both_sides_learn_to_turn_sentences_round_that_they_have_not_seen():
    torch.manual_seed(1)
    part = {"name": "conv", "size": 32, "num_layers": 2}
    model = ModelOptions(embedding_size=32, dropout=0.0, encoder=part, decoder=part).build(VOCABULARY, VOCABULARY)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for seed in range(1000, 1100):
        optimizer.zero_grad()
        nats(model, reversals(seed)).backward()
        optimizer.step()
    with torch.no_grad():
        assert float(nats(model.eval(), reversals(1))) < 0.2  # at chance ln 7 = 1.95 for each piece
