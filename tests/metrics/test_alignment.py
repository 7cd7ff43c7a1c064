import tracemalloc
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from nmt.errors import DataError
from nmt.metrics.alignment import (
    SYMMETRISATIONS,
    Agreement,
    GoldLinks,
    agreement,
    argmax_links,
    best_agreement,
    best_links,
    format_links,
    grow_diag_final_and,
    merge_pieces,
    read_links,
    swap,
    write_links,
)

SHARED = Path(__file__).parents[3] / "shared" / "data"


def links(text):
    return frozenset((int(i), int(j)) for i, j in (token.split("-") for token in text.split()))


def gold(sure, possible=""):
    return GoldLinks(links(sure), links(sure) | links(possible))


# ---- merging


def test_pieces_merge_by_sum_over_source_and_mean_over_target():
    # Source words: pieces 0 and 1; piece 2. Target words: piece 0; pieces 1 and 2. Last row and column: end.
    weights_TS = np.array([[0.2, 0.3, 0.4, 0.1], [0.1, 0.5, 0.2, 0.2], [0.3, 0.1, 0.6, 0.0], [0.0, 0.0, 0.1, 0.9]])
    merged = merge_pieces(weights_TS, [0, 0, 1], [0, 1, 1])
    # word 0: 0.2 + 0.3 and 0.4; word 1: the mean of 0.1 + 0.5 and 0.3 + 0.1, the mean of 0.2 and 0.6
    np.testing.assert_allclose(merged, [[0.5, 0.4], [0.5, 0.4]], atol=1e-15)


def test_weights_without_an_end_of_sentence_merge_as_well():
    np.testing.assert_allclose(merge_pieces(np.array([[0.25, 0.75]]), [0, 0], [0]), [[1.0]])


def test_words_without_pieces_get_zeros_and_pieces_without_words_go_nowhere():
    # One source piece that holds two words, "10 000", counts for the first; the target is a lone blank: no word.
    weights_TS = np.array([[0.4, 0.6], [0.5, 0.5]])
    assert merge_pieces(weights_TS, [0], [0], (2, 1)).tolist() == [[0.4, 0.0]]
    assert merge_pieces(weights_TS, [0], [0], (1, 0)).shape == (0, 1)


def test_merging_equals_the_loops_of_the_equation():
    random = np.random.default_rng(1)
    source_words, target_words = [0, 0, 1, 2, 2, 2], [0, 1, 1, 1, 2]
    weights_TS = random.random((6, 7), dtype=np.float32)
    expected = np.zeros((3, 3))
    for word_t, word_s in product(range(3), range(3)):
        pieces_t = [t for t in range(5) if target_words[t] == word_t]
        pieces_s = [s for s in range(6) if source_words[s] == word_s]
        sums = [sum(float(weights_TS[t, s]) for s in pieces_s) for t in pieces_t]
        expected[word_t, word_s] = sum(sums) / len(sums)
    np.testing.assert_allclose(merge_pieces(weights_TS, source_words, target_words), expected, rtol=1e-12)


def test_merging_needs_no_more_memory_than_its_matrices():
    tracemalloc.start()
    merged = merge_pieces(np.ones((2, 3000)), range(3000), [0, 0])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert merged.tolist() == [[1.0] * 3000]
    assert peak < 2_000_000  # bytes; one 3000 × 3000 matrix alone has 72,000,000


def test_the_end_of_sentence_takes_its_weight_with_it():
    # All of the row's weight but 0.1 lies on the end: the link still goes to the word.
    merged = merge_pieces(np.array([[0.1, 0.9], [0.0, 1.0]]), [0], [0])
    assert merged.tolist() == [[0.1]]
    assert argmax_links(merged) == {(0, 0)}


def test_sentences_without_words_have_no_links():
    assert merge_pieces(np.array([[1.0]]), [], []).shape == (0, 0)
    assert argmax_links(merge_pieces(np.array([[1.0], [1.0]]), [], [0])) == frozenset()


# ---- links


def test_every_target_word_links_to_its_largest_weight():
    assert argmax_links(np.array([[0.1, 0.9], [0.7, 0.3], [0.4, 0.6]])) == links("1-0 0-1 1-2")


def test_ties_go_to_the_left():
    assert argmax_links(np.array([[0.2, 0.4, 0.4]])) == links("1-0")


# ---- AER


