"""The training loss over real tokens: cross-entropy with label smoothing, and what attention adds to it."""

from typing import NamedTuple, Protocol

from torch import Tensor

from nmt.batch import Batch, at_real_places
from nmt.decoders.base import Forced, Outcome, Want

SAMPLED = "sampled"


class OutputLayer(Protocol):
    """The training face of an output layer."""

    def nll(
        self, outcome: Outcome, target_M: Tensor, label_smoothing: float = 0.0, weight_M: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The smoothed cross-entropy, summed over the tokens, each times its weight; and per token −log P(target),
        detached."""


class Model(Protocol):
    """What the loss asks of a model."""

    @property
    def output(self) -> OutputLayer:
        """The output layer."""

    def __call__(self, batch: Batch, want: Want | None = None) -> Forced:
        """All target positions of given targets."""


class Loss(NamedTuple):
    """Sums over the batch's tokens: `total` is what is minimised, `nll` the cross-entropy without smoothing
    (detached)."""

    total: Tensor
    nll: Tensor
    tokens: int


def translation_loss(model: Model, batch: Batch, label_smoothing: float, baseline: float = 0.0) -> Loss:
    """total = Σ_tokens (1 − ε) · (−log P(y)) + ε · mean_v(−log P(v)) + attention's terms, in nats.

    Where the batch's targets have weights, their tokens' cross-entropies are multiplied by them; attention's terms are
    not.
    A term of attention is added token by token; but `sampled`, the log-probability log p(s) of the positions that hard
    attention drew, enters as −(log P(y|x) − baseline) · log p(s), whose gradient is REINFORCE's.
    Source: Szegedy et al. 2016, §7 (smoothing); Xu et al. 2015, eq. 11–12 (samples). Differs: nothing (the uniform
    part of the smoothing counts the target piece too).
    """
    forced = model(batch)
    outcome, target_M = at_real_places((forced.outcome, batch.target_BT), batch)
    weight_M = None if batch.weight_N is None else batch.weight_N[batch.places_M // batch.target_BT.shape[1]]
    total, nll_M = model.output.nll(outcome, target_M, label_smoothing, weight_M)
    log_prob_B = -_sentences(nll_M, batch)
    for name, term_BT in forced.terms.items():
        term_B = term_BT.masked_fill(~batch.mask_BT, 0.0).sum(dim=1)
        total = total + (-(log_prob_B - baseline) * term_B if name == SAMPLED else term_B).sum()
    return Loss(total, nll_M.sum(), nll_M.numel())


def _sentences(nll_M: Tensor, batch: Batch) -> Tensor:
    """Sums over each sentence's tokens."""
    zeros = nll_M.new_zeros(batch.mask_BT.numel())
    nll_BT = zeros.index_copy_(0, batch.places_M, nll_M).view(batch.mask_BT.shape)
    return nll_BT.sum(dim=1)
