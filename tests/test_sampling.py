"""Drawn translations against the probabilities of all that can be drawn."""

import itertools
import math
from collections import Counter

import pytest
import torch
from models import build, conv_decoder, log_probs_BTV, pairs, rnn, source_of, transformer

from nmt.batch import make_source
from nmt.decoders.predictions import Predictions
from nmt.sampling import sample
from nmt.text.vocabulary import BOS, EOS, PAD, UNKNOWN

SHAPES = {"rnn": rnn(), "transformer": transformer(), "conv": {**rnn(), "decoder": conv_decoder()}}
PIECES = (UNKNOWN, 4, 5)  # all that a target may hold in a vocabulary of six
ROWS = [[4, 5, EOS], [5, EOS], [4, 4, 5, 4, EOS]]


def all_translations(limit):
    """Whatever ends within `limit` pieces, and all that has so many without an end."""
    for length in range(limit):
        yield from ((*pieces, EOS) for pieces in itertools.product(PIECES, repeat=length))
    yield from itertools.product(PIECES, repeat=limit)


def probability(model, row, pieces, temperature):
    """Π_t P(y_t | y_<t, x)^(1 / temperature) / Σ_v P(v | y_<t, x)^(1 / temperature) over the pieces v that may follow,
    by the model's forced pass."""
    log_probs_TV = log_probs_BTV(model, pairs([[row]], [list(pieces)]))[0]
    allowed = [*PIECES, EOS]
    return math.prod(
        float(torch.softmax(log_probs_TV[t, allowed] / temperature, dim=0)[allowed.index(piece)])
        for t, piece in enumerate(pieces)
    )


@pytest.mark.parametrize("temperature", [1.0, 0.4])
@pytest.mark.parametrize("name", SHAPES)
def test_each_translation_is_drawn_as_often_as_it_is_likely(name, temperature):
    model, number = build(SHAPES[name], vocabulary=6, spread=3.0), 4000
    torch.manual_seed(1)
    limits = [3, 2, 3]
    drawn = sample(model, (make_source(ROWS),), number, torch.tensor(limits), temperature)
    for sentence, (row, limit) in enumerate(zip(ROWS, limits, strict=True)):
        counts = Counter(map(tuple, drawn[sentence * number : (sentence + 1) * number]))
        with torch.no_grad():
            expected = {pieces: probability(model, row, pieces, temperature) for pieces in all_translations(limit)}
        assert sum(expected.values()) == pytest.approx(1)
        assert set(counts) <= set(expected)
        for pieces, chance in expected.items():
            deviation = math.sqrt(chance * (1 - chance) * number)
            assert abs(counts[pieces] - chance * number) <= 4.5 * deviation + 1, pieces


def test_translations_end_with_the_end_or_at_their_limit():
    model = build(SHAPES["transformer"], vocabulary=6)
    drawn = sample(model, (source_of(ROWS, 6),), 50, torch.tensor([4, 1, 7]))
    for number, pieces in enumerate(drawn):
        limit = (4, 1, 7)[number // 50]
        assert len(pieces) <= limit
        assert pieces[-1] == EOS or len(pieces) == limit
        assert not {PAD, BOS} & set(pieces)
        assert EOS not in pieces[:-1]
    assert len({tuple(pieces) for pieces in drawn}) > 20


def test_what_is_ruled_out_is_never_drawn_and_what_is_certain_always():
    logits_NV = torch.tensor([[9.0, 0.0, 9.0, 0.0, 0.0], [0.0, -torch.inf, 99.0, 3.0, -torch.inf]]).repeat(500, 1)
    torch.manual_seed(2)
    ids_N = Predictions.of(logits_NV).draw(torch.tensor([PAD, BOS]))
    assert set(ids_N[::2].tolist()) == {1, 3, 4}
    assert set(ids_N[1::2].tolist()) == {3}


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_near_temperature_0_the_best_piece_is_drawn(kind):
    torch.manual_seed(3)
    logits_NV = torch.randn(40, 300).to(kind)
    logits_NV[:, PAD] = 9.0
    best_N = logits_NV.index_fill(1, torch.tensor([PAD]), -torch.inf).argmax(dim=1)
    logits_NV[torch.arange(40), best_N] += 0.5  # beyond all ties
    assert torch.equal(Predictions.of(logits_NV).draw(torch.tensor([PAD]), temperature=1e-4), best_N)
