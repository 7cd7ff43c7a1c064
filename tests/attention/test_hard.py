"""Hard attention: what is drawn, how often, and that its gradient is unbiased."""

import itertools
import math

import pytest
import torch
from models import build, log_probs_BTV, rnn, sentences

from nmt.attention import hard as hard_attention
from nmt.attention.base import Memory
from nmt.attention.hard import Hard, draw, entropy, log_prob
from nmt.attention.normalizers import Softmax
from nmt.attention.scores import Dot
from nmt.batch import make_batch
from nmt.loss import translation_loss

STATES_1SD = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [2.0, -1.0], [9.0, 9.0]]], dtype=torch.float64)
MASK_11S = torch.tensor([[[True, True, True, False]]])


def hard(training=True, **options):
    return Hard.Options(**options).build(2, 2, Softmax()).train(training)


def attend(scope, query_BRQ):
    memory = Memory(STATES_1SD.expand(len(query_BRQ), -1, -1), MASK_11S.expand(len(query_BRQ), -1, -1))
    step_BR = torch.ones(query_BRQ.shape[:2], dtype=torch.long)
    return scope(query_BRQ, step_BR, memory, memory.states_BSD, Dot(), scope.start(memory))


def test_positions_are_drawn_as_often_as_they_weigh():
    torch.manual_seed(1)
    drawn = draw(torch.tensor([0.5, 0.0, 0.2, 0.3]).expand(1, 20000, 4)).flatten().bincount(minlength=4) / 20000
    # three standard errors of a share of one half in 20000 draws are 0.0106
    assert drawn.tolist() == pytest.approx([0.5, 0.0, 0.2, 0.3], abs=0.0106)
    assert drawn[1] == 0


