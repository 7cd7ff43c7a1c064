"""Batches by hand."""

import sys

import torch

from nmt.batch import at_real_places, make_batch, make_source, pad, parts, source_parts, with_targets
from nmt.text.vocabulary import BOS, EOS, PAD


def test_rows_are_filled_up_with_padding_at_the_end():
    ids, mask = pad([[5, 6, EOS], [EOS], [7, EOS]])
    assert ids.tolist() == [[5, 6, EOS], [EOS, PAD, PAD], [7, EOS, PAD]]
    assert mask.tolist() == [[True, True, True], [True, False, False], [True, True, False]]


def test_the_decoder_reads_the_target_one_position_late():
    batch = make_batch([[[5, EOS], [6, EOS]]], [[7, 8, EOS], [9, EOS]], [41, 3])
    assert batch.input_BT.tolist() == [[BOS, 7, 8], [BOS, 9, EOS]]
    assert batch.target_BT.tolist() == [[7, 8, EOS], [9, EOS, PAD]]
    assert batch.mask_BT.tolist() == [[True, True, True], [True, True, False]]
    assert batch.places_M.tolist() == [0, 1, 2, 3, 4]
    assert batch.lines == (41, 3)


def test_what_stands_at_real_pieces_is_taken_row_after_row():
    batch = make_batch([[[5, EOS], [6, EOS]]], [[9, EOS], [7, 8, EOS]], [0, 1])
    numbers_BT1 = torch.arange(6).view(2, 3, 1)
    target_M, numbers_M1 = at_real_places((batch.target_BT, numbers_BT1), batch)
    assert (target_M.tolist(), numbers_M1.tolist()) == ([9, EOS, 7, 8, EOS], [[0], [1], [3], [4], [5]])


def test_several_sources_are_kept_side_by_side():
    batch = make_batch([[[5, EOS]], [[6, 7, EOS]]], [[EOS]], [0])
    assert [source.ids_BS.tolist() for source in batch.sources] == [[[5, EOS]], [[6, 7, EOS]]]


def test_padding_is_a_mask_and_not_an_id():
    # the padding piece inside a sentence is a piece like any other
    assert make_source([[PAD, EOS]]).mask_BS.tolist() == [[True, True]]


def test_no_rows_give_an_empty_matrix():
    ids, mask = pad([])
    assert ids.shape == mask.shape == (0, 0)


def test_parts_are_as_few_and_as_even_as_fit():
    batch = make_batch([[[5, 2]] * 7], [[6, 7, 2]] * 7, range(7))
    assert [part.lines for part in parts(batch, 9)] == [(0, 1, 2), (3, 4, 5), (6,)]
    assert [part.lines for part in parts(batch, 12)] == [(0, 1, 2, 3), (4, 5, 6)]
    assert [len(part.lines) for part in parts(batch, 1)] == [1] * 7
    assert [part.lines for part in parts(batch, sys.maxsize)] == [batch.lines]


def test_parts_hold_their_rows_of_everything():
    batch = make_batch([[[5, 2], [3, 2], [2]]], [[6, 2], [2], [8, 2]], (4, 9, 1))
    first, second = parts(batch, 4)
    assert [first.lines, second.lines] == [(4, 9), (1,)]
    assert torch.cat((first.input_BT, second.input_BT)).equal(batch.input_BT)
    assert torch.cat((first.mask_BT, second.mask_BT)).equal(batch.mask_BT)
    assert (first.places_M.tolist(), second.places_M.tolist()) == ([0, 1, 2], [0, 1])
    assert second.sources[0].ids_BS.tolist() == [[2]]
    assert second.sources[0].mask_BS.tolist() == [[True]]


def test_sources_are_parted_each_as_wide_as_its_own_longest():
    sources = make_batch([[[5, 2], [2], [3, 4, 2]], [[2], [6, 6, 2], [7, 2]]], [[2]] * 3, range(3)).sources
    first, second = source_parts(sources, 6)
    assert [source.ids_BS.tolist() for source in first] == [[[5, 2], [2, PAD]], [[2, PAD, PAD], [6, 6, 2]]]
    assert [source.ids_BS.tolist() for source in second] == [[[3, 4, 2]], [[7, 2]]]
    assert [source.mask_BS.tolist() for source in second] == [[[True, True, True]], [[True, True]]]
    assert [*source_parts(sources, 9)] == [sources]
    assert [len(part[0].ids_BS) for part in source_parts(sources, 1)] == [1, 1, 1]
    nothing = (make_source([]),)
    assert [*source_parts(nothing, 9)] == [nothing]


def test_a_sources_targets_stay_with_it_in_every_part():
    batch = make_batch([[[5, 2], [3, 2], [4, 2]]], [[6, 2], [2], [8, 2]], (4, 9, 1))
    assert batch.targets_each == 1
    targets = [[6, 6, 2], [7, 2], [8, 2], [9, 2], [2], [1, 1]]
    drawn = with_targets(batch, targets, torch.arange(6.0))
    assert (drawn.targets_each, drawn.lines) == (2, (4, 9, 1))
    assert drawn.input_BT.tolist()[0] == [BOS, 6, 6]
    first, second = parts(drawn, 12)  # two sources with two targets of three places each
    assert (first.lines, second.lines) == ((4, 9), (1,))
    assert (first.weight_N.tolist(), second.weight_N.tolist()) == ([0, 1, 2, 3], [4, 5])
    assert second.sources[0].ids_BS.tolist() == [[4, 2]]
    assert second.target_BT.tolist() == [[2, PAD], [1, 1]]  # as wide as its own longest
    assert second.places_M.tolist() == [0, 2, 3]
    assert [part.lines for part in parts(drawn, 1)] == [(4,), (9,), (1,)]
