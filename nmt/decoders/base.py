"""What every decoder is to the model around it. A decoder sees embeddings and hands out hidden states."""

from typing import Any, NamedTuple, Protocol

from torch import Tensor

from nmt.encoders.base import Encoded


class Want(NamedTuple):
    """Which attention weights are wanted: of which decoder layer (from 0 at the bottom, or from −1
    at the top), and the mean of which heads (from 0; None: of all)."""

    layer: int = -1
    heads: tuple[int, ...] | None = None


def reduce_heads(weights_BHRS: Tensor | None, want: Want | None) -> Tensor | None:
    """The mean of the wanted heads: weights_BRS; None where there is no attention or none is wanted."""
    if weights_BHRS is None or want is None:
        return None
    if want.heads is not None:
        weights_BHRS = weights_BHRS[:, list(want.heads)]
    return weights_BHRS.mean(dim=1)


class Decoder(Protocol):
    """From embedded target pieces to hidden states, all positions at once or one step at a time.

    `hidden_size` is the width of what it hands out; `num_layers` and `num_heads` count the layers that attend to the
    source and the heads of each, 0 heads being no attention; `max_length` is the pieces of the longest target that it
    can take, end of sentence counted, None being any. `prepare` gives what depends on the source alone; its
    tensors lead with B sentences, and a state's with N = B·K rows, sentence by sentence: hypotheses share their
    sentence's memory.
    """

    hidden_size: int
    num_layers: int
    num_heads: int
    max_length: int | None

    def prepare(self, encoded: tuple[Encoded, ...]) -> Any:
        """Whatever depends on the sources alone, once a sentence."""

    def start(self, encoded: tuple[Encoded, ...], prepared: Any) -> Any:
        """The state before the first target position, one row a sentence."""

    def step(
        self, embedded_NE: Tensor, prepared: Any, state: Any, want: Want | None
    ) -> tuple[Tensor, Tensor | None, Any]:
        """One target position: hidden_NE, weights_NS where wanted, the next state."""

    def __call__(
        self, embedded_BTE: Tensor, prepared: Any, state: Any, want: Want | None
    ) -> tuple[Tensor, Tensor | None]:
        """All target positions of given targets: hidden_BTE and weights_BTS where wanted."""
