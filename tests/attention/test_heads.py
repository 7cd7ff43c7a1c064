"""Several heads against nn.MultiheadAttention, the fused kernel, and heads computed one by one."""

import itertools
import math
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from nmt import tree
from nmt.attention.base import Attended, Memory, read
from nmt.attention.heads import (
    AttentionOptions,
    AttentionSettings,
    MultiHead,
    NoAttention,
    scaled_dot_product,
)
from nmt.attention.normalizers import NormalizerOptions
from nmt.attention.scores import ScoreOptions
from nmt.errors import ConfigError
from nmt.settings import members

MASK_B1S = (torch.arange(5) < torch.tensor([[5], [2], [3]])).unsqueeze(1)
STEP_BR = torch.arange(1, 5).expand(3, 4)


def many(heads=2, size=8, memory_size=8, **options):
    """Several heads in float64, all parameters random."""
    torch.manual_seed(1)
    settings = AttentionSettings.model_validate({"score": "scaled_dot", "heads": heads, **options})
    attention = MultiHead(settings, heads, size, memory_size, size).double()
    for parameter in attention.parameters():
        nn.init.normal_(parameter, std=0.5)
    return attention


def attend(attention, query_BRQ, states_BSD, want=True, mask_BRS=MASK_B1S, state=None):
    prepared = attention.prepare((Memory(states_BSD, mask_BRS),), states_BSD[:, -1])
    state = attention.start(prepared) if state is None else state
    return attention(query_BRQ, STEP_BR, prepared, state, want)


def torch_attention(ours, memory_size=8):
    """nn.MultiheadAttention with our weights."""
    theirs = nn.MultiheadAttention(8, ours.num_heads, kdim=memory_size, vdim=memory_size, batch_first=True).double()
    with torch.no_grad():
        if theirs.in_proj_weight is None:
            for name in ("query", "key", "value"):
                getattr(theirs, f"{name[0]}_proj_weight").copy_(getattr(ours, name).weight)
        else:
            theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key.weight, ours.value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key.bias, ours.value.bias]))
        theirs.out_proj.load_state_dict(ours.output.state_dict())
    return theirs


@pytest.mark.parametrize("want", [False, True])
@pytest.mark.parametrize(("heads", "memory_size"), [(2, 8), (4, 8), (2, 6)])
def test_scaled_dot_heads_are_torch_multihead_attention(heads, memory_size, want, shapes_as_named):
    ours = many(heads, memory_size=memory_size)
    query_BRQ, states_BSD = torch.randn(3, 4, 8).double(), torch.randn(3, 5, memory_size).double()
    attended = attend(ours, query_BRQ, states_BSD, want)
    expected_BRD, expected_BHRS = torch_attention(ours, memory_size)(
        query_BRQ, states_BSD, states_BSD, key_padding_mask=~MASK_B1S[:, 0], average_attn_weights=False
    )
    torch.testing.assert_close(attended.context_BRD, expected_BRD, rtol=0, atol=1e-9)
    assert (attended.weights_BHRS is None) == (not want)
    if want:
        torch.testing.assert_close(attended.weights_BHRS, expected_BHRS, rtol=0, atol=1e-9)


def test_causal_heads_are_torch_multihead_attention_with_its_mask():
    ours, states_BTD = many(), torch.randn(3, 4, 8).double()
    mask_1TT = torch.ones(1, 4, 4, dtype=torch.bool).tril()
    attended = attend(ours, states_BTD, states_BTD, True, mask_1TT.expand(3, -1, -1))
    expected, weights = torch_attention(ours)(
        states_BTD, states_BTD, states_BTD, attn_mask=~mask_1TT[0], average_attn_weights=False
    )
    torch.testing.assert_close(attended.context_BRD, expected, rtol=0, atol=1e-9)
    torch.testing.assert_close(attended.weights_BHRS, weights, rtol=0, atol=1e-9)


