"""Bridges: from an encoder's final states to the first state of a recurrent decoder.

Decoder layer l starts from encoder layer l, or from the encoder's top layer where it has fewer.
"""

from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from nmt.encoders.base import Encoded, EncoderShape
from nmt.errors import ConfigError
from nmt.layers.recurrent import CellState
from nmt.settings import Settings, choice


class Dense(nn.Module):
    """s_0 = tanh(W f + b) of the final state f, both directions side by side; an LSTM's cell
    likewise, with a W of its own.

    Cost: once a sentence. Source: Bahdanau et al. 2015, A.2.2. Differs: it reads the whole final state.
    """

    class Options(Settings):
        """A learned map of the whole final state."""

        name: Literal["dense"] = "dense"

        def build(self, encoder: EncoderShape, size: int, num_layers: int, has_cell: bool) -> "Dense":
            """The bridge from such an encoder to layers of this width."""
            return Dense(encoder.final_size, size, num_layers, has_cell)

    def __init__(self, final_size: int, size: int, num_layers: int, has_cell: bool) -> None:
        super().__init__()
        self.outputs = nn.ModuleList(nn.Linear(final_size, size) for _ in range(num_layers))
        self.cells = nn.ModuleList(nn.Linear(final_size, size) for _ in range(num_layers if has_cell else 0))

    def forward(self, encoded: Encoded) -> tuple[CellState, ...]:
        """The first state of every layer."""
        final_BLD = encoded.final_BLD
        cell_BLD = final_BLD if encoded.cell_BLD is None else encoded.cell_BLD
        outputs = self._map(self.outputs, final_BLD)
        cells = self._map(self.cells, cell_BLD) if len(self.cells) else [None] * len(outputs)
        return tuple(CellState(output, cell) for output, cell in zip(outputs, cells, strict=True))

    def _map(self, maps: nn.ModuleList, final_BLD: Tensor) -> list[Tensor]:
        top = final_BLD.shape[1] - 1
        return [
            torch.tanh(linear(final_BLD[:, min(layer, top)])).to(final_BLD.dtype) for layer, linear in enumerate(maps)
        ]


class Backward(Dense):
    """s_0 = tanh(W_s h←_1): only the backward direction's last state, which has just read the first word.

    Cost: once a sentence. Raises: ConfigError when the encoder has no backward direction.
    Source: Bahdanau et al. 2015, A.2.2. Differs: nothing.
    """

    class Options(Settings):
        """A learned map of the backward direction's final state."""

        name: Literal["backward"] = "backward"

        def build(self, encoder: EncoderShape, size: int, num_layers: int, has_cell: bool) -> "Backward":
            """The bridge from such an encoder to layers of this width."""
            if not encoder.bidirectional:
                raise ConfigError(
                    "bridge 'backward' needs a bidirectional encoder",
                    "use 'dense', or set encoder.bidirectional: true",
                )
            return Backward(encoder.final_size // 2, size, num_layers, has_cell)

    def forward(self, encoded: Encoded) -> tuple[CellState, ...]:
        """The first state of every layer."""
        half = encoded.final_BLD.shape[-1] // 2
        cell_BLD = None if encoded.cell_BLD is None else encoded.cell_BLD[..., half:]
        return super().forward(Encoded(encoded.memory, encoded.final_BLD[..., half:], cell_BLD))


class Copy(nn.Module):
    """s_0 = the encoder's final state (and cell), layer by layer.

    Cost: nothing. Raises: ConfigError unless layers, widths and cells of both sides agree.
    Source: Sutskever et al. 2014; Luong et al. 2015. Differs: nothing.
    """

    class Options(Settings):
        """The final state as it is."""

        name: Literal["copy"] = "copy"

        def build(self, encoder: EncoderShape, size: int, num_layers: int, has_cell: bool) -> "Copy":
            """The bridge from such an encoder to layers of this width."""
            theirs = (encoder.num_layers, encoder.final_size, encoder.has_cell)
            if theirs != (num_layers, size, has_cell):
                raise ConfigError(
                    f"bridge 'copy' needs equal states: the encoder has {encoder.num_layers} layers of width "
                    f"{encoder.final_size}, the decoder {num_layers} of width {size}, with cells of one kind",
                    "use 'dense', or make decoder.size the encoder's size times its directions",
                )
            return Copy()

    def forward(self, encoded: Encoded) -> tuple[CellState, ...]:
        """The first state of every layer."""
        outputs = encoded.final_BLD.unbind(dim=1)
        cells = [None] * len(outputs) if encoded.cell_BLD is None else encoded.cell_BLD.unbind(dim=1)
        return tuple(CellState(output, cell) for output, cell in zip(outputs, cells, strict=True))


class Zero(nn.Module):
    """s_0 = 0: what the decoder knows of the source, it must attend to. Cost: nothing."""

    class Options(Settings):
        """Zeros."""

        name: Literal["zero"] = "zero"

        def build(self, encoder: EncoderShape, size: int, num_layers: int, has_cell: bool) -> "Zero":
            """The bridge to layers of this width."""
            return Zero(size, num_layers, has_cell)

    def __init__(self, size: int, num_layers: int, has_cell: bool) -> None:
        super().__init__()
        self.size, self.num_layers, self.has_cell = size, num_layers, has_cell

    def forward(self, encoded: Encoded) -> tuple[CellState, ...]:
        """The first state of every layer."""
        zeros_BH = encoded.final_BLD.new_zeros(encoded.final_BLD.shape[0], self.size)
        return (CellState(zeros_BH, zeros_BH if self.has_cell else None),) * self.num_layers


BridgeOptions = Annotated[Dense.Options | Backward.Options | Copy.Options | Zero.Options, choice()]
