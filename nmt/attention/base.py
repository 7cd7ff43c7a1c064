"""What attention works on and what it gives back, and the two protocols that every mechanism fulfils."""

from typing import Any, NamedTuple, Protocol

from torch import Tensor


class Memory(NamedTuple):
    """States to attend to. R of the mask is 1 where all queries see the same positions, T for causal attention.

    What is read are the states themselves, unless there are `values_BSD`.
    """

    states_BSD: Tensor
    mask_BRS: Tensor
    values_BSD: Tensor | None = None

    @property
    def read_BSD(self) -> Tensor:
        """What the weights are applied to."""
        return self.states_BSD if self.values_BSD is None else self.values_BSD


class Attended(NamedTuple):
    """What attention returns: the context of every query row, the weights if wanted, the scope's new state, and the
    named `terms` (B, R) that the training loss adds for every token (nmt.loss says how)."""

    context_BRD: Tensor
    weights_BHRS: Tensor | None
    state: Any
    terms: dict[str, Tensor]


class Score(Protocol):
    """score(query, key): a number for every query row and memory position."""

    def prepare(self, states_BSD: Tensor) -> Tensor:
        """Whatever of the score depends on the memory alone, once a sentence: keys_BSA. It is linear: the key of a mean
        of states is the mean of their keys."""

    def __call__(self, query_BRQ: Tensor, keys_BSA: Tensor, features_BRSF: Tensor | None = None) -> Tensor:
        """scores_BRS."""


class Normalizer(Protocol):
    """From scores to weights: exactly 0 where masked, a row that is masked throughout becomes zeros."""

    def __call__(self, scores_BRS: Tensor, mask_BRS: Tensor) -> Tensor:
        """weights_BRS, in float32 or better whatever the scores' precision."""


class Scope(Protocol):
    """Which positions take part, how their scores become weights, and the context read with them."""

    def start(self, memory: Memory) -> Any:
        """The state before the first target position (rows lead with N = B·K), or None."""

    def __call__(
        self, query_BRQ: Tensor, step_BR: Tensor, memory: Memory, keys_BSA: Tensor, score: Score, state: Any
    ) -> Attended:
        """Attend from each query row; `step_BR` counts target positions from 1."""


def read(weights_BRS: Tensor, memory: Memory, state: Any = None) -> Attended:
    """The context c = Σ_j α_j h_j of given weights, as the answer of a scope (one head)."""
    context_BRD = weights_BRS.to(memory.states_BSD.dtype) @ memory.states_BSD
    return Attended(context_BRD, weights_BRS.unsqueeze(1), state, {})
