"""Several hops against the same readings one after the other."""

import numpy as np
import pytest
import torch
from references.attention import SCORES, softmax
from references.scopes import READINGS, Here

from nmt.attention.base import Memory
from nmt.attention.heads import AttentionSettings
from nmt.errors import ConfigError

STEPS = torch.tensor([[1, 2, 3], [1, 2, 3]])
LENGTHS = [5, 3]


def build(query_size=4, **options):
    torch.manual_seed(1)
    attention = AttentionSettings.model_validate({"hops": 3, **options}).build(query_size, 4, 4).double().eval()
    mask_BRS = torch.arange(5) < torch.tensor(LENGTHS).view(2, 1, 1)
    memory = Memory(torch.randn(2, 5, 4).double(), mask_BRS)
    return attention, memory, torch.randn(2, 3, query_size).double()


def attend(attention, memory, query_BRQ):
    prepared = attention.prepare((memory,), memory.states_BSD[:, 0])
    return attention(query_BRQ, STEPS, prepared, attention.start(prepared), True)


def numpy_of(module):
    return {name: value.detach().numpy() for name, value in module.state_dict().items()}


@pytest.mark.parametrize(
    "scope", [{"name": "global"}, {"name": "local_m", "window": 1}, {"name": "ntm", "write": True}]
)
@pytest.mark.parametrize("score", ["additive", "scaled_dot"])
def test_hops_are_their_equation(score, scope, shapes_as_named):
    attention, memory, query_BRQ = build(score=score, scope=scope)
    attended, inner = attend(attention, memory, query_BRQ), attention.attention
    of_score, of_scope = numpy_of(inner.score), numpy_of(inner.scope) if scope["name"] == "ntm" else {}
    for b in range(2):
        h, states = memory.states_BSD[b, : LENGTHS[b]].numpy(), [None] * 3
        for r in range(3):
            u = query_BRQ[b, r].numpy()
            for hop in range(3):
                here = Here(lambda s, h, j: SCORES[score](of_score, s, h, j), softmax, u, r + 1, h, states[hop])
                weights, read, states[hop] = READINGS[scope["name"]](scope, of_scope, here)
                u = u + np.array(read)
            np.testing.assert_allclose(attended.context_BRD[b, r].detach(), u, rtol=0, atol=1e-9)
            last_S = attended.weights_BHRS[b, 0, r, : LENGTHS[b]]
            np.testing.assert_allclose(last_S.detach(), weights, rtol=0, atol=1e-9)


def test_terms_of_all_hops_are_added():
    attention, memory, query_BRQ = build(scope="hard")
    torch.nn.init.zeros_(attention.attention.score.score.weight)  # equal scores: an entropy of log S a hop
    attended = attend(attention.train(), memory, query_BRQ)
    expected_B1 = -3 * 0.002 * torch.tensor(LENGTHS).double().log().unsqueeze(1)
    torch.testing.assert_close(attended.terms["entropy"], expected_B1.expand(-1, 3))


def test_hops_of_unequal_widths_are_refused():
    with pytest.raises(ConfigError, match="hops add what was read, 4 wide, to a query that is 6 wide"):
        build(query_size=6)
