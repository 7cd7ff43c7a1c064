"""The attention itself: one head as it stands in the equations, or many between learned projections; or none.

Decoders use all three in the same way: `prepare` once a sentence, `start` for the state, then one call for any
number of query rows. `step_BR` counts target positions from 1.
"""

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, Protocol

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

from nmt import tree
from nmt.attention.base import Attended, Memory, Scope, Score
from nmt.attention.coverage import Covered
from nmt.attention.hops import Hops
from nmt.attention.local import positions
from nmt.attention.normalizers import NormalizerOptions, Softmax
from nmt.attention.rows import Placed
from nmt.attention.scopes import Global, ScopeOptions
from nmt.attention.scores import Additive, Concat, Location, Mlp, ScaledDot, ScoreOptions
from nmt.errors import ConfigError
from nmt.settings import Settings, choice, shown


class Prepared(NamedTuple):
    """What attention computes of a memory once a sentence; every tensor leads with the batch axis."""

    keys: Tensor
    values: Tensor
    mask_BRS: Tensor


class Attention(Protocol):
    """What a decoder attends with. `num_heads` is 0 where there are no weights."""

    context_size: int
    num_heads: int

    def prepare(self, memories: tuple[Memory, ...], final_BD: Tensor) -> Any:
        """Whatever depends on the sources' memories, and on the first encoder's final state, alone."""

    def start(self, prepared: Any) -> Any:
        """The state before the first target position, or None."""

    def __call__(self, query_BRQ: Tensor, step_BR: Tensor, prepared: Any, state: Any, want: bool) -> Attended:
        """Attend from each query row; weights are given where `want` asks for them."""


class SingleHead(nn.Module):
    """c = Σ_j α_j h_j, α = scope(normalizer(score(s, h_j))): queries and states as they are, no projections.

    Source: Bahdanau et al. 2015; Luong et al. 2015. Differs: nothing.
    """

    def __init__(self, score: Score, scope: Scope, memory_size: int) -> None:
        super().__init__()
        self.score: Score = score
        self.scope: Scope = scope
        self.context_size = memory_size
        self.num_heads = 1

    def prepare(self, memories: tuple[Memory, ...], final_BD: Tensor) -> Prepared:
        """Keys of the score; the values are read as they are."""
        memory = memories[0]
        return Prepared(self.score.prepare(memory.states_BSD), memory.read_BSD, memory.mask_BRS)

    def start(self, prepared: Prepared) -> Any:
        """The scope's state."""
        return self.scope.start(Memory(prepared.values, prepared.mask_BRS))

    def forward(self, query_BRQ: Tensor, step_BR: Tensor, prepared: Prepared, state: Any, want: bool) -> Attended:
        """Attend; the weights have one head."""
        memory = Memory(prepared.values, prepared.mask_BRS)
        attended: Attended = self.scope(query_BRQ, step_BR, memory, prepared.keys, self.score, state)
        return attended


class ScaledDotProduct(Function):
    """c = softmax(q k^T / √P + bias) v, with weights in float32 at least whatever the precision of q, k and v.

    Kept for the way back: q, k, v as they are, and the weights in their precision. With dα = dc v^T and
    ds = α ⊙ (dα − Σ_j α_j dα_j): dq = ds k / √P, dk = ds^T q / √P, dv = α^T dc.
    """

    @staticmethod
    def forward(ctx: Any, query_ZRP: Tensor, keys_ZSP: Tensor, values_ZSP: Tensor, bias_ZRS: Tensor) -> Tensor:
        """context_ZRP."""
        wide, ctx.scale = bias_ZRS.dtype, query_ZRP.shape[-1] ** -0.5
        scores_ZRS = torch.baddbmm(bias_ZRS, query_ZRP.to(wide), keys_ZSP.to(wide).transpose(1, 2), alpha=ctx.scale)
        weights_ZRS = scores_ZRS.softmax(dim=-1).to(values_ZSP.dtype)
        ctx.save_for_backward(query_ZRP, keys_ZSP, values_ZSP, weights_ZRS)
        return torch.bmm(weights_ZRS, values_ZSP)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, context_ZRP: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """dq, dk and dv."""
        query_ZRP, keys_ZSP, values_ZSP, weights_ZRS = ctx.saved_tensors
        change_ZRS = torch.bmm(context_ZRP, values_ZSP.transpose(1, 2)).mul_(weights_ZRS)
        change_ZRS -= weights_ZRS * change_ZRS.sum(dim=-1, keepdim=True)
        change_ZRS *= ctx.scale
        return (
            torch.bmm(change_ZRS, keys_ZSP),
            torch.bmm(change_ZRS.transpose(1, 2), query_ZRP),
            torch.bmm(weights_ZRS.transpose(1, 2), context_ZRP),
            None,
        )


