"""Sentences shared out in batches, and batches among threads."""

import time

import numpy as np
import pytest
import torch

from nmt.sharing import batches, dealt, shared_out, side_by_side

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("lines", "batch_tokens", "threads", "expected"),
    [
        (400, 2048, 1, 2048),
        (400, 2048, 2, 1000),
        (401, 2048, 2, 1010),
        (840, 2048, 2, 1400),
        (10_000, 2048, 2, 2000),
        (400, 2048, 4, 512),
        (1, 2048, 2, 512),
        (0, 2048, 2, 512),
        (400, 96, 2, 96),
        (400, 1, 2, 1),
        (400, 2**64, 2, 1000),
        (3, 2**64, 2, 512),
    ],
)
def test_threads_have_equally_many_batches_two_or_more_where_there_is_text_for_them(
    lines, batch_tokens, threads, expected
):
    """Of 840 lines of 10 pieces, 204 go into a batch of 2,048: five batches, so six for two threads, of 140 lines."""
    assert shared_out([10] * lines, batch_tokens, threads) == expected


def test_a_sentence_longer_than_a_batch_is_one():
    assert shared_out([3000, 10, 10], 2048, 2) == 512
    assert batches([3000, 10, 10], 512) == [[1, 2], [0]]


@pytest.mark.parametrize("threads", [2, 3, 4])
def test_batches_that_are_shared_out_are_as_small_as_their_number_allows_with_padding(threads):
    """Some 13,000 tokens, 8 batches or more of 1,800 at most."""
    lengths = np.random.default_rng(threads).integers(10, 60, size=400).tolist()
    alone = len(batches(lengths, 1800))
    most = next(number for number in range(alone, alone + threads) if number % threads == 0)
    found = shared_out(lengths, 1800, threads)
    assert 512 < found <= 1800
    assert len(batches(lengths, found)) <= most < len(batches(lengths, found - 1))


def test_batches_are_searched_side_by_side_in_their_order_with_the_threads_there_are():
    def threads_of(number):
        time.sleep(0.01 * (number == 0))  # the first is ready last
        return number, torch.get_num_threads()

    before = torch.get_num_threads()
    torch.set_num_threads(5)
    try:
        assert [*side_by_side(threads_of, range(2), CPU)] == [(0, 2), (1, 2)]
        assert [*side_by_side(threads_of, range(9), CPU)] == [(number, 1) for number in range(9)]
        assert [*side_by_side(threads_of, range(1), CPU)] == [(0, 5)]
        assert torch.get_num_threads() == 5
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("items", "hands", "shares"),
    [
        ("abcdef", 2, ["ade", "bcf"]),
        ("abcdefgh", 3, ["afg", "beh", "cd"]),
        ("ab", 3, ["a", "b"]),
        ("abc", 1, ["abc"]),
        ("", 2, []),
    ],
)
def test_batches_are_dealt_out_forth_and_back(items, hands, shares):
    assert dealt(items, hands) == [list(share) for share in shares]


def test_an_error_in_a_batch_is_raised():
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda number: 1 // number, [1, 0, 1], CPU))
