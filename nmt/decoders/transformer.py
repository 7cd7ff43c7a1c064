"""The Transformer's decoder, all positions at once or step by step with cached keys and values."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from nmt.attention.heads import AttentionSettings, MultiHead, Prepared
from nmt.attention.scores import ScaledDot
from nmt.decoders.base import Want, reduce_heads
from nmt.encoders.base import Encoded, EncoderShape
from nmt.layers.transformer import (
    Entrance,
    FeedForward,
    Residual,
    TransformerSettings,
    causal_mask,
    final_norm,
)


class Reader(NamedTuple):
    """Each layer's keys and values of the source; leads with B sentences."""

    layers: tuple[Prepared, ...]
    mask_BRS: Tensor


class State(NamedTuple):
    """Between two steps; leads with N rows: the coming target position, from 1, and each layer's past."""

    step_N: Tensor
    past: tuple[Prepared | None, ...]


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

    def forward(
        self, states_NRE: Tensor, past: Prepared | None, seen: "Seen"
    ) -> tuple[Tensor, Tensor | None, Prepared]:
        """New states of the same shape, the weights over the source if wanted, and the past with these positions."""
        query_NRE = self.looking_back.enter(states_NRE)
        past = self.remember(query_NRE, past)
        looked_NRE = self.self_attention(query_NRE, seen.step_NR, past, seen.mask_NRT, None, False).context_BRD
        states_NRE = self.looking_back.leave(states_NRE, looked_NRE)
        # All rows of a sentence, K hypotheses or T positions, ask its one memory together.
        query_BRE = self.attending.enter(states_NRE).reshape(seen.source_mask_BRS.shape[0], -1, states_NRE.shape[-1])
        step_BR = seen.step_NR.reshape(query_BRE.shape[:2])
        attended = self.cross_attention(query_BRE, step_BR, seen.source, seen.source_mask_BRS, None, seen.want)
        states_NRE = self.attending.leave(states_NRE, attended.context_BRD.reshape(states_NRE.shape))
        states_NRE = self.feeding.leave(states_NRE, self.feed_forward(self.feeding.enter(states_NRE)))
        return states_NRE, attended.weights_BHRS, past

    def remember(self, states_NRE: Tensor, past: Prepared | None) -> Prepared:
        """Keys and values of new positions, after those of the past."""
        new = self.self_attention.project(states_NRE)
        if past is None:
            return new
        return Prepared(torch.cat((past.keys, new.keys), dim=2), torch.cat((past.values, new.values), dim=2))


class Seen(NamedTuple):
    """What one layer may look at: its own past positions, and its view of the source."""

    step_NR: Tensor
    mask_NRT: Tensor
    source: Prepared
    source_mask_BRS: Tensor
    want: bool


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
        self.entrance = Entrance(options, size, dropout)
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
        """Every layer's keys and values of the source."""
        source = encoded[0]
        attentions = [self._layer(number).cross_attention for number in range(self.num_layers)]
        layers = tuple(attention.prepare(source.memory, source.final_BLD[:, -1]) for attention in attentions)
        return Reader(layers, source.memory.mask_BRS)

    def start(self, encoded: tuple[Encoded, ...], prepared: Reader) -> State:
        """No past."""
        mask_BRS = prepared.mask_BRS
        step_N = torch.ones(mask_BRS.shape[0], dtype=torch.long, device=mask_BRS.device)
        return State(step_N, (None,) * self.num_layers)

    def step(
        self, embedded_NE: Tensor, prepared: Reader, state: State, want: Want | None
    ) -> tuple[Tensor, Tensor | None, State]:
        """One target position for every hypothesis."""
        first = state.past[0]
        length = 1 if first is None else first.values.shape[2] + 1
        mask_NRT = torch.ones(embedded_NE.shape[0], 1, length, dtype=torch.bool, device=embedded_NE.device)
        step_N1, embedded_N1E = state.step_N.unsqueeze(1), embedded_NE.unsqueeze(1)
        states_N1E, weights, past = self._run(embedded_N1E, step_N1, prepared, state.past, mask_NRT, want)
        weights_NS = None if weights is None else weights.flatten(0, 1)
        return states_N1E.squeeze(1), weights_NS, State(state.step_N + 1, past)

    def forward(
        self, embedded_BTE: Tensor, prepared: Reader, state: State, want: Want | None
    ) -> tuple[Tensor, Tensor | None]:
        """All target positions at once, each seeing those before it."""
        length = embedded_BTE.shape[1]
        offset_T = torch.arange(length, device=embedded_BTE.device)
        step_BT = state.step_N.unsqueeze(1) + offset_T
        mask_BTT = causal_mask(length, embedded_BTE.device).expand(embedded_BTE.shape[0], -1, -1)
        states_BTE, weights_BTS, _ = self._run(embedded_BTE, step_BT, prepared, state.past, mask_BTT, want)
        return states_BTE, weights_BTS

    def _run(
        self,
        embedded_NRE: Tensor,
        step_NR: Tensor,
        prepared: Reader,
        pasts: tuple[Prepared | None, ...],
        mask_NRT: Tensor,
        want: Want | None,
    ) -> tuple[Tensor, Tensor | None, tuple[Prepared, ...]]:
        """All layers, for R new positions of every row."""
        states_NRE = self.entrance(embedded_NRE, step_NR - 1)
        wanted = None if want is None else range(self.num_layers)[want.layer]
        weights_BRS, new_pasts = None, []
        for number, (source, past) in enumerate(zip(prepared.layers, pasts, strict=True)):
            seen = Seen(step_NR, mask_NRT, source, prepared.mask_BRS, number == wanted)
            states_NRE, weights_BHRS, new_past = self._layer(number)(states_NRE, past, seen)
            new_pasts.append(new_past)
            if number == wanted:
                weights_BRS = reduce_heads(weights_BHRS, want)
        return self.norm(states_NRE), weights_BRS, tuple(new_pasts)