def test_the_entropy_by_hand():
    assert entropy(torch.tensor([[[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]])).tolist() == [[pytest.approx(math.log(2)), 0.0]]


def test_the_log_probability_by_hand():
    assert log_prob(torch.tensor([[[0.25, 0.75]]]), torch.tensor([[1]])).item() == pytest.approx(math.log(0.75))


def test_a_sentence_is_sampled_or_expected_throughout():
    torch.manual_seed(1)
    attended = attend(hard(), torch.randn(400, 5, 2, dtype=torch.float64))
    one_hot_BR = (attended.weights_BHRS[:, 0] == 1).any(-1)
    assert (one_hot_BR == one_hot_BR[:, :1]).all()
    # three standard errors of a share of one half in 400 sentences
    assert one_hot_BR[:, 0].double().mean().item() == pytest.approx(0.5, abs=0.075)
    assert ((attended.terms["sampled"] != 0) == one_hot_BR).all()


def test_the_reward_s_weight_scales_what_it_multiplies_and_nothing_else():
    query_BRQ, found = torch.randn(40, 5, 2, dtype=torch.float64), []
    for reward in (1.0, 0.25):
        torch.manual_seed(1)
        found.append(attend(hard(reward=reward), query_BRQ))
    whole, quarter = found
    torch.testing.assert_close(quarter.terms["sampled"], whole.terms["sampled"] / 4)
    torch.testing.assert_close(quarter.terms["entropy"], whole.terms["entropy"])
    torch.testing.assert_close(quarter.context_BRD, whole.context_BRD)


def test_padding_is_never_drawn():
    torch.manual_seed(1)
    attended = attend(hard(expected=0.0), torch.zeros(500, 4, 2, dtype=torch.float64))
    assert (attended.weights_BHRS[..., 3] == 0).all()


def test_decoding_takes_the_best_position_or_the_expectation():
    query_BRQ = torch.tensor([[[1.0, 0.0]]], dtype=torch.float64)  # scores 1, 0, 2
    best, mean = (attend(hard(False, decoding=name), query_BRQ) for name in ("argmax", "expectation"))
    assert best.context_BRD.tolist() == [[[2.0, -1.0]]]
    weights = [math.exp(e) / sum(map(math.exp, (1, 0, 2))) for e in (1, 0, 2)]
    assert mean.context_BRD[0, 0].tolist() == pytest.approx([weights[0] + 2 * weights[2], weights[1] - weights[2]])
    assert best.terms == {}


def log_likelihood(contexts_BTD):
    """log p(y | a) of a made-up model in which the two steps' contexts meet."""
    first_BD, second_BD = contexts_BTD.unbind(1)
    return -torch.nn.functional.softplus(first_BD[:, 0] * second_BD[:, 1] - first_BD[:, 1])


def second_query(query_D, context_BD):
    """The second step's query depends on what the first step has read."""
    return query_D + 0.5 * context_BD


def exact_gradient(query_D):
    """Of the bound Σ_a p(a) log p(y | a), all sequences of two positions enumerated."""
    bound, states_SD = torch.zeros((), dtype=torch.float64), STATES_1SD[0, :3]
    for first, second in itertools.product(range(3), repeat=2):
        context_1D = states_SD[[first]]
        log_p = (states_SD @ query_D).log_softmax(0)[first]
        log_p = log_p + (states_SD @ second_query(query_D, context_1D)[0]).log_softmax(0)[second]
        contexts_1TD = torch.stack((context_1D, states_SD[[second]]), dim=1)
        bound = bound + log_p.exp() * log_likelihood(contexts_1TD).squeeze()
    return torch.autograd.grad(bound, query_D)[0]


def test_the_mean_of_the_sampled_gradients_is_the_gradient_of_the_bound():
    torch.manual_seed(3)
    scope, query_D = hard(expected=0.0, entropy=0.0), torch.tensor([0.3, -0.4], dtype=torch.float64, requires_grad=True)
    own_BD = query_D.expand(20000, -1)
    first = attend(scope, own_BD.unsqueeze(1))
    second = attend(scope, second_query(own_BD, first.context_BRD[:, 0]).unsqueeze(1))
    reward_B = log_likelihood(torch.cat((first.context_BRD, second.context_BRD), dim=1))
    sampled_B = (first.terms["sampled"] + second.terms["sampled"]).squeeze(1)
    surrogate_B = reward_B + (reward_B.detach() - reward_B.detach().mean()) * sampled_B
    groups = [torch.autograd.grad(part.mean(), query_D, retain_graph=True)[0] for part in surrogate_B.split(500)]
    samples, exact_D = torch.stack(groups), exact_gradient(query_D)
    error_D = samples.std(dim=0) / math.sqrt(len(samples))
    assert ((samples.mean(dim=0) - exact_D).abs() < 3 * error_D).all()
    assert (exact_D.abs() > 10 * error_D).all()  # the test could tell it from 0


SOURCE, TARGET = sentences([3, 2], seed=4)


def copies(number):
    return make_batch([[SOURCE] * number], [TARGET] * number, range(number))


def test_the_loss_of_a_model_has_on_average_the_gradient_of_the_bound(monkeypatch):
    shape = {**rnn({"scope": {"name": "hard", "expected": 0.0, "entropy": 0.0}}), "dropout": 0.0}
    model = build(shape, spread=3.0).train()
    parameters = [*model.decoder.attention.score.parameters()]

    def gradient(value):
        return torch.cat([part.flatten() for part in torch.autograd.grad(value, parameters)])

    torch.manual_seed(5)
    baseline = -translation_loss(model, copies(1000), 0.0).nll.item() / 1000
    groups = [gradient(translation_loss(model, copies(2000), 0.0, baseline).total / 2000) for _ in range(20)]
    samples, bound = torch.stack(groups), torch.zeros((), dtype=torch.float64)
    for positions in itertools.product(range(3), repeat=2):
        drawn = itertools.cycle(positions)
        monkeypatch.setattr(hard_attention, "draw", lambda _, drawn=drawn: torch.tensor([[next(drawn)]]))
        log_p = model(copies(1)).terms["sampled"].sum()
        log_likelihood = log_probs_BTV(model, copies(1))[0].gather(-1, torch.tensor(TARGET).unsqueeze(-1)).sum()
        bound = bound + log_p.exp() * log_likelihood
    exact, error = -gradient(bound), samples.std(dim=0) / math.sqrt(len(samples))
    assert ((samples.mean(dim=0) - exact).abs() <= 4 * error).all()
    assert (exact.abs() > 8 * error).any()  # the test could tell it from 0
