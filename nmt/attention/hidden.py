"""The hidden layer of a score over every pair of a query and a key, never held for all pairs at once."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

CACHED = 1 << 17  # hidden values that are worked on at a time on a CPU: they stay in a core's cache
HELD = 1 << 25  # elsewhere, where each block costs a launch


class SummedTanh(Function):
    """scores = V tanh(q + k) for every query row and key: scores_BRSD, in float32 at least.

    It goes through the pairs block by block. Kept for the way back are q, k and V alone; t = tanh(q + k) is computed
    again. With dt = ds V ⊙ (1 − t²): dq = Σ_keys dt, dk = Σ_queries dt, dV = Σ_pairs ds^T t.
    """

    @staticmethod
    def forward(ctx: Any, query_BRA: Tensor, keys_BSA: Tensor, weight_DA: Tensor) -> Tensor:
        """scores_BRSD."""
        ctx.save_for_backward(query_BRA, keys_BSA, weight_DA)
        query_BRA, keys_BSA, weight_DA = _wide(query_BRA, keys_BSA, weight_DA)
        scores_BRSD = query_BRA.new_empty(*query_BRA.shape[:2], keys_BSA.shape[1], len(weight_DA))
        for block, hidden_brSA in _hidden(query_BRA, keys_BSA):
            scores_BRSD[block] = (hidden_brSA.flatten(0, 2) @ weight_DA.t()).view(scores_BRSD[block].shape)
        return scores_BRSD

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, change_BRSD: Tensor) -> tuple[Tensor, ...]:
        """dq, dk and dV."""
        given = ctx.saved_tensors
        query_BRA, keys_BSA, weight_DA = _wide(*given)
        dq_BRA, dk_BSA, dv_DA = (torch.zeros_like(tensor) for tensor in (query_BRA, keys_BSA, weight_DA))
        room = None
        for block, hidden_brSA in _hidden(query_BRA, keys_BSA):
            change_XD, hidden_XA = change_BRSD[block].flatten(0, 2), hidden_brSA.flatten(0, 2)
            dv_DA.addmm_(change_XD.t(), hidden_XA)
            room = torch.empty_like(hidden_XA) if room is None else room
            dt_XA = torch.mm(change_XD, weight_DA, out=room[: len(hidden_XA)])
            torch.ops.aten.tanh_backward.grad_input(dt_XA, hidden_XA, grad_input=dt_XA)
            dt_brSA = dt_XA.view(hidden_brSA.shape)
            torch.sum(dt_brSA, dim=2, out=dq_BRA[block])
            dk_BSA[block[0]] += dt_brSA.sum(dim=1)
        found = zip(given, (dq_BRA, dk_BSA, dv_DA), strict=True)
        return tuple(gradient.to(tensor.dtype) for tensor, gradient in found)


def summed_tanh(query_BRA: Tensor, keys_BSA: Tensor, weight_DA: Tensor) -> Tensor:
    """V tanh(q + k): scores_BRSD, in float32 at least but where the hidden layer is held.

    It is in a training step of one query row a sentence: it is no larger than the keys then, and computing it again
    would take longer.
    """
    if torch.is_grad_enabled() and query_BRA.shape[1] == 1:
        return functional.linear(torch.tanh(query_BRA.unsqueeze(2) + keys_BSA.unsqueeze(1)), weight_DA)
    apply: Callable[..., Tensor] = SummedTanh.apply
    return apply(query_BRA, keys_BSA, weight_DA)


def _wide(*tensors: Tensor) -> tuple[Tensor, ...]:
    return tuple(tensor.to(torch.promote_types(tensor.dtype, torch.float32)) for tensor in tensors)


def _hidden(query_BRA: Tensor, keys_BSA: Tensor) -> Iterator[tuple[tuple[slice, slice], Tensor]]:
    """Blocks of sentences, or of query rows of one, each with tanh(q + k), which is gone at the next."""
    num_sentences, num_rows, size = query_BRA.shape
    pairs = keys_BSA.shape[1] * size
    most = CACHED if query_BRA.device.type == "cpu" else HELD
    rows = max(1, min(num_rows, most // max(1, pairs)))
    sentences = max(1, most // max(1, pairs * num_rows))
    room = query_BRA.new_empty(min(sentences, num_sentences) * rows * pairs)
    for first in range(0, num_sentences, sentences):
        some = slice(first, min(first + sentences, num_sentences))
        for start in range(0, num_rows, rows):
            block = some, slice(start, min(start + rows, num_rows))
            query_brA, keys_bSA = query_BRA[block], keys_BSA[some]
            shape = (*query_brA.shape[:2], *keys_bSA.shape[1:])
            hidden_brSA = room[: shape[0] * shape[1] * pairs].view(shape)
            yield block, torch.add(query_brA.unsqueeze(2), keys_bSA.unsqueeze(1), out=hidden_brSA).tanh_()
