"""What every decoder is to the model around it. A decoder sees embeddings and hands out hidden states."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from nmt.attention.base import Attended
from nmt.encoders.base import Encoded

Layers = frozenset[int]


class Want(NamedTuple):
    """Which attention weights are wanted: of which decoder layer (from 0 at the bottom, or from −1
    at the top), and the mean of which heads (from 0; None: of all)."""

    layer: int = -1
    heads: tuple[int, ...] | None = None


class Decoded(NamedTuple):
    """What a decoder gives of target positions; leads with N rows from `step`, with (B, T) from `forward`.

    `hidden` (…, E) is what the output layer scores; `state` and `context` are what it was made of, for output layers
    that look at them; `weights` (…, H, S) of each layer that was asked for, by its number from 0, and none where
    nothing is attended to; `terms` (…) are named additions to the loss of every token.
    """

    hidden: Tensor
    state: Tensor
    context: Tensor
    weights: dict[int, Tensor]
    terms: dict[str, Tensor]


class Copying(NamedTuple):
    """What an output layer that copies reads of target positions, any leading axes: the decoder's state, its context,
    the embedding of the last piece, the weights (…, S) of the last attention to the source, which sum to 1, and the ids
    (…, S) of the source's pieces, V + p for those at place p that the target vocabulary lacks."""

    state: Tensor
    context: Tensor
    embedded: Tensor
    weights: Tensor
    copies: Tensor

    def masses(self, size: int) -> Tensor:
        """Of N rows: for each source position the weight of all with its id, ids being below `size`: (N, S)."""
        sums_NX = self.weights.new_zeros(len(self.weights), size).scatter_add_(1, self.copies, self.weights)
        return sums_NX.gather(1, self.copies)

    def log_mass(self, target_M: Tensor) -> Tensor:
        """Of M rows: the logarithm of the weight of all positions with the target's id; no less than the smallest
        number's, so that it is finite."""
        mass_M = self.weights.masked_fill(self.copies != target_M.unsqueeze(1), 0.0).sum(dim=1)
        return mass_M.clamp(min=torch.finfo(mass_M.dtype).tiny).log()


class Outcome(NamedTuple):
    """What an output layer reads of target positions, any leading axes: the decoder's hidden states, and more where it
    copies."""

    hidden: Tensor
    copying: Copying | None = None


class Forced(NamedTuple):
    """Given targets, decoded: what the output layer reads of every position (B, T, …), weights_BTS where wanted, and
    the named terms (B, T) of the loss."""

    outcome: Outcome
    weights_BTS: Tensor | None
    terms: dict[str, Tensor]


def row_weights(attended: Attended, want: bool) -> Tensor | None:
    """The weights of each query row, if they are wanted and there are any: (B, R, H, S)."""
    if attended.weights_BHRS is None or not want:
        return None
    return attended.weights_BHRS.transpose(1, 2)


def of_layers(read: Sequence[Attended], layers: Layers) -> tuple[dict[int, Tensor], dict[str, Tensor]]:
    """Of what the layers have read: the wanted weights (B, R, H, S) of each, and the sum of each term (B, R)."""
    weights = {number: row_weights(attended, number in layers) for number, attended in enumerate(read)}
    terms: dict[str, Tensor] = {}
    for attended in read:
        terms |= {name: terms[name] + term if name in terms else term for name, term in attended.terms.items()}
    return {number: part for number, part in weights.items() if part is not None}, terms


class Decoder(Protocol):
    """From embedded target pieces to hidden states, all positions at once or one step at a time.

    `hidden_size`, `state_size` and `context_size` are the widths of what it hands out; `num_layers` and `num_heads`
    count the layers that attend to the source and the heads of each, 0 heads being no attention; `max_length` is the
    pieces of the longest target that it can take, end of sentence counted, None being any. `prepare` gives what depends
    on the sources alone; its tensors lead with B sentences, and a state's with N = B·K rows, sentence by sentence:
    hypotheses share their sentence's memory. `layers` names those whose weights are wanted.
    """

    hidden_size: int
    state_size: int
    context_size: int
    num_layers: int
    num_heads: int
    max_length: int | None

    def prepare(self, encoded: tuple[Encoded, ...]) -> Any:
        """Whatever depends on the sources alone, once a sentence."""

    def start(self, encoded: tuple[Encoded, ...], prepared: Any) -> Any:
        """The state before the first target position, one row a sentence."""

    def step(self, embedded_NE: Tensor, prepared: Any, state: Any, layers: Layers) -> tuple[Decoded, Any]:
        """One target position, and the next state."""

    def __call__(self, embedded_BTE: Tensor, prepared: Any, state: Any, layers: Layers) -> Decoded:
        """All target positions of given targets."""
