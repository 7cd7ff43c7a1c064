"""Search against exhaustive search, hand-drawn lattices, and itself in other batches."""

import functools
import itertools
import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from models import LACKED, build, copies, pairs, rnn, sentences, source_of, transformer
from pydantic import TypeAdapter
from references.search import exhaustive
from torch import Tensor

from nmt import tree
from nmt.batch import make_batch, make_source
from nmt.decoders.base import Want
from nmt.decoders.predictions import Predictions
from nmt.errors import ConfigError
from nmt.search import Beam, Greedy, SearchOptions, coverage_penalty, length_penalty, search
from nmt.settings import members
from nmt.text.vocabulary import BOS, EOS, UNKNOWN

PIECES = (UNKNOWN, 4, 5)  # all that a target may hold in a vocabulary of six
SHAPES = {
    "rnn": rnn(),
    "luong": rnn({"scope": {"name": "local_p", "window": 2}}, query="current", input_feeding=True, deep_output=False),
    "lstm": rnn({"name": "none"}, cell="lstm", encoder={"cell": "lstm"}, num_layers=2),
    "transformer": transformer(),
    "window on the past": transformer({"self_attention": {"scope": {"name": "local_p", "window": 1}}}),
    "places": transformer({"self_attention": {"score": "location"}, "attention": {"score": "location"}}),
    "copy": {**rnn({"scope": {"name": "local_p", "window": 2}}), "output": "copy"},
    "pointer": {**rnn(query="current", deep_output=False), "output": "pointer"},
    "copying transformer": {**transformer(), "output": "copy"},
}
ROWS = [[4, 5, EOS], [5, EOS], [4, 4, 5, 4, EOS]]
SOURCES = (source_of(ROWS, 6),)


def pieces_of(name, row):
    """All that a target of this model may hold for one of the rows: V + p for what it copies."""
    copied = tuple(6 + ROWS[row].index(piece) for piece in LACKED if piece in ROWS[row])
    return {"softmax": PIECES, "copy": (*PIECES, *copied), "pointer": copied}[SHAPES[name].get("output", "softmax")]


@functools.cache
def model_of(name, vocabulary=6):
    return build(SHAPES[name], vocabulary=vocabulary, spread=3.0)


def searched(model, sources=SOURCES, n_best=1, want=None, max_length=None, **options):
    return searched_in_turn(model, [sources], n_best, want, max_length, **options)


def searched_in_turn(model, batches, n_best=1, want=None, max_length=None, **options):
    greedy = options.get("name") == "greedy"
    settings = TypeAdapter(SearchOptions).validate_python({"name": "beam", **options} if not greedy else options)
    with torch.inference_mode():
        return search(model, batches, settings, n_best, want, max_length)


def step_by_step(model, row):
    """log P and attention after a prefix of one sentence, each computed by the model's forced pass."""

    @functools.cache
    def run(prefix):
        batch = make_batch([[ROWS[row]]], [[*prefix, EOS]], [0], copies([ROWS[row]], 6))
        with torch.inference_mode():
            outcome, weights_BTS, _ = model(batch, Want())
            last = tree.map_tensors(lambda rows: rows[0, -1:], outcome)
            log_probs_V = model.output.predict(last).log_probs()[0]
        return log_probs_V.tolist(), None if weights_BTS is None else weights_BTS[0, -1].tolist()

    return (lambda prefix: run(prefix)[0]), (lambda prefix: run(prefix)[1])


@pytest.mark.parametrize(
    ("name", "alpha", "beta"),
    [
        *((name, alpha, 0.0) for name in SHAPES for alpha in (0.0, 0.6, 2.0)),
        *((name, 0.6, beta) for name in SHAPES if name != "lstm" for beta in (0.2, 1.0)),
    ],
)
def test_a_beam_that_holds_everything_finds_what_exhaustive_search_finds(name, alpha, beta):
    model, max_length = model_of(name), 4
    options = {"beam_size": 125, "length_penalty": alpha, "coverage_penalty": beta}
    found = searched(model, n_best=6, max_length=max_length, **options)
    for row, hypotheses in enumerate(found):
        expected = exhaustive(*step_by_step(model, row), pieces_of(name, row), EOS, (max_length, alpha, beta))[:6]
        assert [hypothesis.ids for hypothesis in hypotheses] == [scored.ids for scored in expected]
        for hypothesis, scored in zip(hypotheses, expected, strict=True):
            assert hypothesis.log_prob == pytest.approx(scored.log_prob, abs=1e-6)
            assert hypothesis.score == pytest.approx(scored.score, abs=1e-6)


