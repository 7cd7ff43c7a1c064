"""Schedules against numbers worked by hand from the papers' formulas; optimizers against the textbook loop."""

import math
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from nmt.errors import ConfigError
from nmt.optimization import (
    Adam,
    AdamW,
    Constant,
    Cosine,
    InverseSqrt,
    Noam,
    OptimizerOptions,
    Plateau,
    ScheduleOptions,
)
from nmt.settings import members


def test_noam_is_equation_3_of_vaswani():
    # d = 512, warmup = 4000: the peak lies at 4000 and is 512^-0.5 * 4000^-0.5 = 0.04419417 * 0.01581139
    schedule = Noam.Options(warmup=4000).build(model_size=512, max_updates=None)
    assert schedule.factor(4000, []) == pytest.approx(6.98771e-4, rel=1e-5)
    assert schedule.factor(1, []) == pytest.approx(0.04419417 / 4000**1.5, rel=1e-6)
    assert schedule.factor(16000, []) == pytest.approx(6.98771e-4 / 2, rel=1e-5)


def test_inverse_sqrt_rises_in_a_line_and_falls_with_the_root():
    schedule = InverseSqrt(warmup=100)
    assert [schedule.factor(n) for n in (25, 100, 400, 900)] == pytest.approx([0.25, 1.0, 1 / 2, 1 / 3])


def test_noam_and_inverse_sqrt_differ_by_a_constant():
    noam, root = Noam(warmup=50, model_size=64), InverseSqrt(warmup=50)
    ratios = [noam.factor(n) / root.factor(n) for n in (1, 17, 50, 51, 999)]
    assert ratios == pytest.approx([1 / (8 * math.sqrt(50))] * 5)


def test_cosine_is_half_way_in_the_middle_and_minimum_at_the_end():
    schedule = Cosine(warmup=10, max_updates=110, minimum=0.1)
    # cos(pi/3) = 1/2 at a third of the way: 0.1 + 0.9 * 0.75
    assert schedule.factor(5) == 0.5
    assert schedule.factor(10) == pytest.approx(1.0)
    assert schedule.factor(60) == pytest.approx(0.55)
    assert schedule.factor(110) == pytest.approx(0.1)
    assert Cosine(0, 300, 0.1).factor(100) == pytest.approx(0.1 + 0.9 * 0.75)


def test_cosine_without_an_end_is_refused():
    with pytest.raises(ConfigError, match=r"cosine needs training\.max_updates above its warmup of 1000"):
        Cosine.Options().build(model_size=8, max_updates=None)


def test_constant_warms_up_and_stays():
    assert [Constant(4).factor(n) for n in (1, 2, 4, 5, 1000)] == [0.25, 0.5, 1.0, 1.0, 1.0]
    assert Constant(0).factor(1) == 1.0


def test_plateau_halves_after_each_patience_without_a_better_score():
    schedule = Plateau(warmup=0, patience=2, decay=0.5, minimum=0.2)
    scores = [1.0, 2.0, 2.0, 1.5, 3.0, 1.0, 1.0, 1.0, 1.0]
    factors = [schedule.factor(99, scores[:k]) for k in range(len(scores) + 1)]
    #          none 1.0  2.0  2.0  1.5  3.0  1.0  1.0   1.0   1.0 (0.125, floored)
    assert factors == [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2]


@pytest.mark.parametrize("options", members(ScheduleOptions).values())
def test_every_schedule_starts_small_with_a_warmup_and_stays_positive(options):
    schedule = options(warmup=10).build(model_size=16, max_updates=100)
    factors = [schedule.factor(n, []) for n in range(1, 100)]
    assert min(factors) > 0
    assert factors[0] == pytest.approx(factors[9] / 10)


@pytest.mark.parametrize("options", members(OptimizerOptions).values())
def test_optimizers_follow_the_textbook(options):
    start, gradients = np.array([[0.5, -1.0], [2.0, 0.1]]), np.array([[[0.1, -2.0], [0.0, 3.0]]] * 3)
    gradients *= np.array([1.0, -0.5, 2.0])[:, None, None]
    parameter = torch.nn.Parameter(torch.tensor(start))
    optimizer = options().build([("w", parameter)])
    for gradient in gradients:
        parameter.grad = torch.tensor(gradient)
        optimizer.step(0.01)
    decay = 0.01 if options is AdamW.Options else 0.0
    np.testing.assert_allclose(parameter.detach(), textbook(start, gradients, 0.01, decay), rtol=1e-12)


