"""BLEU+1 of single sentences, worked by hand."""

import math

import pytest

from nmt.metrics.sentence import SentenceBleu


@pytest.mark.parametrize(
    ("translation", "reference", "expected"),
    [
        # all of it: precisions of 1, and the reference one word longer than it is
        ("a b c d", "a b c d", math.exp(1 - 5 / 4)),
        # 3 of 4 words, (1 + 1) / (3 + 1) pairs, (0 + 1) / (2 + 1) triples, (0 + 1) / (1 + 1) fours
        ("a b x c", "a b c", (3 / 4 * 2 / 4 * 1 / 3 * 1 / 2) ** 0.25),
        # there are no pairs of one word: (0 + 1) / (0 + 1)
        ("a", "a b c", math.exp(1 - 4)),
        # a word counts as often as the reference has it: 1 of 3, (0 + 1) / (2 + 1), (0 + 1) / (1 + 1), 1 / 1
        ("a a a", "a b", (1 / 3 * 1 / 3 * 1 / 2) ** 0.25),
        ("x y", "a b", 0.0),
        ("", "a b", 0.0),
    ],
)
def test_it_is_the_formula(translation, reference, expected):
    assert SentenceBleu(lowercase=False)(translation, reference) == pytest.approx(expected)


def test_words_are_split_and_cases_told_apart_as_asked():
    split = (3 / 3 * 3 / 3 * 2 / 2 * 1 / 1) ** 0.25 * math.exp(1 - 4 / 3)
    assert SentenceBleu(lowercase=True)("Ein Rad.", "ein rad .") == pytest.approx(split)
    assert SentenceBleu(lowercase=False)("EIN RAD", "ein rad") == 0.0


def test_one_word_too_few_costs_more_than_a_wrong_one_among_many():
    bleu, reference = SentenceBleu(lowercase=False), "a b c d e f g h i j"
    assert bleu("a b c d e f g h i", reference) < bleu("a b c d e f g h i j", reference)
