"""The Transformer's decoder, all positions at once or step by step with cached keys and values."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from nmt.attention.heads import AttentionSettings, MultiHead, Prepared
from nmt.attention.scores import ScaledDot
from nmt.decoders.base import Want, reduce_heads
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
from nmt.tree import Shared


class Reader(NamedTuple):
    """Each layer's keys and values of the source, and its width S without padding to whole columns; leads with B
    sentences."""

    layers: tuple[Prepared, ...]
    mask_BRS: Tensor
    source_length: int


class State(NamedTuple):
    """Between two steps: the coming target position, from 1; the columns of the past that each of N prefixes
    descends from; and each layer's past, one a sentence."""

    step: int
    ancestors_NC: Tensor
    past: Shared


class DecoderLayer(nn.Module):
    """x ← residual(causal self-attention), x ← residual(attention to the source), x ← residual(feed-forward).

    Source: Vaswani et al. 2017, §3.1. Differs: nothing.
    """

    def __init__(self, options: TransformerSettings, size: int, memory_size: int, dropout: float) -> None:
        super().__init__()
        attention = AttentionSettings(score=ScaledDot.Options(), heads=options.heads)
        self.self_attention = MultiHead(attention, size, size, size)
        self.cross_attention = MultiHead(attention, size, memory_size, size)
        self.feed_forward = FeedForward(size, options.feed_forward_size, options.activation, dropout)
        self.looking_back = Residual(size, options.norm, dropout)
        self.attending = Residual(size, options.norm, dropout)
        self.feeding = Residual(size, options.norm, dropout)

    def forward(self, states_BRE: Tensor, past: Past | None, seen: "Seen") -> tuple[Tensor, Tensor | None, Past | None]:
        """New states of the same shape, the weights over the source if wanted, and the past with these positions."""
        query_BRE = self.looking_back.enter(states_BRE)
        positions = self.self_attention.project(query_BRE)
        if past is not None:
            past = past.append(seen.length, positions)
            positions = past.seen(seen.length + query_BRE.shape[1])
        looked_BRE = self.self_attention(query_BRE, seen.step_BR, positions, seen.mask_BRT, None, False).context_BRD
        states_BRE = self.looking_back.leave(states_BRE, looked_BRE)
        query_BRE = self.attending.enter(states_BRE)
        attended = self.cross_attention(query_BRE, seen.step_BR, seen.source, seen.source_mask_BRS, None, seen.want)
        states_BRE = self.attending.leave(states_BRE, attended.context_BRD)
        states_BRE = self.feeding.leave(states_BRE, self.feed_forward(self.feeding.enter(states_BRE)))
        return states_BRE, attended.weights_BHRS, past


class Seen(NamedTuple):
    """What one layer may look at: its own positions, `length` of them already past, and its view of the source."""

    step_BR: Tensor
    mask_BRT: Tensor
    source: Prepared
    source_mask_BRS: Tensor
    want: bool
    length: int = 0