def test_length_penalty_by_hand():
    # |Y| = 1: (6/6)^a = 1; |Y| = 7: (12/6)^a = 2^a
    assert float(length_penalty(1, 0.6)) == 1.0
    assert float(length_penalty(7, 2.0)) == pytest.approx(4.0)
    assert float(length_penalty(7, 0.0)) == 1.0


def test_coverage_penalty_by_hand():
    # sums 0.5, 2 (capped at 1), 0 (floored at 1e-6), padding: 0.2 (log 0.5 + 0 + log 1e-6)
    sums = torch.tensor([[0.5, 2.0, 0.0, 0.0]])
    mask = torch.tensor([[True, True, True, False]])
    expected = 0.2 * (math.log(0.5) + math.log(1e-6))
    assert coverage_penalty(sums, mask, 0.2).item() == pytest.approx(expected, rel=1e-5)


class Place(NamedTuple):
    """The lattice's state: where each prefix is."""

    at_N: Tensor


class Lattice:
    """A Markov chain drawn by hand: the next piece depends on the last one only. `arcs[last] = {next: P}`."""

    max_length = None

    def __init__(self, arcs, size=7):
        self.table_VV = torch.full((size, size), -math.inf, dtype=torch.float64)
        self.table_VV[[last for last in range(size) if last not in arcs], EOS] = 0.0
        for last, following in arcs.items():
            for piece, probability in following.items():
                self.table_VV[last, piece] = math.log(probability)
        self.rows, self.encoded = [], []

    def encode(self, sources):
        self.encoded.append(tuple(sources[0].ids_BS.shape))
        return sources[0].ids_BS

    def start(self, memory):
        return Place(torch.full((len(memory),), BOS))

    def step(self, ids_N, memory, state, want):
        self.rows.append(len(ids_N))
        assert len(ids_N) == len(state.at_N)
        logits_NV = self.table_VV[ids_N]
        return Predictions.of(logits_NV), None, Place(ids_N)


A, B, C = 4, 5, 6
# The best first piece is A (0.6), but B leads to the better whole: B C end = 0.4 · 1 · 0.9 = 0.36, A end = 0.33.
GARDEN_PATH = {BOS: {A: 0.6, B: 0.4}, A: {EOS: 0.55, A: 0.45}, B: {C: 1.0}, C: {EOS: 0.9, C: 0.1}}
ONE = (make_source([[4, EOS]]),)


def test_greedy_walks_down_the_garden_path_and_a_beam_of_2_does_not():
    (greedy,), (wide,) = (
        searched(Lattice(GARDEN_PATH), ONE, **options)
        for options in ({"name": "greedy"}, {"beam_size": 2, "length_penalty": 0.0})
    )
    assert (greedy[0].ids, math.exp(greedy[0].log_prob)) == ((A,), pytest.approx(0.33))
    assert (wide[0].ids, math.exp(wide[0].log_prob)) == ((B, C), pytest.approx(0.36))


def test_n_best_of_the_lattice_by_hand():
    # A end 0.33; B C end 0.36; A A end 0.6·0.45·0.55 = 0.1485; A A A end 0.066825; B C C end 0.036
    (hypotheses,) = searched(Lattice(GARDEN_PATH), ONE, n_best=5, beam_size=8, length_penalty=0.0)
    assert [hypothesis.ids for hypothesis in hypotheses] == [(B, C), (A,), (A, A), (A, A, A), (B, C, C)]
    probabilities = [math.exp(hypothesis.log_prob) for hypothesis in hypotheses]
    assert probabilities == pytest.approx([0.36, 0.33, 0.1485, 0.066825, 0.036])


