"""Self-attention with a gate, over the states of any encoder."""

import torch
from torch import Tensor, nn

from nmt.attention.base import Memory, read
from nmt.attention.normalizers import Softmax
from nmt.attention.scores import products
from nmt.encoders.base import Encoded, Encoder


class GatedSelfAttention(nn.Module):
    """y_j = γ · o_j + x_j, o_j = W_v Σ_i β_{j,i} W_h x_i, β_j = softmax_i((W_f x_i)^T W_g x_j).

    γ starts at 0, where y = x. W_f, W_g and W_h map to an eighth of the width.
    Cost: S²·D/4 + S·D²/2 multiplications a sentence.
    Source: Zhang et al. 2018 (SAGAN), §3, eq. 1–3. Differs: positions of a sentence in the place of an image's.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        inner = max(1, size // 8)
        self.key = nn.Linear(size, inner, bias=False)
        self.query = nn.Linear(size, inner, bias=False)
        self.value = nn.Linear(size, inner, bias=False)
        self.output = nn.Linear(inner, size, bias=False)
        self.gate = nn.Parameter(torch.zeros(()))
        self.normalizer = Softmax()
        for projection in (self.key, self.query, self.value, self.output):
            nn.init.xavier_uniform_(projection.weight)

    def forward(self, memory: Memory) -> Memory:
        """The memory with new states; values of their own move with them."""
        states_BSD = memory.states_BSD
        scores_BSS = products(self.query(states_BSD), self.key(states_BSD))
        weights_BSS = self.normalizer(scores_BSS, memory.mask_BRS)
        seen_BSF = read(weights_BSS, Memory(self.value(states_BSD), memory.mask_BRS)).context_BRD
        change_BSD = self.gate * self.output(seen_BSF)
        values_BSD = None if memory.values_BSD is None else memory.values_BSD + change_BSD
        return Memory(states_BSD + change_BSD, memory.mask_BRS, values_BSD)


class GatedEncoder(nn.Module):
    """Any encoder with layers of gated self-attention over its states; its final state stays as it is.

    Cost: the encoder's and the layers'. Source: Zhang et al. 2018 (SAGAN). Differs: nothing.
    """

    def __init__(self, encoder: Encoder, num_layers: int) -> None:
        super().__init__()
        self.encoder: Encoder = encoder
        self.shape, self.max_length = encoder.shape, encoder.max_length
        self.layers = nn.ModuleList(GatedSelfAttention(self.shape.memory_size) for _ in range(num_layers))

    def forward(self, embedded_BSE: Tensor, mask_BS: Tensor) -> Encoded:
        """Encode padded sentences."""
        encoded = self.encoder(embedded_BSE, mask_BS)
        memory = encoded.memory
        for layer in self.layers:
            memory = layer(memory)
        return encoded._replace(memory=memory)
