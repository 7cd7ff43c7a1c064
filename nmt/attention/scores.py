"""Score functions: score(query s, key h), one number for every query row and memory position.

What depends on the memory alone is computed once a sentence by `prepare`, which is linear. Scores with a hidden layer
may have several outputs, one for every feature of the memory: scores_BRSD. To add one: write the class with its
Options here, add it to the union at the foot of the file, and its loop-by-loop version to the tests' references.
"""

import math
import warnings
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from nmt.attention.base import Score
from nmt.attention.hidden import summed_tanh
from nmt.errors import ConfigError
from nmt.settings import Settings, choice


def _require_equal(name: str, query_size: int, memory_size: int) -> None:
    if query_size != memory_size:
        raise ConfigError(
            f"score '{name}' needs query and memory of equal widths, not {query_size} and {memory_size}",
            "use 'general' or 'additive', or change decoder.size or encoder.size",
        )


def _numbers(outputs_BRSD: Tensor) -> Tensor:
    """scores_BRS where the score has one output; else its outputs as they are."""
    return outputs_BRSD.squeeze(-1)


def products(query_BRQ: Tensor, keys_BSQ: Tensor) -> Tensor:
    """q^T k for every pair of a query row and a key: scores_BRS."""
    return query_BRQ @ keys_BSQ.transpose(1, 2)


class Dot(nn.Module):
    """score = s^T h.

    Cost: S·Q multiplications a step. Raises: ConfigError when query and memory differ in width.
    Source: Luong et al. 2015, §3.1. Differs: nothing.
    """

    class Options(Settings):
        """The inner product; no parameters."""

        name: Literal["dot"] = "dot"

        def build(self, query_size: int, memory_size: int) -> "Dot":
            """The score for queries and memories of these widths."""
            _require_equal(self.name, query_size, memory_size)
            return Dot()

    def prepare(self, states_BSD: Tensor) -> Tensor:
        """keys_BSQ: the states themselves."""
        return states_BSD

    def forward(self, query_BRQ: Tensor, keys_BSQ: Tensor, features_BRSF: Tensor | None = None) -> Tensor:
        """scores_BRS."""
        return products(query_BRQ, keys_BSQ)


class ScaledDot(Dot):
    """score = q^T k / sqrt(d_k).

    Cost: S·Q multiplications a step. Raises: ConfigError when query and memory differ in width.
    Source: Vaswani et al. 2017, eq. 1. Differs: nothing.
    """

    class Options(Settings):
        """The inner product, scaled by the root of its width; no parameters."""

        name: Literal["scaled_dot"] = "scaled_dot"

        def build(self, query_size: int, memory_size: int) -> "ScaledDot":
            """The score for queries and memories of these widths."""
            _require_equal(self.name, query_size, memory_size)
            return ScaledDot()

    def forward(self, query_BRQ: Tensor, keys_BSQ: Tensor, features_BRSF: Tensor | None = None) -> Tensor:
        """scores_BRS."""
        return products(query_BRQ / math.sqrt(query_BRQ.shape[-1]), keys_BSQ)


class General(nn.Module):
    """score = s^T W_a h, with W_a h computed once a sentence.

    Cost: S·Q multiplications a step. Source: Luong et al. 2015, §3.1. Differs: what is trained is W = √Q · W_a, which
    starts as wide as it would otherwise: a step of Adam moves all Q·D entries by about its rate, and so a score by √Q
    times less.
    """

    class Options(Settings):
        """A bilinear form."""

        name: Literal["general"] = "general"

        def build(self, query_size: int, memory_size: int) -> "General":
            """The score for queries and memories of these widths."""
            return General(query_size, memory_size)

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__()
        self.scale = 1 / math.sqrt(query_size)
        self.matrix = nn.Linear(memory_size, query_size, bias=False)
        with torch.no_grad():
            self.matrix.weight.div_(self.scale)

    def prepare(self, states_BSD: Tensor) -> Tensor:
        """keys_BSQ = W_a h."""
        keys_BSQ: Tensor = self.matrix(states_BSD) * self.scale
        return keys_BSQ

    def forward(self, query_BRQ: Tensor, keys_BSQ: Tensor, features_BRSF: Tensor | None = None) -> Tensor:
        """scores_BRS."""
        return products(query_BRQ, keys_BSQ)


