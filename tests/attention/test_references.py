"""Every score, normalizer and scope against its loop-by-loop version in float64, to 1e-9."""

import itertools

import numpy as np
import pytest
import torch
from references.attention import NORMALIZERS, SCORES
from references.scopes import READINGS, Here, covered

from nmt.attention.base import Memory
from nmt.attention.heads import AttentionSettings, Prepared
from nmt.attention.normalizers import NormalizerOptions
from nmt.attention.scopes import ScopeOptions
from nmt.attention.scores import ScoreOptions
from nmt.settings import members

UNIONS = {
    "score": (ScoreOptions, SCORES),
    "normalizer": (NormalizerOptions, NORMALIZERS),
    "scope": (ScopeOptions, READINGS),
}
SCOPE_OPTIONS = [
    {"name": "global"},
    {"name": "local_m", "window": 1},
    {"name": "local_m", "window": 3},
    {"name": "local_p", "window": 1},
    {"name": "local_p", "window": 2, "renormalize": True},
]
RICH_SCOPE_OPTIONS = [
    {"name": "expanded", "window": 1, "block": 2},
    {"name": "expanded", "window": 2, "block": 1},
    {"name": "expanded", "window": 1, "block": 3, "centre": "local_p"},
    {"name": "hybrid", "local": {"name": "local_m", "window": 1}},
    {"name": "hybrid", "local": {"name": "local_p", "window": 2}, "gate": 0.3},
    {"name": "hard"},
    {"name": "hard", "decoding": "expectation"},
    {"name": "ntm"},
    {"name": "ntm", "max_shift": 2, "write": True},
]
SCORE_OPTIONS = [*({"name": name} for name in SCORES if name not in ("mlp", "location"))]
SCORE_OPTIONS += [{"name": "mlp", "num_layers": 1, "size": 5}, {"name": "mlp", "num_layers": 3}]
SCORE_OPTIONS += [
    {"name": "additive", "size": 2},
    {"name": "location", "max_positions": 5},
    {"name": "location", "max_positions": 9},
]
LENGTHS = [7, 1, 4]
STEPS = torch.tensor([[1, 2, 5, 9], [1, 3, 4, 2], [6, 12, 1, 7]])  # windows past the end of every sentence too


@pytest.mark.parametrize("kind", UNIONS)
def test_every_member_of_a_union_has_a_reference(kind):
    union, references = UNIONS[kind]
    assert set(members(union)) == set(references)


def parameters(module: object) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in module.state_dict().items()} if hasattr(module, "state_dict") else {}


def build(score, normalizer, scope, query_size=4, memory_size=4, **others):
    """The attention in float64 with random parameters, and a padded memory with garbage on its padding."""
    torch.manual_seed(1)
    options = AttentionSettings.model_validate({"score": score, "normalizer": normalizer, "scope": scope, **others})
    attention = options.build(query_size, memory_size, memory_size).double().eval()
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.copy_(torch.randn_like(parameter))
    memory = Memory(3 * torch.randn(3, 7, memory_size).double(), torch.arange(7) < torch.tensor(LENGTHS).view(3, 1, 1))
    return attention, memory, torch.randn(3, 4, query_size).double()


@pytest.mark.filterwarnings("ignore:attention by location")
@pytest.mark.parametrize("normalizer", NORMALIZERS)
@pytest.mark.parametrize("scope", SCOPE_OPTIONS, ids=lambda scope: "-".join(map(str, scope.values())))
@pytest.mark.parametrize("score", SCORE_OPTIONS, ids=lambda score: "-".join(map(str, score.values())))
def test_attention_is_its_equation(score, normalizer, scope, shapes_as_named):
    attention, memory, query_BRQ = build(score, normalizer, scope)
    prepared = attention.prepare((memory,), memory.states_BSD[:, 0])
    with torch.no_grad():
        state = attention.start(prepared)
        attended = attention(query_BRQ, STEPS, prepared, state, True)
    check(attended, attention, query_BRQ, memory, score, normalizer, {"renormalize": False, **scope})


def score_of(attention, score, scope):
    """The reference's score with the attention's parameters: a list where the scope asks for one of every feature."""
    own, reference = parameters(attention.score), SCORES[score["name"]]
    if scope["name"] != "multi_dimensional":
        return lambda s, h, j: reference(own, s, h, j)
    rows = own["score.weight"]
    return lambda s, h, j: [reference({**own, "score.weight": rows[[k]]}, s, h, j) for k in range(len(rows))]


