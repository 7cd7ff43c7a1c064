"""Shares of right answers, counted by hand."""

from nmt.metrics.answers import Share, exact_lines, exact_words, one_of


def test_lines_are_right_as_a_whole_and_blank_ones_ask_for_nothing():
    assert exact_lines(["1 2 3", "2  1", "", "4"], ["1 2 3", "1 2", "", "4 5"]) == (1, 3)


def test_every_name_of_a_line_counts_as_often_as_it_is_asked_for():
    hypotheses = ["Brolk sieht Tan .", "Brolk sieht Brolkan .", "Meik meik"]
    assert exact_words(hypotheses, ["Brolk Tan", "Brolk Brolk", "Meik Meik"]) == (2 + 1 + 1, 6)


def test_a_pronoun_is_right_in_any_case_and_alone():
    hypotheses = ["Er ist neu .", "Heute ist es alt .", "er oder sie", "Der Ring", "Sie schläft ."]
    assert one_of(hypotheses, ["er", "sie", "er", "er", ""]) == (1, 4)


def test_a_share_is_given_in_percent():
    assert Share(1, 4).percent == 25.0
    assert Share(0, 0).percent == 0.0