def test_alignment_error_rate_worked_by_hand():
    # A = {0-0, 1-1, 2-2, 3-2}, S = {0-0, 1-1, 2-3}, P = S + {2-2}: |A∩S| = 2, |A∩P| = 3, |A| = 4, |S| = 3.
    counts = agreement([links("0-0 1-1 2-2 3-2")], [gold("0-0 1-1 2-3", "2-2")])
    assert counts == Agreement(predicted=4, sure=3, in_sure=2, in_possible=3)
    assert counts.aer == pytest.approx(1 - 5 / 7)
    assert (counts.precision, counts.recall) == pytest.approx((3 / 4, 2 / 3))


def test_a_perfect_alignment_may_leave_out_possible_links_or_hold_them():
    sentence = gold("0-0 1-1", "1-2 2-2")
    assert agreement([links("0-0 1-1")], [sentence]).aer == 0
    assert agreement([links("0-0 1-1 2-2")], [sentence]).aer == 0


def test_without_possible_links_aer_is_one_minus_f1():
    # |A| = 3, |S| = 5, 2 in common: precision 2/3, recall 2/5, F1 = 1/2.
    counts = agreement([links("0-0 1-1 4-4")], [gold("0-0 1-1 2-2 3-3 0-4")])
    assert counts.aer == pytest.approx(1 / 2)


def test_counts_are_summed_over_sentences_before_dividing():
    counts = agreement([links("0-0"), links("0-0 1-1 2-0")], [gold("0-0"), gold("0-1 2-0")])
    assert counts.aer == pytest.approx(1 - (2 + 2) / (4 + 3))


def test_nothing_against_nothing_is_no_error():
    counts = agreement([], [])
    assert (counts.aer, counts.precision, counts.recall) == (0, 1, 1)


def test_aer_needs_a_gold_line_for_every_sentence():
    with pytest.raises(DataError, match="2 aligned sentences and 1 lines of gold links do not pair"):
        agreement([links("0-0"), links("0-0")], [gold("0-0")])


def test_the_best_links_take_sure_before_possible_before_wrong():
    # target 0: sure 2-0 and possible 0-0; target 1: possible 1-1 only; target 2: nothing; target 3: two sure ones
    sentence = gold("2-0 0-3 1-3", "0-0 1-1")
    assert best_links(sentence, 3, 4) >= links("2-0 1-1")
    # |A| = 4, |S| = 3; in S: 2-0 and one of target 3; in P: these and 1-1
    assert best_agreement([sentence], [(3, 4)]).aer == pytest.approx(1 - (2 + 3) / (4 + 3))


def test_no_choice_of_one_link_a_word_beats_the_best_links():
    sentence = gold("0-0 1-0 2-2", "1-1 2-1 0-2")
    every = [frozenset((i, j) for j, i in enumerate(choice)) for choice in product(range(3), repeat=4)]
    least = min(agreement([choice], [sentence]).aer for choice in every)
    assert best_agreement([sentence], [(3, 4)]).aer == pytest.approx(least)


# ---- symmetrisation


def test_intersection_and_union():
    forward, backward = links("0-0 1-1 2-1"), links("0-0 1-2 2-1")
    assert SYMMETRISATIONS["intersection"](forward, backward) == links("0-0 2-1")
    assert SYMMETRISATIONS["union"](forward, backward) == links("0-0 1-1 1-2 2-1")


def test_grow_diag_final_and_worked_by_hand():
    # Intersection {0-0}. Growing: 1-1 is diagonal to 0-0, both its words are new; then 2-1 beside 1-1, source 2 is
    # new; 1-2 beside 1-1, target 2 is new. 4-4 is no neighbour, but final-and adds it: both words are unaligned.
    # 4-0 stays out: target 0 is aligned.
    forward, backward = links("0-0 1-1 2-1 4-4"), links("0-0 1-2 4-0")
    assert grow_diag_final_and(forward, backward) == links("0-0 1-1 2-1 1-2 4-4")


def test_growing_leaves_out_a_neighbour_whose_words_are_both_aligned():
    # 0-1 lies between 0-0 and 1-1, and both its words are aligned by the intersection.
    assert grow_diag_final_and(links("0-0 1-1"), links("0-0 1-1 0-1")) == links("0-0 1-1")


def test_final_prefers_the_forward_direction():
    # No intersection: forward's 0-0 comes first, then backward's 0-1 finds source word 0 taken.
    assert grow_diag_final_and(links("0-0"), links("0-1")) == links("0-0")


