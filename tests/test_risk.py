"""Minimum risk: the estimated gradient against that of the risk itself, over all that can be drawn."""

import copy
import itertools
import math

import pytest
import torch
from models import build, pairs, rnn, transformer
from tiny_run import RNN, TRANSFORMER, Tiny

from nmt.batch import make_batch, with_targets
from nmt.data.batching import Batches
from nmt.loss import translation_loss
from nmt.metrics.sentence import SentenceBleu
from nmt.risk import Risk, advantages
from nmt.text.vocabulary import BOS, EOS, PAD, UNKNOWN
from nmt.training.state import begin
from nmt.training.update import divided, update

SOURCE = [4, 4, EOS]
ALL = [[1, 1], [1, 4], [4, 1], [4, 4], [1, EOS], [4, EOS], [EOS]]  # all of two pieces from {1, 4, end}
SCORES = dict(zip(map(tuple, ALL), (0.3, 0.9, 0.1, 0.4, 0.0, 0.7, 0.2), strict=True))


def test_an_advantage_is_the_score_less_the_mean_of_the_others():
    score_BK = torch.tensor([[0.5, 0.2, 0.8], [1.0, 1.0, 1.0]])
    torch.testing.assert_close(advantages(score_BK), torch.tensor([[0.0, -0.45, 0.45], [0.0, 0.0, 0.0]]))


@pytest.mark.parametrize("shape", [rnn(), transformer()], ids=["rnn", "transformer"])
def test_the_mean_of_all_draws_is_the_gradient_of_the_expected_risk(shape):
    model = build(shape, vocabulary=5)
    parameters = list(model.parameters())
    with torch.no_grad():
        model.output.bias_V[[PAD, BOS]] = -1e3  # so that P knows no others than can be drawn

    def log_prob(pieces):
        hidden_TE = model(pairs([[SOURCE]], [pieces])).outcome.hidden[0]
        log_probs_TV = (hidden_TE @ model.output.weight_VE.t() + model.output.bias_V).log_softmax(dim=-1)
        return sum(log_probs_TV[t, piece] for t, piece in enumerate(pieces))

    chances = {tuple(pieces): log_prob(pieces).exp() for pieces in ALL}
    assert sum(chances.values()).item() == pytest.approx(1)
    risk = sum(chance * (1 - SCORES[pieces]) for pieces, chance in chances.items())
    expected = torch.autograd.grad(risk, parameters)
    total, batch = 0.0, make_batch([[SOURCE]], [[EOS]], [0])
    for draws in itertools.product(ALL, repeat=2):
        weight_N = advantages(torch.tensor([[SCORES[tuple(pieces)] for pieces in draws]]))[0]
        likely = math.prod(chances[tuple(pieces)].item() for pieces in draws)
        total = total + likely * translation_loss(model, with_targets(batch, draws, weight_N), 0.0).total
    found = torch.autograd.grad(total, parameters)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, 2 * theirs, rtol=1e-5, atol=1e-8)  # K times the gradient, K = 2


