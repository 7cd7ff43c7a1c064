"""The past that hypotheses share, by hand."""

import pytest
import torch

from nmt import tree
from nmt.attention.heads import Prepared
from nmt.decoders.past import Past, descend, hidden_beyond, laid_out, whole


def columns(*values):
    """One sentence, one head of width 1: a column for each value, keys ten times the values."""
    values_BHCP = torch.tensor(values, dtype=torch.float64).view(1, 1, -1, 1)
    return 10 * values_BHCP, values_BHCP


def shown(past, length):
    return past.seen(length)[1].flatten()[:length].tolist()


def test_columns_are_appended_in_their_order():
    past = Past.empty(*columns(0)).append(0, *columns(1)).append(1, *columns(2, 3))
    assert shown(past, 3) == [1, 2, 3]
    assert past.seen(3)[0].flatten().tolist() == [10, 20, 30] + 13 * [0]


def test_what_is_past_is_copied_only_where_room_is_doubled():
    past, copies = Past.empty(*columns(0)), set()
    for step in range(1000):
        past = past.append(step, *columns(step))
        copies.add(past.values_BHCP.data_ptr())
    assert shown(past, 1000) == [*range(1000)]
    assert len(copies) <= 8  # 16 columns at first, and 16 · 2^6 > 1000


def test_two_ways_on_from_one_past_do_not_meet():
    start = Past.empty(*columns(0)).append(0, *columns(1))
    one, other = start.append(1, *columns(2)), start.append(1, *columns(3))
    assert (shown(one, 2), shown(other, 2), shown(start, 1)) == ([1, 2], [1, 3], [1])


def test_a_past_survives_the_selection_of_sentences():
    both = [torch.cat((part, part + 1)) for part in columns(5)]
    past = tree.select(tree.Shared(Past.empty(*both).append(0, *both)), torch.tensor([0]), torch.tensor([1])).value
    assert shown(past.append(1, *columns(7)), 2) == [6, 7]


def test_each_prefix_descends_from_its_parents_columns_and_its_own():
    # two sentences, first one prefix each, then two, whose parents are (0, 0) and (1, 0) of the last two
    first_NC = descend(torch.zeros(2, 0, dtype=torch.bool), 2)
    second_NC = descend(first_NC[[0, 0, 1, 1]], 2)
    third_NC = descend(second_NC[[0, 0, 3, 2]], 2)
    assert second_NC.int().tolist() == [[1, 1, 0], [1, 0, 1]] * 2
    assert third_NC.int().tolist() == [[1, 1, 0, 1, 0], [1, 1, 0, 0, 1], [1, 0, 1, 1, 0], [1, 1, 0, 0, 1]]


@pytest.mark.parametrize(("columns", "rounded"), [(0, 0), (1, 16), (16, 16), (17, 32)])
def test_columns_are_rounded_up(columns, rounded):
    assert whole(columns) == rounded
    mask_BRC = hidden_beyond(torch.ones(1, 1, columns, dtype=torch.bool))
    assert (mask_BRC.shape[2], int(mask_BRC.sum())) == (rounded, columns)


def test_keys_and_values_laid_out_are_the_same_with_zeros_beyond():
    keys, values = (torch.randn(2, 5, 3, 4).transpose(1, 2) for _ in range(2))
    laid = laid_out(Prepared(keys, values, torch.ones(2, 1, 5, dtype=torch.bool)))
    assert laid.mask_BRS.int().tolist() == [[5 * [1] + 11 * [0]]] * 2
    for given, part in ((keys, laid.keys), (values, laid.values)):
        assert part.is_contiguous()
        assert torch.equal(part[:, :, :5], given)
        assert part[:, :, 5:].abs().sum() == 0