def test_a_length_penalty_prefers_the_longer_hypothesis():
    # end at once 0.5 (|Y| = 1, lp 1), or A A A end 0.4 (|Y| = 4, lp (9/6)^a): log 0.4 / 1.5 = -0.611 > -0.693
    arcs = {BOS: {EOS: 0.5, B: 0.1, A: 0.4}, A: {C: 1.0}, C: {C: 0.0001, B: 0.9999}, B: {EOS: 1.0}}
    plain, long = (searched(Lattice(arcs), ONE, beam_size=4, length_penalty=alpha)[0][0] for alpha in (0.0, 1.0))
    assert (plain.ids, plain.score) == ((), pytest.approx(math.log(0.5)))
    assert long.ids == (A, C, B)
    assert long.score == pytest.approx(math.log(0.4 * 0.9999) / 1.5)


def test_greedy_ends_where_the_end_is_the_best_piece():
    arcs = {BOS: {A: 0.4, EOS: 0.35, B: 0.25}, A: {EOS: 0.5, A: 0.3, B: 0.2}, B: {EOS: 1.0}}
    ((hypothesis,),) = searched(Lattice(arcs), ONE, name="greedy")
    assert hypothesis.ids == (A,)


@pytest.mark.parametrize("name", SHAPES)
def test_greedy_is_the_best_piece_at_each_step(name):
    model = model_of(name)
    for row, (hypothesis,) in enumerate(searched(model, name="greedy", max_length_ratio=1.0, max_length=8)):
        log_probs, _ = step_by_step(model, row)
        ids: list[int] = []
        while len(ids) < 7:
            best = max((*pieces_of(name, row), EOS), key=lambda piece: log_probs(tuple(ids))[piece])
            if best == EOS:
                break
            ids.append(best)
        assert hypothesis.ids == tuple(ids)


def test_finished_sentences_leave_the_batch_at_once():
    # the second sentence's limit is its own: it goes on alone when the first is at its limit
    lattice = Lattice({BOS: {A: 1.0}, A: {A: 0.99, EOS: 0.01}})
    sources = (make_source([[4, EOS], [4, 4, 4, 4, EOS]]),)
    searched(lattice, sources, beam_size=1, max_length_ratio=1.0, length_penalty=0.0)
    assert lattice.rows == [2] * 12 + [1] * 3


@pytest.mark.parametrize(
    ("lengths", "rows"),
    [
        # of the first batch one goes on after 12 pieces, with the second, whose sentences have 15; of these nine, one
        # that is done is too few to leave
        ([[2, 2, 2, 4, 2, 2, 2, 2], [5] * 8, [2] * 8], [8] * 12 + [8] * 12 + [9] * 3 + [8] * 12),
        # the second batch's last one waits at step 12, and in the end comes to where the first's last one waits
        ([[2, 2, 2, 4, 2, 2, 2, 2], [1] * 7 + [6]], [8] * 12 + [8] * 11 + [1] + [2] * 2 + [1] * 2),
    ],
)
def test_the_last_of_a_batch_wait_at_their_step_for_others_to_come(lengths, rows):
    lattice = Lattice({BOS: {A: 1 - 1e-9, EOS: 1e-9}, A: {A: 1 - 1e-9, EOS: 1e-9}})
    batches = [(make_source([[4] * (length - 1) + [EOS] for length in batch]),) for batch in lengths]
    options = {"length_penalty": 0.0, "stopping": "first", "beam_size": 1, "max_length_ratio": 1.0}
    found = searched_in_turn(lattice, batches, **options)
    assert lattice.rows == rows
    assert [len(hypothesis.ids) + 1 for (hypothesis,) in found] == [n + 10 for batch in lengths for n in batch]


def test_few_sentences_are_encoded_at_once_and_all_are_searched_together(monkeypatch):
    monkeypatch.setattr("nmt.search.ENCODED", 10)
    lattice = Lattice({BOS: {A: 0.9, EOS: 0.1}, A: {A: 0.1, EOS: 0.9}})
    sources = (make_source([[4, EOS], [EOS], [4, 4, EOS], [4, 4, EOS], [4, 4, 4, 4, EOS]]),)
    found = searched(lattice, sources, beam_size=1, stopping="first")
    assert lattice.encoded == [(2, 2), (2, 3), (1, 5)]  # in twos, as the longest has 5
    assert lattice.rows == [5, 5]
    assert [hypothesis.ids for (hypothesis,) in found] == [(A,)] * 5