@pytest.mark.parametrize("shape", [rnn(), transformer()], ids=["rnn", "transformer"])
def test_the_loss_of_weighted_targets_is_the_weighted_sum_of_their_losses(shape):
    model, rows = build(shape), [[4, 5, 6, EOS], [7, EOS]]
    targets, weights = [[8, EOS], [5, 6, 7, EOS], [9, 9, EOS], [EOS]], [0.5, -1.5, 0.0, 2.0]
    batch = with_targets(make_batch([rows], [[EOS], [EOS]], (3, 1)), targets, torch.tensor(weights))
    loss = translation_loss(model, batch, 0.0)
    alone = [translation_loss(model, make_batch([[rows[n // 2]]], [y], [0]), 0.0) for n, y in enumerate(targets)]
    expected = sum(weight * one.total for weight, one in zip(weights, alone, strict=True))
    torch.testing.assert_close(loss.total, expected)
    torch.testing.assert_close(loss.nll, sum(one.nll for one in alone))
    parameters = list(model.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(loss.total, parameters), torch.autograd.grad(expected, parameters), rtol=0, atol=1e-9
    )


def test_learning_from_draws_lowers_the_risk(tmp_path):
    tiny = Tiny(tmp_path, {**RNN, "dropout": 0.0})
    torch.manual_seed(1)
    model, batch = tiny.config.build_model(tiny.data.tokenizers), next(Batches(tiny.data.train, 24, seed=1))
    risk = Risk(Risk.Options(samples=10), tiny.data.tokenizers.target, SentenceBleu(lowercase=False))
    optimizer, risks = torch.optim.Adam(model.parameters(), 0.02), []
    for _ in range(40):
        drawn = risk.draw(model, batch)
        optimizer.zero_grad()
        loss = translation_loss(model, drawn.batch, 0.0)
        (loss.total / loss.tokens).backward()
        optimizer.step()
        risks.append(drawn.risk)
    assert sum(risks[-5:]) / 5 < sum(risks[:5]) / 5 - 0.1


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("model", [RNN, TRANSFORMER], ids=["rnn", "transformer"])
def test_an_update_follows_the_gradient_of_what_is_drawn(tmp_path, model, precision, accumulate):
    changes = {"risk": {"samples": 4}, "label_smoothing": 0.0, "clip_norm": None, "start_from": "first"}
    tiny = Tiny(tmp_path, {**model, "dropout": 0.0}, **changes, accumulate=accumulate, precision=precision)
    ours, theirs = (begin(tiny.config, tiny.data, tiny.run(name), torch.device("cpu")) for name in ("one", "other"))
    torch.manual_seed(5)
    (updated,) = update(ours)
    torch.manual_seed(5)
    own = copy.deepcopy(theirs.model).to(getattr(torch, precision))  # its weights as they are when the update begins
    batches = [next(theirs.batches) for _ in range(accumulate)]
    drawn = [theirs.risk.draw(own, batch) for batch in batches]
    losses = [translation_loss(own, one.batch, 0.0) for one in drawn]
    (sum(loss.total for loss in losses) / sum(len(batch.places_M) for batch in batches)).backward()
    for mine, other in zip(ours.model.parameters(), own.parameters(), strict=True):
        allowed = 1e-6 if precision == "float32" else 0.02 * float(other.grad.float().norm()) + 1e-6
        assert float((mine.grad - other.grad.float()).norm()) <= allowed
    sentences = [len(batch.lines) for batch in batches]
    risk = sum(count * one.risk for count, one in zip(sentences, drawn, strict=True)) / sum(sentences)
    assert updated.loss == pytest.approx(risk)
    assert updated.tokens == sum(loss.tokens for loss in losses)


def test_a_batch_that_is_drawn_and_learned_from_in_parts_is_the_same_in_the_mean_of_its_scores(tmp_path):
    changes = {"risk": {"samples": 3}, "label_smoothing": 0.0, "start_from": "first", "batch_tokens": 128}
    tiny = Tiny(tmp_path, **changes)
    training = begin(tiny.config, tiny.data, tiny.run("one"), torch.device("cpu"))
    batch = next(training.batches)
    training.worker.room = 20
    cut, risk = divided(training, [batch])
    assert len(cut) > 4
    assert [line for part in cut for line in part.lines] == list(batch.lines)
    assert all(part.targets_each == 3 for part in cut)
    assert all(part.target_BT.shape[1] == part.mask_BT.sum(1).max() for part in cut)
    score = SentenceBleu(lowercase=False)
    texts = [[text_of(tiny, row) for row in part.target_BT] for part in (*cut, batch)]
    drawn, references = [text.replace("⁇", "\ue000") for part in texts[:-1] for text in part], texts[-1]
    scores = torch.tensor([score(y, references[n // 3]) for n, y in enumerate(drawn)])
    assert risk == pytest.approx(1 - float(scores.mean()))
    weight_N = torch.cat([part.weight_N for part in cut])
    torch.testing.assert_close(weight_N, advantages(scores.view(-1, 3)).flatten())


def text_of(tiny, ids_T):
    target = tiny.data.tokenizers.target
    return target.decode(target.vocabulary.to_pieces(ids_T[(ids_T != PAD) & (ids_T != EOS)].tolist()))


def drawn_of(tiny, model, number=3):
    """What is drawn for a sentence of four letters and one of one, with the scores of the texts."""
    ids = tiny.data.tokenizers.target.vocabulary.ids(["a", "b", "c", "d"])
    batch = make_batch([[[*ids, EOS]] * 2], [[*ids, EOS], [ids[0], EOS]], (0, 1))
    torch.manual_seed(3)
    bleu = SentenceBleu(lowercase=False)
    drawn = Risk(Risk.Options(samples=number), tiny.data.tokenizers.target, bleu).draw(model, batch)
    texts = [text_of(tiny, row).replace("⁇", "\ue000") for row in drawn.batch.target_BT]
    return drawn, [bleu(text, ("a b c d", "a")[place // number]) for place, text in enumerate(texts)]


def test_what_is_drawn_is_scored_as_text_against_the_batchs_own_targets(tmp_path):
    tiny = Tiny(tmp_path)
    drawn, scores = drawn_of(tiny, tiny.config.build_model(tiny.data.tokenizers))
    assert drawn.risk == pytest.approx(1 - sum(scores) / 6)
    torch.testing.assert_close(drawn.batch.weight_N, advantages(torch.tensor(scores).view(2, 3)).flatten())
    assert (drawn.batch.lines, drawn.batch.targets_each) == ((0, 1), 3)


def test_translations_are_drawn_without_dropout_and_learned_from_with_it(tmp_path):
    plain, dropping = (Tiny(tmp_path, {**TRANSFORMER, "dropout": rate}) for rate in (0.0, 0.5))
    model, other = (tiny.config.build_model(tiny.data.tokenizers).train() for tiny in (plain, dropping))
    other.load_state_dict(model.state_dict())
    assert torch.equal(drawn_of(plain, model)[0].batch.target_BT, drawn_of(plain, other)[0].batch.target_BT)
    assert other.training


def test_an_unknown_piece_matches_no_unknown_piece(tmp_path):
    tiny = Tiny(tmp_path)
    model = tiny.config.build_model(tiny.data.tokenizers)
    with torch.no_grad():
        model.output.bias_V[UNKNOWN] = 50.0
    batch = make_batch([[[4, EOS]]], [[UNKNOWN, EOS]], (0,))
    drawn = Risk(Risk.Options(samples=2), tiny.data.tokenizers.target, SentenceBleu(lowercase=False)).draw(model, batch)
    assert (drawn.batch.target_BT == UNKNOWN).all()
    assert drawn.risk == 1.0


def test_what_is_drawn_is_no_longer_than_the_limits(tmp_path):
    learned = {**TRANSFORMER["decoder"], "positions": {"name": "learned", "max_positions": 14}}
    for decoder, longest in ((TRANSFORMER["decoder"], 18), (learned, 14)):  # 1.5 times 5 pieces, and 10
        tiny = Tiny(tmp_path, {**TRANSFORMER, "decoder": decoder})
        model = tiny.config.build_model(tiny.data.tokenizers)
        with torch.no_grad():
            model.output.bias_V[EOS] = -50.0
        drawn, _ = drawn_of(tiny, model)
        assert drawn.batch.mask_BT.sum(1).tolist() == [longest] * 3 + [min(longest, 13)] * 3
