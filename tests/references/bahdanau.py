"""The decoders of Bahdanau et al. 2015 and Luong et al. 2015, one vector at a time, from the papers' equations.

All matrices are given by the papers' letters; E y is an embedding. Every function is one target position.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Cell = Callable[[Array, Array], Array]


def attend(p: Mapping[str, Array], s: Array, h: Array) -> tuple[Array, Array]:
    """α_j ∝ exp(v_a^T tanh(W_a s + U_a h_j)), c = Σ_j α_j h_j; Bahdanau et al. 2015, A.1.2."""
    scores = np.array([p["v_a"] @ np.tanh(p["W_a"] @ s + p["U_a"] @ h_j) for h_j in h])
    powers = np.exp(scores - scores.max())
    weights = powers / powers.sum()
    return weights, sum(weight * h_j for weight, h_j in zip(weights, h, strict=True))


def maxout(p: Mapping[str, Array], s: Array, y: Array, c: Array) -> Array:
    """t~ = U_o s + V_o E y + C_o c, t_j = max(t~_{2j−1}, t~_{2j}); Bahdanau et al. 2015, A.2.2."""
    both = p["U_o"] @ s + p["b_o"] + p["V_o"] @ y + p["C_o"] @ c
    return np.array([max(both[2 * j], both[2 * j + 1]) for j in range(len(both) // 2)])


def bahdanau_step(p: Mapping[str, Array], cell: Cell, y: Array, s: Array, h: Array) -> tuple[Array, Array, Array]:
    """c_t from s_{t−1}; s_t = f(s_{t−1}, [y_{t−1}; c_t]); readout from s_{t−1}: (s_t, readout, weights)."""
    weights, c = attend(p, s, h)
    return cell(np.concatenate([y, c]), s), maxout(p, s, y, c), weights


def luong_step(
    p: Mapping[str, Array], cell: Cell, y: Array, fed: Array, s: Array, h: Array
) -> tuple[Array, Array, Array]:
    """s_t = f(s_{t−1}, [y_{t−1}; s~_{t−1}]); c_t from s_t; s~_t = tanh(W_c [c_t; s_t]): (s_t, s~_t, weights)."""
    s = cell(np.concatenate([y, fed]), s)
    weights, c = attend(p, s, h)
    return s, np.tanh(p["W_c"] @ np.concatenate([c, s])), weights
