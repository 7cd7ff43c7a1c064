"""The cross-entropy of a linear layer's softmax, alone or as a part of a mixture, without its matrix of logits."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class Asked(NamedTuple):
    """How much of the loss is smoothing, ε; the weight w of each token (None: 1); whether gradients are recorded."""

    smoothing: float
    weight_M: Tensor | None
    recorded: bool

    def total(self, values: Tensor, wide: torch.dtype) -> Tensor:
        """Σ_m w_m · value_m over the first axis."""
        if self.weight_M is None:
            return values.sum(dim=0, dtype=wide)
        return self.weight_M.to(wide) @ values.to(wide)

    def mass(self, tokens: int) -> Tensor | int:
        """Σ_m w_m of so many tokens."""
        return tokens if self.weight_M is None else self.weight_M.sum()

    def weighted(self, change_CV: Tensor, rows: slice) -> Tensor:
        """The gradients of some tokens' logits, times their weights, in the same place."""
        return change_CV if self.weight_M is None else change_CV.mul_(self.weight_M[rows, None])


class LinearCrossEntropy(Function):
    """Of logits z = W h + b: Σ_tokens w · [(1 − ε) · (−log p) + ε · mean_v(−log P(v))], and each −log p.

    P is the softmax of z, and p = P(target), or p = a · P(target) + c where a mixture [log a; log c] is given: then
    targets from V on, which P does not know, have p = c.
    It goes through the tokens chunk by chunk and keeps no logits: a chunk's probabilities P become gradients of h, W
    and b at once, dz = w · [((1 − ε) · r + ε) · P − (1 − ε) · r · onehot(target) − ε / V], which backward only scales;
    the share r of P in p, a · P(target) / p, is 1 without a mixture. What all pieces share never meets the (tokens ×
    vocabulary) matrix: mean_v(z) = mean_v(W) h + mean_v(b), and −ε / V enters as its products.
    P has h's precision, as the products read it, so in bfloat16 a token's loss is off by some hundredths of a nat, to
    either side; chunks and sums over tokens are added in float32 at least.
    """

    chunk = 256  # tokens: enough for full speed of the products, few enough for a processor's cache

    @staticmethod
    def forward(
        ctx: Any,
        hidden_ME: Tensor,
        weight_VE: Tensor,
        bias_V: Tensor,
        target_M: Tensor,
        mixture_2M: Tensor | None,
        asked: Asked,
    ) -> tuple[Tensor, Tensor]:
        """The sum, and nll_M, which has no gradient; gradients are computed where they are recorded."""
        smoothing, wide = asked.smoothing, torch.promote_types(hidden_ME.dtype, torch.float32)
        mean_E = weight_VE.mean(dim=0, dtype=wide)
        gradients = Gradients.zeros(hidden_ME, weight_VE, bias_V) if asked.recorded else None
        room_CV = hidden_ME.new_empty(min(len(hidden_ME), LinearCrossEntropy.chunk), len(weight_VE))
        chunks = []
        for start in range(0, max(1, len(hidden_ME)), LinearCrossEntropy.chunk):
            rows = slice(start, start + LinearCrossEntropy.chunk)
            # The next chunk is written over this one: nothing that is kept may be a view of it.
            logits_CV = room_CV[: len(hidden_ME[rows])]
            torch.addmm(bias_V, hidden_ME[rows], weight_VE.t(), out=logits_CV)
            probs_CV, known = normalised(logits_CV, target_M[rows])
            chunks.append(
                known if mixture_2M is None else known.mixed(mixture_2M[:, rows], target_M[rows] < len(bias_V))
            )
            if gradients is not None:
                change_CV = changed(probs_CV, target_M[rows], smoothing, chunks[-1].share_C)
                gradients.add(rows, asked.weighted(change_CV, rows), hidden_ME[rows], weight_VE)
        uniform = asked.total(torch.cat([chunk.norm_C for chunk in chunks]), wide)
        uniform = uniform - asked.total(hidden_ME, wide) @ mean_E
        uniform = uniform - asked.mass(len(hidden_ME)) * bias_V.mean(dtype=wide)
        if gradients is not None:
            shares = [chunk.share_C for chunk in chunks if chunk.share_C is not None]
            mixture_2M = torch.cat([torch.stack((share_C, 1 - share_C)) for share_C in shares], 1) if shares else None
            if mixture_2M is not None:
                mixture_2M = (smoothing - 1) * mixture_2M * (1 if asked.weight_M is None else asked.weight_M)
            ctx.save_for_backward(*gradients.smoothed(asked, hidden_ME, mean_E), mixture_2M)
        nll = torch.cat([chunk.nll_C for chunk in chunks])
        ctx.mark_non_differentiable(nll)
        return (1 - smoothing) * asked.total(nll, wide) + smoothing * uniform, nll

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, total: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients that forward has computed, times that of the sum."""
        hidden_ME, weight_VE, bias_V, mixture_2M = (
            gradient if gradient is None else gradient * total for gradient in ctx.saved_tensors
        )
        return hidden_ME, weight_VE, bias_V, None, mixture_2M, None


class Chunk(NamedTuple):
    """Of some tokens: log Σ_v exp(z_v), −log p of the target, and the share r of the softmax in p where it is one part
    of a mixture."""

    norm_C: Tensor
    nll_C: Tensor
    share_C: Tensor | None

    def mixed(self, mixture_2C: Tensor, inside_C: Tensor) -> "Chunk":
        """With the softmax as one part of a mixture, of which only targets `inside_C` have anything."""
        log_part_C = (mixture_2C[0] - self.nll_C).masked_fill(~inside_C, -torch.inf)
        log_prob_C = torch.logaddexp(log_part_C, mixture_2C[1])
        return Chunk(self.norm_C, -log_prob_C, (log_part_C - log_prob_C).exp())


def normalised(logits_CV: Tensor, target_C: Tensor) -> tuple[Tensor, Chunk]:
    """P in the place of the logits, and what is known of the targets by it alone."""
    wide, best_C = torch.promote_types(logits_CV.dtype, torch.float32), logits_CV.amax(dim=-1)
    logit_C = logits_CV.gather(1, target_C.clamp(max=logits_CV.shape[1] - 1).unsqueeze(1)).squeeze(1).to(wide)
    probs_CV = torch.softmax(logits_CV, dim=-1, out=logits_CV)
    norm_C = best_C.to(wide) - probs_CV.amax(dim=-1).to(wide).log()
    return probs_CV, Chunk(norm_C, norm_C - logit_C, None)


def changed(probs_CV: Tensor, target_C: Tensor, smoothing: float, share_C: Tensor | None) -> Tensor:
    """The gradients dz of a chunk, −ε / V left out, in the place of P."""
    rows_C = torch.arange(len(probs_CV), device=probs_CV.device)
    if share_C is None:
        probs_CV[rows_C, target_C] -= 1 - smoothing
        return probs_CV
    learned_C = ((1 - smoothing) * share_C).to(probs_CV.dtype)
    probs_CV *= (learned_C + smoothing).unsqueeze(1)
    probs_CV[rows_C, target_C.clamp(max=probs_CV.shape[1] - 1)] -= learned_C
    return probs_CV


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

    def smoothed(self, asked: Asked, hidden_ME: Tensor, mean_E: Tensor) -> tuple[Tensor, ...]:
        """With −ε · w / V added to every output's gradient, in the precision of what they are gradients of."""
        share = asked.smoothing / len(self.bias_V)
        change_E = asked.smoothing * mean_E
        weight_M = asked.weight_M
        self.hidden_ME.sub_(change_E if weight_M is None else torch.outer(weight_M.to(change_E.dtype), change_E))
        self.weight_VE.sub_(share * asked.total(hidden_ME, self.weight_VE.dtype))
        self.bias_V.sub_(share * asked.mass(len(hidden_ME)))
        return tuple(gradient.to(hidden_ME.dtype) for gradient in self)


def linear_cross_entropy(
    hidden_ME: Tensor,
    weight_VE: Tensor,
    bias_V: Tensor,
    target_M: Tensor,
    smoothing: float,
    mixture_2M: Tensor | None = None,
    weight_M: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """`LinearCrossEntropy`; inside of it torch does not tell whether gradients are recorded."""
    apply: Callable[..., tuple[Tensor, Tensor]] = LinearCrossEntropy.apply
    asked = Asked(smoothing, weight_M, torch.is_grad_enabled())
    return apply(hidden_ME, weight_VE, bias_V, target_M, mixture_2M, asked)