def scaled_dot_product(query_BHRP: Tensor, keys_BHSP: Tensor, values_BHSP: Tensor, mask_B1RS: Tensor) -> Tensor:
    """softmax(q k^T / √P) v without the weights, where each row may see some position: context_BHRP.

    Where gradients are recorded on a CPU, in plain products: on sentences of ordinary length the backward pass of
    torch's flash kernel makes the whole training step half as slow again there. Else through torch's fused kernel.
    """
    if not torch.is_grad_enabled() or query_BHRP.device.type != "cpu":
        return functional.scaled_dot_product_attention(query_BHRP, keys_BHSP, values_BHSP, attn_mask=mask_B1RS)
    num_sentences, heads, rows, _ = query_BHRP.shape
    wide = torch.promote_types(query_BHRP.dtype, torch.float32)
    bias_B1RS = torch.zeros_like(mask_B1RS, dtype=wide).masked_fill_(~mask_B1RS, -math.inf)
    bias_ZRS = bias_B1RS.expand(-1, heads, rows, -1).flatten(0, 1)
    attend: Callable[..., Tensor] = ScaledDotProduct.apply
    context_ZRP = attend(*(tensor.flatten(0, 1) for tensor in (query_BHRP, keys_BHSP, values_BHSP)), bias_ZRS)
    context_BHRP: Tensor = context_ZRP.unflatten(0, (num_sentences, heads))
    return context_BHRP