def grow_diag_final_and_by_loops(forward, backward, source_length, target_length):
    """The published pseudo-code, line by line, over the whole grid (e: target words, f: source words)."""
    alignment = {(j, i) for i, j in forward & backward}
    union = {(j, i) for i, j in forward | backward}
    neighbours = [(-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)]
    added = True
    while added:
        added = False
        for e, f, (de, df) in product(range(target_length), range(source_length), neighbours):
            e_new, f_new = e + de, f + df
            free = e_new not in {a for a, _ in alignment} or f_new not in {b for _, b in alignment}
            if (e, f) in alignment and free and (e_new, f_new) in union - alignment:
                alignment.add((e_new, f_new))
                added = True
    for direction in (forward, backward):
        for e, f in product(range(target_length), range(source_length)):
            free = e not in {a for a, _ in alignment} and f not in {b for _, b in alignment}
            if free and (f, e) in direction:
                alignment.add((e, f))
    return {(f, e) for e, f in alignment}


@pytest.mark.parametrize("seed", range(40))
def test_grow_diag_final_and_equals_the_published_loops(seed):
    random = np.random.default_rng(seed)
    forward = frozenset((int(random.integers(6)), j) for j in range(5))
    backward = frozenset((i, int(random.integers(5))) for i in range(6))
    assert grow_diag_final_and(forward, backward) == grow_diag_final_and_by_loops(forward, backward, 6, 5)


def test_swap_turns_links_round():
    assert swap(links("0-1 2-0")) == links("1-0 0-2")


# ---- Pharaoh files


def test_pharaoh_lines_hold_sure_and_possible_links(tmp_path):
    (tmp_path / "gold").write_text("0-0 1p2 10-3\n\n0p0\n")
    sentences = read_links(tmp_path / "gold").sentences
    assert sentences == [gold("0-0 10-3", "1-2"), gold(""), gold("", "0-0")]


def test_links_written_are_links_read(tmp_path):
    predicted = [links("2-0 0-1 10-2"), links(""), links("0-0")]
    write_links(tmp_path / "out", predicted)
    assert (tmp_path / "out").read_text() == "0-1 2-0 10-2\n\n0-0\n"
    assert [sentence.sure for sentence in read_links(tmp_path / "out").sentences] == predicted
    assert format_links(predicted[0]) == "0-1 2-0 10-2"


@pytest.mark.parametrize("token", ["3", "a-b", "-1-2", "1-", "1P2", "1-2-3", "٣-1"])
def test_a_malformed_link_is_an_error_with_file_and_line(tmp_path, token):
    (tmp_path / "gold").write_text(f"0-0\n1-1 {token}\n")
    with pytest.raises(DataError, match=rf"gold:2: '{token}' is not a link"):
        read_links(tmp_path / "gold")


def test_links_out_of_range_are_left_out_and_named(tmp_path):
    (tmp_path / "gold").write_text("0-0 2-1\n0-0 1p7 2-0\n")
    file = read_links(tmp_path / "gold", [(3, 2), (2, 7)])
    assert file.sentences == [gold("0-0 2-1"), gold("0-0")]
    assert [message.removeprefix(str(tmp_path)) for message in file.dropped] == [
        "/gold:2: link 1p7 left out: the pair has 2 source and 7 target words",
        "/gold:2: link 2-0 left out: the pair has 2 source and 7 target words",
    ]


def test_too_many_or_too_few_lines_of_links_are_an_error_with_both_counts(tmp_path):
    (tmp_path / "gold").write_text("0-0\n0-0\n")
    for count in (1, 3):
        with pytest.raises(DataError, match=f"gold: 2 lines of links for {count} sentence pairs"):
            read_links(tmp_path / "gold", [(1, 1)] * count)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the hand-aligned pairs of shared/data are not here")
def test_the_one_upstream_link_out_of_range_is_dropped_and_named():
    folder = SHARED / "gold-align-de-en"
    texts = [(folder / name).read_text(encoding="utf-8").splitlines() for name in ("test.de", "test.en")]
    file = read_links(folder / "test.gold", [(len(a.split()), len(b.split())) for a, b in zip(*texts, strict=True)])
    assert len(file.sentences) == 100
    assert len(file.dropped) == 1
    assert "test.gold:63: link 12-16 left out: the pair has 13 source and 13 target words" in file.dropped[0]