def check(attended, attention, query_BRQ, memory, score, normalizer, scope):
    """Weights and contexts of all rows against the reference's, step by step."""
    of_scope, scores = parameters(attention.scope), score_of(attention, score, scope)
    for b in range(3):
        h, state = memory.states_BSD[b, : LENGTHS[b]].numpy(), None
        for r, t in enumerate(STEPS[b].tolist()):
            here = Here(scores, NORMALIZERS[normalizer], query_BRQ[b, r].numpy(), t, h, state)
            expected, context, state = READINGS[scope["name"]](scope, of_scope, here)
            compare(attended, b, r, expected, context)


def compare(attended, b, r, weights, context):
    weights_S = attended.weights_BHRS[b, 0, r].numpy()
    np.testing.assert_allclose(weights_S[: len(weights)], weights, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(weights_S[len(weights) :], 0.0)
    np.testing.assert_allclose(attended.context_BRD[b, r], context, rtol=0, atol=1e-9)


@pytest.mark.parametrize("normalizer", NORMALIZERS)
@pytest.mark.parametrize("scope", RICH_SCOPE_OPTIONS, ids=lambda scope: "-".join(map(str, scope.values())))
@pytest.mark.parametrize("score", ["cosine", "additive", "general"])
def test_richer_scopes_are_their_equations(score, normalizer, scope, shapes_as_named):
    test_attention_is_its_equation({"name": score}, normalizer, scope, None)


@pytest.mark.parametrize("normalizer", NORMALIZERS)
@pytest.mark.parametrize("score", ["additive", "concat", "mlp"])
def test_multi_dimensional_attention_is_its_equation(score, normalizer, shapes_as_named):
    test_attention_is_its_equation({"name": score}, normalizer, {"name": "multi_dimensional"}, None)


@pytest.mark.parametrize(
    "scope", [*SCOPE_OPTIONS, *RICH_SCOPE_OPTIONS[:-1]], ids=lambda s: "-".join(map(str, s.values()))
)
def test_coverage_is_its_equation(scope, shapes_as_named):
    attention, memory, query_BRQ = build("additive", "softmax", scope, coverage={"loss": 0.5})
    prepared = attention.prepare((memory,), memory.states_BSD[:, 0])
    with torch.no_grad():
        state = attention.start(prepared)
        attended = attention(query_BRQ, STEPS, prepared, state, True)
    reading, options = READINGS[scope["name"]], {"renormalize": False, **scope}
    for b in range(3):
        h, state = memory.states_BSD[b, : LENGTHS[b]].numpy(), None
        for r, t in enumerate(STEPS[b].tolist()):
            here = Here(None, NORMALIZERS["softmax"], query_BRQ[b, r].numpy(), t, h, state)
            weights, context, state, loss = covered(reading, options, parameters(attention), here)
            compare(attended, b, r, weights, context)
            assert attended.terms["coverage"][b, r].item() == pytest.approx(0.5 * loss, abs=1e-9)


def causal(rows, columns):
    """Row t sees the columns 1…t."""
    return torch.ones(rows, columns, dtype=torch.bool).tril().expand(3, -1, -1)


def scattered(rows, columns):
    """Row t sees t columns anywhere, as a hypothesis does among those of others."""
    return torch.rand(3, rows, columns).argsort(-1) < torch.arange(1, rows + 1).view(1, -1, 1)


@pytest.mark.parametrize("seen_by", [causal, scattered])
@pytest.mark.parametrize(
    "scope",
    [*SCOPE_OPTIONS, *RICH_SCOPE_OPTIONS[:5], {"name": "multi_dimensional"}],
    ids=lambda s: "-".join(map(str, s.values())),
)
def test_scopes_number_what_a_row_sees_of_its_own_past(scope, seen_by, shapes_as_named):
    attention, memory, query_BRQ = build("additive", "softmax", scope)
    memory, scope = memory._replace(mask_BRS=seen_by(4, 7)), {"renormalize": False, **scope}
    step_BR = torch.arange(1, 5).expand(3, -1)
    with torch.no_grad():
        attended = attention(query_BRQ, step_BR, attention.prepare((memory,), memory.states_BSD[:, 0]), None, True)
    for b, r in itertools.product(range(3), range(4)):
        seen_S, weights_S = memory.mask_BRS[b, r], attended.weights_BHRS[b, 0, r]
        scores, h = score_of(attention, {"name": "additive"}, scope), memory.states_BSD[b, seen_S].numpy()
        here = Here(scores, NORMALIZERS["softmax"], query_BRQ[b, r].numpy(), r + 1, h, None)
        expected, context, _ = READINGS[scope["name"]](scope, parameters(attention.scope), here)
        np.testing.assert_allclose(weights_S[seen_S], expected, rtol=0, atol=1e-9)
        np.testing.assert_array_equal(weights_S[~seen_S], 0.0)
        np.testing.assert_allclose(attended.context_BRD[b, r], context, rtol=0, atol=1e-9)


@pytest.mark.parametrize("score", ["general", "concat", "additive", "mlp", "location"])
def test_query_and_memory_of_different_widths(score):
    attention, memory, query_BRQ = build({"name": score}, "softmax", "global", query_size=3, memory_size=5)
    prepared = attention.prepare((memory,), memory.states_BSD[:, 0])
    scores_BRS = attention.score(query_BRQ, prepared.keys)
    weights, h = parameters(attention.score), memory.states_BSD[0].numpy()
    expected = [SCORES[score](weights, query_BRQ[0, 1].numpy(), h, j) for j in range(1, 8)]
    np.testing.assert_allclose(scores_BRS[0, 1].detach(), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("normalizer", NORMALIZERS)
@pytest.mark.parametrize("scope", ["global", "local_m", "local_p"])
@pytest.mark.parametrize("score", SCORES)
def test_gradients_are_those_of_differences(score, normalizer, scope):
    check_gradients(score, normalizer, {"name": scope} | ({"window": 3} if scope != "global" else {}))


def check_gradients(score, normalizer, scope, **others):
    attention, memory, query_BRQ = build(score, normalizer, scope, **others)

    def attend(query_BRQ, states_BSD, *_):
        prepared = attention.prepare((Memory(states_BSD, memory.mask_BRS),), states_BSD[:, 0])
        state = attention.start(prepared)
        attended = attention(query_BRQ, STEPS[:, :2], prepared, state, True)
        return attended.context_BRD, *attended.terms.values()

    inputs = (query_BRQ[:, :2].clone().requires_grad_(), memory.states_BSD.clone().requires_grad_())
    assert torch.autograd.gradcheck(attend, (*inputs, *attention.parameters()), fast_mode=True)


@pytest.mark.parametrize("score", ["cosine", "additive"])
@pytest.mark.parametrize(
    "scope",
    [scope for scope in RICH_SCOPE_OPTIONS if scope != {"name": "hard"}],  # argmax has none
    ids=lambda scope: "-".join(map(str, scope.values())),
)
def test_gradients_of_richer_scopes_are_those_of_differences(score, scope):
    check_gradients(score, "softmax", scope)


@pytest.mark.filterwarnings("ignore:attention by location")
@pytest.mark.parametrize("scope", [{"name": "ntm"}, {"name": "ntm", "write": True}, {"name": "hybrid"}])
def test_gradients_where_a_score_rules_positions_out_are_those_of_differences(scope):
    check_gradients({"name": "location", "max_positions": 5}, "softmax", scope)


@pytest.mark.parametrize("score", ["additive", "concat", "mlp"])
def test_gradients_of_many_dimensions_are_those_of_differences(score):
    check_gradients(score, "softmax", "multi_dimensional")


@pytest.mark.parametrize("scope", ["global", {"name": "local_m", "window": 1}, "ntm", {"name": "ntm", "write": True}])
def test_gradients_of_coverage_are_those_of_differences(scope):
    check_gradients("additive", "softmax", scope, coverage={})


def test_a_row_that_is_masked_throughout_becomes_zeros():
    mask_BRS = torch.tensor([[[True, True], [False, False]]])
    for options in members(NormalizerOptions).values():
        weights_BRS = options().build()(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), mask_BRS)
        assert weights_BRS[0, 1].tolist() == [0.0, 0.0]
        assert weights_BRS[0, 0].sum() == pytest.approx(1.0)


def test_weights_are_float32_at_least():
    scores, mask = torch.randn(1, 2, 3).bfloat16(), torch.ones(1, 1, 3, dtype=torch.bool)
    for options in members(NormalizerOptions).values():
        assert options().build()(scores, mask).dtype == torch.float32
        assert options().build()(scores.double(), mask).dtype == torch.float64


def test_nothing_is_kept_between_two_calls():
    attention, memory, query_BRQ = build("additive", "softmax", {"name": "local_p", "window": 2})
    before = {key for module in attention.modules() for key in vars(module)}
    prepared = attention.prepare((memory,), memory.states_BSD[:, 0])
    assert isinstance(prepared, Prepared)
    attention(query_BRQ, STEPS, prepared, None, True)
    assert {key for module in attention.modules() for key in vars(module)} == before
