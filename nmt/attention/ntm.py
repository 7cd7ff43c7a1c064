"""The memory of a neural Turing machine: addressing by content and by place, reading, and writing."""

import math
from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from nmt.attention.base import Attended, Memory, Normalizer, Score, read
from nmt.attention.normalizers import Softmax
from nmt.attention.rows import apart, over_steps
from nmt.settings import Settings, shown


class Written(NamedTuple):
    """The write head's last weights (N, S), and the memory as it has been rewritten (N, S, D)."""

    weights: Tensor
    memory: Tensor


class State(NamedTuple):
    """The read head's last weights (N, S), and what writing left, if there is any."""

    weights: Tensor
    written: Written | None


def circular_shift(weights_BRS: Tensor, shift_BRO: Tensor, mask_BRS: Tensor) -> Tensor:
    """w~_i = Σ_o s_o w_{i−o}, o = −n…n, the real positions standing in a circle; padding is left undefined."""
    num_offsets = shift_BRO.shape[-1]
    offset_O1 = torch.arange(num_offsets, device=weights_BRS.device).sub(num_offsets // 2).unsqueeze(1)
    place_OS = torch.arange(weights_BRS.shape[-1], device=weights_BRS.device) - offset_O1
    length_BR11 = mask_BRS.sum(dim=-1).clamp(min=1)[..., None, None]
    size = (*shift_BRO.shape, weights_BRS.shape[-1])
    moved_BROS = weights_BRS.unsqueeze(2).expand(size).gather(-1, (place_OS % length_BR11).expand(size))
    return (shift_BRO.unsqueeze(-1) * moved_BROS).sum(dim=2)


def sharpen(weights_BRS: Tensor, power_BR1: Tensor, mask_BRS: Tensor) -> Tensor:
    """w_i = w~_i^γ / Σ_j w~_j^γ, w~ floored at the smallest number, so that 0 · log 0 does not enter the gradient."""
    floored_BRS = weights_BRS.clamp(min=torch.finfo(weights_BRS.dtype).tiny)
    return Softmax()(power_BR1 * floored_BRS.log(), mask_BRS)


class Head(nn.Module):
    """From a query and a head's last weights to its next: by content, gate, shift, sharpening."""

    def __init__(self, query_size: int, max_shift: int, normalizer: Normalizer) -> None:
        super().__init__()
        self.key = nn.Linear(query_size, query_size)
        self.control = nn.Linear(query_size, 3 + 2 * max_shift + 1)
        self.normalizer = normalizer

    def forward(
        self, query_BRQ: Tensor, before_BRS: Tensor, mask_BRS: Tensor, scores_of: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """weights_BRS; `scores_of` scores a key against the memory."""
        control_BRC = self.control(query_BRQ).to(before_BRS.dtype)
        strength_BR1, gate_BR1, power_BR1 = control_BRC[..., :3].split(1, dim=-1)
        scores_BRS = scores_of(self.key(query_BRQ))
        possible_BRS = scores_BRS != -math.inf  # a score may rule positions out; −∞ · β has no gradient
        scores_BRS = functional.softplus(strength_BR1) * scores_BRS.masked_fill(~possible_BRS, 0.0)
        content_BRS = self.normalizer(scores_BRS, mask_BRS & possible_BRS)
        gate_BR1 = torch.sigmoid(gate_BR1)
        gated_BRS = gate_BR1 * content_BRS + (1 - gate_BR1) * before_BRS
        shifted_BRS = circular_shift(gated_BRS, control_BRC[..., 3:].softmax(dim=-1), mask_BRS)
        return sharpen(shifted_BRS, 1 + functional.softplus(power_BR1), mask_BRS)


class WriteHead(Head):
    """M_j ← M_j (1 − w_j e) + w_j a, with e = sigmoid(W_e s) and a = W_a s."""

    def __init__(self, query_size: int, memory_size: int, max_shift: int, normalizer: Normalizer) -> None:
        super().__init__(query_size, max_shift, normalizer)
        self.erase = nn.Linear(query_size, memory_size)
        self.add = nn.Linear(query_size, memory_size)

    def write(self, query_BRQ: Tensor, weights_BRS: Tensor, memory_BRSD: Tensor) -> Tensor:
        """The memory after erasing and adding, in its own precision: memory_BRSD."""
        weights_BRS1, wide = weights_BRS.unsqueeze(-1), weights_BRS.dtype
        erase_BR1D = torch.sigmoid(self.erase(query_BRQ).to(wide)).unsqueeze(2)
        add_BR1D = self.add(query_BRQ).to(wide).unsqueeze(2)
        written_BRSD: Tensor = memory_BRSD * (1 - weights_BRS1 * erase_BR1D) + weights_BRS1 * add_BR1D
        return written_BRSD.to(memory_BRSD.dtype)


class Ntm(nn.Module):
    """w^c = normalizer(β score(k_t, M_j)), w^g = g w^c + (1 − g) w_{t−1}, w~ = w^g * s (circular),
    w ∝ w~^γ, c_t = Σ_j w_j M_j; with `write`, after reading, M_j ← M_j (1 − w'_j e) + w'_j a by a head of its own.

    From s_t: k = W_k s_t + b_k; of a second map, β by softplus, g by sigmoid, the shifts −n…n by softmax,
    γ = 1 + softplus; w_0 is the first position. What is rewritten is a copy of the source's memory, one a hypothesis,
    kept in the state. Cost: S a step for each of the 2n + 1 shifts, one step after the other; `write` adds S·D and the
    keys of the rewritten memory. Source: Graves et al. 2014, eq. 2–9.
    Differs: the score is the one that the config names (Graves's is `cosine`, whose learned sharpness here
    multiplies β); written to, several heads change their keys by what they change in their values.
    """

    class Options(Settings):
        """Reading by content and by place, as a neural Turing machine does; and writing, if asked."""

        name: Literal["ntm"] = "ntm"
        max_shift: int = Field(1, ge=0, description="n: shifts go from −n to n positions")
        write: Annotated[bool, shown("scope_ntm_write")] = Field(
            False, description="rewrite a copy of the memory while decoding"
        )

        def build(self, query_size: int, memory_size: int, normalizer: Normalizer) -> "Ntm":
            """The scope for queries and a memory of these widths."""
            writing = WriteHead(query_size, memory_size, self.max_shift, normalizer) if self.write else None
            return Ntm(Head(query_size, self.max_shift, normalizer), writing)

    def __init__(self, reading: Head, writing: WriteHead | None) -> None:
        super().__init__()
        self.reading = reading
        self.writing = writing

    def start(self, memory: Memory) -> State:
        """All weight on the first position, and the memory as it is."""
        states_BSD = memory.states_BSD
        wide = torch.promote_types(states_BSD.dtype, torch.float32)
        first_NS = torch.zeros(states_BSD.shape[:2], dtype=wide, device=states_BSD.device)
        first_NS[:, 0] = 1.0
        return State(first_NS, Written(first_NS, states_BSD) if self.writing is not None else None)

    def forward(
        self, query_BRQ: Tensor, step_BR: Tensor, memory: Memory, keys_BSA: Tensor, score: Score, state: State
    ) -> Attended:
        """Read, and write, step by step."""
        return over_steps(self.advance, query_BRQ, step_BR, memory, keys_BSA, score, state)

    def advance(
        self, query_BRQ: Tensor, step_BR: Tensor, memory: Memory, keys_BSA: Tensor, score: Score, state: State
    ) -> Attended:
        """One step of every hypothesis."""
        rows, mask_BRS = query_BRQ.shape[:2], memory.mask_BRS
        before_BRS = state.weights.unflatten(0, rows)
        if self.writing is None or state.written is None:
            weights_BRS = self.reading(query_BRQ, before_BRS, mask_BRS, lambda key_BRQ: score(key_BRQ, keys_BSA))
            return read(weights_BRS, memory, State(weights_BRS.flatten(0, 1), None))
        memory_BRSD = state.written.memory.unflatten(0, rows)
        changed_NSD = (memory_BRSD - memory.states_BSD.unsqueeze(1)).flatten(0, 1)
        keys_BRSA = keys_BSA.unsqueeze(1) + score.prepare(changed_NSD).unflatten(0, rows)

        def scores_of(key_BRQ: Tensor) -> Tensor:
            return apart(score, key_BRQ, keys_BRSA)

        weights_BRS = self.reading(query_BRQ, before_BRS, mask_BRS, scores_of)
        context_BRD = (weights_BRS.to(memory_BRSD.dtype).unsqueeze(2) @ memory_BRSD).squeeze(2)
        last_BRS = state.written.weights.unflatten(0, rows)
        writing_BRS = self.writing(query_BRQ, last_BRS, mask_BRS, scores_of)
        rewritten_BRSD = self.writing.write(query_BRQ, writing_BRS, memory_BRSD)
        written = Written(writing_BRS.flatten(0, 1), rewritten_BRSD.flatten(0, 1))
        return Attended(context_BRD, weights_BRS.unsqueeze(1), State(weights_BRS.flatten(0, 1), written), {})
