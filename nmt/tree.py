"""Operations on trees: (nested) tuples, NamedTuples and dicts whose leaves are tensors, numbers or None.

Memories and decoder states are such trees. Search reorders hypotheses with `select` and knows nothing else of a state.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar, cast

import torch
from torch import Tensor
from torch.nn import functional

Tree = TypeVar("Tree")


class Shared(NamedTuple):
    """The part of a state that the hypotheses of a sentence have in common: its tensors lead with B, not with N."""

    value: Any


def map_tensors(
    function: Callable[[Tensor], Tensor], tree: Tree, shared: Callable[[Tensor], Tensor] | None = None
) -> Tree:
    """Apply `function` to every tensor of `tree`, and `shared`, if given, to those inside a `Shared`; numbers and None
    stay as they are."""
    mapped: Any = tree
    if isinstance(tree, Tensor):
        mapped = function(tree)
    elif isinstance(tree, dict):
        mapped = {key: map_tensors(function, leaf, shared) for key, leaf in tree.items()}
    elif isinstance(tree, tuple):
        if isinstance(tree, Shared):
            function = shared or function
        leaves = [map_tensors(function, leaf, shared) for leaf in tree]
        mapped = type(tree)(*leaves) if hasattr(tree, "_fields") else tuple(leaves)
    return cast(Tree, mapped)


def _same(leaf: Tensor) -> Tensor:
    return leaf


def select(tree: Tree, rows: Tensor, sentences: Tensor | None = None) -> Tree:
    """The given rows (a long tensor of indices, repeats allowed) of every tensor's first axis.

    Of what hypotheses share, the given `sentences`: all, where left out and rows only change places within theirs.
    """
    taken = _same if sentences is None else lambda leaf: leaf.index_select(0, sentences)
    return map_tensors(lambda leaf: leaf.index_select(0, rows), tree, taken)


def repeat(tree: Tree, times: int) -> Tree:
    """Each row of every tensor `times` times in a row, (B, …) → (B·times, …); what hypotheses share stays."""
    return map_tensors(lambda leaf: leaf.repeat_interleave(times, dim=0), tree, _same)


def stack(trees: Sequence[Tree], dim: int) -> Tree:
    """One tree whose tensors are those of equal `trees` along a new axis `dim`."""
    first: Any = trees[0]
    stacked: Any = first
    if isinstance(first, Tensor):
        stacked = torch.stack(cast(list[Tensor], trees), dim)
    elif isinstance(first, dict):
        stacked = {key: stack([cast(Any, tree)[key] for tree in trees], dim) for key in first}
    elif isinstance(first, tuple):
        leaves = [stack(parts, dim) for parts in zip(*cast(Any, trees), strict=True)]
        stacked = type(first)(*leaves) if hasattr(first, "_fields") else tuple(leaves)
    return cast(Tree, stacked)


def below(*trees: Tree) -> Tree:
    """The rows of equally built trees, one tree's below another's: every tensor's first axis. Other axes are as long
    as the longest of them, filled up with zeros; of numbers it is the greatest, of all else the first tree's. One tree
    alone stays as it is."""
    parts = cast(tuple[Any, ...], trees)
    first = joined = parts[0]
    if len(parts) == 1:
        return trees[0]
    if isinstance(first, Tensor):
        shape = [max(sizes) for sizes in zip(*(part.shape[1:] for part in parts), strict=True)]
        joined = torch.cat([_filled_up(part, shape) for part in parts])
    elif isinstance(first, dict):
        joined = {key: below(*(part[key] for part in parts)) for key in first}
    elif isinstance(first, tuple):
        leaves = [below(*leaves) for leaves in zip(*parts, strict=True)]
        joined = type(first)(*leaves) if hasattr(first, "_fields") else tuple(leaves)
    elif isinstance(first, int):
        joined = max(parts)
    return cast(Tree, joined)


def _filled_up(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    """Zeros at the end of every axis but the first, up to these sizes."""
    lacks = [size - own for size, own in zip(shape, tensor.shape[1:], strict=True)]
    return functional.pad(tensor, [end for lack in reversed(lacks) for end in (0, lack)]) if any(lacks) else tensor


def to(tree: Tree, device: torch.device | str) -> Tree:
    """Move every tensor to `device`."""
    return map_tensors(lambda leaf: leaf.to(device, non_blocking=True), tree)
