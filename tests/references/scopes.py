"""Scopes that read more than positions of the source, one target step at a time, loop by loop in float64.

Each gets its options, the parameters by name and what is there at this step, and gives the weights of all positions,
the context, and its next state.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from references.attention import SCOPES, Array, Normalizer, Parameters, additive, context, inner, product

Score = Callable[[Sequence[float], Array, int], Any]
Step = tuple[list[float], list[float], Any]


class Here(NamedTuple):
    """The score of query, states and j, the normalizer, the query s, the step t, the states h_1…h_S of one unpadded
    sentence, and the scope's own state: None before the first step."""

    score: Score
    norm: Normalizer
    s: Array
    t: int
    h: Array
    state: Any

    def scores(self) -> list[Any]:
        """score(s, h_j) for j = 1…S."""
        return [self.score(self.s, self.h, j) for j in range(1, len(self.h) + 1)]


def sigmoid(x: float) -> float:
    """1 / (1 + e^−x)."""
    return 1 / (1 + math.exp(-x))


def softplus(x: float) -> float:
    """log(1 + e^x)."""
    return math.log1p(math.exp(x))


def part(p: Parameters, prefix: str) -> Parameters:
    """The parameters whose names begin so, without that beginning."""
    return {name.removeprefix(prefix): value for name, value in p.items() if name.startswith(prefix)}


def affine(p: Parameters, name: str, x: Sequence[float]) -> list[float]:
    """W x + b."""
    return [a + float(b) for a, b in zip(product(p[f"{name}.weight"], x), p[f"{name}.bias"], strict=True)]


def stateless(name: str) -> Callable[..., Step]:
    """A scope that makes weights of the scores alone."""

    def step(options: Any, p: Parameters, here: Here) -> Step:
        weights = SCOPES[name](options, p, here.s, here.t, here.scores(), here.norm)
        return weights, context(weights, here.h), None

    return step


def outer_blocks(first: int, last: int, length: int, width: int) -> list[list[int]]:
    """Positions outside first…last in blocks, counted from the window's edges outwards."""
    before, after = [*range(first - 1, 0, -1)], [*range(last + 1, length + 1)]
    return [side[i : i + width] for side in (before, after) for i in range(0, len(side), width)]


def expanded(options: Any, p: Parameters, here: Here) -> Step:
    """One normalizer over the window's positions and the outer blocks, each scored by its mean."""
    score, s, t, h = here.score, here.s, here.t, here.h
    d, length, penalty = options["window"], len(h), {}
    if options.get("centre") == "local_p":
        raw = inner(p["predictor.position.weight"][0], [math.tanh(x) for x in product(p["predictor.hidden.weight"], s)])
        centre = length * sigmoid(raw)
        first, last = math.ceil(centre - d), math.floor(centre + d)
        penalty = {j: 2 * ((j - centre) / d) ** 2 for j in range(first, last + 1)}
        beyond = 2.0
    else:
        first, last = (length - 2 * d, length) if t - d > length else (t - d, t + d)
        beyond = 0.0
    window = [j for j in range(1, length + 1) if first <= j <= last]
    blocks = outer_blocks(first, last, length, options["block"])
    means = np.array([np.mean([h[j - 1] for j in block], axis=0) for block in blocks])
    scores = [score(s, h, j) - penalty.get(j, 0.0) for j in window]
    scores += [score(s, means, k) - beyond for k in range(1, len(blocks) + 1)]
    joint = here.norm(scores)
    weights = [0.0] * length
    for j, weight in zip(window, joint, strict=False):
        weights[j - 1] = weight
    for block, weight in zip(blocks, joint[len(window) :], strict=True):
        for j in block:
            weights[j - 1] = weight / len(block)
    read = [sum(w * float(h[j - 1][k]) for j, w in zip(window, joint, strict=False)) for k in range(h.shape[1])]
    for mean, weight in zip(means, joint[len(window) :], strict=True):
        read = [r + weight * float(m) for r, m in zip(read, mean, strict=True)]
    return weights, read, None


