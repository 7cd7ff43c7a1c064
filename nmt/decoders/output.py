"""Output layers: from a decoder's hidden state to the distribution over the next piece.

Two faces: `predict` for search, `nll` for training, which never holds more than one (tokens × vocabulary) matrix.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional

from nmt.decoders.predictions import Predictions


class LinearCrossEntropy(Function):
    """Per token, of logits z = W h + b: −log P(target), and the mean of −log P over the whole vocabulary.

    Forward keeps the logits once, in the precision of the product; backward turns them in place into their gradient.
    Sums over the vocabulary are taken in float32 at least, chunk by chunk.
    """

    chunk = 128  # rows whose float32 copy stays in a core's cache

    @staticmethod
    def forward(
        ctx: Any, hidden_ME: Tensor, weight_VE: Tensor, bias_V: Tensor, target_M: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(nll_M, uniform_M)."""
        logits_MV = functional.linear(hidden_ME, weight_VE, bias_V)
        wide = torch.promote_types(logits_MV.dtype, torch.float32)
        norm_M, mean_M = [], []
        for part_MV in logits_MV.split(LinearCrossEntropy.chunk):
            part_MV = part_MV.to(wide)  # noqa: PLW2901
            norm_M.append(torch.logsumexp(part_MV, dim=-1))
            mean_M.append(part_MV.mean(dim=-1))
        log_norm_M = torch.cat(norm_M)
        score_M = logits_MV.gather(1, target_M.unsqueeze(1)).squeeze(1).to(wide)
        ctx.save_for_backward(hidden_ME, weight_VE, logits_MV, log_norm_M, target_M)
        return log_norm_M - score_M, log_norm_M - torch.cat(mean_M)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """dz = (g_nll + g_uniform) · P − g_nll · onehot(target) − g_uniform / V, then the linear map's gradients."""
        nll_M, uniform_M = gradients
        hidden_ME, weight_VE, logits_MV, log_norm_M, target_M = ctx.saved_tensors
        for rows in torch.arange(len(logits_MV)).split(LinearCrossEntropy.chunk):
            part = slice(int(rows[0]), int(rows[-1]) + 1)
            share_MV = torch.exp(logits_MV[part] - log_norm_M[part].unsqueeze(1))
            share_MV *= (nll_M[part] + uniform_M[part]).unsqueeze(1)
            share_MV -= (uniform_M[part] / logits_MV.shape[1]).unsqueeze(1)
            share_MV.scatter_add_(1, target_M[part].unsqueeze(1), -nll_M[part].unsqueeze(1))
            logits_MV[part] = share_MV.to(logits_MV.dtype)
        return (
            logits_MV @ weight_VE,
            logits_MV.t() @ hidden_ME,
            logits_MV.sum(dim=0, dtype=log_norm_M.dtype),
            None,
        )


linear_cross_entropy: Callable[..., tuple[Tensor, Tensor]] = LinearCrossEntropy.apply


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

    def predict(self, hidden_NE: Tensor) -> Predictions:
        """The next piece's distribution, in float32 at least."""
        if self.rounded is not None:
            return Predictions.of(self.rounded(hidden_NE))
        return Predictions.of(functional.linear(hidden_NE, self.weight_VE, self.bias_V))

    def nll(self, hidden_ME: Tensor, target_M: Tensor) -> tuple[Tensor, Tensor]:
        """Per token: −log P(target), and the mean of −log P over the vocabulary (for label smoothing)."""
        device = hidden_ME.device.type
        if not torch.is_autocast_enabled(device):
            return linear_cross_entropy(hidden_ME, self.weight_VE, self.bias_V, target_M)
        low = torch.get_autocast_dtype(device)
        with torch.autocast(device, enabled=False):
            return linear_cross_entropy(hidden_ME.to(low), self.weight_VE.to(low), self.bias_V.to(low), target_M)
