"""Embeddings of pieces: one table, or several that are mixed."""

import torch
from torch import Tensor, nn


def embedding(vocabulary_size: int, size: int) -> nn.Embedding:
    """Embeddings of standard deviation size^−½, so that they may also serve as output weights; as inputs they are
    multiplied by √size, whatever reads them (Vaswani et al. 2017, §3.4)."""
    table = nn.Embedding(vocabulary_size, size)
    nn.init.normal_(table.weight, std=size**-0.5)
    return table


class MixedEmbeddings(nn.Module):
    """w = Σ_k α_k w'_k, w'_k = P_k w_k + b_k, α = softmax_k(a^T w'_k): K representations of a piece, weighed piece by
    piece.

    Cost: K·E·(E + 1) multiplications a piece. Source: Kiela et al. 2018, eq. 1–2 (dynamic meta-embeddings).
    Differs: the K tables are trained with the model, theirs were trained before and stay; there is no bias in α, which
    a softmax would cancel.
    """

    def __init__(self, count: int, vocabulary_size: int, size: int) -> None:
        super().__init__()
        self.tables = nn.ModuleList(embedding(vocabulary_size, size) for _ in range(count))
        self.projections = nn.ModuleList(nn.Linear(size, size) for _ in range(count))
        self.score = nn.Linear(size, 1, bias=False)
        for projection in self.projections:
            assert isinstance(projection, nn.Linear)
            nn.init.orthogonal_(projection.weight)
            nn.init.zeros_(projection.bias)
        nn.init.normal_(self.score.weight)

    def forward(self, ids: Tensor) -> Tensor:
        """Embeddings (…, E) of pieces (…)."""
        parts = [project(table(ids)) for table, project in zip(self.tables, self.projections, strict=True)]
        stacked = torch.stack(parts, dim=-2)
        scores = self.score(stacked)
        wide = torch.promote_types(scores.dtype, torch.float32)
        weights = torch.softmax(scores, dim=-2, dtype=wide).to(stacked.dtype)
        return (weights * stacked).sum(dim=-2)
