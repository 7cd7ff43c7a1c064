"""Dilated causal convolutions interleaved with causal attention."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from nmt.attention.base import Memory, read
from nmt.attention.normalizers import Softmax
from nmt.attention.scores import ScaledDot
from nmt.encoders.base import Encoded, EncoderShape, mean_state
from nmt.layers.convolution import windows
from nmt.layers.dropout import Dropout
from nmt.layers.transformer import causal_mask
from nmt.settings import Settings, shown


class DenseBlock(nn.Module):
    """x ← [x; tanh(f) ⊙ σ(g)], [f; g]_j = W [x_{j−d}; x_j] + b, d being the dilation; zeros stand before the sentence.

    Source: Mishra et al. 2018, §3 and algorithm 1. Differs: nothing.
    """

    def __init__(self, input_size: int, size: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.both = nn.Linear(2 * input_size, 2 * size)
        nn.init.xavier_uniform_(self.both.weight)
        nn.init.zeros_(self.both.bias)

    def forward(self, states_BSD: Tensor) -> Tensor:
        """States with `size` features more."""
        new_BSF, gate_BSF = self.both(windows(states_BSD, 2, 1, self.dilation)).chunk(2, dim=-1)
        return torch.cat((states_BSD, torch.tanh(new_BSF) * torch.sigmoid(gate_BSF)), dim=-1)


class AttentionBlock(nn.Module):
    """x ← [x; softmax(q k^T / √P) v] over each position and those before it, q, k and v being linear maps of x.

    Cost: S²·(P + V). Source: Mishra et al. 2018, §3 and algorithm 1. Differs: nothing.
    """

    def __init__(self, input_size: int, key_size: int, value_size: int) -> None:
        super().__init__()
        self.query = nn.Linear(input_size, key_size)
        self.key = nn.Linear(input_size, key_size)
        self.value = nn.Linear(input_size, value_size)
        self.score, self.normalizer = ScaledDot(), Softmax()
        for projection in (self.query, self.key, self.value):
            nn.init.xavier_uniform_(projection.weight)
            nn.init.zeros_(projection.bias)

    def forward(self, states_BSD: Tensor, mask_BSS: Tensor) -> Tensor:
        """States with `value_size` features more."""
        scores_BSS = self.score(self.query(states_BSD), self.key(states_BSD))
        weights_BSS = self.normalizer(scores_BSS, mask_BSS)
        read_BSF = read(weights_BSS, Memory(self.value(states_BSD), mask_BSS)).context_BRD
        return torch.cat((states_BSD, read_BSF), dim=-1)


class SnailEncoder(nn.Module):
    """N times: dense blocks of dilations 1, 2, 4, … until together they see `span` positions, then an attention block;
    each concatenates its result to what it read, and a linear map of the whole gives h_j.

    A state knows the source up to its own piece, so that padding after a sentence changes nothing in it.
    Cost: N·(4·log₂(span)·D·F + S·(P + V)) multiplications a position, D being the width so far, all positions at once.
    Source: Mishra et al. 2018, §3. Differs: the last linear map, without which the decoder's width would hang on the
    number of blocks; there is a final state, which recurrent decoders start from: the mean of the h_j. Dilations are
    2^i from i = 0, in the algorithm from i = 1.
    """

    class Options(Settings):
        """Dilated causal convolutions and causal attention."""

        name: Annotated[Literal["snail"], shown(by=(DenseBlock, AttentionBlock))] = "snail"
        size: int = Field(256, gt=0, description="width of the states that are given out")
        num_blocks: int = Field(2, ge=1, description="convolutions and an attention each")
        filters: int = Field(64, gt=0, description="features that each convolution adds")
        span: int = Field(32, ge=2, description="positions that the convolutions of a block see together")
        key_size: int = Field(64, gt=0, description="width of an attention's queries and keys")
        value_size: int = Field(64, gt=0, description="features that each attention adds")

        @property
        def dilations(self) -> tuple[int, ...]:
            """1, 2, 4, …: n of them see 2^n positions."""
            return tuple(2**layer for layer in range((self.span - 1).bit_length()))

        def shape(self, input_size: int) -> EncoderShape:
            """What decoders must know of it."""
            return EncoderShape(self.size, 1, self.size, False, False)

        def build(self, input_size: int, dropout: float) -> "SnailEncoder":
            """The encoder for embeddings of this width."""
            return SnailEncoder(self, input_size, dropout)

    def __init__(self, options: Options, input_size: int, dropout: float) -> None:
        super().__init__()
        self.shape = options.shape(input_size)
        self.max_length: int | None = None
        self.convolutions, self.attentions = nn.ModuleList(), nn.ModuleList()
        width = input_size
        for _ in range(options.num_blocks):
            blocks = [
                DenseBlock(width + layer * options.filters, options.filters, dilation)
                for layer, dilation in enumerate(options.dilations)
            ]
            self.convolutions.append(nn.Sequential(*blocks))
            width += len(blocks) * options.filters
            self.attentions.append(AttentionBlock(width, options.key_size, options.value_size))
            width += options.value_size
        self.output = nn.Linear(width, options.size)
        nn.init.xavier_uniform_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        self.dropout = Dropout(dropout)

    def forward(self, embedded_BSE: Tensor, mask_BS: Tensor) -> Encoded:
        """Encode padded sentences."""
        states_BSD = self.dropout(embedded_BSE)
        mask_BSS = causal_mask(mask_BS.shape[1], mask_BS.device).expand(len(mask_BS), -1, -1)
        for convolve, attend in zip(self.convolutions, self.attentions, strict=True):
            states_BSD = attend(convolve(states_BSD), mask_BSS)
        states_BSD = self.output(self.dropout(states_BSD))
        return Encoded(Memory(states_BSD, mask_BS.unsqueeze(1)), mean_state(states_BSD, mask_BS), None)
