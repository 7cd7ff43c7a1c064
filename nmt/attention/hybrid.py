"""Mixed attention: the whole sentence and a window of it, weighted by a gate."""

from typing import Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from nmt.attention.base import Attended, Memory, Normalizer, Scope, Score, read
from nmt.attention.local import LocalOptions, LocalP
from nmt.settings import Settings


class Given(NamedTuple):
    """Scores that are known already, as a score: two scopes share them."""

    scores_BRS: Tensor

    def prepare(self, states_BSD: Tensor) -> Tensor:
        """No keys are needed."""
        return states_BSD[:, :, :0]

    def __call__(self, query_BRQ: Tensor, keys_BSA: Tensor, features_BRSF: Tensor | None = None) -> Tensor:
        """scores_BRS."""
        return self.scores_BRS


class Hybrid(nn.Module):
    """c_t = g_t · c_global + (1 − g_t) · c_local, g_t = sigmoid(w^T s_t) or a fixed number; α_t mixes likewise.

    Cost: that of its local part and Q + S multiplications a step; the scores are computed once.
    Source: the two parts, Luong et al. 2015, §3.1 and §3.2; the gate has none.
    Differs: nothing; with `local_p` rows sum to less than 1 unless it renormalizes.
    """

    class Options(Settings):
        """The whole sentence and a window of it, mixed by a gate."""

        name: Literal["hybrid"] = "hybrid"
        local: LocalOptions = LocalP.Options()
        gate: float | None = Field(None, ge=0, le=1, description="share g of the whole sentence; null: it is learned")

        def build(self, query_size: int, memory_size: int, normalizer: Normalizer) -> "Hybrid":
            """The scope for queries of this width."""
            gate = nn.Linear(query_size, 1, bias=False) if self.gate is None else self.gate
            return Hybrid(self.local.build(query_size, memory_size, normalizer), gate, normalizer)

    def __init__(self, local: Scope, gate: nn.Linear | float, normalizer: Normalizer) -> None:
        super().__init__()
        self.local: Scope = local
        self.gate: nn.Linear | float = gate
        self.normalizer = normalizer

    def start(self, memory: Memory) -> None:
        """No state."""

    def forward(
        self, query_BRQ: Tensor, step_BR: Tensor, memory: Memory, keys_BSA: Tensor, score: Score, state: None
    ) -> Attended:
        """Attend to the whole sentence and to the window, with the same scores."""
        scores_BRS = score(query_BRQ, keys_BSA)
        whole_BRS = self.normalizer(scores_BRS, memory.mask_BRS)
        near_BHRS = self.local(query_BRQ, step_BR, memory, keys_BSA, Given(scores_BRS), None).weights_BHRS
        assert near_BHRS is not None, "a scope gives its weights"
        share = self.share(query_BRQ, whole_BRS.dtype)
        return read(share * whole_BRS + (1 - share) * near_BHRS.squeeze(1), memory)

    def share(self, query_BRQ: Tensor, dtype: torch.dtype) -> Tensor | float:
        """g: one number, or one for every row (B, R, 1)."""
        return self.gate if isinstance(self.gate, float) else torch.sigmoid(self.gate(query_BRQ).to(dtype))
