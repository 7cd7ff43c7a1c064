"""The convolutional decoder, with attention in every layer."""

import math
from typing import Annotated, Any, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from nmt.attention.base import Attended, Memory
from nmt.attention.heads import Attention, AttentionSettings
from nmt.attention.scores import Dot, ScoreOptions
from nmt.attention.sources import over_sources
from nmt.decoders.base import Decoded, Layers, of_layers
from nmt.encoders.base import Encoded, EncoderShape
from nmt.layers.convolution import GatedConvolution, spread
from nmt.layers.dropout import Dropout
from nmt.layers.positions import PositionOptions, Sinusoidal
from nmt.layers.transformer import Entrance
from nmt.settings import Settings, shown
from nmt.tree import map_tensors


class LayerAttention(AttentionSettings):
    """Attention = score × normalizer × scope, in `heads` heads, of queries as wide as the embeddings."""

    score: ScoreOptions = Dot.Options()


class Reader(NamedTuple):
    """What each layer prepared of the sources, and √S of each sentence, S being its source positions (of several
    sources, their mean); leads with B sentences."""

    layers: tuple[Any, ...]
    root_B11: Tensor


class State(NamedTuple):
    """Between two steps: the coming target position, from 1; the last k − 1 inputs of each layer's convolution (zeros
    before the first) and its state of attention, which lead with N rows."""

    step: int
    past: tuple[Tensor, ...]
    attention: tuple[Any, ...]


class Seen(NamedTuple):
    """The same for every layer: the embeddings with their positions, g; each query row's target position; √S."""

    embedded_NTE: Tensor
    step_BR: Tensor
    root_B11: Tensor


class DecoderLayer(nn.Module):
    """h = GLU(convolution(x)), d = W_d h + b_d + g, c = Σ_j α_j (z_j + e_j) with α = softmax(d · z),
    x ← √½ · (x + √½ · (h + W_c √S c + b_c)).

    Source: Gehring et al. 2017, §3.2–3.5. Differs: d is made of h before the residual sum, and h + c is multiplied by
    √½, as in the authors' program; c is mapped to the convolutions' width.
    """

    def __init__(self, options: "ConvDecoder.Options", size: int, encoder: EncoderShape, dropout: float) -> None:
        super().__init__()
        self.convolution = GatedConvolution(options.size, options.width, dropout)
        self.query = spread(nn.Linear(options.size, size))
        self.attention: Attention = over_sources(
            lambda: options.attention.build(size, size, encoder.final_size), size, encoder.several
        )
        self.context = spread(nn.Linear(size, options.size))
        self.dropout = Dropout(dropout)

    def forward(
        self, states_NTF: Tensor, past_NWF: Tensor, source: Any, state: Any, seen: Seen, want: bool
    ) -> tuple[Tensor, Tensor, Attended]:
        """New states of the same shape, the past of the next positions, and what was read of the source."""
        inputs = torch.cat((past_NWF, self.dropout(states_NTF)), dim=1)
        gated_NTF = self.convolution(inputs)
        query_BRE = (self.query(gated_NTF) + seen.embedded_NTE).reshape(*seen.step_BR.shape, -1)
        attended: Attended = self.attention(query_BRE, seen.step_BR, source, state, want)
        context_BRF = self.context(attended.context_BRD * seen.root_B11)
        block_NTF = math.sqrt(0.5) * (gated_NTF + context_BRF.view(gated_NTF.shape))
        return math.sqrt(0.5) * (states_NTF + block_NTF), inputs[:, states_NTF.shape[1] :], attended


