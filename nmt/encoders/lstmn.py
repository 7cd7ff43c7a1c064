"""The LSTM whose memory is a tape."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from nmt.attention.base import Memory, read
from nmt.attention.normalizers import Softmax
from nmt.attention.scores import Additive
from nmt.encoders.base import Encoded, EncoderShape
from nmt.layers.dropout import Dropout
from nmt.layers.recurrent import CellState, Lstm, zero_state
from nmt.settings import Settings, shown


class TapeLayer(nn.Module):
    """a_i = v^T tanh(W_h h_i + W_x x_t + W_h~ h~_{t−1}), α = softmax(a) over i < t, [h~_t; c~_t] = Σ_i α_i [h_i; c_i];
    h_t, c_t = LSTM(x_t, h~_t, c~_t), with h~_1 = c~_1 = 0.

    It reads from left to right, so that padding after a sentence changes nothing in it.
    Cost: S LSTM steps, S²/2 scores and reads of width 2·H. Source: Cheng et al. 2016, eq. 4–9. Differs: nothing.
    """

    def __init__(self, input_size: int, size: int) -> None:
        super().__init__()
        self.cell = Lstm(input_size, size)
        self.score = Additive(input_size + size, size, size)
        self.normalizer = Softmax()

    def forward(self, input_BSI: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs h and cells c, both (B, S, H)."""
        summary = zero_state(self.cell, input_BSI[:, 0])
        written: list[Tensor] = []  # [h_i; c_i]
        keys: list[Tensor] = []  # (B, 1, A) each
        for input_BI, projected_BG in zip(input_BSI.unbind(1), self.cell.project(input_BSI).unbind(1), strict=True):
            if written:
                keys.append(self.score.prepare(written[-1][:, None, : self.cell.size]))
                query_BQ = torch.cat((input_BI, summary.output_NH), dim=-1)
                summary = self._summary(query_BQ, torch.cat(keys, dim=1), torch.stack(written, dim=1))
            state = self.cell.step(projected_BG, summary)
            assert state.cell_NH is not None
            written.append(torch.cat((state.output_NH, state.cell_NH), dim=-1))
        output_BSH, cell_BSH = torch.stack(written, dim=1).chunk(2, dim=-1)
        return output_BSH, cell_BSH

    def _summary(self, query_BQ: Tensor, keys_BTA: Tensor, tape_BTF: Tensor) -> CellState:
        """h~ and c~, read from the tape."""
        scores_B1T = self.score(query_BQ.unsqueeze(1), keys_BTA)
        mask_B1T = torch.ones_like(scores_B1T, dtype=torch.bool)
        context_B1F = read(self.normalizer(scores_B1T, mask_B1T), Memory(tape_BTF, mask_B1T)).context_BRD
        return CellState(*context_B1F.squeeze(1).chunk(2, dim=-1))


class LstmnEncoder(nn.Module):
    """LSTMs that read all of their own earlier states by attention in place of the last one; each layer reads the
    outputs of the layer below.

    Cost: S steps one after the other, each over all positions before it. Source: Cheng et al. 2016, §3.1, eq. 4–9.
    Differs: layers are stacked without the gated skip connections of §3.2.
    """

    class Options(Settings):
        """An LSTM whose memory is a tape of all its states."""

        name: Annotated[Literal["lstmn"], shown(by=TapeLayer)] = "lstmn"
        size: int = Field(256, gt=0, description="state width")
        num_layers: int = Field(1, ge=1, description="each reads the states of the layer below")

        def shape(self, input_size: int) -> EncoderShape:
            """What decoders must know of it."""
            return EncoderShape(self.size, self.num_layers, self.size, False, True)

        def build(self, input_size: int, dropout: float) -> "LstmnEncoder":
            """The encoder for embeddings of this width."""
            return LstmnEncoder(self, input_size, dropout)

    def __init__(self, options: Options, input_size: int, dropout: float) -> None:
        super().__init__()
        self.shape = options.shape(input_size)
        self.max_length: int | None = None
        self.layers = nn.ModuleList(
            TapeLayer(options.size if layer else input_size, options.size) for layer in range(options.num_layers)
        )
        self.dropout = Dropout(dropout)

    def forward(self, embedded_BSE: Tensor, mask_BS: Tensor) -> Encoded:
        """Encode padded sentences."""
        states_BSD, finals, cells = embedded_BSE, [], []
        sentence_B, last_B = torch.arange(len(mask_BS), device=mask_BS.device), mask_BS.sum(dim=1) - 1
        for layer in self.layers:
            states_BSD, cell_BSD = layer(self.dropout(states_BSD))
            finals.append(states_BSD[sentence_B, last_B])
            cells.append(cell_BSD[sentence_B, last_B])
        memory = Memory(states_BSD, mask_BS.unsqueeze(1))
        return Encoded(memory, torch.stack(finals, dim=1), torch.stack(cells, dim=1))