class MultiHead(nn.Module):
    """Concat_i(Attention(Q W_i^Q, K W_i^K, V W_i^V)) W^O, for any score and scope.

    Heads are folded into the batch axis, so that scores and scopes work unchanged and share their parameters among
    the heads. Softmax of scaled products over the whole memory goes through torch's fused kernel unless the weights
    are wanted. A score by place alone reads no keys, and has no projection to them.
    Cost: H scores of width P = size / H, and four projections. Raises: ConfigError unless H divides size.
    Source: Vaswani et al. 2017, §3.2.2. Differs: the projections have biases; scores and scopes with
    parameters share them among the heads.
    """

    def __init__(self, options: "Mechanism", heads: int, query_size: int, memory_size: int, size: int) -> None:
        super().__init__()
        if size % heads:
            raise ConfigError(f"{heads} heads do not divide the width {size}", "choose a divisor")
        self.num_heads = heads
        self.context_size = size
        self.query = nn.Linear(query_size, size)
        self.key = nn.Linear(memory_size, size) if options.reads_keys else None
        self.value = nn.Linear(memory_size, size)
        self.output = nn.Linear(size, size)
        parts = options.parts(size // heads, size // heads)
        self.score: Score = parts[0]
        self.scope: Scope = parts[1]
        self.fusable = (
            options.coverage is None
            and isinstance(options.score, ScaledDot.Options)
            and isinstance(options.scope, Global.Options)
            and isinstance(options.normalizer, Softmax.Options)
        )
        for projection in filter(None, (self.query, self.key, self.value, self.output)):
            nn.init.xavier_uniform_(projection.weight)
            nn.init.zeros_(projection.bias)

    def split(self, states_BRD: Tensor) -> Tensor:
        """(B, R, H·P) → (B, H, R, P)."""
        split_BHRP: Tensor = states_BRD.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        return split_BHRP

    def prepare(self, memories: tuple[Memory, ...], final_BD: Tensor) -> Prepared:
        """Keys and values of the memory's states."""
        memory = memories[0]
        return Prepared(*self.project(memory.states_BSD, memory.read_BSD), memory.mask_BRS)

    def project(self, states_BSD: Tensor, read_BSD: Tensor) -> tuple[Tensor, Tensor]:
        """Keys (B, H, S, A) and values (B, H, S, P)."""
        values_BHSP = self.split(self.value(read_BSD))
        projected_BHSP = values_BHSP if self.key is None else self.split(self.key(states_BSD))
        keys = self.score.prepare(projected_BHSP.flatten(0, 1)).unflatten(0, projected_BHSP.shape[:2])
        return keys, values_BHSP

    def start(self, prepared: Prepared) -> Any:
        """The scope's state; its rows are (N, H, …) outside of this module."""
        state = self.scope.start(self._folded(prepared))
        return tree.map_tensors(lambda rows: rows.unflatten(0, (-1, self.num_heads)), state)

    def forward(self, query_BRQ: Tensor, step_BR: Tensor, prepared: Prepared, state: Any, want: bool) -> Attended:
        """Attend with every head; the weights are (B, H, R, S), or None where not wanted and not needed."""
        query_BHRP = self.split(self.query(query_BRQ))
        if self.fusable and not want:
            mask_B1RS = prepared.mask_BRS.unsqueeze(1)
            context_BHRP = scaled_dot_product(query_BHRP, prepared.keys, prepared.values, mask_B1RS)
            attended = Attended(context_BHRP, None, state, {})
        else:
            attended = self._fold(query_BHRP, step_BR, prepared, state)
        context_BRD = attended.context_BRD.transpose(1, 2).flatten(2)
        return attended._replace(context_BRD=self.output(context_BRD))

    def _folded(self, prepared: Prepared) -> Memory:
        return Memory(prepared.values.flatten(0, 1), tree.repeat(prepared.mask_BRS, self.num_heads))

    def _fold(self, query_BHRP: Tensor, step_BR: Tensor, prepared: Prepared, state: Any) -> Attended:
        """One call of the scope for all heads: batch B·H, and state rows (B, K, H) ↔ (B·H·K)."""
        num_sentences, heads = query_BHRP.shape[:2]
        state = tree.map_tensors(
            lambda rows: rows.unflatten(0, (num_sentences, -1)).transpose(1, 2).flatten(0, 2), state
        )
        memory = self._folded(prepared)
        step_ZR, keys_ZSA = tree.repeat(step_BR, heads), prepared.keys.flatten(0, 1)
        score = self.score if self.key is not None else Placed(self.score, positions(memory)[0])
        attended: Attended = self.scope(query_BHRP.flatten(0, 1), step_ZR, memory, keys_ZSA, score, state)
        assert attended.weights_BHRS is not None, "a scope gives its weights"
        return Attended(
            attended.context_BRD.unflatten(0, (num_sentences, heads)),
            attended.weights_BHRS.squeeze(1).unflatten(0, (num_sentences, heads)),
            tree.map_tensors(
                lambda rows: rows.unflatten(0, (num_sentences, heads, -1)).transpose(1, 2).flatten(0, 1),
                attended.state,
            ),
            {name: term_ZR.unflatten(0, (num_sentences, heads)).sum(1) for name, term_ZR in attended.terms.items()},
        )


class NoAttention(nn.Module):
    """One fixed context, the encoder's last state: it only starts the decoder (`initial`), or is fed to the decoder
    and to the output at each step (`every_step`).

    Cost: nothing. Source: Sutskever et al. 2014 (`initial`); Cho et al. 2014 (`every_step`). Differs: nothing.
    """

    class Options(Settings):
        """One fixed vector for the whole sentence."""

        name: Literal["none"] = "none"
        context: Annotated[Literal["initial", "every_step"], shown("attention_none_every_step")] = Field(
            "initial", description="where the fixed vector enters"
        )

        def build(self, query_size: int, memory_size: int, final_size: int) -> "NoAttention":
            """No attention, over an encoder with final states of this width."""
            return NoAttention(final_size if self.context == "every_step" else 0)

    def __init__(self, context_size: int) -> None:
        super().__init__()
        self.context_size = context_size
        self.num_heads = 0

    def prepare(self, memories: tuple[Memory, ...], final_BD: Tensor) -> Prepared:
        """The fixed context, of width 0 for `initial`."""
        context_B1D = final_BD[:, None, : self.context_size]
        return Prepared(context_B1D, context_B1D, memories[0].mask_BRS)

    def start(self, prepared: Prepared) -> None:
        """No state."""

    def forward(self, query_BRQ: Tensor, step_BR: Tensor, prepared: Prepared, state: Any, want: bool) -> Attended:
        """The same context for every row; there are no weights."""
        return Attended(prepared.values.expand(-1, query_BRQ.shape[1], -1), None, state, {})


def _score(options: ScoreOptions, query_size: int, memory_size: int, vectors: bool, covered: bool) -> Score:
    num_outputs = memory_size if vectors else 1
    if isinstance(options, Additive.Options):
        return options.build(query_size, memory_size, num_outputs, num_features=int(covered))
    if covered:
        raise ConfigError(f"score '{options.name}' has no place for coverage", "take score: additive")
    if isinstance(options, Concat.Options | Mlp.Options):
        return options.build(query_size, memory_size, num_outputs)
    if vectors:
        raise ConfigError(f"score '{options.name}' is one number", "take score: additive, concat or mlp")
    return options.build(query_size, memory_size)


class Mechanism(Settings):
    """Attention = score × normalizer × scope."""

    score: ScoreOptions = ScaledDot.Options()
    normalizer: NormalizerOptions = Softmax.Options()
    scope: ScopeOptions = Global.Options()
    coverage: Annotated[Covered.Options | None, shown("coverage", by=Covered)] = Field(
        None, description="{vector: true, loss: 1.0} tells the score what was attended to, and punishes doing so again"
    )

    @property
    def reads_keys(self) -> bool:
        """Whether the score looks at what stands at a position."""
        return not isinstance(self.score, Location.Options)

    def parts(self, query_size: int, memory_size: int) -> tuple[Score, Scope]:
        """The score, with as many outputs and features as the scope asks for, and the scope, covered if asked.

        Raises: ConfigError where the score cannot have them."""
        vector = self.coverage is not None and self.coverage.vector
        score = _score(self.score, query_size, memory_size, self.scope.name == "multi_dimensional", vector)
        scope: Scope = self.scope.build(query_size, memory_size, self.normalizer.build())
        return score, scope if self.coverage is None else self.coverage.build(scope)


class AttentionSettings(Mechanism):
    """c_t = Σ_j α_j h_j, α = scope(normalizer(score(s_t, h_j))): attention = score × normalizer × scope, in `heads`
    heads and `hops` hops.

    One head works on queries and states as they are; several work between projections to `query size / heads` each.
    Source: Bahdanau et al. 2015; Luong et al. 2015; several heads: Vaswani et al. 2017, §3.2.2. Differs: nothing.
    """

    name: Literal["attend"] = "attend"
    score: ScoreOptions = Additive.Options()
    heads: Annotated[int, shown("heads", by=MultiHead)] = Field(
        1, ge=1, description="attentions side by side, each on its own part of the width"
    )
    hops: Annotated[int, shown("hops", by=Hops)] = Field(
        1, ge=1, le=100, description="readings K: u^{k+1} = u^k + what u^k read; the context is u^{K+1}"
    )

    def build(self, query_size: int, memory_size: int, final_size: int) -> Attention:
        """Attention of queries over a memory of these widths."""
        attention: Attention
        if self.heads > 1:
            attention = MultiHead(self, self.heads, query_size, memory_size, query_size)
        else:
            attention = SingleHead(*self.parts(query_size, memory_size), memory_size)
        return attention if self.hops == 1 else Hops(attention, self.hops, query_size)


AttentionOptions = Annotated[AttentionSettings | NoAttention.Options, choice(default="attend")]

__all__ = [
    "Attention",
    "AttentionOptions",
    "AttentionSettings",
    "Mechanism",
    "MultiHead",
    "NoAttention",
    "Prepared",
    "Score",
    "SingleHead",
]
