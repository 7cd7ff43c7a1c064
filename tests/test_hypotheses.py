"""Finished hypotheses and the way back to their pieces, by hand."""

import math

import pytest
import torch

from nmt.hypotheses import Decided, Finished, read_off

CPU = torch.device("cpu")


def scored(*scores):
    """One sentence's endings at step 2, from prefixes 0, 1, …"""
    score_Bn = torch.tensor([scores], dtype=torch.float64)
    place_Bn = torch.arange(len(scores)).unsqueeze(0)
    return Finished(score_Bn, 2 * score_Bn, torch.full_like(place_Bn, 2), place_Bn, torch.tensor([len(scores)]))


def test_the_best_are_kept_and_all_are_counted():
    best = Finished.none(1, 2, CPU).merge(scored(-3.0, -1.0)).merge(scored(-4.0, -math.inf, -2.0))
    assert (best.score_Bn.tolist(), best.prefix_Bn.tolist()) == ([[-1.0, -2.0]], [[1, 2]])
    assert (best.log_prob_Bn.tolist(), best.count_B.tolist()) == ([[-2.0, -4.0]], [5])


def test_put_replaces_rows():
    assert Finished.none(3, 1, CPU).put(torch.tensor([1]), scored(-5.0)).score_Bn.flatten().tolist() == [
        -math.inf,
        -5.0,
        -math.inf,
    ]


# Sentence 0 writes 4 or 5, then 6 after 5 and 7 after 4; sentence 1 ends at once and is no longer there at step 3.
TRAIL = [
    Decided(torch.tensor([0, 1]), torch.tensor([[4, 5], [8, 9]]), torch.zeros(2, 2, dtype=torch.long), None),
    Decided(torch.tensor([0, 1]), torch.tensor([[6, 7], [8, 9]]), torch.tensor([[1, 0], [0, 1]]), None),
    Decided(torch.tensor([0]), torch.tensor([[4, 4]]), torch.tensor([[0, 0]]), None),
]


def ended(rows):
    """Finished from rows of (step, prefix) for each sentence, all with score −1."""
    step_Bn, prefix_Bn = torch.tensor(rows).unbind(-1)
    score_Bn = torch.full(step_Bn.shape, -1.0, dtype=torch.float64)
    return Finished(score_Bn, score_Bn, step_Bn, prefix_Bn, step_Bn[:, 0])


def test_pieces_are_read_off_from_the_end():
    found = read_off(ended([[(3, 0), (3, 1)], [(1, 0), (2, 1)]]), TRAIL, [5, 5])
    assert [[hypothesis.ids for hypothesis in hypotheses] for hypotheses in found] == [[(5, 6), (4, 7)], [(), (9,)]]


def test_a_trail_tells_of_others_too():
    others = [Decided(step.number_B + 7, *step[1:]) for step in TRAIL]
    found = read_off(ended([[(1, 0), (2, 1)]]), others, [5], first=8)
    assert [[hypothesis.ids for hypothesis in hypotheses] for hypotheses in found] == [[(), (9,)]]


@pytest.mark.parametrize("prefix", [0, 1])
def test_attention_rows_follow_the_pieces(prefix):
    weights = [torch.tensor([[[1.0, 0.0, 9.0]]]), torch.tensor([[[2.0, 0.0, 9.0], [3.0, 0.0, 9.0]]])]
    trail = [
        Decided(torch.tensor([0]), torch.tensor([[4, 5]]), torch.tensor([[0, 0]]), weights[0]),
        Decided(torch.tensor([0]), torch.tensor([[6, 7]]), torch.tensor([[1, 0]]), weights[1]),
    ]
    ((hypothesis,),) = read_off(ended([[(2, prefix)]]), trail, [2])
    assert hypothesis.alignment_TS.tolist() == [[1.0, 0.0], [2.0 + prefix, 0.0]]


def test_what_did_not_finish_is_no_hypothesis():
    assert read_off(Finished.none(2, 1, CPU), TRAIL, [5, 5]) == [[], []]
