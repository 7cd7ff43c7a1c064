"""Recurrent cells, one number at a time, as the papers write them."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def sigmoid(x: float) -> float:
    """1 / (1 + e^−x)."""
    return 1 / (1 + math.exp(-x))


def cho_gru(p: Mapping[str, Array], x: Sequence[float], h: Sequence[float]) -> list[float]:
    """r_j = σ([W_r x]_j + [U_r h]_j), z likewise, h~_j = tanh([W x]_j + [U (r ⊙ h)]_j); Cho et al. 2014, eq. 5–8.

    z is the share of the old state. Biases stand beside W. p holds W_r, U_r, b_r and so on.
    """
    reset = [sigmoid(p["W_r"][j] @ x + p["U_r"][j] @ np.asarray(h) + p["b_r"][j]) for j in range(len(h))]
    update = [sigmoid(p["W_z"][j] @ x + p["U_z"][j] @ np.asarray(h) + p["b_z"][j]) for j in range(len(h))]
    kept = [r * before for r, before in zip(reset, h, strict=True)]
    new = [math.tanh(p["W_n"][j] @ x + p["U_n"][j] @ np.asarray(kept) + p["b_n"][j]) for j in range(len(h))]
    return [z * before + (1 - z) * after for z, before, after in zip(update, h, new, strict=True)]
