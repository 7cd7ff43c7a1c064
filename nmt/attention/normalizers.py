"""Normalizers: from scores to weights that are exactly 0 on masked positions and sum to 1.

All are computed in float32 at least, whatever the scores' precision; a row that is masked throughout becomes zeros.
"""

import math
from typing import Annotated, Literal

import torch
from torch import Tensor

from nmt.settings import Settings, choice


def _at_least_float32(scores_BRS: Tensor) -> Tensor:
    return scores_BRS.to(torch.promote_types(scores_BRS.dtype, torch.float32))


class Softmax:
    """α_j = exp(e_j) / Σ_i exp(e_i).

    Cost: S a row. Source: Bahdanau et al. 2015, eq. 6; Luong et al. 2015, eq. 7. Differs: nothing.
    """

    class Options(Settings):
        """Weights that are all positive."""

        name: Literal["softmax"] = "softmax"

        def build(self) -> "Softmax":
            """The normalizer."""
            return Softmax()

    def __call__(self, scores_BRS: Tensor, mask_BRS: Tensor) -> Tensor:
        """weights_BRS."""
        scores_BRS = _at_least_float32(scores_BRS)
        lowest = torch.finfo(scores_BRS.dtype).min
        weights_BRS = torch.softmax(scores_BRS.masked_fill(~mask_BRS, lowest), dim=-1)
        return weights_BRS.masked_fill(~mask_BRS, 0.0)


def _possible(scores_BRS: Tensor, mask_BRS: Tensor) -> Tensor:
    """The mask without the positions that a score has ruled out itself, with −∞."""
    return mask_BRS & (scores_BRS != -math.inf)


def _distance_below_best(scores_BRS: Tensor, mask_BRS: Tensor) -> Tensor:
    """e_j − max e, where masked or more than 2 below the best: −2, which both sparse maps send to exactly 0."""
    lowest = torch.finfo(scores_BRS.dtype).min
    scores_BRS = scores_BRS.masked_fill(~mask_BRS, lowest)
    best_BR1 = scores_BRS.amax(dim=-1, keepdim=True)
    return (scores_BRS - best_BR1).clamp(min=-2.0).masked_fill(~mask_BRS, -2.0)


class Sparsemax:
    """α = argmin_{p in the simplex} ‖p − e‖², that is α_j = max(e_j − τ, 0), with τ such that Σ_j α_j = 1.

    τ = (Σ_{j in support} e_j − 1) / |support|, the support being the largest k with 1 + k e_(k) > Σ_{i≤k} e_(i),
    e_(1) ≥ e_(2) ≥ … Cost: a sort of S a row.
    Source: Martins & Astudillo 2016, algorithm 1. Differs: nothing.
    """

    class Options(Settings):
        """Weights with exact zeros."""

        name: Literal["sparsemax"] = "sparsemax"

        def build(self) -> "Sparsemax":
            """The normalizer."""
            return Sparsemax()

    def __call__(self, scores_BRS: Tensor, mask_BRS: Tensor) -> Tensor:
        """weights_BRS."""
        mask_BRS = _possible(scores_BRS, mask_BRS)
        scores_BRS = _distance_below_best(_at_least_float32(scores_BRS), mask_BRS)
        sorted_BRS = scores_BRS.sort(dim=-1, descending=True).values
        sums_BRS = sorted_BRS.cumsum(dim=-1)
        rank_S = torch.arange(1, scores_BRS.shape[-1] + 1, device=scores_BRS.device, dtype=scores_BRS.dtype)
        size_BR1 = (1 + rank_S * sorted_BRS > sums_BRS).sum(dim=-1, keepdim=True)
        threshold_BR1 = (sums_BRS.gather(-1, size_BR1 - 1) - 1) / size_BR1
        return (scores_BRS - threshold_BR1).clamp(min=0.0).masked_fill(~mask_BRS, 0.0)


class Entmax:
    """1.5-entmax: α_j = max(e_j / 2 − τ, 0)², with τ such that Σ_j α_j = 1; between softmax and sparsemax.

    Over the k best of z = e / 2, with mean M and mean of squares Q: τ_k = M − sqrt(1/k − (Q − M²)); the support is
    the largest k with τ_k ≤ z_(k). Cost: a sort of S a row.
    Source: Peters, Niculae & Martins 2019, algorithm 2 (α = 1.5). Differs: nothing.
    """

    class Options(Settings):
        """Weights with exact zeros, smoother than sparsemax."""

        name: Literal["entmax"] = "entmax"

        def build(self) -> "Entmax":
            """The normalizer."""
            return Entmax()

    def __call__(self, scores_BRS: Tensor, mask_BRS: Tensor) -> Tensor:
        """weights_BRS."""
        mask_BRS = _possible(scores_BRS, mask_BRS)
        scores_BRS = _distance_below_best(_at_least_float32(scores_BRS) / 2, mask_BRS)
        sorted_BRS = scores_BRS.sort(dim=-1, descending=True).values
        rank_S = torch.arange(1, scores_BRS.shape[-1] + 1, device=scores_BRS.device, dtype=scores_BRS.dtype)
        mean_BRS = sorted_BRS.cumsum(dim=-1) / rank_S
        spread_BRS = sorted_BRS.square().cumsum(dim=-1) / rank_S - mean_BRS.square()
        inside_BRS = 1 / rank_S - spread_BRS
        # Outside the support the root's argument may be negative; those ranks are not selected below.
        threshold_BRS = mean_BRS - torch.where(inside_BRS > 0, inside_BRS, 1.0).sqrt() * (inside_BRS > 0)
        size_BR1 = (threshold_BRS <= sorted_BRS).sum(dim=-1, keepdim=True)
        threshold_BR1 = threshold_BRS.gather(-1, size_BR1 - 1)
        return (scores_BRS - threshold_BR1).clamp(min=0.0).square().masked_fill(~mask_BRS, 0.0)


NormalizerOptions = Annotated[Softmax.Options | Sparsemax.Options | Entmax.Options, choice()]
