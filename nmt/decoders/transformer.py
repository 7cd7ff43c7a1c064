"""The Transformer's decoder, all positions at once or step by step with cached keys and values."""

from typing import Annotated, Any, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from nmt.attention.base import Attended
from nmt.attention.heads import Attention, Mechanism, MultiHead, Prepared
from nmt.attention.sources import over_sources
from nmt.decoders.base import Decoded, Layers, of_layers
from nmt.decoders.past import Past, descend, hidden_beyond, laid_out
from nmt.encoders.base import Encoded, EncoderShape
from nmt.layers.transformer import (
    Entrance,
    FeedForward,
    Residual,
    TransformerSettings,
    causal_mask,
    final_norm,
)
from nmt.settings import shown
from nmt.tree import Shared, map_tensors


class Reader(NamedTuple):
    """What each layer prepared of the sources; leads with B sentences. `source_length` is the first source's width S
    without padding to whole columns."""

    layers: tuple[Any, ...]
    mask_BRS: Tensor
    source_length: int


class State(NamedTuple):
    """Between two steps: the coming target position, from 1; the columns of the past that each of N prefixes
    descends from; each layer's past, one a sentence; and its state of attention to the source."""

    step: int
    ancestors_NC: Tensor
    past: Shared
    attention: tuple[Any, ...]


class DecoderLayer(nn.Module):
    """x ← residual(causal self-attention), x ← residual(attention to the source), x ← residual(feed-forward).

    Source: Vaswani et al. 2017, §3.1. Differs: nothing.
    """

    def __init__(self, options: "TransformerDecoder.Options", size: int, encoder: EncoderShape, dropout: float) -> None:
        super().__init__()
        self.self_attention = MultiHead(options.self_attention, options.heads, size, size, size)
        self.cross_attention: Attention = over_sources(
            lambda: MultiHead(options.attention, options.heads, size, encoder.memory_size, size), size, encoder.several
        )
        self.feed_forward = FeedForward(size, options.feed_forward_size, options.activation, dropout)
        self.looking_back = Residual(size, options.norm, dropout)
        self.attending = Residual(size, options.norm, dropout)
        self.feeding = Residual(size, options.norm, dropout)

    def forward(
        self, states_BRE: Tensor, past: Past | None, source: Any, state: Any, seen: "Seen"
    ) -> tuple[Tensor, Attended, Past | None]:
        """New states of the same shape, what was read of the source, and the past with these positions."""
        query_BRE = self.looking_back.enter(states_BRE)
        keys, values = self.self_attention.project(query_BRE, query_BRE)
        if past is not None:
            past = past.append(seen.length, keys, values)
            keys, values = past.seen(seen.length + query_BRE.shape[1])
        positions = Prepared(keys, values, seen.mask_BRT)
        looked_BRE = self.self_attention(query_BRE, seen.step_BR, positions, None, False).context_BRD
        states_BRE = self.looking_back.leave(states_BRE, looked_BRE)
        query_BRE = self.attending.enter(states_BRE)
        attended: Attended = self.cross_attention(query_BRE, seen.step_BR, source, state, seen.want)
        states_BRE = self.attending.leave(states_BRE, attended.context_BRD)
        states_BRE = self.feeding.leave(states_BRE, self.feed_forward(self.feeding.enter(states_BRE)))
        return states_BRE, attended, past


class Seen(NamedTuple):
    """What one layer may look at of the target: its own positions, `length` of them already past; and whether its
    weights over the source are wanted."""

    step_BR: Tensor
    mask_BRT: Tensor
    length: int = 0
    want: bool = False


