"""What both sides of the Transformer are made of: residual sub-layers, feed-forward layers, and their options."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from nmt.errors import DataError
from nmt.layers.dropout import Dropout
from nmt.layers.positions import PositionOptions, Sinusoidal
from nmt.settings import Settings


class TransformerSettings(Settings):
    """What encoder and decoder of a Transformer have in common; their width is the embeddings'."""

    name: Literal["transformer"] = "transformer"
    num_layers: int = Field(6, ge=1, description="each reads the states of the layer below")
    heads: int = Field(8, ge=1, description="must divide model.embedding_size")
    feed_forward_size: int = Field(2048, gt=0, description="inner width of each feed-forward sub-layer")
    norm: Literal["pre", "post"] = Field("post", description="layer norm before each sub-layer, or after its residual")
    activation: Literal["relu", "gelu"] = Field("relu", description="between the two products of a feed-forward")
    positions: PositionOptions = Sinusoidal.Options()


class FeedForward(nn.Module):
    """FFN(x) = W_2 max(0, W_1 x + b_1) + b_2, at each position alike (or GELU in place of the maximum).

    Cost: 2·E·F multiplications a position. Source: Vaswani et al. 2017, eq. 2. Differs: nothing.
    """

    def __init__(self, size: int, hidden_size: int, activation: Literal["relu", "gelu"], dropout: float) -> None:
        super().__init__()
        self.inner = nn.Linear(size, hidden_size)
        self.outer = nn.Linear(hidden_size, size)
        self.rectified = activation == "relu"
        self.dropout = Dropout(dropout)
        for layer in (self.inner, self.outer):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, states_BRE: Tensor) -> Tensor:
        """States of the same shape."""
        # Rows in place of (B, R): what is rectified in its place is no view then, whose way back would copy.
        inner_MF: Tensor = self.inner(states_BRE.flatten(0, -2))
        active_MF = self.dropout.rectified(inner_MF) if self.rectified else self.dropout(functional.gelu(inner_MF))
        result: Tensor = self.outer(active_MF)
        return result.view(states_BRE.shape)


class Residual(nn.Module):
    """norm(x + dropout(f(x))) for `post`, x + dropout(f(norm(x))) for `pre`.

    Source: Vaswani et al. 2017, §3.1 and §5.4 (post); Xiong et al. 2020 (pre). Differs: nothing.
    """

    def __init__(self, size: int, norm: Literal["pre", "post"], dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.norm_first = norm == "pre"
        self.dropout = Dropout(dropout)

    def enter(self, states_BRE: Tensor) -> Tensor:
        """What the sub-layer f reads."""
        read_BRE: Tensor = self.norm(states_BRE) if self.norm_first else states_BRE
        return read_BRE

    def leave(self, states_BRE: Tensor, change_BRE: Tensor) -> Tensor:
        """The states after f has answered with `change_BRE`."""
        states_BRE = self.dropout.added(states_BRE, change_BRE)
        left_BRE: Tensor = states_BRE if self.norm_first else self.norm(states_BRE)
        return left_BRE


class Entrance(nn.Module):
    """Embedding + position, then dropout. Raises: DataError for a position that the model does not have.

    Source: Vaswani et al. 2017, §3.5, §5.4. Differs: nothing (√d · embedding is what the model hands in).
    """

    def __init__(self, positions: PositionOptions, size: int, dropout: float) -> None:
        super().__init__()
        self.positions = positions.build(size)
        self.max_length = self.positions.max_length
        self.dropout = Dropout(dropout)

    def forward(self, embedded_BRE: Tensor, positions: range) -> Tensor:
        """States of the same shape. `positions` count from 0: one for each of the R rows, or one for all of them."""
        if self.max_length is not None and positions.stop > self.max_length:
            raise DataError(
                f"a sentence has more than the model's {self.max_length} positions",
                "shorten it, or train with a larger positions.max_positions",
            )
        position_R = torch.arange(positions.start, positions.stop, positions.step, device=embedded_BRE.device)
        states_BRE: Tensor = self.dropout(embedded_BRE + self.positions(position_R).to(embedded_BRE.dtype))
        return states_BRE


def final_norm(options: TransformerSettings, size: int) -> nn.Module:
    """The norm after the last layer: pre-norm stacks need one, post-norm stacks end with their own."""
    return nn.LayerNorm(size) if options.norm == "pre" else nn.Identity()


def causal_mask(length: int, device: torch.device) -> Tensor:
    """mask_1TT: position t may attend to positions 1…t."""
    return torch.ones(1, length, length, dtype=torch.bool, device=device).tril()
