"""What every encoder gives: all that decoders know of a source."""

from typing import NamedTuple, Protocol

from torch import Tensor

from nmt.attention.base import Memory


class Encoded(NamedTuple):
    """One source: the memory to attend to, and each layer's final state to start a decoder from.

    final_BLD holds the layers' last outputs (both directions side by side), cell_BLD the LSTM's inner cells.
    """

    memory: Memory
    final_BLD: Tensor
    cell_BLD: Tensor | None


class EncoderShape(NamedTuple):
    """What a decoder must know of an encoder to be built for it."""

    memory_size: int
    num_layers: int
    final_size: int
    bidirectional: bool
    has_cell: bool


class Encoder(Protocol):
    """From embedded source pieces to what decoders need. `max_length` is the pieces of the longest source that it can
    take, end of sentence counted, None being any."""

    shape: EncoderShape
    max_length: int | None

    def __call__(self, embedded_BSE: Tensor, mask_BS: Tensor) -> Encoded:
        """Encode padded sentences."""
