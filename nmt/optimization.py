"""Optimizers and learning-rate schedules.

The learning rate of update n = 1, 2, … is `learning_rate · factor(n, scores)`. A schedule is a pure function
of n and of the validation scores so far (higher is better), so a resumed run needs only those scores.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal, Protocol

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import Parameter

from nmt.errors import ConfigError
from nmt.settings import Settings, choice

NamedParameters = Iterable[tuple[str, Parameter]]
Beta = Annotated[float, Field(ge=0.0, lt=1.0)]
Betas = Annotated[tuple[Beta, Beta], Field(strict=False)]  # YAML knows lists, no tuples


class Optimizer(Protocol):
    """What training asks of an optimizer. `state` has the tensors that it keeps of each parameter, by name; training
    writes them to checkpoints and sets them on resuming."""

    state: dict[Parameter, dict[str, Tensor]]

    def step(self, learning_rate: float) -> None:
        """Change every parameter that has a gradient."""
        ...

    def possible(self, kept: Mapping[str, Tensor]) -> bool:
        """Whether updates with finite gradients can have left these tensors of a parameter, which have the right names
        and forms."""
        ...


class Adam:
    """Adam: m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  θ ← θ − η · m/(1−β₁ⁿ) / (√(v/(1−β₂ⁿ)) + ε).

    Kept of each parameter from its first gradient on: m (`exp_avg`), v (`exp_avg_sq`) and n (`step`), in its precision
    and on its device. Computed by the kernel that torch.optim uses, without torch.optim: importing that takes two
    seconds and 70 MB. Cost: one pass over weights, gradients, m and v.
    Source: Kingma & Ba 2015, algorithm 1; β₂ = 0.98 and ε = 1e-9 of Vaswani et al. 2017, §5.3.
    Differs: nothing.
    """

    class Options(Settings):
        name: Literal["adam"] = "adam"
        learning_rate: float = Field(1e-3, gt=0.0, description="η, which the schedule multiplies")
        betas: Betas = Field((0.9, 0.98), description="β₁ and β₂")
        epsilon: float = Field(1e-9, gt=0.0, description="ε")

        def build(self, parameters: NamedParameters) -> Optimizer:
            return Adam(parameters, self.betas, self.epsilon)

    def __init__(self, parameters: NamedParameters, betas: Betas, epsilon: float) -> None:
        self.parameters = [parameter for _, parameter in parameters]
        self.betas = betas
        self.epsilon = epsilon
        self.state: dict[Parameter, dict[str, Tensor]] = {}

    def step(self, learning_rate: float) -> None:
        """Change every parameter that has a gradient."""
        self.follow(self.parameters, learning_rate, 0.0)

    def possible(self, kept: Mapping[str, Tensor]) -> bool:
        """m and n are finite; v may be infinite, as g² of a finite g; neither v nor n is negative."""
        m, v, n = kept["exp_avg"], kept["exp_avg_sq"], kept["step"]
        return bool(m.isfinite().all() and (v >= 0).all() and n.isfinite() and n >= 0)

    @torch.no_grad()
    def follow(self, parameters: Sequence[Parameter], learning_rate: float, weight_decay: float) -> None:
        """Change those of them that have gradients by the equation, and take η · `weight_decay` · θ from each θ as it
        was before."""
        gradients = {parameter: parameter.grad for parameter in parameters if parameter.grad is not None}
        if not gradients:
            return
        states = [self._kept(parameter) for parameter in gradients]
        steps = [state["step"] for state in states]
        torch._foreach_add_(steps, 1)
        torch._fused_adamw_(
            [*gradients.keys()],
            [*gradients.values()],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            steps,
            lr=learning_rate,
            beta1=self.betas[0],
            beta2=self.betas[1],
            weight_decay=weight_decay,
            eps=self.epsilon,
            amsgrad=False,
            maximize=False,
        )

    def _kept(self, parameter: Parameter) -> dict[str, Tensor]:
        if parameter not in self.state:
            state = {"step": torch.zeros((), dtype=torch.float32, device=parameter.device)}
            self.state[parameter] = state | {name: torch.zeros_like(parameter) for name in ("exp_avg", "exp_avg_sq")}
        return self.state[parameter]


class AdamW(Adam):
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

        def build(self, parameters: NamedParameters) -> Optimizer:
            return AdamW(parameters, self.betas, self.epsilon, self.weight_decay)

    def __init__(self, parameters: NamedParameters, betas: Betas, epsilon: float, weight_decay: float) -> None:
        super().__init__(parameters, betas, epsilon)
        self.weight_decay = weight_decay

    def step(self, learning_rate: float) -> None:
        """Change every parameter that has a gradient."""
        matrices = [parameter for parameter in self.parameters if parameter.ndim >= 2]
        vectors = [parameter for parameter in self.parameters if parameter.ndim < 2]
        self.follow(matrices, learning_rate, self.weight_decay)
        self.follow(vectors, learning_rate, 0.0)


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
