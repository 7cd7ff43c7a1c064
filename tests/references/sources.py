"""Combinations of the contexts of several sources, and co-attention, loop by loop in float64.

A combination gets the parameters by name, the query s and the list of contexts c_1 … c_J of one row.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from references.attention import Array, Parameters, inner, product, softmax


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _add(*vectors: Sequence[float]) -> list[float]:
    return [sum(parts) for parts in zip(*vectors, strict=True)]


def _affine(p: Parameters, name: str, vector: Sequence[float]) -> list[float]:
    """W x + b, b being 0 where there is none."""
    weight = p[f"{name}.weight"]
    return _add(product(weight, vector), list(p.get(f"{name}.bias", np.zeros(len(weight)))))


def _mean(shares: Sequence[float], vectors: Sequence[Sequence[float]]) -> list[float]:
    return [
        sum(share * vector[d] for share, vector in zip(shares, vectors, strict=True)) for d in range(len(vectors[0]))
    ]


def concat(p: Parameters, s: Array, contexts: Sequence[Array]) -> list[float]:
    """W [c_1; …; c_J] + b."""
    return _affine(p, "joined", [x for context in contexts for x in context])


def gate(p: Parameters, s: Array, contexts: Sequence[Array]) -> list[float]:
    """Σ_i g_i ⊙ c_i, g = softmax_i(W_i s + U_i c_i) for every feature."""
    asked = [_add(_affine(p, f"queries.{i}", s), _affine(p, f"contexts.{i}", c)) for i, c in enumerate(contexts)]
    result = []
    for d in range(len(contexts[0])):
        shares = softmax([row[d] for row in asked])
        result.append(sum(share * float(c[d]) for share, c in zip(shares, contexts, strict=True)))
    return result


def hierarchical(p: Parameters, s: Array, contexts: Sequence[Array]) -> list[float]:
    """Σ_i β_i V_i c_i, β = softmax_i(v^T tanh(W s + U_i c_i))."""
    scores, values = [], []
    for i, c in enumerate(contexts):
        hidden = [math.tanh(x) for x in _add(_affine(p, "query", s), _affine(p, f"keys.{i}", c))]
        scores.append(inner(p["score.weight"][0], hidden))
        values.append(_affine(p, f"values.{i}", c))
    return _mean(softmax(scores), values)


def context(p: Parameters, s: Array, contexts: Sequence[Array]) -> list[float]:
    """g ⊙ c_1 + (1 − g) ⊙ d, d = Σ_{i≥2} β_i V c_i, g = σ(W_g [c_1; d] + b)."""
    own, before = contexts[0], contexts[1:]
    scores = [
        inner(p["score.weight"][0], [math.tanh(x) for x in _add(_affine(p, "query", s), _affine(p, "key", c))])
        for c in before
    ]
    summary = _mean(softmax(scores), [_affine(p, "value", c) for c in before])
    gates = [_sigmoid(x) for x in _affine(p, "gate", [*own, *summary])]
    return [g * float(a) + (1 - g) * b for g, a, b in zip(gates, own, summary, strict=True)]


COMBINATIONS: dict[str, Callable[[Parameters, Array, Sequence[Array]], list[float]]] = {
    "concat": concat,
    "gate": gate,
    "hierarchical": hierarchical,
    "context": context,
}


def co_attention(p: Parameters, first: Array, second: Array) -> tuple[list[list[float]], list[list[float]]]:
    """A' = A + softmax_B(C) B, B' = B + softmax_A(C^T) A, C = tanh(A W_b B^T), of two sentences without padding."""
    c = [[math.tanh(inner(a, product(p["affinity.weight"], b))) for b in second] for a in first]
    turned = [list(column) for column in zip(*c, strict=True)]
    return (
        [_add(a, _mean(softmax(row), second)) for a, row in zip(first, c, strict=True)],
        [_add(b, _mean(softmax(row), first)) for b, row in zip(second, turned, strict=True)],
    )
