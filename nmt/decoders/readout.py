"""Readouts of a recurrent decoder: from state, last piece and context to the vector that the output layer scores."""

import torch
from torch import Tensor, nn


class DeepOutput(nn.Module):
    """t~ = U_o s + V_o E y + C_o c, two candidates a unit; t = the larger of each pair (maxout).

    s is the state that asked for the context: s_{t−1} where the query is the previous state, as in the paper, else s_t.
    Cost: 2·E·(H + E + D) multiplications a step. Source: Bahdanau et al. 2015, A.2.2. Differs: t has the embeddings'
    width, so that the output layer may share their weights (theirs: 500 units, embeddings of 620); t~ has one bias,
    where the paper writes none; without attention there may be no context, and no C_o c.
    """

    def __init__(self, state_size: int, context_size: int, embedding_size: int) -> None:
        super().__init__()
        self.state = nn.Linear(state_size, 2 * embedding_size)
        self.piece = nn.Linear(embedding_size, 2 * embedding_size, bias=False)
        self.context = nn.Linear(context_size, 2 * embedding_size, bias=False) if context_size else None

    def forward(self, state: Tensor, embedded: Tensor, context: Tensor) -> Tensor:
        """hidden of width E, for any leading axes."""
        candidates: Tensor = self.state(state) + self.piece(embedded)
        if self.context is not None:
            candidates = candidates + self.context(context)
        hidden: Tensor = candidates.unflatten(-1, (-1, 2)).amax(dim=-1)
        return hidden


class AttentionalState(nn.Module):
    """s~ = tanh(W_c [c; s]).

    Cost: E·(D + H) multiplications a step. Source: Luong et al. 2015, eq. 5. Differs: s~ has the embeddings' width.
    """

    def __init__(self, state_size: int, context_size: int, embedding_size: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(context_size + state_size, embedding_size, bias=False)

    def forward(self, state: Tensor, embedded: Tensor, context: Tensor) -> Tensor:
        """hidden of width E, for any leading axes; the last piece takes no part."""
        hidden: Tensor = torch.tanh(self.hidden(torch.cat((context.to(state.dtype), state), dim=-1)))
        return hidden
