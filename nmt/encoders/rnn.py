"""Recurrent encoders."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from nmt.attention.base import Memory
from nmt.encoders.base import Encoded, EncoderShape
from nmt.layers.dropout import Dropout
from nmt.layers.recurrent import Cell, CellOptions, CellState, Gru, unroll, zero_state
from nmt.settings import Settings


class RnnEncoder(nn.Module):
    """h_j = cell(h_{j−1}, x_j), in one direction or both: [h→_j; h←_j]; each layer reads the one below.

    Cost: S steps one after the other. Source: Cho et al. 2014; Sutskever et al. 2014 (layers, `reverse`); Bahdanau et
    al. 2015, A.2.1 (both directions). Differs: nothing.
    """

    class Options(Settings):
        """A recurrent encoder."""

        name: Literal["rnn"] = "rnn"
        cell: CellOptions = Gru.Options()
        size: int = Field(256, gt=0, description="state width of each direction")
        num_layers: int = Field(1, ge=1, description="each reads the states of the layer below")
        bidirectional: bool = Field(True, description="read the source from right to left, too")
        reverse: bool = Field(False, description="read the source from right to left (one direction only)")

        def shape(self, input_size: int) -> EncoderShape:
            """What decoders must know of it."""
            width = self.size * (1 + self.bidirectional)
            return EncoderShape(width, self.num_layers, width, self.bidirectional, self.cell.has_cell)

        def build(self, input_size: int, dropout: float) -> "RnnEncoder":
            """The encoder for embeddings of this width."""
            return RnnEncoder(self, input_size, dropout)

    def __init__(self, options: Options, input_size: int, dropout: float) -> None:
        super().__init__()
        self.directions = (False, True) if options.bidirectional else (options.reverse,)
        self.shape = options.shape(input_size)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                options.cell.build(self.shape.memory_size if layer else input_size, options.size)
                for _ in self.directions
            )
            for layer in range(options.num_layers)
        )
        self.max_length: int | None = None
        self.dropout = Dropout(dropout)

    def _cell(self, layer: int, direction: int) -> Cell:
        cell: Cell = self.layers[layer][direction]  # type: ignore[index]
        return cell

    def forward(self, embedded_BSE: Tensor, mask_BS: Tensor) -> Encoded:
        """Encode padded sentences."""
        states_BSD, finals = embedded_BSE, []
        for layer in range(len(self.layers)):
            states_BSD, final = self._layer(layer, self.dropout(states_BSD), mask_BS)
            finals.append(final)
        final_BLD = torch.stack([final.output_NH for final in finals], dim=1)
        cells = [final.cell_NH for final in finals if final.cell_NH is not None]
        return Encoded(
            Memory(states_BSD, mask_BS.unsqueeze(1)), final_BLD, torch.stack(cells, dim=1) if cells else None
        )

    def _layer(self, layer: int, input_BSI: Tensor, mask_BS: Tensor) -> tuple[Tensor, CellState]:
        """All directions of one layer, side by side."""
        outputs, finals = [], []
        for number, reverse in enumerate(self.directions):
            cell = self._cell(layer, number)
            output_BSH, final = unroll(cell, input_BSI, zero_state(cell, input_BSI[:, 0]), mask_BS, reverse)
            outputs.append(output_BSH)
            finals.append(final)
        cells = [final.cell_NH for final in finals if final.cell_NH is not None]
        joined = CellState(
            torch.cat([final.output_NH for final in finals], dim=-1),
            torch.cat(cells, dim=-1) if cells else None,
        )
        return torch.cat(outputs, dim=-1), joined