class ConvDecoder(nn.Module):
    """g = embedding + position / √d; L layers, each a gated convolution over a target position and the k − 1 before it
    and attention to the source, between linear maps d → C and C → d. g is short, so that attention begins with nearly
    equal weights: then √S c varies as much as what it is the mean of, and layers keep the size of their states.

    Cost: L·(2·k·C² + 2·d·C + 2·S·d) multiplications a position; one step costs one position, over the last k − 1 inputs
    of every layer. Source: Gehring et al. 2017, §3. Differs: weights are not normalised; waves are the positions
    unless learned ones are asked for; states of another width than d are mapped to d, once for all layers.
    """

    class Options(Settings):
        """Gated causal convolutions, with attention in every layer."""

        name: Annotated[Literal["conv"], shown(by=(DecoderLayer, GatedConvolution))] = "conv"
        size: int = Field(256, gt=0, description="width C between the convolutions")
        num_layers: int = Field(4, ge=1, description="each sees `width` states of the layer below, and the source")
        width: int = Field(3, ge=1, description="states a convolution sees: a position's and those before it")
        positions: PositionOptions = Sinusoidal.Options()
        attention: LayerAttention = Field(LayerAttention(), description="to the source, in every layer")

        def build(
            self, embedding_size: int, encoder: EncoderShape, dropout: float, scored: bool = True
        ) -> "ConvDecoder":
            """The decoder for embeddings of this width and such an encoder, whose last layer is there to be scored."""
            return ConvDecoder(self, embedding_size, encoder, dropout)

    def __init__(self, options: Options, size: int, encoder: EncoderShape, dropout: float) -> None:
        super().__init__()
        self.hidden_size = self.state_size = self.context_size = size
        self.num_layers, self.num_heads = options.num_layers, options.attention.heads
        self.entrance = Entrance(options.positions, size, dropout)
        self.max_length = self.entrance.max_length
        fits = encoder.memory_size == size
        self.memory = nn.Identity() if fits else spread(nn.Linear(encoder.memory_size, size))
        self.enter = spread(nn.Linear(size, options.size), 1 - dropout)
        self.layers = nn.ModuleList(DecoderLayer(options, size, encoder, dropout) for _ in range(options.num_layers))
        self.leave = spread(nn.Linear(options.size, size))
        self.dropout = Dropout(dropout)

    def _layer(self, number: int) -> DecoderLayer:
        layer = self.layers[number]
        assert isinstance(layer, DecoderLayer)
        return layer

    def prepare(self, encoded: tuple[Encoded, ...]) -> Reader:
        """What every layer needs of the sources."""
        memories, final_BD = tuple(self._mapped(source.memory) for source in encoded), encoded[0].final_BLD[:, -1]
        attentions = [self._layer(number).attention for number in range(self.num_layers)]
        length_B11 = (
            torch.stack([memory.mask_BRS.sum(dim=-1, keepdim=True) for memory in memories]).double().mean(dim=0)
        )
        layers = tuple(attention.prepare(memories, final_BD) for attention in attentions)
        return Reader(layers, length_B11.sqrt().to(final_BD.dtype))

    def _mapped(self, memory: Memory) -> Memory:
        values_BSD = None if memory.values_BSD is None else self.memory(memory.values_BSD)
        return Memory(self.memory(memory.states_BSD), memory.mask_BRS, values_BSD)

    def start(self, encoded: tuple[Encoded, ...], prepared: Reader) -> State:
        """Zeros before the first position; nothing attended yet."""
        rows_B1F = prepared.root_B11.new_zeros(len(prepared.root_B11), 1, self.enter.out_features)
        past_BWF = rows_B1F.repeat(1, self._layer(0).convolution.width - 1, 1)
        numbers = range(self.num_layers)
        attention = tuple(self._layer(number).attention.start(prepared.layers[number]) for number in numbers)
        return State(1, (past_BWF,) * self.num_layers, attention)

    def step(self, embedded_NE: Tensor, prepared: Reader, state: State, layers: Layers) -> tuple[Decoded, State]:
        """One target position for every hypothesis: those of a sentence are rows over its one memory."""
        decoded, state = self._run(embedded_NE.unsqueeze(1), prepared, state, layers)
        return map_tensors(lambda rows: rows.squeeze(1), decoded), state

    def forward(self, embedded_BTE: Tensor, prepared: Reader, state: State, layers: Layers) -> Decoded:
        """All target positions at once, each seeing those before it."""
        return self._run(embedded_BTE, prepared, state, layers)[0]

    def _run(self, embedded_NTE: Tensor, prepared: Reader, state: State, layers: Layers) -> tuple[Decoded, State]:
        """All layers, for T new positions of N rows."""
        num_rows, length, _ = embedded_NTE.shape
        positions = range(state.step - 1, state.step - 1 + length)
        step_T = torch.arange(state.step, state.step + length, device=embedded_NTE.device)
        step_BR = step_T.repeat(num_rows).view(len(prepared.root_B11), -1)
        embedded_NTE = self.entrance(embedded_NTE, positions) / math.sqrt(embedded_NTE.shape[-1])
        seen = Seen(embedded_NTE, step_BR, prepared.root_B11)
        states_NTF, pasts, read = self.enter(seen.embedded_NTE), [], list[Attended]()
        for number, source in enumerate(prepared.layers):
            states_NTF, past_NWF, attended = self._layer(number)(
                states_NTF, state.past[number], source, state.attention[number], seen, number in layers
            )
            pasts.append(past_NWF)
            read.append(attended)
        hidden_NTE = self.dropout(self.leave(states_NTF))
        of_rows = (read[-1].context_BRD, *of_layers(read, layers))
        of_rows = map_tensors(lambda rows: rows.reshape(num_rows, length, *rows.shape[2:]), of_rows)
        state = State(state.step + length, tuple(pasts), tuple(attended.state for attended in read))
        return Decoded(hidden_NTE, hidden_NTE, *of_rows), state