@pytest.mark.parametrize("options", [{"name": "greedy"}, {"beam_size": 3, "coverage_penalty": 0.2}], ids=str)
@pytest.mark.parametrize("name", SHAPES)
def test_sentences_that_go_on_with_another_batch_are_translated_as_alone(name, options, monkeypatch):
    monkeypatch.setattr("nmt.search.ENCODED", 20)
    if name == "lstm":
        options = {key: value for key, value in options.items() if key != "coverage_penalty"}
    model, want = model_of(name, 11), None if name == "lstm" else Want()
    rows = [sentences([2 + batch] * 16, seed=batch) for batch in range(3)]
    together = searched_in_turn(model, [(source_of(batch),) for batch in rows], 2, want, **options)
    alone = [searched(model, (source_of([row]),), 2, want, **options)[0] for batch in rows for row in batch]
    for found, expected in zip(together, alone, strict=True):
        assert [hypothesis.ids for hypothesis in found] == [hypothesis.ids for hypothesis in expected]
        for hypothesis, other in zip(found, expected, strict=True):
            assert hypothesis.score == pytest.approx(other.score, rel=0, abs=1e-9)
            if want is not None:
                np.testing.assert_allclose(hypothesis.alignment_TS, other.alignment_TS, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("ratio", "max_length", "longest"), [(1.0, None, 12), (1.3, None, 13), (2.5, None, 15), (2.0, 3, 3), (2.0, 1, 1)]
)
def test_no_target_is_longer_than_allowed(ratio, max_length, longest):
    lattice = Lattice({BOS: {A: 1 - 1e-9, EOS: 1e-9}, A: {A: 1 - 1e-9, EOS: 1e-9}})
    options = {"length_penalty": 0.0, "stopping": "first", "beam_size": 1}
    ((hypothesis,),) = searched(lattice, ONE, max_length_ratio=ratio, max_length=max_length, **options)
    assert len(hypothesis.ids) + 1 == longest


def test_no_target_is_longer_than_the_decoder_can_take():
    # the first sentence may have 2 · 3 + 10 pieces, the table has 5 positions
    model = build(transformer(positions={"name": "learned", "max_positions": 5}), vocabulary=6)
    with torch.no_grad():
        model.output.bias_V[EOS] = -50.0
    found = searched(model, beam_size=2)
    assert [len(hypothesis.ids) + 1 for (hypothesis,) in found] == [5, 5, 5]


def test_exact_stopping_waits_for_a_late_winner():
    # two endings come first; A A A end wins with a = 1: log 0.3 / ((5 + 4) / 6) = -0.803 > log 0.44 = -0.821
    arcs = {BOS: {EOS: 0.44, A: 0.3, B: 0.26}, B: {EOS: 1.0}, A: {C: 1.0}, C: {B: 1.0}}
    exact, first = (
        searched(Lattice(arcs), ONE, beam_size=2, length_penalty=1.0, stopping=stopping)[0][0]
        for stopping in ("exact", "first")
    )
    assert (exact.ids, first.ids) == ((A, C, B), ())


@pytest.mark.parametrize("name", SHAPES)
def test_exact_stopping_is_never_worse_than_first(name):
    for alpha, size in itertools.product((0.0, 0.6, 1.5), (1, 2, 4)):
        options = {"beam_size": size, "length_penalty": alpha, "max_length": 7}
        exact, first = (searched(model_of(name), stopping=stopping, **options) for stopping in ("exact", "first"))
        for (best,), (other,) in zip(exact, first, strict=True):
            assert best.score >= other.score - 1e-9


