"""Operations on trees: (nested) tuples and NamedTuples whose leaves are tensors, numbers or None.

Memories and decoder states are such trees. Search reorders hypotheses with `select` and knows nothing else of a state.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

Tree = TypeVar("Tree")


def map_tensors(function: Callable[[Tensor], Tensor], tree: Tree) -> Tree:
    """Apply `function` to every tensor of `tree`; numbers and None stay as they are."""
    mapped: Any = tree
    if isinstance(tree, Tensor):
        mapped = function(tree)
    elif isinstance(tree, tuple):
        leaves = [map_tensors(function, leaf) for leaf in tree]
        mapped = type(tree)(*leaves) if hasattr(tree, "_fields") else tuple(leaves)
    return cast(Tree, mapped)


def select(tree: Tree, rows: Tensor) -> Tree:
    """The given rows (a long tensor of indices, repeats allowed) of every tensor's first axis."""
    return map_tensors(lambda leaf: leaf.index_select(0, rows), tree)


def repeat(tree: Tree, times: int) -> Tree:
    """Each row of every tensor `times` times in a row: (B, …) → (B·times, …)."""
    return map_tensors(lambda leaf: leaf.repeat_interleave(times, dim=0), tree)


def to(tree: Tree, device: torch.device | str) -> Tree:
    """Move every tensor to `device`."""
    return map_tensors(lambda leaf: leaf.to(device, non_blocking=True), tree)
