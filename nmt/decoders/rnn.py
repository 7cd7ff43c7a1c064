"""Recurrent decoders: with attention before the recurrence (Bahdanau) or after it (Luong), or without any."""

from typing import Annotated, Any, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from nmt.attention.base import Attended
from nmt.attention.heads import Attention, AttentionOptions, AttentionSettings
from nmt.attention.sources import over_sources
from nmt.decoders.base import Decoded, Layers, row_weights
from nmt.decoders.bridge import BridgeOptions, Dense
from nmt.decoders.readout import AttentionalState, DeepOutput
from nmt.encoders.base import Encoded, EncoderShape
from nmt.layers.dropout import Dropout
from nmt.layers.recurrent import Cell, CellOptions, CellState, Gru, unroll
from nmt.settings import Settings, shown
from nmt.tree import stack


class Reader(NamedTuple):
    """What the decoder uses of the sources at every step; leads with B sentences."""

    prepared: Any
    mask_BRS: Tensor


class State(NamedTuple):
    """Between two steps; every tensor leads with N rows. `step_N` is the coming target position, from 1."""

    step_N: Tensor
    layers: tuple[CellState, ...]
    fed_NE: Tensor | None
    attention: Any


class Reading(NamedTuple):
    """What one step has read, any leading axes: the state that the readout sees, the context, the weights (…, H, S) if
    wanted, the terms of the loss, and the readout itself where the next step is fed with it."""

    state: Tensor
    context: Tensor
    weights: Tensor | None
    terms: dict[str, Tensor]
    fed: Tensor | None