class TransformerDecoder(nn.Module):
    """L layers of causal self-attention, attention to the source and feed-forward over √d · embedding + position.

    Cost: L·(T²·E + T·S·E + T·E·F) a sentence; one step costs one position, over cached keys and values.
    Source: Vaswani et al. 2017, §3. Differs: nothing.
    """

    class Options(TransformerSettings):
        """The Transformer's decoder."""

        def build(self, embedding_size: int, encoder: EncoderShape, dropout: float) -> "TransformerDecoder":
            """The decoder for embeddings of this width and such an encoder."""
            return TransformerDecoder(self, embedding_size, encoder, dropout)

    def __init__(self, options: Options, size: int, encoder: EncoderShape, dropout: float) -> None:
        super().__init__()
        self.hidden_size, self.num_layers, self.num_heads = size, options.num_layers, options.heads
        self.entrance = Entrance(options.positions, size, dropout)
        self.max_length = self.entrance.max_length
        self.layers = nn.ModuleList(
            DecoderLayer(options, size, encoder.memory_size, dropout) for _ in range(options.num_layers)
        )
        self.norm = final_norm(options, size)

    def _layer(self, number: int) -> DecoderLayer:
        layer = self.layers[number]
        assert isinstance(layer, DecoderLayer)
        return layer

    def prepare(self, encoded: tuple[Encoded, ...]) -> Reader:
        """Every layer's keys and values of the source, laid out for steps where no gradients are recorded."""
        source = encoded[0]
        attentions = [self._layer(number).cross_attention for number in range(self.num_layers)]
        layers = tuple(attention.prepare(source.memory, source.final_BLD[:, -1]) for attention in attentions)
        mask_BRS, length = source.memory.mask_BRS, source.memory.mask_BRS.shape[2]
        if not torch.is_grad_enabled():
            layers, mask_BRS = tuple(laid_out(layer) for layer in layers), hidden_beyond(mask_BRS)
        return Reader(layers, mask_BRS, length)

    def start(self, encoded: tuple[Encoded, ...], prepared: Reader) -> State:
        """No past."""
        none_B0 = prepared.mask_BRS[:, 0, :0]
        return State(1, none_B0, Shared(tuple(Past.empty(layer) for layer in prepared.layers)))

    def step(
        self, embedded_NE: Tensor, prepared: Reader, state: State, want: Want | None
    ) -> tuple[Tensor, Tensor | None, State]:
        """One target position for every prefix: the W prefixes of a sentence are W rows over its one past."""
        num_sentences, length = prepared.mask_BRS.shape[0], state.ancestors_NC.shape[1]
        ancestors_NC = descend(state.ancestors_NC, num_sentences)
        mask_BRT = hidden_beyond(ancestors_NC.unflatten(0, (num_sentences, -1)))
        step_R = torch.full(mask_BRT.shape[1:2], state.step, device=embedded_NE.device)
        seen = Seen(step_R.expand(mask_BRT.shape[:2]), mask_BRT, prepared.layers[0], prepared.mask_BRS, False, length)
        embedded_BRE = embedded_NE.unflatten(0, mask_BRT.shape[:2])
        states_BRE, weights_BRS, past = self._run(embedded_BRE, prepared, state.past.value, seen, want)
        weights_NS = None if weights_BRS is None else weights_BRS[..., : prepared.source_length].flatten(0, 1)
        return states_BRE.flatten(0, 1), weights_NS, State(state.step + 1, ancestors_NC, Shared(past))

    def forward(
        self, embedded_BTE: Tensor, prepared: Reader, state: State, want: Want | None
    ) -> tuple[Tensor, Tensor | None]:
        """All target positions at once, each seeing those before it."""
        num_sentences, length, _ = embedded_BTE.shape
        step_BT = torch.arange(1, length + 1, device=embedded_BTE.device).expand(num_sentences, -1)
        mask_BTT = causal_mask(length, embedded_BTE.device).expand(num_sentences, -1, -1)
        seen = Seen(step_BT, mask_BTT, prepared.layers[0], prepared.mask_BRS, False)
        states_BTE, weights_BTS, _ = self._run(embedded_BTE, prepared, (None,) * self.num_layers, seen, want)
        return states_BTE, None if weights_BTS is None else weights_BTS[..., : prepared.source_length]

    def _run(
        self,
        embedded_BRE: Tensor,
        prepared: Reader,
        pasts: tuple[Past | None, ...],
        seen: Seen,
        want: Want | None,
    ) -> tuple[Tensor, Tensor | None, tuple[Past | None, ...]]:
        """All layers, for R new positions of every sentence: steps of one target or next pieces of several."""
        states_BRE = self.entrance(embedded_BRE, seen.step_BR[:1] - 1)
        wanted = None if want is None else range(self.num_layers)[want.layer]
        weights_BRS, new_pasts = None, []
        for number, (source, past) in enumerate(zip(prepared.layers, pasts, strict=True)):
            layer_seen = seen._replace(source=source, want=number == wanted)
            states_BRE, weights_BHRS, new_past = self._layer(number)(states_BRE, past, layer_seen)
            new_pasts.append(new_past)
            if number == wanted:
                weights_BRS = reduce_heads(weights_BHRS, want)
        return self.norm(states_BRE), weights_BRS, tuple(new_pasts)
