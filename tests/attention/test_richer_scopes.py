"""Scopes beyond windows by hand: blocks, gates, circles, writing, coverage; in bfloat16; and step by step."""

import math

import pytest
import torch

from nmt import tree
from nmt.attention.base import Memory
from nmt.attention.coverage import Covered
from nmt.attention.expanded import Expanded, blocks
from nmt.attention.heads import AttentionSettings
from nmt.attention.hybrid import Hybrid
from nmt.attention.local import Global, LocalM
from nmt.attention.normalizers import Softmax
from nmt.attention.ntm import Ntm, WriteHead, circular_shift, sharpen
from nmt.attention.scopes import ScopeOptions
from nmt.attention.scores import Dot
from nmt.settings import members


def memory_of(length, padding=0, states=None):
    size = length + padding
    states_1SD = torch.zeros(1, size, 1) if states is None else torch.tensor(states).view(1, size, -1)
    return Memory(states_1SD, (torch.arange(size) < length).view(1, 1, size))


def attend(scope, memory, query=0.0, step=1):
    state = scope.start(memory)
    return scope(torch.tensor([[[query]]]), torch.tensor([[step]]), memory, memory.states_BSD, Dot(), state)


def test_blocks_are_counted_from_the_window_outwards_and_the_outermost_is_the_rest():
    members_BRWS = blocks(memory_of(8, 1), torch.tensor([[[4]]]), torch.tensor([[[5]]]), 2, torch.float32)
    filled = [row.nonzero().flatten().add(1).tolist() for row in members_BRWS[0, 0]]
    assert filled == [[2, 3], [1], [6, 7], [8], [], []]
    assert members_BRWS[0, 0, 0].sum() == 1.0


def test_a_block_weighs_as_much_as_one_position_and_its_members_share_it():
    # 5 positions that score alike; t = 1, D = 1: the window is 1 and 2, blocks of 2 are (3, 4) and (5)
    weights = attend(Expanded(1, 2, None, Softmax()), memory_of(5, 2)).weights_BHRS.flatten().tolist()
    assert weights == pytest.approx([1 / 4, 1 / 4, 1 / 8, 1 / 8, 1 / 4, 0.0, 0.0])


def test_a_block_is_scored_by_the_mean_of_its_states():
    # query 1, states 0 0 1 3: the block (3, 4) scores 2
    weights = attend(Expanded(1, 2, None, Softmax()), memory_of(4, 0, [0.0, 0.0, 1.0, 3.0]), 1.0).weights_BHRS
    total = 2 + math.exp(2)
    assert weights.flatten().tolist() == pytest.approx([1 / total, 1 / total, *[math.exp(2) / total / 2] * 2])


def test_where_the_window_holds_the_sentence_the_expanded_window_is_global():
    torch.manual_seed(0)
    memory = memory_of(4, 1, torch.randn(5).tolist())
    one, other = (attend(scope, memory, 0.7, 2) for scope in (Expanded(9, 2, None, Softmax()), Global(Softmax())))
    torch.testing.assert_close(one.weights_BHRS, other.weights_BHRS)


def test_a_fixed_gate_mixes_the_two_parts():
    # 5 positions that score alike, t = 1, D = 1: 0.4 / 5 everywhere, and 0.6 / 2 more in the window
    weights = attend(Hybrid(LocalM(1, Softmax()), 0.4, Softmax()), memory_of(5)).weights_BHRS.flatten().tolist()
    assert weights == pytest.approx([0.38, 0.38, 0.08, 0.08, 0.08])


@pytest.mark.parametrize(
    ("shift", "expected"),
    [((0, 0, 1), [0, 0.7, 0.3]), ((1, 0, 0), [0.3, 0, 0.7]), ((0.5, 0.5, 0), [0.5, 0.15, 0.35])],
)
def test_a_shift_goes_round_the_real_positions(shift, expected):
    weights_BRS = torch.tensor([[[0.7, 0.3, 0.0, 0.0, 0.0]]])
    shifted = circular_shift(weights_BRS, torch.tensor([[[*shift]]], dtype=torch.float32), memory_of(3, 2).mask_BRS)
    assert shifted[0, 0, :3].tolist() == pytest.approx(expected)


def test_a_shift_beyond_a_short_sentence_goes_round_more_than_once():
    shifted = circular_shift(torch.tensor([[[1.0, 0.0]]]), torch.eye(5)[4].view(1, 1, 5), memory_of(1, 1).mask_BRS)
    assert shifted[0, 0, 0] == 1.0


def test_sharpening_by_hand_with_finite_gradients_at_0():
    weights_BRS = torch.tensor([[[0.6, 0.4, 0.0]]], requires_grad=True)
    power = torch.tensor([[[2.0]]], requires_grad=True)
    sharp = sharpen(weights_BRS, power, memory_of(3).mask_BRS)
    sharp[0, 0, 2].backward()
    assert sharp.flatten().tolist() == pytest.approx([0.36 / 0.52, 0.16 / 0.52, 0.0])
    assert weights_BRS.grad.isfinite().all()
    assert power.grad.isfinite().all()


def test_high_powers_do_not_underflow():
    sharp = sharpen(torch.full((1, 1, 40), 1 / 40), torch.tensor([[[1000.0]]]), memory_of(40).mask_BRS)
    torch.testing.assert_close(sharp, torch.full((1, 1, 40), 1 / 40))


