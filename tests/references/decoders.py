"""The convolutional decoder loop by loop: one unpadded sentence pair, one position and one number at a time.

`conv` gets the parameters by name, the settings, what the encoder gives (keys z_j, what is read of them, as rows) and
the embeddings of the target's previous pieces; it gives what the output layer scores and each layer's weights.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .attention import NORMALIZERS, SCOPES, SCORES, context
from .encoders import Parameters, glu, linear, under, wave

Array = NDArray[np.float64]


def conv(p: Parameters, options: Mapping[str, Any], z: Array, read: Array, x: Array) -> tuple[Array, Array]:
    """Gehring et al. 2017, §3, with the sums as in the authors' program: hidden states (T, E), weights (L, T, S)."""
    if "memory.weight" in p:
        z, read = (np.array([linear(p, "memory", row) for row in rows]) for rows in (z, read))
    g = [(x_t + wave(t, len(x_t))) / math.sqrt(len(x_t)) for t, x_t in enumerate(x)]
    s, weights = [linear(p, "enter", g_t) for g_t in g], []
    for number in range(options["num_layers"]):
        layer = under(p, f"layers.{number}")
        h = [glu(linear(layer, "convolution.both", window(s, t, options["width"]))) for t in range(len(s))]
        alpha = [attend(layer, options, linear(layer, "query", h[t]) + g[t], t + 1, z) for t in range(len(s))]
        c = [linear(layer, "context", math.sqrt(len(z)) * np.array(context(row, read))) for row in alpha]
        s = [(s[t] + (h[t] + c[t]) / math.sqrt(2)) / math.sqrt(2) for t in range(len(s))]
        weights.append(alpha)
    return np.array([linear(p, "leave", s_t) for s_t in s]), np.array(weights)


def window(s: list[Array], t: int, width: int) -> Array:
    """[s_{t−k+1}; …; s_t], zeros before the first."""
    return np.concatenate([s[i] if i >= 0 else 0 * s[0] for i in range(t - width + 1, t + 1)])


def attend(layer: Parameters, options: Mapping[str, Any], d: Array, step: int, z: Array) -> list[float]:
    """One row of weights, of one head."""
    of_score, of_scope = under(layer, "attention.score"), under(layer, "attention.scope")
    scores = [SCORES[options["score"]](of_score, d, z, j) for j in range(1, len(z) + 1)]
    scope = options["scope"]
    return SCOPES[scope["name"]](scope, of_scope, d, step, scores, NORMALIZERS["softmax"])
