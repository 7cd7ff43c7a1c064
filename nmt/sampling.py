"""Translations drawn from a model's distribution, piece by piece. It knows no model, as search does not.

Shapes: B sentences, N = B·K translations of them, K of each next to one another, N also of those still under way.
"""

import torch
from torch import Tensor

from nmt import tree
from nmt.batch import Source
from nmt.search import LEAVING, Predictions, Stepper
from nmt.text.vocabulary import BOS, EOS, PAD


@torch.no_grad()
def sample(model: Stepper, sources: tuple[Source, ...], number: int, limit_B: Tensor) -> list[list[int]]:
    """y ~ P(y|x), `number` of them for each sentence: ids that end with the end of the sentence, or have as many pieces
    as `limit_B` allows. The random numbers are torch's.

    Each translation is a row of its own; those that have ended leave when there are enough of them.
    Cost: a step of one row a piece, and V additions for its sum of probabilities.
    """
    memory = tree.repeat(model.encode(sources), number)
    limit_N = limit_B.repeat_interleave(number)
    row_N = torch.arange(len(limit_N), device=limit_N.device)
    drawn_NT = torch.full((len(limit_N), int(limit_N.max())), PAD, device=limit_N.device)
    never = torch.tensor((PAD, BOS), device=limit_N.device)
    going_N, ids_N, state = torch.ones_like(row_N, dtype=torch.bool), torch.full_like(row_N, BOS), model.start(memory)
    for step in range(drawn_NT.shape[1]):
        predictions, _, state = model.step(ids_N, memory, state, None)
        ids_N = draw(predictions, never)
        drawn_NT[row_N[going_N], step] = ids_N[going_N]
        going_N &= (ids_N != EOS) & (limit_N > step + 1)
        left = going_N.nonzero().flatten()
        if not len(left):
            break
        if len(left) <= (1 - LEAVING) * len(going_N):
            memory, state = tree.select(memory, left), tree.select(state, left, left)
            row_N, limit_N, ids_N, going_N = (rows[left] for rows in (row_N, limit_N, ids_N, going_N))
    return [[piece for piece in row if piece != PAD] for row in drawn_NT.tolist()]


def draw(predictions: Predictions, never: Tensor) -> Tensor:
    """The next piece of N rows, from P without the pieces that `never` follow: where the running sum of probabilities
    passes a uniform random part of its end."""
    sums_NV = predictions.log_probs().exp_().index_fill_(1, never, 0.0).cumsum(dim=1)
    place_N1 = torch.rand(len(sums_NV), 1, dtype=sums_NV.dtype, device=sums_NV.device) * sums_NV[:, -1:]
    return torch.searchsorted(sums_NV, place_N1, right=True).squeeze(1).clamp(max=sums_NV.shape[1] - 1)