def test_the_first_reading_starts_from_the_first_position():
    scope = Ntm.Options(max_shift=0).build(1, 1, Softmax())
    torch.nn.init.constant_(scope.reading.control.bias, -60.0)  # gate 0: the weights stay where they are
    assert attend(scope, memory_of(3, 1)).weights_BHRS.flatten().tolist() == pytest.approx([1.0, 0.0, 0.0, 0.0])


def test_writing_by_hand():
    # memory (1, 2), weights (1/4, 3/4), e = sigmoid(0) = 1/2, a = 4: m (1 - w / 2) + 4 w
    head = WriteHead(1, 1, 1, Softmax())
    for layer, bias in ((head.erase, 0.0), (head.add, 4.0)):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.constant_(layer.bias, bias)
    written = head.write(torch.zeros(1, 1, 1), torch.tensor([[[0.25, 0.75]]]), torch.tensor([[[[1.0], [2.0]]]]))
    assert written.flatten().tolist() == pytest.approx([1 * 0.875 + 1, 2 * 0.625 + 3])


def test_writing_leaves_the_memory_of_the_sentence_alone():
    memory = memory_of(3, 1, [1.0, 2.0, 3.0, 4.0])
    before = memory.states_BSD.clone()
    state = attend(Ntm.Options(write=True).build(1, 1, Softmax()), memory).state
    assert torch.equal(memory.states_BSD, before)
    assert not torch.equal(state.written.memory, before)
    assert state.written.memory[0, 3] == 4.0  # padding


def test_the_coverage_loss_by_hand():
    # weights 1/2, 1/2 at both steps: nothing is covered at first, then min(1/2, 1/2) twice
    scope, memory = Covered(Global(Softmax()), vector=False, loss=0.3), memory_of(2, 1)
    queries, steps = torch.zeros(1, 3, 1), torch.tensor([[1, 2, 3]])
    attended = scope(queries, steps, memory, memory.states_BSD, Dot(), scope.start(memory))
    assert attended.terms["coverage"].flatten().tolist() == pytest.approx([0.0, 0.3, 0.3])
    assert attended.state.sum.flatten().tolist() == pytest.approx([1.5, 1.5, 0.0])


ALL = [
    *({"scope": {"name": name}} for name in members(ScopeOptions)),
    {"scope": {"name": "ntm", "write": True}},
    {"coverage": {}},
    {"scope": "expanded", "coverage": {}},
    {"scope": {"name": "ntm", "write": True}, "coverage": {}},
]
every_scope = pytest.mark.parametrize("options", ALL, ids=str)
MASK_B1S = (torch.arange(9) < torch.tensor([[9], [4]])).unsqueeze(1)


def build(options, heads):
    torch.manual_seed(2)
    attention = AttentionSettings.model_validate({"heads": heads, **options}).build(4, 4, 4)
    return attention, torch.randn(2, 3, 4), torch.randn(2, 9, 4)


def run(attention, query_BRQ, states_BSD, state=None, first=1):
    prepared = attention.prepare((Memory(states_BSD, MASK_B1S),), states_BSD[:, 0])
    state = attention.start(prepared) if state is None else state
    step_BR = torch.arange(first, first + query_BRQ.shape[1]).expand(2, -1)
    return attention(query_BRQ, step_BR, prepared, state, True)


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("training", [False, True])
@every_scope
def test_in_bfloat16_weights_are_float32_and_contexts_stay_narrow(options, training, heads):
    attention, query_BRQ, states_BSD = build(options, heads)
    attended = run(attention.bfloat16().train(training), query_BRQ.bfloat16(), states_BSD.bfloat16())
    assert attended.weights_BHRS.dtype == torch.float32
    assert attended.context_BRD.dtype == torch.bfloat16
    assert attended.context_BRD.isfinite().all()
    assert all(term.dtype == torch.float32 and term.shape == (2, 3) for term in attended.terms.values())


@pytest.mark.parametrize("heads", [1, 2])
@every_scope
def test_in_bfloat16_a_scope_does_nearly_what_it_does_in_float32(options, heads):
    if options == {"scope": {"name": "hard"}}:
        options = {"scope": {"name": "hard", "decoding": "expectation"}}  # the arg max jumps
    attention, query_BRQ, states_BSD = build(options, heads)
    query_BRQ, states_BSD = query_BRQ.bfloat16(), states_BSD.bfloat16()
    expected = run(attention.bfloat16().float().eval(), query_BRQ.float(), states_BSD.float()).context_BRD
    given = run(attention.bfloat16(), query_BRQ, states_BSD).context_BRD
    torch.testing.assert_close(given.float(), expected, rtol=0, atol=0.05)


@pytest.mark.parametrize("heads", [1, 2])
@every_scope
def test_rows_are_steps_of_one_hypothesis_or_one_step_of_several(options, heads):
    attention, query_BTQ, states_BSD = build(options, heads)
    together = run(attention.eval(), query_BTQ, states_BSD)
    state = None
    for step in range(3):
        row_BKQ = query_BTQ[:, [step, step]]
        if state is None:
            prepared = attention.prepare((Memory(states_BSD, MASK_B1S),), states_BSD[:, 0])
            state = tree.repeat(attention.start(prepared), 2)
        here = attention(row_BKQ, torch.full((2, 2), step + 1), prepared, state, True)
        state = here.state
        for k in (0, 1):
            torch.testing.assert_close(here.context_BRD[:, k], together.context_BRD[:, step])
            torch.testing.assert_close(here.weights_BHRS[:, :, k], together.weights_BHRS[:, :, step])