class Additive(nn.Module):
    """score = v_a^T tanh(W_a s + U_a h), with U_a h computed once a sentence; features f add V_f f inside the tanh.

    Cost: S·A tanh and multiplications a step. Source: Bahdanau et al. 2015, A.1.2 (features: Tu et al. 2016, eq. 6).
    Differs: nothing.
    """

    class Options(Settings):
        """One hidden layer over query and key."""

        name: Literal["additive"] = "additive"
        size: int | None = Field(None, gt=0, description="width A of the hidden layer; the query's where left out")

        def build(self, query_size: int, memory_size: int, num_outputs: int = 1, num_features: int = 0) -> "Additive":
            """The score for queries and memories of these widths."""
            return Additive(query_size, memory_size, self.size or query_size, num_outputs, num_features)

    def __init__(
        self, query_size: int, memory_size: int, size: int, num_outputs: int = 1, num_features: int = 0
    ) -> None:
        super().__init__()
        self.query = nn.Linear(query_size, size, bias=False)
        self.key = nn.Linear(memory_size, size, bias=False)
        self.feature = nn.Linear(num_features, size, bias=False) if num_features else None
        self.score = nn.Linear(size, num_outputs, bias=False)

    def prepare(self, states_BSD: Tensor) -> Tensor:
        """keys_BSA = U_a h."""
        keys_BSA: Tensor = self.key(states_BSD)
        return keys_BSA

    def forward(self, query_BRQ: Tensor, keys_BSA: Tensor, features_BRSF: Tensor | None = None) -> Tensor:
        """scores_BRS."""
        query_BRA = self.query(query_BRQ)
        if self.feature is None or features_BRSF is None:
            return _numbers(summed_tanh(query_BRA, keys_BSA, self.score.weight))
        hidden_BRSA = query_BRA.unsqueeze(2) + keys_BSA.unsqueeze(1) + self.feature(features_BRSF)
        return _numbers(self.score(torch.tanh(hidden_BRSA)))


class Concat(nn.Module):
    """score = v_a^T tanh(W_a [s; h]), with one matrix W_a over the concatenation.

    Cost: S·A tanh and multiplications a step. Source: Luong et al. 2015, §3.1.
    Differs: nothing; the part of W_a that meets h is applied once a sentence, not at each step.
    """

    class Options(Settings):
        """One hidden layer over the concatenation of query and key."""

        name: Literal["concat"] = "concat"
        size: int | None = Field(None, gt=0, description="width A of the hidden layer; the query's where left out")

        def build(self, query_size: int, memory_size: int, num_outputs: int = 1) -> "Concat":
            """The score for queries and memories of these widths."""
            return Concat(query_size, memory_size, self.size or query_size, num_outputs)

    def __init__(self, query_size: int, memory_size: int, size: int, num_outputs: int = 1) -> None:
        super().__init__()
        self.query_size = query_size
        self.hidden = nn.Linear(query_size + memory_size, size, bias=False)
        self.score = nn.Linear(size, num_outputs, bias=False)

    def prepare(self, states_BSD: Tensor) -> Tensor:
        """keys_BSA: the columns of W_a that meet h, applied."""
        return functional.linear(states_BSD, self.hidden.weight[:, self.query_size :])

    def forward(self, query_BRQ: Tensor, keys_BSA: Tensor, features_BRSF: Tensor | None = None) -> Tensor:
        """scores_BRS."""
        query_BRA = functional.linear(query_BRQ, self.hidden.weight[:, : self.query_size])
        return _numbers(summed_tanh(query_BRA, keys_BSA, self.score.weight))


class Mlp(nn.Module):
    """score = v^T x_n, x_1 = tanh(W_1 [s; h] + b_1), x_k = tanh(W_k x_{k−1} + b_k).

    Cost: S·A + (n − 1)·S·A² multiplications a step. Source: Bahdanau et al. 2015, A.1.2.
    Differs: n layers, with biases; one layer without them is `additive`.
    """

    class Options(Settings):
        """A multi-layer perceptron over query and key, with a scalar output."""

        name: Literal["mlp"] = "mlp"
        size: int | None = Field(None, gt=0, description="width A of each hidden layer; the query's where left out")
        num_layers: int = Field(2, ge=1, le=8, description="hidden layers")

        def build(self, query_size: int, memory_size: int, num_outputs: int = 1) -> "Mlp":
            """The score for queries and memories of these widths."""
            return Mlp(query_size, memory_size, self.size or query_size, self.num_layers, num_outputs)

    def __init__(self, query_size: int, memory_size: int, size: int, num_layers: int, num_outputs: int = 1) -> None:
        super().__init__()
        self.query = nn.Linear(query_size, size)
        self.key = nn.Linear(memory_size, size, bias=False)
        self.layers = nn.ModuleList(nn.Linear(size, size) for _ in range(num_layers - 1))
        self.score = nn.Linear(size, num_outputs, bias=False)

    def prepare(self, states_BSD: Tensor) -> Tensor:
        """keys_BSA: the columns of W_1 that meet h, applied."""
        keys_BSA: Tensor = self.key(states_BSD)
        return keys_BSA

    def forward(self, query_BRQ: Tensor, keys_BSA: Tensor, features_BRSF: Tensor | None = None) -> Tensor:
        """scores_BRS."""
        hidden_BRSA = torch.tanh(self.query(query_BRQ).unsqueeze(2) + keys_BSA.unsqueeze(1))
        for layer in self.layers:
            hidden_BRSA = torch.tanh(layer(hidden_BRSA))
        return _numbers(self.score(hidden_BRSA))


