"""Attention loop by loop: every score, normalizer and scope of the equations, by its name in the configuration.

Positions j and target steps t count from 1. A score gets the parameters by name, the query s, the states h_1…h_S of
one unpadded sentence and j; a normalizer maps a list of scores to weights; a scope says which positions take part
and how their scores become the weights of all S positions.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Parameters = Mapping[str, Array]


def product(matrix: Array, vector: Sequence[float]) -> list[float]:
    """Matrix times vector."""
    return [sum(float(row[i]) * float(vector[i]) for i in range(len(vector))) for row in matrix]


def inner(left: Sequence[float], right: Sequence[float]) -> float:
    """Σ_i left_i · right_i."""
    assert len(left) == len(right)
    return sum(float(a) * float(b) for a, b in zip(left, right, strict=True))


def dot(p: Parameters, s: Array, h: Array, j: int) -> float:
    """s^T h_j."""
    return inner(s, h[j - 1])


def scaled_dot(p: Parameters, s: Array, h: Array, j: int) -> float:
    """s^T h_j / sqrt(d)."""
    return inner(s, h[j - 1]) / math.sqrt(len(s))


def general(p: Parameters, s: Array, h: Array, j: int) -> float:
    """s^T W_a h_j; trained is √Q W_a."""
    return inner(s, product(p["matrix.weight"], h[j - 1])) / math.sqrt(len(s))


def concat(p: Parameters, s: Array, h: Array, j: int) -> float:
    """v_a^T tanh(W_a [s; h_j])."""
    hidden = product(p["hidden.weight"], [*s, *h[j - 1]])
    return inner(p["score.weight"][0], [math.tanh(x) for x in hidden])


def additive(p: Parameters, s: Array, h: Array, j: int) -> float:
    """v_a^T tanh(W_a s + U_a h_j)."""
    of_query, of_key = product(p["query.weight"], s), product(p["key.weight"], h[j - 1])
    hidden = [math.tanh(a + b) for a, b in zip(of_query, of_key, strict=True)]
    return inner(p["score.weight"][0], hidden)


def mlp(p: Parameters, s: Array, h: Array, j: int) -> float:
    """v^T x_n, x_1 = tanh(W_1 [s; h_j] + b_1), x_k = tanh(W_k x_{k−1} + b_k)."""
    first = np.concatenate([p["query.weight"], p["key.weight"]], axis=1)
    hidden = [math.tanh(x + b) for x, b in zip(product(first, [*s, *h[j - 1]]), p["query.bias"], strict=True)]
    layer = 0
    while f"layers.{layer}.weight" in p:
        above = product(p[f"layers.{layer}.weight"], hidden)
        hidden = [math.tanh(x + b) for x, b in zip(above, p[f"layers.{layer}.bias"], strict=True)]
        layer += 1
    return inner(p["score.weight"][0], hidden)


def cosine(p: Parameters, s: Array, h: Array, j: int) -> float:
    """β · s^T h_j / (‖s‖ ‖h_j‖), β = softplus(b) = log(1 + e^b)."""
    sharpness = math.log1p(math.exp(float(p["raw_sharpness"])))
    return sharpness * inner(s, h[j - 1]) / (math.sqrt(inner(s, s)) * math.sqrt(inner(h[j - 1], h[j - 1])))


def location(p: Parameters, s: Array, h: Array, j: int) -> float:
    """(W_a s)_j, and −∞ past the end of the table."""
    scores = product(p["table.weight"], s)
    return scores[j - 1] if j <= len(scores) else -math.inf


SCORES: dict[str, Callable[[Parameters, Array, Array, int], float]] = {
    "dot": dot,
    "general": general,
    "concat": concat,
    "additive": additive,
    "mlp": mlp,
    "scaled_dot": scaled_dot,
    "cosine": cosine,
    "location": location,
}


def softmax(scores: Sequence[float]) -> list[float]:
    """exp(e_j) / Σ_i exp(e_i)."""
    best = max(scores)
    powers = [math.exp(score - best) for score in scores]
    return [power / sum(powers) for power in powers]


def _bisect(mass: Callable[[float], float], low: float, high: float) -> float:
    """The τ between low and high with mass(τ) = 1; mass falls."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if mass(middle) > 1 else (low, middle)
    return (low + high) / 2


def sparsemax(scores: Sequence[float]) -> list[float]:
    """max(e_j − τ, 0), τ found by bisection of Σ_j max(e_j − τ, 0) = 1."""
    threshold = _bisect(lambda tau: sum(max(e - tau, 0.0) for e in scores), max(scores) - 1, max(scores))
    return [max(score - threshold, 0.0) for score in scores]


def entmax(scores: Sequence[float]) -> list[float]:
    """max(e_j / 2 − τ, 0)², τ found by bisection of Σ_j max(e_j / 2 − τ, 0)² = 1."""
    half = [score / 2 for score in scores]
    threshold = _bisect(lambda tau: sum(max(e - tau, 0.0) ** 2 for e in half), max(half) - 1, max(half))
    return [max(score - threshold, 0.0) ** 2 for score in half]


Normalizer = Callable[[Sequence[float]], list[float]]
NORMALIZERS: dict[str, Normalizer] = {"softmax": softmax, "sparsemax": sparsemax, "entmax": entmax}


def inside(scores: Sequence[float], first: float, last: float, normalizer: Normalizer) -> list[float]:
    """The normalizer over the integers first ≤ j ≤ last; weight 0 elsewhere, and where a score is −∞."""
    window = [j for j in range(1, len(scores) + 1) if first <= j <= last and scores[j - 1] > -math.inf]
    weights = [0.0] * len(scores)
    if not window:
        return weights
    for j, weight in zip(window, normalizer([scores[j - 1] for j in window]), strict=True):
        weights[j - 1] = weight
    return weights


def global_(options: Any, p: Parameters, s: Array, t: int, scores: Sequence[float], norm: Normalizer) -> list[float]:
    """The whole sentence."""
    return inside(scores, 1, len(scores), norm)


def local_m(options: Any, p: Parameters, s: Array, t: int, scores: Sequence[float], norm: Normalizer) -> list[float]:
    """[t − D, t + D]; the last 2D + 1 positions when that lies wholly past the end."""
    d, length = options["window"], len(scores)
    if t - d > length:
        return inside(scores, length - 2 * d, length, norm)
    return inside(scores, t - d, t + d, norm)


def local_p(options: Any, p: Parameters, s: Array, t: int, scores: Sequence[float], norm: Normalizer) -> list[float]:
    """align(j) · exp(−(j − p_t)² / 2σ²), p_t = S · sigmoid(v^T tanh(W s)), σ = D / 2, over |j − p_t| ≤ D."""
    d, length = options["window"], len(scores)
    raw = inner(p["position.weight"][0], [math.tanh(x) for x in product(p["hidden.weight"], s)])
    centre = length / (1 + math.exp(-raw))
    aligned = inside(scores, centre - d, centre + d, norm)
    sigma = d / 2
    weights = [a * math.exp(-((j - centre) ** 2) / (2 * sigma**2)) for j, a in enumerate(aligned, start=1)]
    total = sum(weights) or 1.0
    return [weight / total for weight in weights] if options["renormalize"] else weights


SCOPES: dict[str, Callable[[Any, Parameters, Array, int, Sequence[float], Normalizer], list[float]]] = {
    "global": global_,
    "local_m": local_m,
    "local_p": local_p,
}


def context(weights: Sequence[float], h: Array) -> list[float]:
    """Σ_j α_j h_j."""
    return [sum(weights[j] * float(h[j][k]) for j in range(len(h))) for k in range(h.shape[1])]
