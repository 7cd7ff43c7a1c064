"""Recurrent decoders: with attention before the recurrence (Bahdanau) or after it (Luong), or without any."""

from typing import Any, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from nmt.attention.heads import Attention, AttentionOptions, AttentionSettings, Prepared
from nmt.decoders.base import Want, reduce_heads
from nmt.decoders.bridge import BridgeOptions, Dense
from nmt.decoders.readout import AttentionalState, DeepOutput
from nmt.encoders.base import Encoded, EncoderShape
from nmt.layers.dropout import Dropout
from nmt.layers.recurrent import Cell, CellOptions, CellState, Gru, unroll
from nmt.settings import Settings


class Reader(NamedTuple):
    """What the decoder uses of a source at every step; leads with B sentences."""

    prepared: Prepared
    mask_BRS: Tensor


class State(NamedTuple):
    """Between two steps; every tensor leads with N rows. `step_N` is the coming target position, from 1."""

    step_N: Tensor
    layers: tuple[CellState, ...]
    fed_NE: Tensor | None
    attention: Any


class Reading(NamedTuple):
    """What the readout needs of one step: the state that it reads, and the context; any leading axes."""

    state: Tensor
    context: Tensor


class RnnDecoder(nn.Module):
    """A stack of recurrent layers whose top state is the query, and whose bottom layer reads what was attended.

    `query: previous`   c_t = attend(s_{t−1}),  s_t = f(s_{t−1}, [y_{t−1}; c_t])
    `query: current`    s_t = f(s_{t−1}, y_{t−1}),  c_t = attend(s_t)
    `input_feeding`     the last readout s~_{t−1} enters f as well

    Where nothing attended enters the recurrence, all target positions attend at once.
    Cost: T steps one after the other. Source: Bahdanau et al. 2015, A.2; Luong et al. 2015, §3. Differs: the readout
    has the embeddings' width, so that the output layer may share their weights.
    """

    class Options(Settings):
        """A recurrent decoder."""

        name: Literal["rnn"] = "rnn"
        cell: CellOptions = Gru.Options()
        size: int = Field(512, gt=0, description="state width")
        num_layers: int = Field(1, ge=1, description="the top layer's state is the query")
        query: Literal["previous", "current"] = Field(
            "previous", description="Bahdanau's order or Luong's; with attention none it matters to deep_output alone"
        )
        input_feeding: bool = Field(False, description="feed the last readout to the next step")
        deep_output: bool = Field(True, description="Bahdanau's readout with maxout, else Luong's attentional state")
        bridge: BridgeOptions = Dense.Options()
        attention: AttentionOptions = AttentionSettings()

        def build(self, embedding_size: int, encoder: EncoderShape, dropout: float) -> "RnnDecoder":
            """The decoder for embeddings of this width and such an encoder."""
            return RnnDecoder(self, embedding_size, encoder, dropout)

    def __init__(self, options: Options, embedding_size: int, encoder: EncoderShape, dropout: float) -> None:
        super().__init__()
        size, self.num_layers, self.hidden_size = options.size, 1, embedding_size
        # A fixed context asks for no query, so it enters the recurrence whatever the order (Cho et al. 2014).
        self.context_first = options.query == "previous" or options.attention.name == "none"
        self.max_length: int | None = None
        self.reads_previous = options.query == "previous" and options.deep_output
        self.input_feeding = options.input_feeding
        self.attention: Attention = options.attention.build(size, encoder.memory_size, encoder.final_size)
        self.num_heads = 0 if options.attention.name == "none" else options.attention.heads
        context_size = self.attention.context_size
        self.cells = nn.ModuleList(
            options.cell.build(size if layer else embedding_size, size) for layer in range(options.num_layers)
        )
        bottom = self._cell(0)
        self.bridge = options.bridge.build(encoder, size, options.num_layers, bottom.has_cell)
        readout = DeepOutput if options.deep_output else AttentionalState
        self.readout = readout(size, context_size, embedding_size)
        feed_size = context_size * self.context_first + embedding_size * self.input_feeding
        self.feed = nn.Linear(feed_size, bottom.num_gates * size, bias=False) if feed_size else None
        self.dropout = Dropout(dropout)

    def _cell(self, layer: int) -> Cell:
        cell: Cell = self.cells[layer]  # type: ignore[assignment]
        return cell

    def prepare(self, encoded: tuple[Encoded, ...]) -> Reader:
        """Keys and values of the source."""
        memory = encoded[0].memory
        return Reader(self.attention.prepare(memory, encoded[0].final_BLD[:, -1]), memory.mask_BRS)

    def start(self, encoded: tuple[Encoded, ...], prepared: Reader) -> State:
        """The bridge's states; nothing attended yet."""
        layers = self.bridge(encoded[0])
        rows = layers[0].output_NH
        fed_NE = rows.new_zeros(rows.shape[0], self.hidden_size) if self.input_feeding else None
        step_N = torch.ones(rows.shape[0], dtype=torch.long, device=rows.device)
        return State(step_N, layers, fed_NE, self.attention.start(prepared.prepared, prepared.mask_BRS))

    def step(
        self, embedded_NE: Tensor, prepared: Reader, state: State, want: Want | None
    ) -> tuple[Tensor, Tensor | None, State]:
        """One target position for every hypothesis."""
        embedded_NE = self.dropout(embedded_NE)
        projected_NG = self._cell(0).project(embedded_NE)
        reading, weights_NS, state = self._advance(projected_NG, embedded_NE, prepared, state, want)
        hidden_NE = self.readout(reading.state, embedded_NE, reading.context) if state.fed_NE is None else state.fed_NE
        return self.dropout(hidden_NE), weights_NS, state

    def forward(
        self, embedded_BTE: Tensor, prepared: Reader, state: State, want: Want | None
    ) -> tuple[Tensor, Tensor | None]:
        """All target positions: at once where the recurrence does not need what was attended, else step by step."""
        embedded_BTE = self.dropout(embedded_BTE)
        if self.feed is None:
            reading, weights_BTS = self._at_once(embedded_BTE, prepared, state, want)
        else:
            reading, weights_BTS, fed_BTE = self._step_by_step(embedded_BTE, prepared, state, want)
            if fed_BTE is not None:
                return self.dropout(fed_BTE), weights_BTS
        return self.dropout(self.readout(reading.state, embedded_BTE, reading.context)), weights_BTS

    def _at_once(
        self, embedded_BTE: Tensor, prepared: Reader, state: State, want: Want | None
    ) -> tuple[Reading, Tensor | None]:
        outputs_BTH = embedded_BTE
        for layer, first in enumerate(state.layers):
            input_BTI = self.dropout(outputs_BTH) if layer else outputs_BTH
            outputs_BTH, _ = unroll(self._cell(layer), input_BTI, first)
        step_T = torch.arange(1, outputs_BTH.shape[1] + 1, device=outputs_BTH.device)
        step_BT = step_T.expand(outputs_BTH.shape[0], -1)
        attended = self.attention(
            outputs_BTH, step_BT, prepared.prepared, prepared.mask_BRS, state.attention, want is not None
        )
        if self.reads_previous:
            outputs_BTH = torch.cat((state.layers[-1].output_NH.unsqueeze(1), outputs_BTH[:, :-1]), dim=1)
        return Reading(outputs_BTH, attended.context_BRD), reduce_heads(attended.weights_BHRS, want)

    def _step_by_step(
        self, embedded_BTE: Tensor, prepared: Reader, state: State, want: Want | None
    ) -> tuple[Reading, Tensor | None, Tensor | None]:
        projected = self._cell(0).project(embedded_BTE).unbind(dim=1)
        readings, weights, fed = [], [], []
        for projected_NG, embedded_NE in zip(projected, embedded_BTE.unbind(dim=1), strict=True):
            reading, weights_NS, state = self._advance(projected_NG, embedded_NE, prepared, state, want)
            readings.append(reading)
            weights.extend([] if weights_NS is None else [weights_NS])
            fed.extend([] if state.fed_NE is None else [state.fed_NE])
        stacked = Reading(*(torch.stack(part, dim=1) for part in zip(*readings, strict=True)))
        return (
            stacked,
            torch.stack(weights, dim=1) if weights else None,
            torch.stack(fed, dim=1) if fed else None,
        )

    def _advance(
        self, projected_NG: Tensor, embedded_NE: Tensor, prepared: Reader, state: State, want: Want | None
    ) -> tuple[Reading, Tensor | None, State]:
        """One step of recurrence and attention, in the order that `query` asks for."""
        before_NH = state.layers[-1].output_NH
        layers = state.layers
        if not self.context_first:
            layers = self._recur(projected_NG, state, None)
        context_ND, weights_NS, attention = self._attend(layers[-1].output_NH, prepared, state, want)
        if self.context_first:
            layers = self._recur(projected_NG, state, context_ND)
        reading = Reading(before_NH if self.reads_previous else layers[-1].output_NH, context_ND)
        fed_NE = self.readout(reading.state, embedded_NE, reading.context) if self.input_feeding else None
        return reading, weights_NS, State(state.step_N + 1, layers, fed_NE, attention)

    def _attend(
        self, query_NQ: Tensor, prepared: Reader, state: State, want: Want | None
    ) -> tuple[Tensor, Tensor | None, Any]:
        num_sentences = prepared.mask_BRS.shape[0]
        attended = self.attention(
            query_NQ.unflatten(0, (num_sentences, -1)),
            state.step_N.unflatten(0, (num_sentences, -1)),
            prepared.prepared,
            prepared.mask_BRS,
            state.attention,
            want is not None,
        )
        weights_BKS = reduce_heads(attended.weights_BHRS, want)
        weights_NS = None if weights_BKS is None else weights_BKS.flatten(0, 1)
        return attended.context_BRD.flatten(0, 1), weights_NS, attended.state

    def _recur(self, projected_NG: Tensor, state: State, context_ND: Tensor | None) -> tuple[CellState, ...]:
        """The new state of every layer, from the bottom up."""
        fed = [part for part in (context_ND, state.fed_NE) if part is not None]
        if self.feed is not None:
            projected_NG = projected_NG + self.feed(torch.cat(fed, dim=-1) if len(fed) > 1 else fed[0])
        layers: list[CellState] = []
        for number, before in enumerate(state.layers):
            if number:
                projected_NG = self._cell(number).project(self.dropout(layers[-1].output_NH))
            layers.append(self._cell(number).step(projected_NG, before))
        return tuple(layers)
