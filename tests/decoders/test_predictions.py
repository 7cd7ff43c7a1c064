"""Predictions against log_softmax, sorting and loops."""

import itertools
import math

import pytest
import torch
from torch.nn import functional

from nmt.decoders.predictions import GROUP, Predictions


def logits(rows, vocabulary, dtype=torch.float64):
    return torch.randn(rows, vocabulary, dtype=dtype, generator=torch.Generator().manual_seed(1))


def test_predictions_are_the_log_softmax():
    logits_NV = logits(3, 7)
    predictions, expected_NV = Predictions.of(logits_NV), functional.log_softmax(logits_NV, dim=-1)
    torch.testing.assert_close(predictions.log_probs(), expected_NV)
    torch.testing.assert_close(predictions.log_prob(3), expected_NV[:, 3])


def test_the_norm_of_many_rows_is_that_of_each():
    logits_NV = logits(50, 8000, torch.float32)  # more than one block
    expected_N = functional.log_softmax(logits_NV.double(), dim=-1)[:, 5]
    torch.testing.assert_close(Predictions.of(logits_NV).log_prob(5).double(), expected_N, rtol=0, atol=1e-5)


def test_bfloat16_logits_are_widened():
    assert Predictions.of(logits(2, 5).bfloat16()).log_probs().dtype == torch.float32


@pytest.mark.parametrize("vocabulary", [1, 2, 6, GROUP, GROUP + 1, 3 * GROUP - 1, 97, 1000])
@pytest.mark.parametrize("k", [1, 4, 40])
def test_the_top_is_where_a_full_sort_has_it(k, vocabulary):
    predictions = Predictions.of(logits(5, vocabulary))
    best_NK, ids_NK = predictions.top(k)
    expected_NV, order_NV = predictions.log_probs().sort(dim=-1, descending=True)
    torch.testing.assert_close(best_NK, expected_NV[:, :k], rtol=0, atol=1e-12)
    assert torch.equal(ids_NK, order_NV[:, :k])


@pytest.mark.parametrize(("width", "k", "vocabulary"), [(1, 3, 6), (3, 5, 6), (2, 30, 8), (5, 5, 83)])
def test_continuations_are_the_best_of_all_prefixes_and_pieces(width, k, vocabulary):
    predictions, never = Predictions.of(logits(4 * width, vocabulary)), (0, 2, 3)
    before_BW = logits(4, width)
    log_probs_NV = predictions.log_probs()
    found = predictions.continuations(before_BW, k, torch.tensor(never))
    allowed = [piece for piece in range(vocabulary) if piece not in never]
    for sentence, (log_prob_K, prefix_K, ids_K) in enumerate(zip(*(column.tolist() for column in found), strict=True)):
        every = sorted(
            ((before_BW[sentence, prefix] + log_probs_NV[sentence * width + prefix, piece]).item(), prefix, piece)
            for prefix, piece in itertools.product(range(width), allowed)
        )[::-1][:k]
        assert log_prob_K[: len(every)] == pytest.approx([log_prob for log_prob, _, _ in every], abs=1e-12)
        assert [*zip(prefix_K, ids_K, strict=True)][: len(every)] == [(prefix, piece) for _, prefix, piece in every]
        assert all(log_prob == -math.inf for log_prob in log_prob_K[len(every) :])


def test_more_than_there_are_gives_all():
    predictions = Predictions.of(torch.zeros(1, 2))
    assert predictions.top(5)[0].exp().tolist() == [[0.5, 0.5]]
