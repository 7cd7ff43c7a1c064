"""Coverage: what has been attended to already, told to the score and held against attending to it again."""

from typing import Any, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from nmt.attention.base import Attended, Memory, Scope, Score
from nmt.attention.rows import Featured, over_steps
from nmt.settings import Settings


class Coverage(NamedTuple):
    """Σ_{t'<t} α_{t'} of every hypothesis (N, S), and the state of the scope inside."""

    sum: Tensor
    inner: Any


class Covered(nn.Module):
    """cov_t = Σ_{t'<t} α_{t'}, a feature of every position inside the score's tanh (`vector`), and the term
    `coverage` = λ Σ_j min(α_{t,j}, cov_{t,j}) (`loss`), around any scope.

    Cost: S a step, and one step after the other while training too.
    Source: Tu et al. 2016, eq. 6; See et al. 2017, eq. 10–13. Differs: Tu's coverage is divided by a predicted
    fertility; as in See's, it is not here.
    """

    class Options(Settings):
        """What has been attended to already, as a feature of the score and as a loss."""

        vector: bool = Field(True, description="tell the score, which must be additive, what has been attended to")
        loss: float = Field(1.0, ge=0, description="λ, the weight of the coverage loss")

        def build(self, scope: Scope) -> "Covered":
            """Coverage around this scope."""
            return Covered(scope, self.vector, self.loss)

    def __init__(self, scope: Scope, vector: bool, loss: float) -> None:
        super().__init__()
        self.scope: Scope = scope
        self.vector = vector
        self.loss = loss

    def start(self, memory: Memory) -> Coverage:
        """Nothing attended to yet."""
        states_BSD = memory.states_BSD
        wide = torch.promote_types(states_BSD.dtype, torch.float32)
        none_NS = torch.zeros(states_BSD.shape[:2], dtype=wide, device=states_BSD.device)
        return Coverage(none_NS, self.scope.start(memory))

    def forward(
        self, query_BRQ: Tensor, step_BR: Tensor, memory: Memory, keys_BSA: Tensor, score: Score, state: Coverage
    ) -> Attended:
        """Attend step by step."""
        return over_steps(self.advance, query_BRQ, step_BR, memory, keys_BSA, score, state)

    def advance(
        self, query_BRQ: Tensor, step_BR: Tensor, memory: Memory, keys_BSA: Tensor, score: Score, state: Coverage
    ) -> Attended:
        """One step of every hypothesis."""
        covered_BRS = state.sum.unflatten(0, query_BRQ.shape[:2])
        if self.vector:
            score = Featured(score, covered_BRS.unsqueeze(-1).to(query_BRQ.dtype))
        attended = self.scope(query_BRQ, step_BR, memory, keys_BSA, score, state.inner)
        assert attended.weights_BHRS is not None, "a scope gives its weights"
        weights_BRS = attended.weights_BHRS.squeeze(1)
        again_BR = self.loss * torch.minimum(weights_BRS, covered_BRS).sum(dim=-1)
        coverage = Coverage(state.sum + weights_BRS.flatten(0, 1), attended.state)
        return attended._replace(state=coverage, terms={**attended.terms, "coverage": again_BR})
