"""Attention over several sources: every combination and co-attention against their loops in float64."""

import itertools

import numpy as np
import pytest
import torch
from references.sources import COMBINATIONS, co_attention

from nmt.attention.base import Memory
from nmt.attention.heads import AttentionSettings
from nmt.attention.sources import CoAttention, CombinationOptions, Several, over_sources
from nmt.settings import members

LENGTHS = ((5, 2, 3), (4, 4, 1), (1, 2, 6))
STEPS = torch.arange(1, 5).expand(3, 4)


def memories_of(width=4, sources=3):
    """Padded memories of three sentences."""
    torch.manual_seed(1)
    masks = [torch.arange(max(lengths)) < torch.tensor(lengths).view(3, 1, 1) for lengths in LENGTHS[:sources]]
    return tuple(Memory(torch.randn(3, mask.shape[2], width).double(), mask) for mask in masks)


def randomised(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return module


def over(name, sources=3, query_size=5):
    """Additive attention over several sources, combined by name, with random parameters."""
    several = Several(sources, members(CombinationOptions)[name]())
    attention = over_sources(lambda: AttentionSettings().build(query_size, 4, 4), query_size, several)
    return randomised(attention.double())


def test_every_combination_has_a_reference():
    assert set(members(CombinationOptions)) == set(COMBINATIONS)


@pytest.mark.parametrize("name", COMBINATIONS)
def test_a_combination_is_its_equation(name, shapes_as_named):
    attention, memories, query_BRQ = over(name), memories_of(), torch.randn(3, 4, 5).double()
    prepared = attention.prepare(memories, memories[0].states_BSD[:, 0])
    with torch.no_grad():
        attended = attention(query_BRQ, STEPS, prepared, attention.start(prepared), True)
        alone = [
            attention.attentions[min(i, len(attention.attentions) - 1)](query_BRQ, STEPS, part, None, True)
            for i, part in enumerate(prepared)
        ]
    parameters = {key: value.numpy() for key, value in attention.combination.state_dict().items()}
    for b, r in itertools.product(range(3), range(4)):
        contexts = [part.context_BRD[b, r].numpy() for part in alone]
        expected = COMBINATIONS[name](parameters, query_BRQ[b, r].numpy(), contexts)
        np.testing.assert_allclose(attended.context_BRD[b, r], expected, rtol=0, atol=1e-9)
    assert torch.equal(attended.weights_BHRS, alone[0].weights_BHRS)


@pytest.mark.parametrize("name", COMBINATIONS)
def test_gradients_are_those_of_differences(name):
    attention, memories, query_BRQ = over(name, query_size=3), memories_of(), torch.randn(3, 2, 3).double()

    def attend(query_BRQ, *states):
        parts = tuple(Memory(part, memory.mask_BRS) for part, memory in zip(states, memories, strict=True))
        prepared = attention.prepare(parts, states[0][:, 0])
        return attention(query_BRQ, STEPS[:, :2], prepared, attention.start(prepared), False).context_BRD

    inputs = [query_BRQ.requires_grad_(), *(memory.states_BSD.clone().requires_grad_() for memory in memories)]
    assert torch.autograd.gradcheck(attend, inputs, fast_mode=True)


def test_a_gate_over_two_sources_is_a_sigmoid():
    gate = over("gate", sources=2).combination
    query_BRQ, contexts_BRJD = torch.randn(3, 4, 5).double(), torch.randn(3, 4, 2, 4).double()
    asked = [gate.queries[i](query_BRQ) + gate.contexts[i](contexts_BRJD[:, :, i]) for i in range(2)]
    share = torch.sigmoid(asked[0] - asked[1])
    expected = share * contexts_BRJD[:, :, 0] + (1 - share) * contexts_BRJD[:, :, 1]
    torch.testing.assert_close(gate(query_BRQ, contexts_BRJD), expected, rtol=0, atol=1e-12)


def test_the_sentences_before_share_one_attention():
    assert len(over("context", sources=3).attentions) == 2
    assert len(over("hierarchical", sources=3).attentions) == 3


def test_one_source_needs_no_combination():
    plain = AttentionSettings().build(5, 4, 4)
    assert over_sources(lambda: plain, 5, None) is plain


def test_co_attention_is_its_equation(shapes_as_named):
    module, memories = randomised(CoAttention(4).double()), memories_of(sources=2)
    with torch.no_grad():
        first, second = module(*memories)
    parameters = {key: value.numpy() for key, value in module.state_dict().items()}
    for b in range(3):
        texts = [memory.states_BSD[b, : LENGTHS[i][b]].numpy() for i, memory in enumerate(memories)]
        for found, text, expected in zip((first, second), texts, co_attention(parameters, *texts), strict=True):
            np.testing.assert_allclose(found.states_BSD[b, : len(text)], expected, rtol=0, atol=1e-9)


def test_co_attention_enriches_what_is_read_where_that_is_not_the_states():
    module, (one, other) = CoAttention(4).double(), memories_of(sources=2)
    values_BSD = torch.randn_like(one.states_BSD)
    (first, _), (plain, _) = module(one._replace(values_BSD=values_BSD), other), module(one, other)
    torch.testing.assert_close(first.values_BSD - values_BSD, plain.states_BSD - one.states_BSD)
