"""The convolutional encoder."""

import math
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from nmt.attention.base import Memory
from nmt.encoders.base import Encoded, EncoderShape, mean_state
from nmt.layers.convolution import GatedConvolution, spread
from nmt.layers.dropout import Dropout
from nmt.layers.positions import PositionOptions, Sinusoidal
from nmt.layers.transformer import Entrance
from nmt.settings import Settings, shown


class ConvEncoder(nn.Module):
    """e = embedding + position / √d; L layers x ← √½ · (x + gated convolution(x)) between linear maps d → C and C → d
    give z: the keys of the memory are z_j, its values z_j + e_j. Zeros stand beyond the sentence.

    Cost: L·2·k·C² multiplications a position, all positions at once. Source: Gehring et al. 2017, §3.1–3.3.
    Differs: there is a final state, which recurrent decoders start from: the mean of the z_j. Gradients are not scaled
    by the number of the decoder's layers; waves are the positions unless learned ones are asked for.
    """

    class Options(Settings):
        """Gated convolutions."""

        name: Annotated[Literal["conv"], shown(by=GatedConvolution)] = "conv"
        size: int = Field(256, gt=0, description="width C between the convolutions")
        num_layers: int = Field(4, ge=1, description="each sees `width` states of the layer below")
        width: int = Field(3, ge=1, description="states a convolution sees; of an even number, one more to the right")
        positions: PositionOptions = Sinusoidal.Options()

        def shape(self, input_size: int) -> EncoderShape:
            """What decoders must know of it."""
            return EncoderShape(input_size, 1, input_size, False, False)

        def build(self, input_size: int, dropout: float) -> "ConvEncoder":
            """The encoder for embeddings of this width."""
            return ConvEncoder(self, input_size, dropout)

    def __init__(self, options: Options, input_size: int, dropout: float) -> None:
        super().__init__()
        self.shape = options.shape(input_size)
        self.entrance = Entrance(options.positions, input_size, dropout)
        self.max_length = self.entrance.max_length
        self.enter = spread(nn.Linear(input_size, options.size), 1 - dropout)
        self.layers = nn.ModuleList(
            GatedConvolution(options.size, options.width, dropout) for _ in range(options.num_layers)
        )
        self.sides = ((options.width - 1) // 2, options.width // 2)
        self.dropout = Dropout(dropout)
        self.leave = spread(nn.Linear(options.size, input_size))

    def forward(self, embedded_BSE: Tensor, mask_BS: Tensor) -> Encoded:
        """Encode padded sentences."""
        embedded_BSE = self.entrance(embedded_BSE, range(embedded_BSE.shape[1])) / math.sqrt(embedded_BSE.shape[-1])
        states_BSF, mask_BS1 = self.enter(embedded_BSE), mask_BS.unsqueeze(-1)
        for layer in self.layers:
            read_BSF = self.dropout(states_BSF) * mask_BS1
            gated_BSF = layer(functional.pad(read_BSF, (0, 0, *self.sides)))
            states_BSF = math.sqrt(0.5) * (states_BSF + gated_BSF)
        keys_BSE = self.leave(states_BSF)
        memory = Memory(keys_BSE, mask_BS.unsqueeze(1), keys_BSE + embedded_BSE)
        return Encoded(memory, mean_state(keys_BSE, mask_BS), None)