@pytest.mark.parametrize("name", [name for name in SHAPES if name != "lstm"])
def test_alignments_are_the_weights_of_a_forced_pass(name):
    model, want = model_of(name, 11), Want(layer=0, heads=(0,))
    rows = sentences([5, 2, 7], seed=3)
    found = searched(model, (source_of(rows),), n_best=3, want=want, beam_size=3, max_length=6, coverage_penalty=0.1)
    for row, hypotheses in zip(rows, found, strict=True):
        for hypothesis in hypotheses:
            batch = pairs([[row]], [[*hypothesis.ids, EOS]])
            with torch.inference_mode():
                weights_BTS = model(batch, want).weights_BTS
            np.testing.assert_allclose(hypothesis.alignment_TS, weights_BTS[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", SHAPES)
def test_log_probs_are_those_of_a_forced_pass(name):
    model, rows = model_of(name, 11), sentences([5, 2, 7], seed=3)
    for row, hypotheses in zip(rows, searched(model, (source_of(rows),), n_best=4, max_length=6), strict=True):
        for hypothesis in hypotheses:
            batch = pairs([[row]], [[*hypothesis.ids, EOS]])
            with torch.inference_mode():
                outcome = tree.map_tensors(lambda rows: rows[0], model(batch).outcome)
                _, nll_M = model.output.nll(outcome, batch.target_BT[0])
            assert hypothesis.log_prob == pytest.approx(-nll_M.sum().item(), abs=1e-6)


@pytest.mark.parametrize(
    "options", [{"name": "greedy"}, {"beam_size": 4}, {"beam_size": 3, "stopping": "first"}], ids=str
)
@pytest.mark.parametrize("name", SHAPES)
def test_a_translation_does_not_depend_on_the_batch_or_the_order_of_lines(name, options, monkeypatch):
    monkeypatch.setattr("nmt.search.ENCODED", 50)
    bound = 3e-5 if name == "places" else 1e-5  # its log P come to −13 in float32; in float64 they agree to 2e-14
    model = build(SHAPES[name], vocabulary=11).float()
    lengths = torch.randint(1, 12, (64,), generator=torch.Generator().manual_seed(2)).tolist()
    rows = sentences(lengths, seed=4)
    together = searched(model, (source_of(rows),), **options)
    order = torch.randperm(64, generator=torch.Generator().manual_seed(5)).tolist()
    mixed = searched(model, (source_of([rows[line] for line in order]),), **options)
    for place, line in enumerate(order):
        alone = searched(model, (source_of([rows[line]]),), **options)[0] if place < 16 else together[line]
        for (best, *_), (other, *_) in ((together[line], alone), (together[line], mixed[place])):
            assert best.ids == other.ids or abs(best.score - other.score) < 1e-5
            assert best.score == pytest.approx(other.score, rel=0, abs=bound)


@pytest.mark.parametrize("name", SHAPES)
def test_n_best_are_distinct_and_sorted_and_begin_with_the_best(name):
    (best, *_), several = searched(model_of(name), beam_size=4), searched(model_of(name), beam_size=4, n_best=4)
    assert several[0][0].ids == best[0].ids
    for hypotheses in several:
        scores = [hypothesis.score for hypothesis in hypotheses]
        assert scores == sorted(scores, reverse=True)
        assert len({hypothesis.ids for hypothesis in hypotheses}) == len(hypotheses) == 4


def test_special_pieces_are_never_written():
    # a lattice that would love to write padding and the beginning of the sentence
    arcs = {BOS: {0: 0.5, BOS: 0.4, A: 0.1}, A: {0: 0.9, EOS: 0.1}}
    ((hypothesis,),) = searched(Lattice(arcs), ONE, beam_size=3)
    assert hypothesis.ids == (A,)


def test_there_are_no_alignments_unless_wanted_or_without_attention():
    assert searched(model_of("rnn"))[0][0].alignment_TS is None
    assert searched(model_of("lstm"), want=Want())[0][0].alignment_TS is None


def test_a_coverage_penalty_without_attention_is_refused():
    with pytest.raises(ConfigError, match="coverage_penalty needs a model with attention"):
        searched(model_of("lstm"), coverage_penalty=0.5)


def test_no_sentences_give_no_hypotheses():
    empty = (make_source([]),)
    assert searched(Lattice(GARDEN_PATH), empty) == []


def test_the_names_of_searches():
    assert members(SearchOptions) == {"beam": Beam.Options, "greedy": Greedy.Options}
