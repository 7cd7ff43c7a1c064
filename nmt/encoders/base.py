"""What every encoder gives: all that decoders know of a source.

An encoder's Options have `shape(embedding_size)`, which says before anything is built what decoders must know of it,
and `build(embedding_size, dropout)`.
"""

from typing import NamedTuple, Protocol

from torch import Tensor

from nmt.attention.base import Memory
from nmt.attention.sources import Several


class Encoded(NamedTuple):
    """One source: the memory to attend to, and each layer's final state to start a decoder from.

    final_BLD holds the layers' last outputs (both directions side by side), cell_BLD the LSTM's inner cells.
    """

    memory: Memory
    final_BLD: Tensor
    cell_BLD: Tensor | None


class EncoderShape(NamedTuple):
    """What a decoder must know of an encoder to be built for it; and of the sources, where there are several."""

    memory_size: int
    num_layers: int
    final_size: int
    bidirectional: bool
    has_cell: bool
    several: Several | None = None


class Encoder(Protocol):
    """From embedded source pieces to what decoders need. `max_length` is the pieces of the longest source that it can
    take, end of sentence counted, None being any."""

    shape: EncoderShape
    max_length: int | None

    def __call__(self, embedded_BSE: Tensor, mask_BS: Tensor) -> Encoded:
        """Encode padded sentences."""


def mean_state(states_BSD: Tensor, mask_BS: Tensor) -> Tensor:
    """final_B1D of an encoder that ends in no last state: the mean of the sentence's states, padding left out."""
    total_B1D = states_BSD.masked_fill(~mask_BS.unsqueeze(-1), 0).sum(dim=1, keepdim=True)
    return total_B1D / mask_BS.sum(dim=1).view(-1, 1, 1)
