"""Attention over several sources: each is attended to by itself, and the contexts are combined.

Shapes: J sources of a sentence, each with S positions of its own, U those of the other of two; the other letters as
everywhere in this package.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from nmt.attention.base import Attended, Memory
from nmt.attention.heads import Attention
from nmt.attention.normalizers import Softmax
from nmt.settings import Settings, choice


class Combination(Protocol):
    """From the contexts of J sources to one of the same width."""

    def __call__(self, query_BRQ: Tensor, contexts_BRJD: Tensor) -> Tensor:
        """context_BRD."""


class Concat(nn.Module):
    """c = W [c_1; …; c_k] + b.

    Cost: J·D² multiplications a step. Source: Zoph & Knight 2016, §3 (multi-source attention).
    Differs: theirs stands inside the attentional state, tanh(W_c [s; c_1; c_2]), whose W_c is a product here.
    """

    class Options(Settings):
        """One linear map of all contexts side by side."""

        name: Literal["concat"] = "concat"

        def build(self, query_size: int, context_size: int, num_sources: int) -> "Concat":
            """The combination of so many contexts of this width."""
            return Concat(context_size, num_sources)

    def __init__(self, context_size: int, num_sources: int) -> None:
        super().__init__()
        self.joined = nn.Linear(num_sources * context_size, context_size)

    def forward(self, query_BRQ: Tensor, contexts_BRJD: Tensor) -> Tensor:
        """context_BRD."""
        context_BRD: Tensor = self.joined(contexts_BRJD.flatten(2))
        return context_BRD


class Gate(nn.Module):
    """c = Σ_i g_i ⊙ c_i, g = softmax_i(W_i s + U_i c_i) for every feature by itself.

    Of two sources it is the sigmoid gate c = g ⊙ c_1 + (1 − g) ⊙ c_2. Cost: J·D·(Q + D) multiplications a step.
    Source: Miculicich et al. 2018, eq. 9–10. Differs: any number of sources, and the query takes part.
    """

    class Options(Settings):
        """A gate for every feature of every context."""

        name: Literal["gate"] = "gate"

        def build(self, query_size: int, context_size: int, num_sources: int) -> "Gate":
            """The combination of so many contexts of this width."""
            return Gate(query_size, context_size, num_sources)

    def __init__(self, query_size: int, context_size: int, num_sources: int) -> None:
        super().__init__()
        self.queries = nn.ModuleList(nn.Linear(query_size, context_size) for _ in range(num_sources))
        self.contexts = nn.ModuleList(nn.Linear(context_size, context_size, bias=False) for _ in range(num_sources))

    def forward(self, query_BRQ: Tensor, contexts_BRJD: Tensor) -> Tensor:
        """context_BRD."""
        asked = [
            of_query(query_BRQ) + of_context(context_BRD)
            for of_query, of_context, context_BRD in zip(
                self.queries, self.contexts, contexts_BRJD.unbind(2), strict=True
            )
        ]
        gates_BRJD = torch.stack(asked, dim=2).softmax(dim=2)
        return (gates_BRJD * contexts_BRJD).sum(dim=2)


class Hierarchical(nn.Module):
    """c = Σ_i β_i V_i c_i, β = softmax_i(v^T tanh(W s + U_i c_i)): attention over the contexts.

    Cost: J·D·(Q + D) + Q² multiplications a step. Source: Libovický & Helcl 2017, eq. 8–10. Differs: nothing.
    """

    class Options(Settings):
        """Attention over the contexts of the sources."""

        name: Literal["hierarchical"] = "hierarchical"

        def build(self, query_size: int, context_size: int, num_sources: int) -> "Hierarchical":
            """The combination of so many contexts of this width."""
            return Hierarchical(query_size, context_size, num_sources)

    def __init__(self, query_size: int, context_size: int, num_sources: int) -> None:
        super().__init__()
        self.query = nn.Linear(query_size, query_size, bias=False)
        self.keys = nn.ModuleList(nn.Linear(context_size, query_size) for _ in range(num_sources))
        self.values = nn.ModuleList(nn.Linear(context_size, context_size, bias=False) for _ in range(num_sources))
        self.score = nn.Linear(query_size, 1, bias=False)

    def forward(self, query_BRQ: Tensor, contexts_BRJD: Tensor) -> Tensor:
        """context_BRD."""
        contexts = contexts_BRJD.unbind(2)
        keys_BRJA = torch.stack([key(context) for key, context in zip(self.keys, contexts, strict=True)], dim=2)
        values_BRJD = torch.stack([value(context) for value, context in zip(self.values, contexts, strict=True)], dim=2)
        return attend(self.score(torch.tanh(self.query(query_BRQ).unsqueeze(2) + keys_BRJA)), values_BRJD)


class Context(nn.Module):
    """c = g ⊙ c_1 + (1 − g) ⊙ d, g = σ(W_g [c_1; d]), d = Σ_{i≥2} β_i V c_i, β = softmax_i(v^T tanh(W s + U c_i)).

    The first source is the sentence to be translated, the others are sentences before it: word by word in each of
    them, then sentence by sentence over their summaries. Cost: J·D·(D + Q) + Q² + 2·D² multiplications a step.
    Source: Yang et al. 2016, eq. 5–10 (two levels); Miculicich et al. 2018, eq. 9–10 (the gate). Differs: the words of
    all sentences before share one attention.
    """

    class Options(Settings):
        """The sentences before, gated into the present one's context."""

        name: Literal["context"] = "context"

        def build(self, query_size: int, context_size: int, num_sources: int) -> "Context":
            """The combination of contexts of this width."""
            return Context(query_size, context_size)

    def __init__(self, query_size: int, context_size: int) -> None:
        super().__init__()
        self.query = nn.Linear(query_size, query_size, bias=False)
        self.key = nn.Linear(context_size, query_size)
        self.value = nn.Linear(context_size, context_size, bias=False)
        self.score = nn.Linear(query_size, 1, bias=False)
        self.gate = nn.Linear(2 * context_size, context_size)

    def forward(self, query_BRQ: Tensor, contexts_BRJD: Tensor) -> Tensor:
        """context_BRD."""
        own_BRD, before_BRJD = contexts_BRJD[:, :, 0], contexts_BRJD[:, :, 1:]
        hidden_BRJA = torch.tanh(self.query(query_BRQ).unsqueeze(2) + self.key(before_BRJD))
        before_BRD = attend(self.score(hidden_BRJA), self.value(before_BRJD))
        gate_BRD = torch.sigmoid(self.gate(torch.cat((own_BRD, before_BRD), dim=-1)))
        return gate_BRD * own_BRD + (1 - gate_BRD) * before_BRD


