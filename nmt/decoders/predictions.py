"""The distribution over the next piece, and its best pieces without a full sort or a copy of it all."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

GROUP = 16  # pieces that are compared by their largest logit first
BLOCK = 1 << 17  # logits whose copy stays in a core's cache


class Predictions(NamedTuple):
    """The next piece's distribution for N hypotheses: log P(v) = logit_v − log_norm,
    log_norm = log Σ_v exp(logit_v), summed in float32 at least, whatever precision the logits have.

    best_NG has the largest logit of each group of pieces j, j + G, j + 2·G, …, where V pieces make G = ⌈V / GROUP⌉
    groups, the last of them short of a piece or more.
    """

    logits_NV: Tensor
    log_norm_N: Tensor
    best_NG: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, logits_NV: Tensor) -> "Predictions":
        """The distribution of these logits; on a CPU a few rows are gone through at a time, while they are in its
        cache. Gradients are not recorded."""
        wide = torch.promote_types(logits_NV.dtype, torch.float32)
        rows = at_once(logits_NV)
        room_RV = torch.empty(min(rows, len(logits_NV)), logits_NV.shape[1], dtype=wide, device=logits_NV.device)
        norms, bests = [], []
        for part_RV in logits_NV.split(rows):
            work_RV = room_RV[: len(part_RV)]
            wide_RV = part_RV if part_RV.dtype == wide else work_RV.copy_(part_RV)
            best_RG = maxima(wide_RV)
            best_R1 = best_RG.amax(dim=1, keepdim=True)
            norms.append(torch.sub(wide_RV, best_R1, out=work_RV).exp_().sum(dim=1).log() + best_R1.squeeze(1))
            bests.append(best_RG)
        return cls(logits_NV.detach(), torch.cat(norms), torch.cat(bests))

    @classmethod
    def given(cls, logits_NV: Tensor, log_norm_N: Tensor) -> "Predictions":
        """The distribution of logits whose norm is known."""
        return cls(logits_NV, log_norm_N, maxima(logits_NV).to(log_norm_N.dtype))

    def log_probs(self) -> Tensor:
        """log P of every piece: (N, V)."""
        return self.logits_NV - self.log_norm_N.unsqueeze(-1)

    def log_prob(self, piece: int) -> Tensor:
        """log P of one piece: (N,)."""
        return self.logits_NV[:, piece] - self.log_norm_N

    def draw(self, never: Tensor, temperature: float = 1.0) -> Tensor:
        """A random piece for each row, drawn in proportion to P^(1 / temperature), but for the pieces `never`: where
        the running sum passes a uniform random part of its end. The random numbers are torch's. Cost: V additions and
        exponentials a row."""
        wide, rows, found = self.log_norm_N.dtype, at_once(self.logits_NV), []
        place_N1 = torch.rand(len(self.logits_NV), 1, dtype=wide, device=self.log_norm_N.device)
        for part_RV, place_R1 in zip(self.logits_NV.split(rows), place_N1.split(rows), strict=True):
            logits_RV = part_RV.to(wide, copy=True).index_fill_(1, never, -math.inf)
            logits_RV -= logits_RV.amax(dim=1, keepdim=True)
            sums_RV = logits_RV.div_(temperature).exp_().cumsum(dim=1)
            found.append(torch.searchsorted(sums_RV, place_R1 * sums_RV[:, -1:], right=True).squeeze(1))
        return torch.cat(found).clamp(max=self.logits_NV.shape[1] - 1)

    def top(self, k: int) -> tuple[Tensor, Tensor]:
        """The k best pieces' log-probabilities and ids (all, if there are fewer), best first: two times (N, k)."""
        log_prob_NK, _, ids_NK = self.continuations(self.log_norm_N.new_zeros(len(self.log_norm_N), 1), k)
        return log_prob_NK, ids_NK

    def continuations(self, before_BW: Tensor, k: int, never: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """The k best continuations of each sentence's W prefixes together, best first, N = B·W.

        `before` + log P, which prefix is continued, and the piece's id: three times (B, k), fewer where there are
        fewer. The pieces `never` are ruled out, for good: their logits become −∞. The k best are in the k groups with
        the largest maxima. Cost: V comparisons a prefix.
        """
        if never is not None:
            self._rule_out(never)
        width, size = before_BW.shape[1], self.logits_NV.shape[1]
        k = min(k, width * size)
        offset_BW = before_BW - self.log_norm_N.view(before_BW.shape)
        total_BX = (self.best_NG.view(*before_BW.shape, -1) + offset_BW.unsqueeze(-1)).flatten(1)
        groups = total_BX.shape[1] // width
        group_BG = total_BX.topk(min(k, total_BX.shape[1]), dim=1).indices
        stride = torch.arange(0, GROUP * groups, groups, device=group_BG.device)
        ids_BM = ((group_BG % groups).unsqueeze(-1) + stride).flatten(1)
        prefix_BM = (group_BG // groups).repeat_interleave(GROUP, dim=1)
        row_B1 = width * torch.arange(len(before_BW), device=ids_BM.device).unsqueeze(1)
        beyond_BM, ids_BM = ids_BM >= size, ids_BM.clamp(max=size - 1)
        logit_BM = self.logits_NV.take((row_B1 + prefix_BM) * size + ids_BM).to(offset_BW.dtype)
        total_BM = (logit_BM + offset_BW.gather(1, prefix_BM)).masked_fill(beyond_BM, -math.inf)
        log_prob_BK, place_BK = total_BM.topk(k, dim=1)
        return log_prob_BK, prefix_BM.gather(1, place_BK), ids_BM.gather(1, place_BK)

    def _rule_out(self, never: Tensor) -> None:
        self.logits_NV.index_fill_(1, never, -math.inf)
        groups, size = self.best_NG.shape[1], self.logits_NV.shape[1]
        first = never % groups
        members = first.unsqueeze(1) + torch.arange(0, GROUP * groups, groups, device=never.device)
        members = torch.where(members < size, members, first.unsqueeze(1)).flatten()
        best_Nn = self.logits_NV.index_select(1, members).unflatten(1, (len(never), GROUP)).amax(dim=2)
        self.best_NG.index_copy_(1, first, best_Nn.to(self.best_NG.dtype))


def at_once(logits_NV: Tensor) -> int:
    """How many rows to go through at a time: on a CPU those that its cache holds."""
    return max(1, BLOCK // logits_NV.shape[1]) if logits_NV.device.type == "cpu" else max(1, len(logits_NV))


def maxima(logits_NV: Tensor) -> Tensor:
    """The largest of each group: best_NG."""
    size = logits_NV.shape[1]
    groups = -(-size // GROUP)
    whole = size // groups
    best_NG: Tensor = logits_NV[:, : whole * groups].unflatten(1, (whole, groups)).amax(dim=1)
    rest = size - whole * groups
    if rest:
        best_NG[:, :rest] = torch.maximum(best_NG[:, :rest], logits_NV[:, whole * groups :])
    return best_NG
