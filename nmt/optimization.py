"""Optimizers and learning-rate schedules.

The learning rate of update n = 1, 2, … is `learning_rate · factor(n, scores)`. A schedule is a pure function
of n and of the validation scores so far (higher is better), so a resumed run needs only those scores.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, Protocol

import torch
from pydantic import Field
from torch.nn import Parameter

from nmt.errors import ConfigError
from nmt.settings import Settings, choice

NamedParameters = Iterable[tuple[str, Parameter]]
Beta = Annotated[float, Field(ge=0.0, lt=1.0)]
Betas = Annotated[tuple[Beta, Beta], Field(strict=False)]  # YAML knows lists, no tuples


class Adam(torch.optim.Adam):
    """Adam: m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  θ ← θ − η · m/(1−β₁ⁿ) / (√(v/(1−β₂ⁿ)) + ε).

    Source: Kingma & Ba 2015, algorithm 1; β₂ = 0.98 and ε = 1e-9 of Vaswani et al. 2017, §5.3.
    Differs: nothing.
    """

    class Options(Settings):
        name: Literal["adam"] = "adam"
        learning_rate: float = Field(1e-3, gt=0.0, description="η, which the schedule multiplies")
        betas: Betas = Field((0.9, 0.98), description="β₁ and β₂")
        epsilon: float = Field(1e-9, gt=0.0, description="ε")

        def build(self, parameters: NamedParameters) -> torch.optim.Optimizer:
            trained = [parameter for _, parameter in parameters]
            return Adam(trained, self.learning_rate, self.betas, self.epsilon, fused=True)


class AdamW(torch.optim.AdamW):
    """Adam with θ ← θ − η·λ·θ beside its step; λ is the weight decay, 0 for biases and gains (vectors).

    Source: Loshchilov & Hutter 2019, algorithm 2.
    Differs: matrices decay, vectors do not.
    """

    class Options(Settings):
        name: Literal["adamw"] = "adamw"
        learning_rate: float = Field(1e-3, gt=0.0, description="η, which the schedule multiplies")
        betas: Betas = Field((0.9, 0.98), description="β₁ and β₂")
        epsilon: float = Field(1e-9, gt=0.0, description="ε")
        weight_decay: float = Field(0.01, ge=0.0, description="λ")

        def build(self, parameters: NamedParameters) -> torch.optim.Optimizer:
            trained = [parameter for _, parameter in parameters]
            groups: list[dict[str, Any]] = [
                {"params": [p for p in trained if p.ndim >= 2], "weight_decay": self.weight_decay},
                {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
            ]
            groups = [group for group in groups if group["params"]]
            return AdamW(groups, self.learning_rate, self.betas, self.epsilon, fused=True)


class Schedule(Protocol):
    """What the learning rate of an update is multiplied with."""

    def factor(self, update: int, scores: Sequence[float]) -> float:
        """The factor of the given update (from 1), after validations with `scores` (higher is better)."""
        ...


class Constant:
    """factor(n) = min(1, n / warmup).

    Source: the linear warm-up of Goyal et al. 2017, §2.2, from 0.
    Differs: nothing.
    """

    class Options(Settings):
        name: Literal["constant"] = "constant"
        warmup: int = Field(0, ge=0, description="updates")

        def build(self, model_size: int, max_updates: int | None) -> Schedule:
            return Constant(self.warmup)

    def __init__(self, warmup: int) -> None:
        self.warmup = warmup

    def factor(self, update: int, scores: Sequence[float] = ()) -> float:
        return min(1.0, update / self.warmup) if self.warmup else 1.0


class InverseSqrt:
    """factor(n) = min(n / warmup, √(warmup / n)): 1 at n = warmup.

    Source: Vaswani et al. 2017, eq. 3.
    Differs: scaled so that `learning_rate` is the highest rate, whatever the width and the warm-up.
    """

    class Options(Settings):
        name: Literal["inverse_sqrt"] = "inverse_sqrt"
        warmup: int = Field(1000, ge=1, description="updates")

        def build(self, model_size: int, max_updates: int | None) -> Schedule:
            return InverseSqrt(self.warmup)

    def __init__(self, warmup: int) -> None:
        self.warmup = warmup

    def factor(self, update: int, scores: Sequence[float] = ()) -> float:
        return min(update / self.warmup, math.sqrt(self.warmup / update))


class Noam:
    """factor(n) = d^−½ · min(n^−½, n · warmup^−³ᐟ²), d being the model's width.

    Source: Vaswani et al. 2017, eq. 3, where `learning_rate` is 1 and warmup 4000.
    Differs: nothing.
    """

    class Options(Settings):
        name: Literal["noam"] = "noam"
        warmup: int = Field(4000, ge=1, description="updates")

        def build(self, model_size: int, max_updates: int | None) -> Schedule:
            return Noam(self.warmup, model_size)

    def __init__(self, warmup: int, model_size: int) -> None:
        self.warmup = warmup
        self.model_size = model_size

    def factor(self, update: int, scores: Sequence[float] = ()) -> float:
        return float(self.model_size**-0.5 * min(update**-0.5, update * self.warmup**-1.5))


class Cosine:
    """factor(n) = n / warmup, then m + (1 − m) · ½(1 + cos(π · (n − warmup) / (max_updates − warmup))).

    m is `minimum`, the factor at the last update.
    Source: Loshchilov & Hutter 2017, eq. 5, without restarts.
    Differs: linear warm-up before it.
    """

    class Options(Settings):
        name: Literal["cosine"] = "cosine"
        warmup: int = Field(1000, ge=0, description="updates")
        minimum: float = Field(0.0, ge=0.0, le=1.0, description="m")

        def build(self, model_size: int, max_updates: int | None) -> Schedule:
            if max_updates is None or max_updates <= self.warmup:
                raise ConfigError(
                    f"training.schedule: cosine needs training.max_updates above its warmup of {self.warmup}",
                    "set training.max_updates, or take the schedule inverse_sqrt",
                )
            return Cosine(self.warmup, max_updates, self.minimum)

    def __init__(self, warmup: int, max_updates: int, minimum: float) -> None:
        self.warmup = warmup
        self.max_updates = max_updates
        self.minimum = minimum

    def factor(self, update: int, scores: Sequence[float] = ()) -> float:
        if update < self.warmup:
            return update / self.warmup
        done = min(1.0, (update - self.warmup) / (self.max_updates - self.warmup))
        return self.minimum + (1.0 - self.minimum) * 0.5 * (1.0 + math.cos(math.pi * done))


class Plateau:
    """factor(n) = min(1, n / warmup) · max(minimum, decay^c), c counting the plateaus.

    A plateau is `patience` validations in a row without a score above the best before them.
    Source: the annealing of Denkowski & Neubig 2017, "Stronger Baselines for Trustable Results in NMT".
    Differs: training goes on from the latest weights, not from the best; a floor under the rate.
    """

    class Options(Settings):
        name: Literal["plateau"] = "plateau"
        warmup: int = Field(0, ge=0, description="updates")
        patience: int = Field(2, ge=1, description="validations without a better score")
        decay: float = Field(0.5, gt=0.0, lt=1.0, description="factor of each plateau")
        minimum: float = Field(0.01, ge=0.0, le=1.0, description="smallest product of these factors")

        def build(self, model_size: int, max_updates: int | None) -> Schedule:
            return Plateau(self.warmup, self.patience, self.decay, self.minimum)

    def __init__(self, warmup: int, patience: int, decay: float, minimum: float) -> None:
        self.warm = Constant(warmup)
        self.patience = patience
        self.decay = decay
        self.minimum = minimum

    def factor(self, update: int, scores: Sequence[float]) -> float:
        return self.warm.factor(update) * max(self.minimum, self.decay ** self._plateaus(scores))

    def _plateaus(self, scores: Sequence[float]) -> int:
        best, waited, plateaus = -math.inf, 0, 0
        for score in scores:
            waited = 0 if score > best else waited + 1
            best = max(best, score)
            if waited == self.patience:
                waited, plateaus = 0, plateaus + 1
        return plateaus


OptimizerOptions = Annotated[Adam.Options | AdamW.Options, choice()]
ScheduleOptions = Annotated[
    InverseSqrt.Options | Noam.Options | Cosine.Options | Plateau.Options | Constant.Options, choice()
]
