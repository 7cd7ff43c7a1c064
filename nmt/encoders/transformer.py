"""The Transformer's encoder."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from nmt.attention.base import Memory
from nmt.attention.heads import Mechanism, MultiHead, Prepared
from nmt.encoders.base import Encoded, EncoderShape, mean_state
from nmt.layers.transformer import Entrance, FeedForward, Residual, TransformerSettings, final_norm
from nmt.settings import shown


class EncoderLayer(nn.Module):
    """x ← residual(self-attention), x ← residual(feed-forward). Source: Vaswani et al. 2017, §3.1."""

    def __init__(self, options: "TransformerEncoder.Options", size: int, dropout: float) -> None:
        super().__init__()
        self.attention = MultiHead(options.self_attention, options.heads, size, size, size)
        self.feed_forward = FeedForward(size, options.feed_forward_size, options.activation, dropout)
        self.attending = Residual(size, options.norm, dropout)
        self.feeding = Residual(size, options.norm, dropout)

    def forward(self, states_BSE: Tensor, mask_BRS: Tensor, step_BS: Tensor) -> Tensor:
        """States of the same shape."""
        query_BSE = self.attending.enter(states_BSE)
        prepared = Prepared(*self.attention.project(query_BSE, query_BSE), mask_BRS)
        seen_BSE = self.attention(query_BSE, step_BS, prepared, None, False).context_BRD
        states_BSE = self.attending.leave(states_BSE, seen_BSE)
        return self.feeding.leave(states_BSE, self.feed_forward(self.feeding.enter(states_BSE)))


class TransformerEncoder(nn.Module):
    """L layers of multi-head self-attention and position-wise feed-forward over √d · embedding + position.

    Cost: L·(S²·E + S·E·F) a sentence. Source: Vaswani et al. 2017, §3. Differs: there is a final state, which recurrent
    decoders start from: the mean of the sentence's states. `norm: pre` ends with one norm more (Xiong et al. 2020).
    """

    class Options(TransformerSettings):
        """The Transformer's encoder."""

        name: Annotated[Literal["transformer"], shown(by=(EncoderLayer, Residual, FeedForward))] = "transformer"
        self_attention: Annotated[
            Mechanism, shown("transformer_additive", "transformer_cosine", "transformer_local")
        ] = Field(Mechanism(), description="of each source position to all")

        def shape(self, input_size: int) -> EncoderShape:
            """What decoders must know of it."""
            return EncoderShape(input_size, 1, input_size, False, False)

        def build(self, input_size: int, dropout: float) -> "TransformerEncoder":
            """The encoder for embeddings of this width."""
            return TransformerEncoder(self, input_size, dropout)

    def __init__(self, options: Options, size: int, dropout: float) -> None:
        super().__init__()
        self.entrance = Entrance(options.positions, size, dropout)
        self.max_length = self.entrance.max_length
        self.layers = nn.ModuleList(EncoderLayer(options, size, dropout) for _ in range(options.num_layers))
        self.norm = final_norm(options, size)
        self.shape = options.shape(size)

    def forward(self, embedded_BSE: Tensor, mask_BS: Tensor) -> Encoded:
        """Encode padded sentences."""
        length = embedded_BSE.shape[1]
        states_BSE = self.entrance(embedded_BSE, range(length))
        step_S = torch.arange(1, length + 1, device=embedded_BSE.device)
        mask_B1S, step_BS = mask_BS.unsqueeze(1), step_S.expand(mask_BS.shape)
        for layer in self.layers:
            states_BSE = layer(states_BSE, mask_B1S, step_BS)
        states_BSE = self.norm(states_BSE)
        return Encoded(Memory(states_BSE, mask_B1S), mean_state(states_BSE, mask_BS), None)
