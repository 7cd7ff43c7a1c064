"""Recurrent decoders against the papers' equations, step by step in NumPy."""

import math

import numpy as np
import pytest
import torch
from models import batch_of, build, rnn
from references.bahdanau import bahdanau_step, luong_step
from references.recurrent import cho_gru

from nmt.decoders.base import Want

BATCH = batch_of([5, 3], [4, 2])


def array(tensor):
    return tensor.detach().numpy()


def letters(decoder):
    """The decoder's matrices by the letters of the papers."""
    score, readout = decoder.attention.score, decoder.readout
    p = {"v_a": array(score.score.weight)[0], "W_a": array(score.query.weight), "U_a": array(score.key.weight)}
    if hasattr(readout, "piece"):
        p |= {"U_o": array(readout.state.weight), "b_o": array(readout.state.bias)}
        p |= {"V_o": array(readout.piece.weight), "C_o": array(readout.context.weight)}
    else:
        p["W_c"] = array(readout.hidden.weight)
    return p


def cho_cell(decoder):
    """The bottom cell over [y; what is fed]: its input weights and the feed's, side by side."""
    cell, p = decoder.cells[0], {}
    joint = np.concatenate([array(cell.input.weight), array(decoder.feed.weight)], axis=1)
    for number, gate in enumerate("rzn"):
        rows = slice(number * cell.size, (number + 1) * cell.size)
        p |= {"W_" + gate: joint[rows], "U_" + gate: array(cell.hidden.weight)[rows]}
        p["b_" + gate] = array(cell.input.bias)[rows]
    return lambda x, s: np.array(cho_gru(p, x, s))


def parts(**options):
    """A model with Cho's GRU, and what it makes of the first sentence: embeddings, memory, first state, results."""
    model = build(rnn(cell={"name": "gru", "reset": "before"}, bridge="backward", **options))
    with torch.no_grad():
        encoded = model.encode(BATCH.sources).encoded[0]
        (hidden_BTE, _), weights_BTS, _ = model(BATCH, Want())
        embedded_TE = array(model.target_embedding(BATCH.input_BT[0]))
        embedded_TE = embedded_TE * math.sqrt(embedded_TE.shape[1])  # Vaswani 2017, §3.4, for every decoder
    h, decoder = array(encoded.memory.states_BSD[0]), model.decoder
    dense = decoder.bridge.outputs[0]
    s = np.tanh(array(dense.weight) @ h[0, h.shape[1] // 2 :] + array(dense.bias))  # tanh(W_s · backward h_1)
    return decoder, embedded_TE, h, s, array(hidden_BTE[0]), array(weights_BTS[0])


def test_bahdanau_is_the_papers_appendix():
    decoder, embedded_TE, h, s, hidden_TE, weights_TS = parts(query="previous", deep_output=True)
    p, cell = letters(decoder), cho_cell(decoder)
    for t in range(4):
        s, readout, weights = bahdanau_step(p, cell, embedded_TE[t], s, h)
        np.testing.assert_allclose(hidden_TE[t], readout, rtol=0, atol=1e-10)
        np.testing.assert_allclose(weights_TS[t], weights, rtol=0, atol=1e-10)


def test_luong_with_input_feeding_is_the_papers_section_3():
    decoder, embedded_TE, h, s, hidden_TE, weights_TS = parts(query="current", deep_output=False, input_feeding=True)
    p, cell, fed = letters(decoder), cho_cell(decoder), np.zeros(hidden_TE.shape[1])
    for t in range(4):
        s, fed, weights = luong_step(p, cell, embedded_TE[t], fed, s, h)
        np.testing.assert_allclose(hidden_TE[t], fed, rtol=0, atol=1e-10)
        np.testing.assert_allclose(weights_TS[t], weights, rtol=0, atol=1e-10)


def test_without_attention_and_context_only_the_first_state_knows_the_source():
    model = build(rnn({"name": "none"}, query="current", deep_output=False))
    other = BATCH._replace(sources=batch_of([2, 4], [1, 1], seed=9).sources)
    with torch.no_grad():
        first, second = model.encode(BATCH.sources), model.encode(other.sources)
        state = model.start(first)
        one, _, _ = model.step(BATCH.input_BT[:, 0], first, state, None)
        same, _, _ = model.step(BATCH.input_BT[:, 0], second, state, None)
    assert torch.equal(one.logits_NV, same.logits_NV)


@pytest.mark.parametrize("query", ["previous", "current"])
def test_with_context_at_every_step_the_source_is_seen_at_every_step(query):
    model = build(rnn({"name": "none", "context": "every_step"}, query=query))
    other = BATCH._replace(sources=batch_of([2, 4], [1, 1], seed=9).sources)
    with torch.no_grad():
        first, second = model.encode(BATCH.sources), model.encode(other.sources)
        state = model.start(first)
        one, _, after_one = model.step(BATCH.input_BT[:, 0], first, state, None)
        two, _, after_two = model.step(BATCH.input_BT[:, 0], second, state, None)
    assert not torch.isclose(one.logits_NV, two.logits_NV).any()
    # "fed to the decoder and the output at each step": Cho et al. 2014
    assert not torch.isclose(after_one.layers[0].output_NH, after_two.layers[0].output_NH).any()


def test_the_first_readout_that_is_fed_is_zero_and_the_context_enters_the_bottom_layer():
    model = build(rnn(num_layers=2, input_feeding=True))
    state = model.start(model.encode(BATCH.sources))
    assert (state.fed_NE == 0).all()
    assert state.step_N.tolist() == [1, 1]
    assert model.decoder.feed.weight.shape == (3 * 4, 4 + 4)
