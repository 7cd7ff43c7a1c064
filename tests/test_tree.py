"""Trees of tensors by hand."""

from typing import NamedTuple

import torch
from torch import Tensor

from nmt import tree


class Leaf(NamedTuple):
    """A tensor and a number."""

    rows_NH: Tensor
    number: int


class Branch(NamedTuple):
    """A tuple of leaves, a leaf and nothing."""

    leaves: tuple[Leaf, ...]
    single: Leaf
    absent: None


def grown():
    rows = torch.tensor([[1.0], [2.0], [3.0]])
    return Branch((Leaf(rows, 7), Leaf(10 * rows, 8)), Leaf(rows + 0.5, 9), None)


def test_select_takes_rows_of_every_tensor_and_may_repeat_them():
    taken = tree.select(grown(), torch.tensor([2, 0, 2]))
    assert taken.leaves[0].rows_NH.flatten().tolist() == [3, 1, 3]
    assert taken.leaves[1].rows_NH.flatten().tolist() == [30, 10, 30]
    assert taken.single.rows_NH.flatten().tolist() == [3.5, 1.5, 3.5]


def test_repeat_keeps_hypotheses_of_a_sentence_side_by_side():
    assert tree.repeat(grown(), 2).single.rows_NH.flatten().tolist() == [1.5, 1.5, 2.5, 2.5, 3.5, 3.5]


def test_what_hypotheses_share_is_not_reordered_and_leaves_with_its_sentence():
    state = (torch.tensor([0, 1, 2, 3]), tree.Shared((torch.tensor([[5], [6]]), 7)))
    rows = torch.tensor([1, 0, 3, 3])
    turned, left = tree.select(state, rows), tree.select(state, rows[2:], torch.tensor([1]))
    assert (turned[0].tolist(), turned[1].value[0].tolist()) == ([1, 0, 3, 3], [[5], [6]])
    assert (left[0].tolist(), left[1].value[0].tolist(), left[1].value[1]) == ([3, 3], [[6]], 7)
    assert tree.repeat(state, 2)[1].value[0].tolist() == [[5], [6]]
    assert tree.map_tensors(lambda rows: rows + 1, state)[1].value[0].tolist() == [[6], [7]]


def test_types_numbers_and_nothing_stay():
    moved = tree.to(grown(), "cpu")
    assert isinstance(moved, Branch)
    assert isinstance(moved.leaves[1], Leaf)
    assert (moved.leaves[1].number, moved.absent) == (8, None)
    assert tree.select(None, torch.tensor([0])) is None


def test_a_plain_tuple_stays_a_plain_tuple():
    assert tree.map_tensors(lambda rows: rows + 1, (torch.tensor(1), None, ())) == (torch.tensor(2), None, ())


def test_equal_trees_are_stacked_leaf_by_leaf():
    trees = [(torch.tensor([n]), None, {"a": torch.tensor([n + 1])}) for n in (1, 5)]
    first, nothing, named = tree.stack(trees, dim=1)
    assert (first.tolist(), nothing, named["a"].tolist()) == ([[1, 5]], None, [[2, 6]])
    assert tree.select(named, torch.tensor([0]))["a"].tolist() == [[2, 6]]


def test_trees_below_one_another_are_as_long_as_the_longer_one():
    upper = (torch.tensor([[1, 2]]), None, {"a": torch.tensor([[[True]]])}, 3, tree.Shared((torch.tensor([5]),)))
    lower = (
        torch.tensor([[3], [4]]),
        None,
        {"a": torch.tensor([[[True], [True]]])},
        2,
        tree.Shared((torch.tensor([6]),)),
    )
    rows, nothing, named, number, shared = tree.below(upper, lower)
    assert (rows.tolist(), nothing, number) == ([[1, 2], [3, 0], [4, 0]], None, 3)
    assert named["a"].tolist() == [[[True], [False]], [[True], [True]]]
    assert isinstance(shared, tree.Shared)
    assert shared.value[0].tolist() == [5, 6]
    assert tree.below(upper, lower, upper)[0].tolist() == [[1, 2], [3, 0], [4, 0], [1, 2]]
    assert tree.below(lower) is lower
