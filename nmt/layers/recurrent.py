"""Recurrent cells, and their run over a padded sentence.

A cell is split in two, so that what does not depend on the recurrence is computed for all positions at once:
`project` is the input's part of every gate, `step` the rest. Shapes: N rows, I input width, H state width, G gates.
"""

from typing import Annotated, ClassVar, Literal, NamedTuple, Protocol

import torch
from pydantic import Field
from torch import Tensor, nn

from nmt.settings import Settings, choice


class CellState(NamedTuple):
    """What a cell hands to its next step: its output, and the LSTM's inner cell (None for a GRU)."""

    output_NH: Tensor
    cell_NH: Tensor | None


class Cell(Protocol):
    """One recurrent layer."""

    size: int
    num_gates: int
    has_cell: bool

    def project(self, inputs: Tensor) -> Tensor:
        """The input's part of the gates, for any leading axes: inputs (…, I), projected (…, G)."""

    def step(self, projected_NG: Tensor, state: CellState) -> CellState:
        """The next state."""


def initialise(weight: Tensor, num_gates: int) -> None:
    """Orthogonal rows for each gate's square block, which keeps the length of a state through many steps."""
    for block in weight.chunk(num_gates):
        nn.init.orthogonal_(block)


class Lstm(nn.Module):
    """i, f, o = σ(W x + U h + b), g = tanh(W_g x + U_g h + b_g), c' = f ⊙ c + i ⊙ g, h' = o ⊙ tanh(c').

    The forget gate's bias starts at 1. Cost: 4·H·(I + H) multiplications a step.
    Source: Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000. Differs: no peepholes.
    """

    class Options(Settings):
        """Long short-term memory."""

        name: Literal["lstm"] = "lstm"
        has_cell: ClassVar[bool] = True

        def build(self, input_size: int, size: int) -> "Lstm":
            """The cell with inputs and states of these widths."""
            return Lstm(input_size, size)

    has_cell = Options.has_cell
    num_gates = 4

    def __init__(self, input_size: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.input = nn.Linear(input_size, 4 * size)
        self.hidden = nn.Linear(size, 4 * size, bias=False)
        nn.init.xavier_uniform_(self.input.weight)
        initialise(self.hidden.weight.data, 4)
        nn.init.zeros_(self.input.bias)
        nn.init.ones_(self.input.bias.data[size : 2 * size])

    def project(self, inputs: Tensor) -> Tensor:
        """W x + b of all four gates."""
        projected: Tensor = self.input(inputs)
        return projected

    def step(self, projected_NG: Tensor, state: CellState) -> CellState:
        """h', c'."""
        assert state.cell_NH is not None
        gates_NG = projected_NG + self.hidden(state.output_NH)
        in_NH, forget_NH, new_NH, out_NH = gates_NG.chunk(4, dim=-1)
        cell_NH = torch.sigmoid(forget_NH) * state.cell_NH + torch.sigmoid(in_NH) * torch.tanh(new_NH)
        return CellState(torch.sigmoid(out_NH) * torch.tanh(cell_NH), cell_NH)


class Gru(nn.Module):
    """r, z = σ(W x + U h + b), h' = (1 − z) ⊙ n + z ⊙ h; the reset gate r acts after the product with U (torch's form),
    n = tanh(W_n x + b_n + r ⊙ (U_n h + b_u)), or before it (Cho et al.), n = tanh(W_n x + b_n + U_n (r ⊙ h)).

    Cost: 3·H·(I + H) multiplications a step; `before` needs two products in sequence where `after` needs one.
    Source: Cho et al. 2014, eq. 5–8. Differs: z and 1 − z change places against the paper's text, as everywhere.
    """

    class Options(Settings):
        """Gated recurrent unit."""

        name: Literal["gru"] = "gru"
        has_cell: ClassVar[bool] = False
        reset: Literal["after", "before"] = Field(
            "after", description="whether the reset gate acts after the product with U or before it"
        )

        def build(self, input_size: int, size: int) -> "Gru":
            """The cell with inputs and states of these widths."""
            return Gru(input_size, size, self.reset)

    has_cell = Options.has_cell
    num_gates = 3

    def __init__(self, input_size: int, size: int, reset: Literal["after", "before"] = "after") -> None:
        super().__init__()
        self.size = size
        self.reset = reset
        self.input = nn.Linear(input_size, 3 * size)
        self.hidden = nn.Linear(size, 3 * size, bias=False)
        self.reset_bias = nn.Parameter(torch.zeros(size)) if reset == "after" else None
        nn.init.xavier_uniform_(self.input.weight)
        nn.init.zeros_(self.input.bias)
        initialise(self.hidden.weight.data, 3)

    def project(self, inputs: Tensor) -> Tensor:
        """W x + b of reset gate, update gate and candidate."""
        projected: Tensor = self.input(inputs)
        return projected

    def step(self, projected_NG: Tensor, state: CellState) -> CellState:
        """h'."""
        step = self._reset_before if self.reset_bias is None else self._reset_after
        return CellState(step(projected_NG, state.output_NH), None)

    def _reset_after(self, projected_NG: Tensor, output_NH: Tensor) -> Tensor:
        given_NG = self.hidden(output_NH)
        gates_NG, new_NH = projected_NG.split((2 * self.size, self.size), dim=-1)
        given_gates_NG, given_new_NH = given_NG.split((2 * self.size, self.size), dim=-1)
        reset_NH, update_NH = torch.sigmoid(gates_NG + given_gates_NG).chunk(2, dim=-1)
        new_NH = torch.tanh(new_NH + reset_NH * (given_new_NH + self.reset_bias))
        return new_NH + update_NH * (output_NH - new_NH)

    def _reset_before(self, projected_NG: Tensor, output_NH: Tensor) -> Tensor:
        gates_NG, new_NH = projected_NG.split((2 * self.size, self.size), dim=-1)
        gate_weights, new_weights = self.hidden.weight.split((2 * self.size, self.size))
        given_NG = nn.functional.linear(output_NH, gate_weights)
        reset_NH, update_NH = torch.sigmoid(gates_NG + given_NG).chunk(2, dim=-1)
        new_NH = torch.tanh(new_NH + nn.functional.linear(reset_NH * output_NH, new_weights))
        return new_NH + update_NH * (output_NH - new_NH)


CellOptions = Annotated[Gru.Options | Lstm.Options, choice()]


def zero_state(cell: Cell, like_NI: Tensor) -> CellState:
    """A state of zeros for as many rows as `like_NI` has, on its device."""
    zeros_NH = like_NI.new_zeros(like_NI.shape[0], cell.size)
    return CellState(zeros_NH, zeros_NH if cell.has_cell else None)


def unroll(
    cell: Cell, input_BTI: Tensor, state: CellState, mask_BT: Tensor | None = None, reverse: bool = False
) -> tuple[Tensor, CellState]:
    """Run a cell over a sentence: outputs_BTH and the final state. Padding leaves the state as it is.

    With `reverse` it runs from right to left (outputs stay at their positions): padding then comes first.
    """
    projected = cell.project(input_BTI).unbind(dim=1)
    keep = None if mask_BT is None else mask_BT.unsqueeze(-1).unbind(dim=1)
    outputs: list[Tensor] = [input_BTI] * len(projected)
    for position in reversed(range(len(projected))) if reverse else range(len(projected)):
        following = cell.step(projected[position], state)
        if keep is not None:
            following = _where(keep[position], following, state)
        state = following
        outputs[position] = state.output_NH
    return torch.stack(outputs, dim=1), state


def _where(keep_N1: Tensor, new: CellState, old: CellState) -> CellState:
    output_NH = torch.where(keep_N1, new.output_NH, old.output_NH)
    if new.cell_NH is None or old.cell_NH is None:
        return CellState(output_NH, None)
    return CellState(output_NH, torch.where(keep_N1, new.cell_NH, old.cell_NH))
