"""Output distributions loop by loop: what the tests hold every output layer to, by its name in the configuration.

Each gives p of the X = V + S pieces of one target position: id V + p is the source piece at place p, from 0, which the
target vocabulary lacks. `copies` are the ids of the source's pieces.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from references.attention import inner, product

Array = NDArray[np.float64]
Parameters = Mapping[str, Array]


class Position(NamedTuple):
    """What the layer reads of one target position."""

    hidden: Array
    context: Array
    state: Array
    embedded: Array
    weights: Array
    copies: Sequence[int]


def softmax(p: Parameters, at: Position) -> list[float]:
    """softmax(W h + b)."""
    scores = [score + bias for score, bias in zip(product(p["weight_VE"], at.hidden), p["bias_V"], strict=True)]
    total = sum(math.exp(score) for score in scores)
    return [math.exp(score) / total for score in scores]


def copied(size: int, at: Position) -> list[float]:
    """Σ_{j: x_j = w} α_j of the X pieces, V being `size`, where the weights sum to 1 after division by their sum."""
    probs = [0.0] * (size + len(at.copies))
    for j, piece in enumerate(at.copies):
        probs[piece] += float(at.weights[j]) / sum(map(float, at.weights))
    return probs


def copy(p: Parameters, at: Position) -> list[float]:
    """p_gen P(w) + (1 − p_gen) Σ_{j: x_j = w} α_j, p_gen = σ(w_c^T c + w_s^T s + w_y^T y + b)."""
    read = [*at.context, *at.state, *at.embedded]
    generate = 1 / (1 + math.exp(-inner(p["gate.weight"][0], read) - float(p["gate.bias"][0])))
    vocabulary = [*softmax(p, at), *[0.0] * len(at.copies)]
    source = copied(len(p["bias_V"]), at)
    return [generate * a + (1 - generate) * b for a, b in zip(vocabulary, source, strict=True)]


def pointer(p: Parameters, at: Position) -> list[float]:
    """Σ_{j: x_j = w} α_j; the vocabulary has p["size"] pieces."""
    return copied(int(p["size"]), at)


OUTPUTS: dict[str, Callable[[Parameters, Position], list[float]]] = {
    "softmax": softmax,
    "copy": copy,
    "pointer": pointer,
}