def attend(scores_BRJ1: Tensor, values_BRJD: Tensor) -> Tensor:
    """Σ_i β_i v_i, β = softmax_i of the scores, in float32 at least: context_BRD."""
    wide = torch.promote_types(scores_BRJ1.dtype, torch.float32)
    share_BRJ1 = scores_BRJ1.softmax(dim=2, dtype=wide).to(values_BRJD.dtype)
    return (share_BRJ1 * values_BRJD).sum(dim=2)


CombinationOptions = Annotated[Concat.Options | Gate.Options | Hierarchical.Options | Context.Options, choice()]


class Sources(nn.Module):
    """An attention for each source, and a combination of their contexts.

    The weights that are shown are those over the first source. Where there are more sources than attentions, the last
    attention serves all that are left. Cost: that of the attentions and of the combination.
    Source: Zoph & Knight 2016; Libovický & Helcl 2017. Differs: nothing.
    """

    def __init__(self, attentions: list[Attention], combination: Combination) -> None:
        super().__init__()
        self.attentions = nn.ModuleList(attentions)  # type: ignore[arg-type]  # a protocol's members are modules
        self.combination = combination
        self.context_size, self.num_heads = attentions[0].context_size, attentions[0].num_heads

    def _each(self, number: int) -> Any:
        return self.attentions[min(number, len(self.attentions) - 1)]

    def prepare(self, memories: tuple[Memory, ...], final_BD: Tensor) -> tuple[Any, ...]:
        """What each attention needs of its source."""
        return tuple(self._each(number).prepare((memory,), final_BD) for number, memory in enumerate(memories))

    def start(self, prepared: tuple[Any, ...]) -> tuple[Any, ...]:
        """The state of each attention."""
        return tuple(self._each(number).start(part) for number, part in enumerate(prepared))

    def forward(
        self, query_BRQ: Tensor, step_BR: Tensor, prepared: tuple[Any, ...], state: tuple[Any, ...], want: bool
    ) -> Attended:
        """Attend to every source from each query row."""
        parts: list[Attended] = [
            self._each(number)(query_BRQ, step_BR, part, own, want and number == 0)
            for number, (part, own) in enumerate(zip(prepared, state, strict=True))
        ]
        context_BRD = self.combination(query_BRQ, torch.stack([part.context_BRD for part in parts], dim=2))
        terms: dict[str, Tensor] = {}
        for part in parts:
            terms.update({name: terms[name] + term if name in terms else term for name, term in part.terms.items()})
        return Attended(context_BRD, parts[0].weights_BHRS, tuple(part.state for part in parts), terms)


class Several(NamedTuple):
    """How many sources there are, and what combines their contexts."""

    number: int
    combine: "Concat.Options | Gate.Options | Hierarchical.Options | Context.Options"


def over_sources(build: Callable[[], Attention], query_size: int, several: Several | None) -> Attention:
    """The attention itself over one source; one for each of several, and their combination."""
    if several is None:
        return build()
    attentions = [build() for _ in range(2 if isinstance(several.combine, Context.Options) else several.number)]
    return Sources(attentions, several.combine.build(query_size, attentions[0].context_size, several.number))


class CoAttention(nn.Module):
    """C = tanh(A W_b B^T); A' = A + softmax_B(C) B, B' = B + softmax_A(C^T) A, for the states A and B of two sources.

    Cost: S_B·D² + 3·S_A·S_B·D multiplications a sentence.
    Source: Lu et al. 2016, §3.3 (parallel), eq. 3. Differs: what one source sees of the other is added to its states,
    as they stay a sequence for a decoder; the paper pools them.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.affinity = nn.Linear(size, size, bias=False)
        self.normalize = Softmax()

    def forward(self, first: Memory, second: Memory) -> tuple[Memory, Memory]:
        """Both memories, enriched."""
        affinity_BSU = torch.tanh(first.states_BSD @ self.affinity(second.states_BSD).transpose(1, 2))
        return (
            self._enriched(first, second, affinity_BSU),
            self._enriched(second, first, affinity_BSU.transpose(1, 2)),
        )

    def _enriched(self, own: Memory, other: Memory, affinity_BSU: Tensor) -> Memory:
        weights_BSU = self.normalize(affinity_BSU, other.mask_BRS).to(other.states_BSD.dtype)
        seen_BSD = weights_BSU @ other.states_BSD
        values_BSD = None if own.values_BSD is None else own.values_BSD + seen_BSD
        return Memory(own.states_BSD + seen_BSD, own.mask_BRS, values_BSD)
