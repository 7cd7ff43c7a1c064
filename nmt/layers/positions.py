"""Position encodings: where a piece stands, added to what it is."""

import math
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from nmt.settings import Settings, choice


class Sinusoidal(nn.Module):
    """PE(pos, 2i) = sin(pos / 10000^(2i/d)), PE(pos, 2i + 1) = cos(the same); pos counts from 0. No parameters.

    Source: Vaswani et al. 2017, §3.5. Differs: nothing.
    """

    max_length: int | None = None

    class Options(Settings):
        """Fixed waves; any length."""

        name: Literal["sinusoidal"] = "sinusoidal"

        def build(self, size: int) -> "Sinusoidal":
            """The encoding of this width."""
            return Sinusoidal(size)

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, positions: Tensor) -> Tensor:
        """Encodings (…, E) of positions counted from 0, in float64: to be rounded to the embeddings' type."""
        even = torch.arange(0, self.size, 2, device=positions.device, dtype=torch.float64)
        angle = positions.unsqueeze(-1).double() * torch.exp(even * (-math.log(10000.0) / self.size))
        return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(-2)[..., : self.size]


class Learned(nn.Module):
    """A vector of its own for each position up to `max_positions`, which who calls it keeps to.

    Source: Gehring et al. 2017, §3.1. Differs: the table starts from N(0, 0.02²), theirs from N(0, 0.1²).
    """

    class Options(Settings):
        """A table; no sentence may be longer than it."""

        name: Literal["learned"] = "learned"
        max_positions: int = Field(512, gt=0, description="pieces of the longest sentence, end of sentence counted")

        def build(self, size: int) -> "Learned":
            """The table for this width."""
            return Learned(self.max_positions, size)

    def __init__(self, max_positions: int, size: int) -> None:
        super().__init__()
        self.max_length: int | None = max_positions
        self.table = nn.Embedding(max_positions, size)
        nn.init.normal_(self.table.weight, std=0.02)

    def forward(self, positions: Tensor) -> Tensor:
        """Encodings (…, E) of positions counted from 0."""
        encodings: Tensor = self.table(positions)
        return encodings


PositionOptions = Annotated[Sinusoidal.Options | Learned.Options, choice()]