class Cosine(nn.Module):
    """score = β · s^T h / (‖s‖ ‖h‖), with a learned sharpness β = softplus(b) > 0.

    Norms are floored at 1e-8. Cost: 2·S·Q multiplications a step. Raises: ConfigError when query and memory differ in
    width. Source: Graves et al. 2014, eq. 5–6. Differs: β is one parameter here, not emitted at each step.
    """

    class Options(Settings):
        """The cosine of the angle between query and key, sharpened."""

        name: Literal["cosine"] = "cosine"
        sharpness: float = Field(5.0, gt=0, description="β before training")

        def build(self, query_size: int, memory_size: int) -> "Cosine":
            """The score for queries and memories of these widths."""
            _require_equal(self.name, query_size, memory_size)
            return Cosine(self.sharpness)

    def __init__(self, sharpness: float) -> None:
        super().__init__()
        self.raw_sharpness = nn.Parameter(torch.tensor(sharpness + math.log(-math.expm1(-sharpness))))

    def prepare(self, states_BSD: Tensor) -> Tensor:
        """keys_BSD: the states themselves, since the key of a mean must be the mean of the keys."""
        return states_BSD

    def forward(self, query_BRQ: Tensor, keys_BSD: Tensor, features_BRSF: Tensor | None = None) -> Tensor:
        """scores_BRS."""
        query_BRQ = functional.normalize(query_BRQ, dim=-1, eps=1e-8)
        keys_BSD = functional.normalize(keys_BSD, dim=-1, eps=1e-8)
        return functional.softplus(self.raw_sharpness) * products(query_BRQ, keys_BSD)


class Location(nn.Module):
    """score_j = (W_a s)_j: a score for every absolute position, whatever stands there.

    The table has `max_positions` rows; positions beyond it score −∞, that is weight 0, with a warning where a memory is
    prepared whole: search adds to a decoder's own past one position at a time, and does not warn.
    Cost: S·Q multiplications a step. Source: Luong et al. 2015, eq. 8. Differs: masked to the sentence's length.
    """

    class Options(Settings):
        """A score for each absolute position, from the query alone."""

        name: Literal["location"] = "location"
        max_positions: int = Field(256, gt=0, description="rows of the table")

        def build(self, query_size: int, memory_size: int) -> "Location":
            """The score for queries of this width; the memory's does not matter."""
            return Location(query_size, self.max_positions)

    def __init__(self, query_size: int, max_positions: int) -> None:
        super().__init__()
        self.table = nn.Linear(query_size, max_positions, bias=False)

    def prepare(self, states_BSD: Tensor) -> Tensor:
        """keys_BS0: nothing but the number of positions."""
        if states_BSD.shape[1] > self.table.out_features:
            warnings.warn(
                f"attention by location knows {self.table.out_features} positions; those beyond get weight 0",
                stacklevel=2,
            )
        return states_BSD[:, :, :0]

    def forward(self, query_BRQ: Tensor, keys_BS0: Tensor, features_BRSF: Tensor | None = None) -> Tensor:
        """scores_BRS."""
        length, known = keys_BS0.shape[1], self.table.out_features
        scores_BRS: Tensor = self.table(query_BRQ)[..., :length]
        return functional.pad(scores_BRS, (0, max(0, length - known)), value=-math.inf)


ScoreOptions = Annotated[
    Dot.Options
    | General.Options
    | Concat.Options
    | Additive.Options
    | Mlp.Options
    | ScaledDot.Options
    | Cosine.Options
    | Location.Options,
    choice(),
]

__all__ = [
    "Additive",
    "Concat",
    "Cosine",
    "Dot",
    "General",
    "Location",
    "Mlp",
    "ScaledDot",
    "Score",
    "ScoreOptions",
]
