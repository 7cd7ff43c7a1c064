"""Hard attention: one position at a time, sampled while training."""

from typing import Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from nmt.attention.base import Attended, Memory, Normalizer, Score, read
from nmt.settings import Settings


class Tossed(NamedTuple):
    """Which hypotheses take the expected context throughout (N)."""

    expected: Tensor


def draw(weights_BRS: Tensor) -> Tensor:
    """position_BR (from 0) ~ Categorical(α): the first to arrive of exponential clocks with rates α."""
    return (weights_BRS / torch.empty_like(weights_BRS).exponential_()).argmax(dim=-1)


def log_prob(weights_BRS: Tensor, position_BR: Tensor) -> Tensor:
    """log α at the positions: (B, R)."""
    chosen_BR = weights_BRS.gather(-1, position_BR.unsqueeze(-1)).squeeze(-1)
    return chosen_BR.clamp(min=torch.finfo(weights_BRS.dtype).tiny).log()


def entropy(weights_BRS: Tensor) -> Tensor:
    """H[α] = −Σ_j α_j log α_j, in nats: (B, R)."""
    return -(weights_BRS * weights_BRS.clamp(min=torch.finfo(weights_BRS.dtype).tiny).log()).sum(dim=-1)


class Hard(nn.Module):
    """α_t = normalizer_j(score(s_t, h_j)); c_t = h_{a_t}, a_t ~ Categorical(α_t).

    Training: with probability `expected`, drawn once a sentence, c_t = Σ_j α_{t,j} h_j instead. The terms are
    `sampled` = λ_r log α_{t,a_t}, which the loss multiplies with the reward (0 where nothing was sampled), and
    `entropy` = −λ_e H[α_t]. Decoding: the most probable position, or the expectation.
    With λ_r = 1 and nothing else their gradient is that of the bound on log p(y | x); a smaller λ_r bears better with
    the noise of the reward, tens of nats a sentence beside the few of a token's loss.
    Cost: S a step. Source: Xu et al. 2015, §4.1, eq. 11–12. Differs: the reward is the whole sentence's log-likelihood;
    each head, hop and layer tosses and draws for itself.
    """

    class Options(Settings):
        """One position a step, sampled while training (REINFORCE)."""

        name: Literal["hard"] = "hard"
        decoding: Literal["argmax", "expectation"] = Field("argmax", description="the context when not training")
        expected: float = Field(0.5, ge=0, le=1, description="share of the sentences trained with the expected context")
        reward: float = Field(1.0, ge=0, description="λ_r, the weight of the samples' gradient; 1: the bound's own")
        entropy: float = Field(0.002, ge=0, description="λ_e, the weight of the entropy that training rewards")

        def build(self, query_size: int, memory_size: int, normalizer: Normalizer) -> "Hard":
            """The scope with this normalizer."""
            return Hard(self, normalizer)

    def __init__(self, options: Options, normalizer: Normalizer) -> None:
        super().__init__()
        self.expectation = options.decoding == "expectation"
        self.expected = options.expected
        self.reward = options.reward
        self.entropy = options.entropy
        self.normalizer = normalizer

    def start(self, memory: Memory) -> Tossed | None:
        """While training, each sentence's toss: expected context or samples."""
        if not self.training:
            return None
        chance_N = torch.rand(memory.states_BSD.shape[0], device=memory.states_BSD.device)
        return Tossed(chance_N < self.expected)

    def forward(
        self, query_BRQ: Tensor, step_BR: Tensor, memory: Memory, keys_BSA: Tensor, score: Score, state: Tossed | None
    ) -> Attended:
        """Attend to one position of every row."""
        weights_BRS = self.normalizer(score(query_BRQ, keys_BSA), memory.mask_BRS)
        if state is not None:
            return self.sample(weights_BRS, memory, state)
        return read(weights_BRS if self.expectation else _only(weights_BRS.argmax(dim=-1), weights_BRS), memory)

    def sample(self, weights_BRS: Tensor, memory: Memory, state: Tossed) -> Attended:
        """A sampled position of every row, or the expectation where the sentence's toss says so."""
        # One toss a hypothesis, whose rows are all its own or one each.
        expected_BR = state.expected.unflatten(0, (len(weights_BRS), -1))
        position_BR = draw(weights_BRS.detach())
        taken_BRS = torch.where(expected_BR.unsqueeze(-1), weights_BRS, _only(position_BR, weights_BRS))
        terms = {
            "sampled": self.reward * log_prob(weights_BRS, position_BR).masked_fill(expected_BR, 0.0),
            "entropy": -self.entropy * entropy(weights_BRS),
        }
        return read(taken_BRS, memory, state)._replace(terms=terms)


def _only(position_BR: Tensor, weights_BRS: Tensor) -> Tensor:
    """Weight 1 at the positions, 0 elsewhere; all 0 where nothing may be attended."""
    one_BRS = functional.one_hot(position_BR, weights_BRS.shape[-1]).to(weights_BRS.dtype)
    return one_BRS.masked_fill(weights_BRS == 0, 0.0)
