"""The training loss: cross-entropy of the targets with label smoothing, over real tokens only."""

from typing import NamedTuple, Protocol

from torch import Tensor

from nmt.batch import Batch
from nmt.decoders.base import Want


class OutputLayer(Protocol):
    """The training face of an output layer."""

    def nll(self, hidden_ME: Tensor, target_M: Tensor, label_smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        """The smoothed cross-entropy, summed over the tokens; and per token −log P(target), detached."""


class Model(Protocol):
    """What the loss asks of a model."""

    @property
    def output(self) -> OutputLayer:
        """The output layer."""

    def __call__(self, batch: Batch, want: Want | None = None) -> tuple[Tensor, Tensor | None]:
        """Hidden states of all target positions, and weights."""


class Loss(NamedTuple):
    """Sums over the batch's tokens: `total` is what is minimised, `nll` its part without smoothing (detached)."""

    total: Tensor
    nll: Tensor
    tokens: int


def translation_loss(model: Model, batch: Batch, label_smoothing: float) -> Loss:
    """total = Σ_tokens (1 − ε) · (−log P(y)) + ε · mean_v(−log P(v)), in nats.

    Source: Szegedy et al. 2016, §7. Differs: nothing (the uniform part counts the target piece too).
    """
    hidden_BTE, _ = model(batch)
    total, nll_M = model.output.nll(hidden_BTE[batch.mask_BT], batch.target_BT[batch.mask_BT], label_smoothing)
    return Loss(total, nll_M.sum(), nll_M.numel())
