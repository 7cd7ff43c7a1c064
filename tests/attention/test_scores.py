"""Scores by hand."""

import math

import pytest
import torch

from nmt.attention.base import Memory, read
from nmt.attention.heads import AttentionSettings
from nmt.attention.scores import Concat, Cosine, Dot, Location, ScaledDot
from nmt.errors import ConfigError

ONE_ROW = torch.tensor([[1]])


def attend(query, keys, **options):
    """Attention of one query over the rows of `keys`."""
    attention = AttentionSettings.model_validate(options).build(len(query), len(keys[0]), len(keys[0]))
    memory = Memory(torch.tensor([keys]), torch.ones(1, 1, len(keys), dtype=torch.bool))
    prepared = attention.prepare((memory,), memory.states_BSD[:, -1])
    return attention(torch.tensor([[query]]), ONE_ROW, prepared, None, True)


def test_the_worked_example_of_the_equations():
    # q = [1, 2], k_1 = [2, 1], k_2 = [1, 0]: dot scores 4 and 1; softmax(4, 1) = 1 / (1 + e^-3) = 0.952574
    scores = Dot()(torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[2.0, 1.0], [1.0, 0.0]]]))
    assert scores.tolist() == [[[4.0, 1.0]]]
    attended = attend([1.0, 2.0], [[2.0, 1.0], [1.0, 0.0]], score="dot")
    assert attended.weights_BHRS.flatten().tolist() == pytest.approx([0.952574, 0.047426], abs=1e-6)


def test_the_context_of_the_worked_example():
    memory = Memory(torch.tensor([[[1.0, 1.0], [2.0, 0.0]]]), torch.ones(1, 1, 2, dtype=torch.bool))
    assert read(torch.tensor([[[0.8, 0.2]]]), memory).context_BRD.flatten().tolist() == pytest.approx([1.2, 0.8])


def test_scaled_dot_divides_by_the_root_of_the_width():
    # width 4, products 8 and 0: scores 4 and 0
    keys = torch.tensor([[[2.0, 2.0, 2.0, 2.0], [1.0, -1.0, 1.0, -1.0]]])
    assert ScaledDot()(torch.ones(1, 1, 4), keys).tolist() == [[[4.0, 0.0]]]


def test_cosine_is_the_angle_times_the_sharpness():
    score = Cosine.Options(sharpness=5.0).build(2, 2)
    keys = score.prepare(torch.tensor([[[10.0, 10.0], [0.0, 3.0], [-2.0, 0.0]]]))
    scores = score(torch.tensor([[[7.0, 0.0]]]), keys)  # 45, 90 and 180 degrees
    assert scores.flatten().tolist() == pytest.approx([5 / math.sqrt(2), 0.0, -5.0], abs=1e-5)


def test_cosine_of_a_zero_vector_is_0_with_a_finite_gradient():
    score, states = Cosine(5.0), torch.zeros(1, 1, 2, requires_grad=True)
    scores = score(torch.ones(1, 1, 2), score.prepare(states))
    scores.sum().backward()
    assert scores.item() == 0.0
    assert states.grad.isfinite().all()


def test_concat_and_additive_are_one_family():
    torch.manual_seed(0)
    concat = Concat.Options(size=3).build(2, 4)
    additive = AttentionSettings.model_validate({"score": {"name": "additive", "size": 3}}).score.build(2, 4)
    additive.query.weight.data, additive.key.weight.data = concat.hidden.weight.data.split((2, 4), dim=1)
    additive.score.weight.data = concat.score.weight.data
    query, states = torch.randn(2, 3, 2), torch.randn(2, 5, 4)
    expected = concat(query, concat.prepare(states))
    torch.testing.assert_close(additive(query, additive.prepare(states)), expected)


def test_features_enter_the_additive_score_inside_its_tanh():
    # one unit, all weights 1: v tanh(s + h + f) with s = 0.1, h = 0.2, f = 0.3 and 0.4
    options = AttentionSettings.model_validate({"score": {"name": "additive", "size": 1}}).score
    score = options.build(1, 1, num_features=2)
    for parameter in score.parameters():
        parameter.data.fill_(1.0)
    given = score(torch.tensor([[[0.1]]]), score.prepare(torch.tensor([[[0.2]]])), torch.tensor([[[[0.3, 0.4]]]]))
    assert given.item() == pytest.approx(math.tanh(1.0))


def test_location_gives_weight_0_past_its_table_and_warns():
    score = Location.Options(max_positions=2).build(3, 3)
    with pytest.warns(UserWarning, match="attention by location knows 2 positions; those beyond get weight 0"):
        keys = score.prepare(torch.randn(1, 4, 3))
    scores = score(torch.randn(1, 1, 3), keys)
    assert scores[0, 0, :2].isfinite().all()
    assert scores[0, 0, 2:].tolist() == [-math.inf, -math.inf]


def test_location_does_not_look_at_what_stands_there():
    torch.manual_seed(0)
    score = Location.Options().build(3, 3)
    query = torch.randn(1, 2, 3)
    one, other = (score(query, score.prepare(torch.randn(1, 4, 3))) for _ in range(2))
    assert torch.equal(one, other)


@pytest.mark.parametrize("name", ["dot", "scaled_dot", "cosine"])
def test_products_of_unequal_widths_are_refused(name):
    with pytest.raises(ConfigError) as error:
        AttentionSettings.model_validate({"score": name}).build(3, 4, 4)
    assert error.value.message == f"score '{name}' needs query and memory of equal widths, not 3 and 4"


def test_keys_are_prepared_once_for_all_rows():
    for name in ("general", "concat", "additive", "mlp"):
        score = AttentionSettings.model_validate({"score": name}).score.build(3, 5)
        keys, query = score.prepare(torch.randn(2, 4, 5)), torch.randn(2, 6, 3)
        alone = torch.cat([score(query[:, r : r + 1], keys) for r in range(6)], dim=1)
        torch.testing.assert_close(score(query, keys), alone)


def test_the_matrix_of_general_starts_as_a_linear_layer_does():
    torch.manual_seed(1)
    score = AttentionSettings.model_validate({"score": "general"}).score.build(64, 400)
    keys = score.prepare(torch.eye(400)[None]).detach()
    assert keys.abs().max() <= 1 / 20  # uniform within ±1/√D
    assert keys.std() == pytest.approx(1 / 20 / 3**0.5, rel=0.02)


def test_a_step_of_adam_moves_a_score_of_general_by_a_root_less_than_its_matrix():
    score = AttentionSettings.model_validate({"score": "general"}).score.build(64, 100)
    query, state = torch.ones(1, 1, 64), torch.ones(1, 1, 100)
    optimizer = torch.optim.Adam(score.parameters(), lr=0.01)
    before = score(query, score.prepare(state))
    before.sum().backward()
    optimizer.step()  # every entry of W goes down by the rate
    moved = before - score(query, score.prepare(state))
    assert moved.item() == pytest.approx(0.01 * 64 * 100 / 8, rel=1e-4)