def textbook(theta, gradients, rate, decay, beta1=0.9, beta2=0.98, epsilon=1e-9):
    """Adam of Kingma & Ba 2015, algorithm 1; with `decay`, algorithm 2 of Loshchilov & Hutter 2019."""
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    for n, g in enumerate(gradients, start=1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        step = (m / (1 - beta1**n)) / (np.sqrt(v / (1 - beta2**n)) + epsilon)
        theta = theta - rate * decay * theta - rate * step
    return theta


def test_first_step_of_adam_is_the_learning_rate_whatever_the_gradient():
    parameter = torch.nn.Parameter(torch.tensor([1.0, 1.0]))
    parameter.grad = torch.tensor([1e-3, -50.0])
    Adam.Options().build([("w", parameter)]).step(0.1)
    assert parameter.tolist() == pytest.approx([0.9, 1.1])


def test_adamw_lets_biases_and_gains_be():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.LayerNorm(2))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    AdamW.Options(weight_decay=0.5).build(model.named_parameters()).step(0.1)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name] * (0.95 if name == "0.weight" else 1.0))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Adam.Options(), torch.optim.Adam),
        (AdamW.Options(weight_decay=0.0), partial(torch.optim.AdamW, weight_decay=0.0)),
        (AdamW.Options(weight_decay=0.1), partial(torch.optim.AdamW, weight_decay=0.1)),
    ],
)
def test_optimizers_and_what_they_keep_are_bit_for_bit_those_of_torch(ours, theirs):
    torch.manual_seed(1)
    matrix = torch.nn.Parameter(torch.randn(5, 7))
    copy = torch.nn.Parameter(matrix.detach().clone())
    optimizer, other = ours.build([("w", matrix)]), theirs([copy], betas=ours.betas, eps=ours.epsilon, fused=True)
    for learning_rate in (0.01, 0.02, 0.005):
        matrix.grad = copy.grad = torch.randn(5, 7)
        optimizer.step(learning_rate)
        other.param_groups[0]["lr"] = learning_rate
        other.step()
    torch.testing.assert_close(matrix, copy, rtol=0, atol=0)
    torch.testing.assert_close(optimizer.state[matrix], other.state[copy], rtol=0, atol=0)


def test_a_parameter_without_a_gradient_stays_and_nothing_is_kept_of_it():
    used, unused = torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.ones(2, 2))
    used.grad = torch.ones(2, 2)
    optimizer = AdamW.Options().build([("used", used), ("unused", unused)])
    optimizer.step(0.1)
    assert unused.tolist() == [[1, 1], [1, 1]]
    assert [*optimizer.state] == [used]


@pytest.mark.parametrize(
    ("key", "value", "possible"),
    [
        *(("exp_avg", value, False) for value in (math.nan, math.inf, -math.inf)),
        *(("exp_avg_sq", value, False) for value in (math.nan, -math.inf, -1e-9)),
        *(("step", value, False) for value in (math.nan, math.inf, -1.0)),
        *(("exp_avg", -2.5, True), ("exp_avg_sq", math.inf, True), ("step", 3.0, True)),
    ],
)
def test_moments_that_no_update_leaves_are_known(key: str, value: float, possible: bool):
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.tensor([1e30, 0.0])  # finite, and its square is not
    optimizer = Adam.Options().build([("w", parameter)])
    optimizer.step(0.1)
    kept = optimizer.state[parameter]
    assert optimizer.possible(kept)
    kept[key][... if key == "step" else 1] = value
    assert optimizer.possible(kept) == possible


def test_a_step_does_without_the_compiler_that_torch_optim_imports():
    code = """if True:
        import sys, torch
        from nmt.optimization import Adam
        parameter = torch.nn.Parameter(torch.ones(2))
        parameter.sum().backward()
        Adam.Options().build([("w", parameter)]).step(0.1)
        sys.exit("torch._dynamo" in sys.modules)"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_betas_come_from_yaml_as_a_list():
    options = TypeAdapter(OptimizerOptions).validate_python({"name": "adamw", "betas": [0.8, 0.9]})
    assert options.betas == (0.8, 0.9)