class RnnDecoder(nn.Module):
    """A stack of recurrent layers whose top state is the query, and whose bottom layer reads what was attended.

    `query: previous`   c_t = attend(s_{t−1}),  s_t = f(s_{t−1}, [y_{t−1}; c_t])
    `query: current`    s_t = f(s_{t−1}, y_{t−1}),  c_t = attend(s_t)
    `input_feeding`     the last readout s~_{t−1} enters f as well

    Where nothing attended enters the recurrence, all target positions attend at once.
    Cost: T steps one after the other. Source: Bahdanau et al. 2015, A.2; Luong et al. 2015, §3.1 and §3.3
    (`input_feeding`). Differs: the readout has the embeddings' width, so that the output layer may share their weights.
    """

    class Options(Settings):
        """A recurrent decoder."""

        name: Annotated[Literal["rnn"], shown(by=(DeepOutput, AttentionalState))] = "rnn"
        cell: CellOptions = Gru.Options()
        size: int = Field(512, gt=0, description="state width")
        num_layers: int = Field(1, ge=1, description="the top layer's state is the query")
        query: Annotated[Literal["previous", "current"], shown("query_previous")] = Field(
            "previous", description="Bahdanau's order or Luong's; with attention none it matters to deep_output alone"
        )
        input_feeding: Annotated[bool, shown("input_feeding")] = Field(
            False, description="feed the last readout to the next step"
        )
        deep_output: bool = Field(True, description="Bahdanau's readout with maxout, else Luong's attentional state")
        bridge: BridgeOptions = Dense.Options()
        attention: AttentionOptions = AttentionSettings()

        def build(
            self, embedding_size: int, encoder: EncoderShape, dropout: float, scored: bool = True
        ) -> "RnnDecoder":
            """The decoder for embeddings of this width and such an encoder. scored: an output layer reads its hidden
            states; else there is no readout but what the next step is fed with."""
            return RnnDecoder(self, embedding_size, encoder, dropout, scored)

    def __init__(
        self, options: Options, embedding_size: int, encoder: EncoderShape, dropout: float, scored: bool
    ) -> None:
        super().__init__()
        size, self.num_layers = options.size, 1
        # A fixed context asks for no query, so it enters the recurrence whatever the order (Cho et al. 2014).
        self.context_first = options.query == "previous" or options.attention.name == "none"
        self.max_length: int | None = None
        self.reads_previous = options.query == "previous" and options.deep_output
        self.input_feeding = options.input_feeding
        self.attention: Attention = over_sources(
            lambda: options.attention.build(size, encoder.memory_size, encoder.final_size), size, encoder.several
        )
        self.num_heads, self.state_size = self.attention.num_heads, size
        self.context_size = context_size = self.attention.context_size
        self.cells = nn.ModuleList(
            options.cell.build(size if layer else embedding_size, size) for layer in range(options.num_layers)
        )
        bottom = self._cell(0)
        self.bridge = options.bridge.build(encoder, size, options.num_layers, bottom.has_cell)
        readout = DeepOutput if options.deep_output else AttentionalState
        read = scored or options.input_feeding
        self.readout = readout(size, context_size, embedding_size) if read else None
        self.hidden_size = embedding_size if read else size
        feed_size = context_size * self.context_first + embedding_size * self.input_feeding
        self.feed = nn.Linear(feed_size, bottom.num_gates * size, bias=False) if feed_size else None
        self.dropout = Dropout(dropout)

    def _cell(self, layer: int) -> Cell:
        cell: Cell = self.cells[layer]  # type: ignore[assignment]
        return cell

    def prepare(self, encoded: tuple[Encoded, ...]) -> Reader:
        """What attention needs of the sources."""
        memories = tuple(source.memory for source in encoded)
        return Reader(self.attention.prepare(memories, encoded[0].final_BLD[:, -1]), memories[0].mask_BRS)

    def start(self, encoded: tuple[Encoded, ...], reader: Reader) -> State:
        """The bridge's states; nothing attended yet."""
        layers = self.bridge(encoded[0])
        rows = layers[0].output_NH
        fed_NE = rows.new_zeros(rows.shape[0], self.hidden_size) if self.input_feeding else None
        step_N = torch.ones(rows.shape[0], dtype=torch.long, device=rows.device)
        return State(step_N, layers, fed_NE, self.attention.start(reader.prepared))

    def step(self, embedded_NE: Tensor, reader: Reader, state: State, layers: Layers) -> tuple[Decoded, State]:
        """One target position for every hypothesis."""
        embedded_NE = self.dropout(embedded_NE)
        projected_NG = self._cell(0).project(embedded_NE)
        reading, state = self._advance(projected_NG, embedded_NE, reader, state, bool(layers))
        return self._decoded(reading, embedded_NE), state

    def forward(self, embedded_BTE: Tensor, reader: Reader, state: State, layers: Layers) -> Decoded:
        """All target positions: at once where the recurrence does not need what was attended, else step by step."""
        embedded_BTE = self.dropout(embedded_BTE)
        read = self._at_once if self.feed is None else self._step_by_step
        return self._decoded(read(embedded_BTE, reader, state, bool(layers)), embedded_BTE)

    def _decoded(self, reading: Reading, embedded: Tensor) -> Decoded:
        hidden = self._read_out(reading.state, embedded, reading.context) if reading.fed is None else reading.fed
        weights = {} if reading.weights is None else {0: reading.weights}
        return Decoded(self.dropout(hidden), reading.state, reading.context, weights, reading.terms)

    def _read_out(self, state: Tensor, embedded: Tensor, context: Tensor) -> Tensor:
        """What the output layer scores; the state itself, where nothing does."""
        hidden: Tensor = state if self.readout is None else self.readout(state, embedded, context)
        return hidden

    def _at_once(self, embedded_BTE: Tensor, reader: Reader, state: State, want: bool) -> Reading:
        outputs_BTH = embedded_BTE
        for layer, first in enumerate(state.layers):
            input_BTI = self.dropout(outputs_BTH) if layer else outputs_BTH
            outputs_BTH, _ = unroll(self._cell(layer), input_BTI, first)
        step_T = torch.arange(1, outputs_BTH.shape[1] + 1, device=outputs_BTH.device)
        step_BT = step_T.expand(outputs_BTH.shape[0], -1)
        attended = self.attention(outputs_BTH, step_BT, reader.prepared, state.attention, want)
        if self.reads_previous:
            outputs_BTH = torch.cat((state.layers[-1].output_NH.unsqueeze(1), outputs_BTH[:, :-1]), dim=1)
        return Reading(outputs_BTH, attended.context_BRD, row_weights(attended, want), attended.terms, None)

    def _step_by_step(self, embedded_BTE: Tensor, reader: Reader, state: State, want: bool) -> Reading:
        projected = self._cell(0).project(embedded_BTE).unbind(dim=1)
        readings = []
        for projected_NG, embedded_NE in zip(projected, embedded_BTE.unbind(dim=1), strict=True):
            reading, state = self._advance(projected_NG, embedded_NE, reader, state, want)
            readings.append(reading)
        return stack(readings, dim=1)

    def _advance(
        self, projected_NG: Tensor, embedded_NE: Tensor, reader: Reader, state: State, want: bool
    ) -> tuple[Reading, State]:
        """One step of recurrence and attention, in the order that `query` asks for."""
        before_NH = state.layers[-1].output_NH
        layers = state.layers
        if not self.context_first:
            layers = self._recur(projected_NG, state, None)
        attended = self._attend(layers[-1].output_NH, reader, state, want)
        context_ND = attended.context_BRD.flatten(0, 1)
        if self.context_first:
            layers = self._recur(projected_NG, state, context_ND)
        read_NH = before_NH if self.reads_previous else layers[-1].output_NH
        fed_NE = self._read_out(read_NH, embedded_NE, context_ND) if self.input_feeding else None
        weights_BKHS = row_weights(attended, want)
        weights_NHS = None if weights_BKHS is None else weights_BKHS.flatten(0, 1)
        terms = {name: term_BK.flatten() for name, term_BK in attended.terms.items()}
        reading = Reading(read_NH, context_ND, weights_NHS, terms, fed_NE)
        return reading, State(state.step_N + 1, layers, fed_NE, attended.state)

    def _attend(self, query_NQ: Tensor, reader: Reader, state: State, want: bool) -> Attended:
        """The hypotheses of a sentence are rows over its one memory."""
        shape_BK = (reader.mask_BRS.shape[0], -1)
        query_BKQ, step_BK = query_NQ.unflatten(0, shape_BK), state.step_N.unflatten(0, shape_BK)
        attended: Attended = self.attention(query_BKQ, step_BK, reader.prepared, state.attention, want)
        return attended

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