class TransformerDecoder(nn.Module):
    """L layers of causal self-attention, attention to the source and feed-forward over √d · embedding + position.

    Cost: L·(T²·E + T·S·E + T·E·F) a sentence; one step costs one position, over cached keys and values.
    Source: Vaswani et al. 2017, §3. Differs: nothing.
    """

    class Options(TransformerSettings):
        """The Transformer's decoder."""

        name: Annotated[Literal["transformer"], shown(by=(DecoderLayer, Residual, FeedForward))] = "transformer"
        self_attention: Mechanism = Field(Mechanism(), description="of each target position to those before it")
        attention: Annotated[Mechanism, shown("transformer_additive", "transformer_cosine", "transformer_local")] = (
            Field(Mechanism(), description="to the source, in every layer")
        )

        def build(
            self, embedding_size: int, encoder: EncoderShape, dropout: float, scored: bool = True
        ) -> "TransformerDecoder":
            """The decoder for embeddings of this width and such an encoder, whose last layer is there to be scored."""
            return TransformerDecoder(self, embedding_size, encoder, dropout)

    def __init__(self, options: Options, size: int, encoder: EncoderShape, dropout: float) -> None:
        super().__init__()
        self.hidden_size = self.state_size = self.context_size = size
        self.num_layers, self.num_heads = options.num_layers, options.heads
        self.entrance = Entrance(options.positions, size, dropout)
        self.max_length = self.entrance.max_length
        self.layers = nn.ModuleList(DecoderLayer(options, size, encoder, dropout) for _ in range(options.num_layers))
        self.norm = final_norm(options, size)

    def _layer(self, number: int) -> DecoderLayer:
        layer = self.layers[number]
        assert isinstance(layer, DecoderLayer)
        return layer

    def prepare(self, encoded: tuple[Encoded, ...]) -> Reader:
        """What every layer needs of the sources, laid out for steps where no gradients are recorded."""
        memories, final_BD = tuple(source.memory for source in encoded), encoded[0].final_BLD[:, -1]
        attentions = [self._layer(number).cross_attention for number in range(self.num_layers)]
        layers = tuple(attention.prepare(memories, final_BD) for attention in attentions)
        if not torch.is_grad_enabled():
            layers = tuple(laid_out(layer) for layer in layers)
        mask_BRS = memories[0].mask_BRS
        return Reader(layers, mask_BRS, mask_BRS.shape[2])

    def start(self, encoded: tuple[Encoded, ...], prepared: Reader) -> State:
        """No past; nothing attended yet."""
        numbers, mask_BRS = range(self.num_layers), prepared.mask_BRS
        none_B0E = encoded[0].final_BLD.new_zeros(len(mask_BRS), 0, self.hidden_size)
        empty = (self._layer(number).self_attention.project(none_B0E, none_B0E) for number in numbers)
        attention = tuple(self._layer(number).cross_attention.start(prepared.layers[number]) for number in numbers)
        return State(1, mask_BRS[:, 0, :0], Shared(tuple(Past.empty(*like) for like in empty)), attention)

    def step(self, embedded_NE: Tensor, prepared: Reader, state: State, layers: Layers) -> tuple[Decoded, State]:
        """One target position for every prefix: the W prefixes of a sentence are W rows over its one past."""
        num_sentences, length = prepared.mask_BRS.shape[0], state.ancestors_NC.shape[1]
        ancestors_NC = descend(state.ancestors_NC, num_sentences)
        mask_BRT = hidden_beyond(ancestors_NC.unflatten(0, (num_sentences, -1)))
        step_R = torch.full(mask_BRT.shape[1:2], state.step, device=embedded_NE.device)
        seen = Seen(step_R.expand(mask_BRT.shape[:2]), mask_BRT, length)
        embedded_BRE = embedded_NE.unflatten(0, mask_BRT.shape[:2])
        states_BRE = self.entrance(embedded_BRE, range(state.step - 1, state.step))
        decoded, past, attention = self._run(states_BRE, prepared, state, seen, layers)
        return map_tensors(lambda rows: rows.flatten(0, 1), decoded), State(
            state.step + 1, ancestors_NC, Shared(past), attention
        )

    def forward(self, embedded_BTE: Tensor, prepared: Reader, state: State, layers: Layers) -> Decoded:
        """All target positions at once, each seeing those before it."""
        num_sentences, length, _ = embedded_BTE.shape
        step_BT = torch.arange(1, length + 1, device=embedded_BTE.device).expand(num_sentences, -1)
        mask_BTT = causal_mask(length, embedded_BTE.device).expand(num_sentences, -1, -1)
        without_past = state._replace(past=Shared((None,) * self.num_layers))
        states_BTE = self.entrance(embedded_BTE, range(length))
        decoded, _, _ = self._run(states_BTE, prepared, without_past, Seen(step_BT, mask_BTT), layers)
        return decoded

    def _run(
        self, states_BRE: Tensor, prepared: Reader, state: State, seen: Seen, layers: Layers
    ) -> tuple[Decoded, tuple[Past | None, ...], tuple[Any, ...]]:
        """All layers, for R new positions of every sentence: steps of one target or next pieces of several."""
        pasts, read = [], list[Attended]()
        for number, source in enumerate(prepared.layers):
            layer_seen = seen._replace(want=number in layers)
            states_BRE, attended, past = self._layer(number)(
                states_BRE, state.past.value[number], source, state.attention[number], layer_seen
            )
            pasts.append(past)
            read.append(attended)
        weights, terms = of_layers(read, layers)
        weights = {number: layer_BRHS[..., : prepared.source_length] for number, layer_BRHS in weights.items()}
        hidden_BRE = self.norm(states_BRE)
        decoded = Decoded(hidden_BRE, hidden_BRE, read[-1].context_BRD, weights, terms)
        return decoded, tuple(pasts), tuple(attended.state for attended in read)
