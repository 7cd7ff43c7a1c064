"""Translations drawn from a model's distribution, piece by piece. It knows no model, as search does not.

Shapes: B sentences, N = B·K translations of them, K of each next to one another, N also of those still under way.
"""

import torch
from torch import Tensor

from nmt import tree
from nmt.batch import Source
from nmt.search import LEAVING, Stepper
from nmt.text.vocabulary import BOS, EOS, PAD


@torch.no_grad()
def sample(
    model: Stepper, sources: tuple[Source, ...], number: int, limit_B: Tensor, temperature: float = 1.0
) -> list[list[int]]:
    """y ~ P(y|x), or each piece in proportion to P^(1 / temperature): `number` of them for each sentence, ids that end
    with the end of the sentence, or have as many pieces as `limit_B` allows. The random numbers are torch's.

    Each translation has a copy of its sentence's memory: unlike the prefixes of a beam they end one by one, and leave
    when there are enough of them; nor do they share a past.
    Cost: a step of one row a piece, and its `Predictions.draw`.
    """
    memory = tree.repeat(model.encode(sources), number)
    limit_N = limit_B.repeat_interleave(number)
    row_N = torch.arange(len(limit_N), device=limit_N.device)
    drawn_NT = torch.full((len(limit_N), int(limit_N.max())), PAD, device=limit_N.device)
    never = torch.tensor((PAD, BOS), device=limit_N.device)
    going_N, ids_N, state = torch.ones_like(row_N, dtype=torch.bool), torch.full_like(row_N, BOS), model.start(memory)
    for step in range(drawn_NT.shape[1]):
        predictions, _, state = model.step(ids_N, memory, state, None)
        ids_N = predictions.draw(never, temperature)
        drawn_NT[row_N, step] = ids_N.masked_fill(~going_N, PAD)
        going_N &= (ids_N != EOS) & (limit_N > step + 1)
        left = going_N.nonzero().flatten()
        if not len(left):
            break
        if len(left) <= (1 - LEAVING) * len(going_N):
            memory, state = tree.select(memory, left), tree.select(state, left, left)
            row_N, limit_N, ids_N, going_N = (rows[left] for rows in (row_N, limit_N, ids_N, going_N))
    return [[piece for piece in row if piece != PAD] for row in drawn_NT.tolist()]
