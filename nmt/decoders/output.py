"""Output layers: from a decoder's hidden state to the distribution over the next piece.

Two faces: `predict` for search, `nll` for training, which never holds the (tokens × vocabulary) matrix.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

from nmt.decoders.base import Outcome
from nmt.decoders.predictions import Predictions


class LinearCrossEntropy(Function):
    """Of logits z = W h + b: Σ_tokens (1 − ε) · (−log P(target)) + ε · mean_v(−log P(v)), and each −log P(target).

    It goes through the tokens chunk by chunk and keeps no logits: a chunk's probabilities P become gradients of h, W
    and b at once, dz = P − (1 − ε) · onehot(target) − ε / V, which backward only scales. What all pieces share never
    meets the (tokens × vocabulary) matrix: mean_v(z) = mean_v(W) h + mean_v(b), and −ε / V enters as its products.
    P has h's precision, as the products read it, so in bfloat16 a token's loss is off by some hundredths of a nat, to
    either side; chunks and sums over tokens are added in float32 at least.
    """

    chunk = 512  # tokens: enough for full speed of the products, few enough for a processor's cache

    @staticmethod
    def forward(
        ctx: Any,
        hidden_ME: Tensor,
        weight_VE: Tensor,
        bias_V: Tensor,
        target_M: Tensor,
        smoothing: float,
        recorded: bool,
    ) -> tuple[Tensor, Tensor]:
        """The sum, and nll_M, which has no gradient; gradients are computed where they are recorded."""
        wide = torch.promote_types(hidden_ME.dtype, torch.float32)
        mean_E = weight_VE.mean(dim=0, dtype=wide)
        gradients = Gradients.zeros(hidden_ME, weight_VE, bias_V) if recorded else None
        norm_M, nll_M = [hidden_ME.new_empty(0, dtype=wide)], [hidden_ME.new_empty(0, dtype=wide)]
        for start in range(0, len(hidden_ME), LinearCrossEntropy.chunk):
            rows = slice(start, start + LinearCrossEntropy.chunk)
            target_C1 = target_M[rows].unsqueeze(1)
            logits_CV = functional.linear(hidden_ME[rows], weight_VE, bias_V)
            probs_CV = torch.softmax(logits_CV, dim=-1)
            norm_M.append(logits_CV.amax(dim=-1).to(wide) - probs_CV.amax(dim=-1).to(wide).log())
            nll_M.append(norm_M[-1] - logits_CV.gather(1, target_C1).squeeze(1).to(wide))
            if gradients is not None:
                probs_CV[torch.arange(len(probs_CV), device=probs_CV.device), target_M[rows]] -= 1 - smoothing
                gradients.add(rows, probs_CV, hidden_ME[rows], weight_VE)
        uniform = torch.cat(norm_M).sum() - hidden_ME.sum(dim=0, dtype=wide) @ mean_E
        uniform = uniform - len(hidden_ME) * bias_V.mean(dtype=wide)
        if gradients is not None:
            ctx.save_for_backward(*gradients.smoothed(smoothing, hidden_ME, mean_E))
        nll = torch.cat(nll_M)
        ctx.mark_non_differentiable(nll)
        return (1 - smoothing) * nll.sum() + smoothing * uniform, nll

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, total: Tensor, _: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None, None]:
        """The gradients that forward has computed, times that of the sum."""
        hidden_ME, weight_VE, bias_V = (gradient * total for gradient in ctx.saved_tensors)
        return hidden_ME, weight_VE, bias_V, None, None, None


class Gradients(NamedTuple):
    """Of a linear map's input, weight and bias; those of weight and bias are sums in float32 at least."""

    hidden_ME: Tensor
    weight_VE: Tensor
    bias_V: Tensor

    @classmethod
    def zeros(cls, hidden_ME: Tensor, weight_VE: Tensor, bias_V: Tensor) -> "Gradients":
        """Before any token."""
        wide = torch.promote_types(hidden_ME.dtype, torch.float32)
        sums = (torch.zeros_like(tensor, dtype=wide) for tensor in (weight_VE, bias_V))
        return cls(torch.empty_like(hidden_ME), *sums)

    def add(self, rows: slice, change_CV: Tensor, hidden_CE: Tensor, weight_VE: Tensor) -> None:
        """Those of a chunk whose outputs have the gradient `change_CV`."""
        torch.mm(change_CV, weight_VE, out=self.hidden_ME[rows])
        if self.weight_VE.dtype == change_CV.dtype:
            self.weight_VE.addmm_(change_CV.t(), hidden_CE)
        else:
            self.weight_VE.add_(change_CV.t() @ hidden_CE)
        self.bias_V.add_(change_CV.sum(dim=0))

    def smoothed(self, smoothing: float, hidden_ME: Tensor, mean_E: Tensor) -> tuple[Tensor, ...]:
        """With −ε / V added to every output's gradient, in the precision of what they are gradients of."""
        share = smoothing / len(self.bias_V)
        self.hidden_ME.sub_(smoothing * mean_E)
        self.weight_VE.sub_(share * hidden_ME.sum(dim=0, dtype=self.weight_VE.dtype))
        self.bias_V.sub_(share * len(hidden_ME))
        return tuple(gradient.to(hidden_ME.dtype) for gradient in self)


def linear_cross_entropy(
    hidden_ME: Tensor, weight_VE: Tensor, bias_V: Tensor, target_M: Tensor, smoothing: float
) -> tuple[Tensor, Tensor]:
    """`LinearCrossEntropy`; inside of it torch does not tell whether gradients are recorded."""
    apply: Callable[..., tuple[Tensor, Tensor]] = LinearCrossEntropy.apply
    return apply(hidden_ME, weight_VE, bias_V, target_M, smoothing, torch.is_grad_enabled())


class Softmax(nn.Module):
    """P(y) = softmax(W h + b); W may be the target embeddings.

    Cost: V·E multiplications a token. Source: tied weights: Press & Wolf 2017. Differs: nothing.
    """

    def __init__(self, hidden_size: int, vocabulary_size: int, tied: nn.Embedding | None) -> None:
        super().__init__()
        self.weight_VE = nn.Parameter(torch.empty(vocabulary_size, hidden_size)) if tied is None else tied.weight
        self.bias_V = nn.Parameter(torch.zeros(vocabulary_size))
        self.rounded: nn.Module | None = None  # in less precision, what stands in for W h + b in predictions
        if tied is None:
            nn.init.normal_(self.weight_VE, std=hidden_size**-0.5)

    def predict(self, outcome: Outcome) -> Predictions:
        """The next piece's distribution for N rows, in float32 at least."""
        if self.rounded is not None:
            return Predictions.of(self.rounded(outcome.hidden))
        return Predictions.of(functional.linear(outcome.hidden, self.weight_VE, self.bias_V))

    def nll(self, outcome: Outcome, target_M: Tensor, label_smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        """Of M rows: the cross-entropy's sum, with label smoothing; and −log P(target) of each, detached."""
        return linear_cross_entropy(outcome.hidden, self.weight_VE, self.bias_V, target_M, label_smoothing)