def hybrid(options: Any, p: Parameters, here: Here) -> Step:
    """g · global + (1 − g) · local."""
    s, t, h, norm = here.s, here.t, here.h, here.norm
    g = options.get("gate")
    g = sigmoid(inner(p["gate.weight"][0], s)) if g is None else g
    scores = here.scores()
    local = {"renormalize": False, **options["local"]}
    whole = SCOPES["global"]({}, {}, s, t, scores, norm)
    near = SCOPES[local["name"]](local, part(p, "local."), s, t, scores, norm)
    weights = [g * a + (1 - g) * b for a, b in zip(whole, near, strict=True)]
    parts = zip(context(whole, h), context(near, h), strict=True)
    return weights, [g * a + (1 - g) * b for a, b in parts], None


def multi_dimensional(options: Any, p: Parameters, here: Here) -> Step:
    """A normalizer for each feature k over score_k; the mean over k as the alignment."""
    h, scores = here.h, here.scores()
    weights = [here.norm([scores[j][k] for j in range(len(h))]) for k in range(h.shape[1])]
    read = [sum(weights[k][j] * float(h[j][k]) for j in range(len(h))) for k in range(h.shape[1])]
    return [float(np.mean([row[j] for row in weights])) for j in range(len(h))], read, None


def hard(options: Any, p: Parameters, here: Here) -> Step:
    """The most probable position, or the expectation."""
    weights = SCOPES["global"]({}, {}, here.s, here.t, here.scores(), here.norm)
    if options.get("decoding") != "expectation":
        best = weights.index(max(weights))
        weights = [float(j == best) for j in range(len(here.h))]
    return weights, context(weights, here.h), None


def address(n: int, p: Parameters, here: Here, memory: Array, before: Sequence[float]) -> list[float]:
    """Graves 2014, eq. 5–9: content, interpolation, circular shift, sharpening."""
    length, key, control = len(memory), affine(p, "key", here.s), affine(p, "control", here.s)
    strength, gate, power = softplus(control[0]), sigmoid(control[1]), 1 + softplus(control[2])
    shares = [math.exp(x) / sum(math.exp(y) for y in control[3:]) for x in control[3:]]
    content = here.norm([strength * here.score(key, memory, j) for j in range(1, length + 1)])
    gated = [gate * c + (1 - gate) * b for c, b in zip(content, before, strict=True)]
    shifted = [0.0] * length
    for i in range(length):
        for offset in range(-n, n + 1):
            shifted[i] += gated[(i - offset) % length] * shares[offset + n]
    powers = [w**power for w in shifted]
    return [x / sum(powers) for x in powers]


def ntm(options: Any, p: Parameters, here: Here) -> Step:
    """Read with one head, then erase and add with another."""
    n, first = options.get("max_shift", 1), [1.0] + [0.0] * (len(here.h) - 1)
    reading, writing, memory = here.state or (first, first, here.h)
    memory = memory if options.get("write") else here.h
    weights = address(n, part(p, "reading."), here, memory, reading)
    if not options.get("write"):
        return weights, context(weights, here.h), (weights, None, None)
    own = part(p, "writing.")
    writing = address(n, own, here, memory, writing)
    erase, add = [sigmoid(x) for x in affine(own, "erase", here.s)], affine(own, "add", here.s)
    rewritten = [
        [m * (1 - w * e) + w * a for m, e, a in zip(row, erase, add, strict=True)]
        for row, w in zip(memory, writing, strict=True)
    ]
    return weights, context(weights, memory), (weights, writing, np.array(rewritten))


READINGS: dict[str, Callable[..., Step]] = {
    **{name: stateless(name) for name in SCOPES},
    "expanded": expanded,
    "hybrid": hybrid,
    "multi_dimensional": multi_dimensional,
    "hard": hard,
    "ntm": ntm,
}


def covered(
    reading: Callable[..., Step], options: Any, p: Parameters, here: Here
) -> tuple[list[float], list[float], Any, float]:
    """Additive scores v^T tanh(W s + U h_j + V cov_j), which are additive over rows [h_j; cov_j]; and Σ min(α, cov)."""
    seen, within = here.state or ([0.0] * len(here.h), None)
    own = {**part(p, "score."), "key.weight": np.hstack([p["score.key.weight"], p["score.feature.weight"]])}
    rows = np.hstack([here.h, np.array(seen)[:, None]])
    inside = here._replace(score=lambda s, h, j: additive(own, np.array(s), h, j), h=rows, state=within)
    weights, _, within = reading(options, part(p, "scope.scope."), inside)
    loss = sum(min(a, c) for a, c in zip(weights, seen, strict=True))
    after = [a + c for a, c in zip(weights, seen, strict=True)]
    return weights, context(weights, here.h), (after, within), loss