@pytest.mark.parametrize("training", [False, True])  # two kernels
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_fused_path_is_the_explicit_path(dtype, training):
    attention = many(4).to(dtype)
    query_BRQ, states_BSD = torch.randn(3, 4, 8, dtype=dtype), torch.randn(3, 5, 8, dtype=dtype)
    with torch.set_grad_enabled(training):
        contexts = [attend(attention, query_BRQ, states_BSD, want).context_BRD for want in (False, True)]
    torch.testing.assert_close(*contexts, rtol=0, atol=1e-5 if dtype == torch.float32 else 1e-12)


def rows_of_heads():
    """Queries, keys and values of 3 sentences and 2 heads, and a causal mask within the sentences' lengths."""
    torch.manual_seed(1)
    parts = [torch.randn(3, 2, rows, 4, dtype=torch.float64) for rows in (5, 5, 5)]
    return parts, (MASK_B1S & torch.ones(5, 5, dtype=torch.bool).tril()).unsqueeze(1)


def test_its_gradients_are_those_of_torch():
    parts, mask_B1RS = rows_of_heads()
    parts = [part.requires_grad_() for part in parts]
    upstream = torch.randn(3, 2, 5, 4, dtype=torch.float64)
    expected = functional.scaled_dot_product_attention(*parts, attn_mask=mask_B1RS)
    given = scaled_dot_product(*parts, mask_B1RS)
    torch.testing.assert_close(given, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(
        torch.autograd.grad(given, parts, upstream), torch.autograd.grad(expected, parts, upstream), rtol=0, atol=1e-12
    )


def test_in_bfloat16_its_weights_are_taken_in_float32():
    # weights rounded to bfloat16 once, and the context once, are off by up to 2^-9 each: about 0.2 % of the context;
    # scores in bfloat16, here of some tens, would be off by up to an eighth, and the context by 0.8 %
    torch.manual_seed(1)
    low = [3 * torch.randn(3, 2, 30, 64).bfloat16() for _ in range(3)]
    exact = functional.scaled_dot_product_attention(*(part.double() for part in low))
    given = scaled_dot_product(*low, torch.ones(3, 1, 30, 30, dtype=torch.bool))
    assert (given - exact).norm() / exact.norm() < 0.004


@pytest.mark.parametrize("normalizer", members(NormalizerOptions))
@pytest.mark.parametrize("scope", ["global", {"name": "local_m", "window": 1}, {"name": "local_p", "window": 2}])
@pytest.mark.parametrize("score", members(ScoreOptions))
def test_heads_are_single_heads_side_by_side(score, scope, normalizer, shapes_as_named):
    check_side_by_side(many(2, score=score, scope=scope, normalizer=normalizer))


@pytest.mark.parametrize("coverage", [None, {}])
@pytest.mark.parametrize(
    "scope", ["expanded", "hybrid", "multi_dimensional", "hard", "ntm", {"name": "ntm", "write": True}]
)
def test_heads_of_richer_scopes_are_single_heads_side_by_side(scope, coverage, shapes_as_named):
    check_side_by_side(many(2, score="additive", scope=scope, coverage=coverage).eval())


@pytest.mark.parametrize("scope", ["hybrid", "hard", "ntm", {"name": "ntm", "write": True}])
def test_heads_that_score_places_are_single_heads_side_by_side(scope, shapes_as_named):
    check_side_by_side(many(2, score="location", scope=scope).eval())


def check_side_by_side(attention):
    query_BRQ, states_BSD = torch.randn(3, 4, 8).double(), torch.randn(3, 5, 8).double()
    attended = attend(attention, query_BRQ, states_BSD)
    contexts, weights = [], []
    for part in (slice(0, 4), slice(4, 8)):
        query, keys, values = (
            layer(given)[..., part]
            for layer, given in (
                (attention.query, query_BRQ),
                (attention.key or attention.value, states_BSD),
                (attention.value, states_BSD),
            )
        )
        memory = Memory(values, MASK_B1S)
        state = attention.scope.start(memory)
        one = attention.scope(query, STEP_BR, memory, attention.score.prepare(keys), attention.score, state)
        contexts.append(one.context_BRD)
        weights.append(one.weights_BHRS)
    torch.testing.assert_close(attended.context_BRD, attention.output(torch.cat(contexts, dim=-1)), rtol=0, atol=1e-12)
    torch.testing.assert_close(attended.weights_BHRS, torch.cat(weights, dim=1), rtol=0, atol=1e-12)


def test_heads_that_score_places_project_no_keys_and_count_places_among_what_a_row_sees():
    attention, query_BRQ = many(2, score={"name": "location", "max_positions": 9}), torch.randn(3, 4, 8).double()
    assert not any(name.startswith("key") for name in attention.state_dict())
    mask_BRS = torch.rand(3, 4, 5).argsort(-1) < torch.arange(1, 5).view(1, 4, 1)  # 1 to 4 columns of 5
    attended = attend(attention, query_BRQ, torch.randn(3, 5, 8).double(), mask_BRS=mask_BRS)
    query_BHRP, table = attention.split(attention.query(query_BRQ)), attention.score.table.weight
    for b, h, r in itertools.product(range(3), range(2), range(4)):
        expected = [0.0] * 5
        powers = [(table[place] @ query_BHRP[b, h, r]).item() for place in range(r + 1)]
        for column, power in zip(mask_BRS[b, r].nonzero().flatten().tolist(), powers, strict=True):
            expected[column] = math.exp(power) / sum(map(math.exp, powers))
        assert attended.weights_BHRS[b, h, r].tolist() == pytest.approx(expected, abs=1e-12)


class Seen(NamedTuple):
    """How often each position has been attended to."""

    sum_NS: Tensor


class Counting(nn.Module):
    """A scope with a state: it attends evenly, less to what it has seen; one row a hypothesis at a time."""

    def start(self, memory):
        return Seen(memory.states_BSD.new_zeros(memory.states_BSD.shape[:2]))

    def forward(self, query_BRQ, step_BR, memory, keys_BSA, score, state):
        scores_BRS = score(query_BRQ, keys_BSA) - state.sum_NS.unflatten(0, query_BRQ.shape[:2])
        weights_BRS = torch.softmax(scores_BRS.masked_fill(~memory.mask_BRS, -1e30), dim=-1)
        return read(weights_BRS, memory, Seen(state.sum_NS + weights_BRS.flatten(0, 1)))


def test_a_state_of_the_scope_goes_through_the_heads_hypothesis_by_hypothesis():
    attention = many(2, score="additive")
    attention.scope = Counting()
    query_BKQ, states_BSD = torch.randn(3, 2, 8).double(), torch.randn(3, 5, 8).double()
    prepared = attention.prepare((Memory(states_BSD, MASK_B1S),), states_BSD[:, -1])
    state = tree.repeat(attention.start(prepared), 2)
    alone = [tree.repeat(attention.start(prepared), 1) for _ in range(2)]
    for step in (1, 2, 3):
        query_BKQ = query_BKQ.roll(step, dims=-1)
        attended: Attended = attention(query_BKQ, STEP_BR[:, :2], prepared, state, True)
        state = attended.state
        for k in range(2):
            one = attention(query_BKQ[:, k : k + 1], STEP_BR[:, :1], prepared, alone[k], True)
            alone[k] = one.state
            torch.testing.assert_close(attended.context_BRD[:, k], one.context_BRD[:, 0], rtol=0, atol=1e-12)
            torch.testing.assert_close(state.sum_NS[k::2], alone[k].sum_NS, rtol=0, atol=1e-12)


def test_heads_must_divide_the_width():
    with pytest.raises(ConfigError, match="3 heads do not divide the width 8"):
        many(3)


def test_without_attention_the_context_is_the_final_state_or_nothing():
    final_BD, states_BSD = torch.randn(3, 8), torch.randn(3, 5, 8)
    for context, width in (("initial", 0), ("every_step", 8)):
        attention = NoAttention.Options(context=context).build(4, 8, 8)
        prepared = attention.prepare((Memory(states_BSD, MASK_B1S),), final_BD)
        attended = attention(torch.randn(3, 4, 4), STEP_BR, prepared, None, True)
        assert torch.equal(attended.context_BRD, final_BD[:, None, :width].expand(-1, 4, -1))
        assert attended.weights_BHRS is None


def test_the_names_of_attention():
    assert set(members(AttentionOptions)) == {"attend", "none"}
