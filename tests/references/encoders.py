"""Encoders loop by loop: one unpadded sentence, one position and one number at a time.

Each gets the parameters by name, the settings and the embeddings x_1…x_S as rows; positions count from 1 in the text
and from 0 in the code. It gives the states, what is read of them, and the final state of each layer with its cell.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .attention import softmax
from .recurrent import sigmoid

Array = NDArray[np.float64]
Parameters = Mapping[str, Array]


class Encoding(NamedTuple):
    """States and values (S, D), final states and cells of every layer (L, D)."""

    states: Array
    values: Array
    final: Array
    cells: Array | None = None


def linear(p: Parameters, name: str, x: Array) -> Array:
    """W x + b, row by row; without b where there is none."""
    biases = p.get(f"{name}.bias", np.zeros(len(p[f"{name}.weight"])))
    return np.array(
        [
            sum(w * v for w, v in zip(row, x, strict=True)) + b
            for row, b in zip(p[f"{name}.weight"], biases, strict=True)
        ]
    )


def under(p: Parameters, prefix: str) -> Parameters:
    """The parameters whose names start so, without it."""
    return {name.removeprefix(f"{prefix}."): value for name, value in p.items() if name.startswith(f"{prefix}.")}


def wave(position: int, size: int) -> Array:
    """sin and cos of position / 10000^(2i / d) in turns; the position counts from 0."""
    angles = [position / 10000 ** ((k - k % 2) / size) for k in range(size)]
    return np.array([math.cos(a) if k % 2 else math.sin(a) for k, a in enumerate(angles)])


def glu(both: Array) -> Array:
    """a ⊙ σ(b) of [a; b]."""
    half = len(both) // 2
    return np.array([both[k] * sigmoid(both[half + k]) for k in range(half)])


def conv(p: Parameters, options: Mapping[str, Any], x: Array) -> Encoding:
    """Gehring et al. 2017, §3: e_j = (x_j + position) / √d; layers √½ (s + GLU(W window + b)); z_j; z_j + e_j."""
    length, width = len(x), options["width"]
    e = [(x_j + wave(j, len(x_j))) / math.sqrt(len(x_j)) for j, x_j in enumerate(x)]
    s = [linear(p, "enter", e_j) for e_j in e]
    for layer in range(options["num_layers"]):
        above = []
        for j in range(length):
            window = [s[i] if 0 <= i < length else 0 * s[0] for i in range(j - (width - 1) // 2, j + width // 2 + 1)]
            above.append((s[j] + glu(linear(p, f"layers.{layer}.both", np.concatenate(window)))) / math.sqrt(2))
        s = above
    z = np.array([linear(p, "leave", s_j) for s_j in s])
    return Encoding(z, z + np.array(e), z.mean(axis=0, keepdims=True))


def lstmn(p: Parameters, options: Mapping[str, Any], x: Array) -> Encoding:
    """Cheng et al. 2016, eq. 4–9, layer upon layer."""
    finals, cells, states = [], [], x
    for layer in range(options["num_layers"]):
        states, tape = _tape(under(p, f"layers.{layer}"), states, options["size"])
        finals.append(states[-1])
        cells.append(tape[-1])
    return Encoding(states, states, np.array(finals), np.array(cells))


def _tape(p: Parameters, x: Array, size: int) -> tuple[Array, Array]:
    """Outputs h_t and cells c_t of one layer. W_x and W_h~ stand side by side in `score.query`."""
    inputs = x.shape[1]
    of_input, of_summary = p["score.query.weight"][:, :inputs], p["score.query.weight"][:, inputs:]
    h: list[Array] = []
    c: list[Array] = []
    h_read = c_read = np.zeros(size)
    for x_t in x:
        if h:
            hidden = [np.tanh(p["score.key.weight"] @ h_i + of_input @ x_t + of_summary @ h_read) for h_i in h]
            weights = softmax([float(p["score.score.weight"][0] @ a_i) for a_i in hidden])
            h_read = sum(w * h_i for w, h_i in zip(weights, h, strict=True))
            c_read = sum(w * c_i for w, c_i in zip(weights, c, strict=True))
        gates = linear(p, "cell.input", x_t) + p["cell.hidden.weight"] @ h_read
        enter, forget, new, out = (gates[k * size : (k + 1) * size] for k in range(4))
        c_t = [
            sigmoid(f) * old + sigmoid(i) * math.tanh(g)
            for f, old, i, g in zip(forget, c_read, enter, new, strict=True)
        ]
        h.append(np.array([sigmoid(o) * math.tanh(c_k) for o, c_k in zip(out, c_t, strict=True)]))
        c.append(np.array(c_t))
    return np.array(h), np.array(c)


def snail(p: Parameters, options: Mapping[str, Any], x: Array) -> Encoding:
    """Mishra et al. 2018, algorithm 1: TC blocks and causal attention in turns, each result put beside its input."""
    for block in range(options["num_blocks"]):
        dilation, layer = 1, 0
        while dilation < options["span"]:  # what n layers see, 2^n, is also the next dilation
            x = _dense(under(p, f"convolutions.{block}.{layer}"), x, dilation)
            dilation, layer = 2 * dilation, layer + 1
        x = _attend(under(p, f"attentions.{block}"), x)
    h = np.array([linear(p, "output", x_j) for x_j in x])
    return Encoding(h, h, h.mean(axis=0, keepdims=True))


def _dense(p: Parameters, x: Array, dilation: int) -> Array:
    rows = []
    for j, x_j in enumerate(x):
        before = x[j - dilation] if j >= dilation else np.zeros_like(x_j)
        both = linear(p, "both", np.concatenate([before, x_j]))
        half = len(both) // 2
        rows.append([*x_j, *(math.tanh(both[k]) * sigmoid(both[half + k]) for k in range(half))])
    return np.array(rows)


def _attend(p: Parameters, x: Array) -> Array:
    rows = []
    for j, x_j in enumerate(x):
        q = linear(p, "query", x_j)
        weights = softmax([float(q @ linear(p, "key", x[i])) / math.sqrt(len(q)) for i in range(j + 1)])
        read = sum(weight * linear(p, "value", x[i]) for i, weight in enumerate(weights))
        rows.append([*x_j, *read])
    return np.array(rows)


def gated(p: Parameters, x: Array) -> Array:
    """γ o_j of every position, o_j = v(Σ_i β_ji h(x_i)), β_ji ∝ exp(f(x_i)^T g(x_j)); Zhang et al. 2018, eq. 1–3."""
    changes = []
    for x_j in x:
        g = p["query.weight"] @ x_j
        weights = softmax([float((p["key.weight"] @ x_i) @ g) for x_i in x])
        seen = sum(weight * (p["value.weight"] @ x_i) for weight, x_i in zip(weights, x, strict=True))
        changes.append(p["gate"] * (p["output.weight"] @ seen))
    return np.array(changes)


def mixed(p: Parameters, piece: int, count: int) -> Array:
    """Kiela et al. 2018, eq. 1–2: Σ_k α_k w'_k, w'_k = P_k w_k + b_k, α = softmax_k(a^T w'_k)."""
    parts = [linear(p, f"projections.{k}", p[f"tables.{k}.weight"][piece]) for k in range(count)]
    weights = softmax([float(p["score.weight"][0] @ part) for part in parts])
    return sum(weight * part for weight, part in zip(weights, parts, strict=True))


ENCODERS: dict[str, Callable[[Parameters, Mapping[str, Any], Array], Encoding]] = {
    "conv": conv,
    "lstmn": lstmn,
    "snail": snail,
}
