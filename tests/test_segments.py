"""Where long lines are cut: by hand, and what holds for every line."""

import time

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.segments import Segment, segments


def cut(text: str, limit: int) -> list[str]:
    """The parts of a line whose pieces are its words."""
    words = text.split()
    return [" ".join(segment.pieces) for segment in segments(words, range(len(words)), limit)]


def test_a_line_within_the_limit_is_one_segment():
    assert cut("a . b , c .", 6) == ["a . b , c ."]


def test_no_pieces_have_no_segments():
    assert segments([], [], 5) == []


def test_the_last_sentence_end_that_fits_is_the_place_to_cut():
    assert cut("a b . c d . e f g h", 8) == ["a b . c d .", "e f g h"]


def test_a_sentence_end_goes_before_a_later_clause_end():
    assert cut("a b c d . e , f g h", 8) == ["a b c d .", "e , f g h"]


def test_a_sentence_end_in_the_first_half_is_too_early():
    assert cut("a . b c d , e f g h", 8) == ["a . b c d ,", "e f g h"]


def test_without_marks_the_cut_is_before_the_last_word_that_does_not_fit():
    assert cut("a b c d e f g", 3) == ["a b c", "d e f", "g"]


def test_a_mark_may_end_a_longer_piece():
    assert cut("one two three. four five six", 4) == ["one two three.", "four five six"]


def test_a_word_is_kept_whole_where_it_can_be():
    pieces, words = ["▁a", "▁b", "c", "d", "▁e"], [0, 1, 1, 1, 2]
    assert segments(pieces, words, 3) == [
        Segment(("▁a",), True),
        Segment(("▁b", "c", "d"), True),
        Segment(("▁e",), True),
    ]


def test_a_word_longer_than_the_limit_is_cut_inside():
    pieces, words = ["▁a", "b", "c", "d", "e", "▁f"], [0, 0, 0, 0, 0, 1]
    parts = [Segment(("▁a", "b"), True), Segment(("c", "d"), False), Segment(("e", "▁f"), False)]
    assert segments(pieces, words, 2) == parts


def test_a_stop_inside_a_word_is_no_sentence_end():
    pieces, words = ["▁is", "▁3", ".", "1", "4"], [0, 1, 1, 1, 1]
    assert segments(pieces, words, 4) == [Segment(("▁is",), True), Segment(("▁3", ".", "1", "4"), True)]


def test_text_without_spaces_is_cut_after_its_full_stops():
    pieces = [*"雨が降る。風も吹く。"]
    parts = [Segment((*"雨が降る。",), True), Segment((*"風も吹く。",), True)]
    assert segments(pieces, [0] * len(pieces), 8) == parts


@st.composite
def lines_of_pieces(draw):
    """Pieces with the numbers of their words, which never fall and never jump, and a limit."""
    pieces = draw(st.lists(st.sampled_from(["a", "▁b", ".", ",", "。", "x!"]), max_size=40))
    steps = draw(st.lists(st.integers(0, 1), min_size=len(pieces), max_size=len(pieces)))
    return pieces, [sum(steps[1 : place + 1]) for place in range(len(pieces))], draw(st.integers(1, 12))


@given(lines_of_pieces())
def test_segments_are_the_line_in_parts_within_the_limit(line):
    pieces, words, limit = line
    parts = segments(pieces, words, limit)
    assert [piece for part in parts for piece in part.pieces] == pieces
    assert all(1 <= len(part.pieces) <= limit for part in parts)


@given(lines_of_pieces())
def test_where_every_piece_is_a_word_more_than_half_of_what_fits_is_taken(line):
    parts = segments(*line)
    words, limit = line[1], line[2]
    if len(set(words)) == len(words):
        assert all(len(part.pieces) > limit // 2 for part in parts[:-1])


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_ten_thousand_pieces_of_one_word_are_cut_at_the_limit(limit):
    parts = segments(["x"] * 10_000, [0] * 10_000, limit)
    assert len(parts) == -(-10_000 // limit)
    assert [part.begins_word for part in parts] == [True] + [False] * (len(parts) - 1)


# ---- what a reader sees as one character


@pytest.mark.parametrize(
    "character",
    [
        "e\u0301\u0323",
        "👩‍👩‍👧‍👦",
        "👍🏽",
        "🇩🇪",
        "🏴\U000e0067\U000e0062\U000e007f",
        "क्षि",
        "\u1100\u1161\u11a8",
        "\ue5811",
        "❤️",
        "がﾞ",
    ],
)
def test_a_word_is_not_cut_inside_of_a_character(character):
    pieces = [*(character * 5)]
    parts = segments(pieces, [0] * len(pieces), len(character) + 1)
    assert ["".join(part.pieces) for part in parts] == [character] * 5


def test_a_character_longer_than_the_limit_is_cut_in_it():
    pieces = [*("e" + "\u0301" * 9)]
    assert [len(part.pieces) for part in segments(pieces, [0] * 10, 4)] == [4, 4, 2]


def test_flags_stay_pairs_whatever_stands_before_them():
    pieces = [*"x🇩🇪🇫🇷🇯🇵🇰🇷"]
    parts = segments(pieces, [0] * len(pieces), 4)
    assert ["".join(part.pieces) for part in parts] == ["x🇩🇪", "🇫🇷🇯🇵", "🇰🇷"]


@settings(derandomize=True, max_examples=200)
@given(
    st.text(st.sampled_from("ae\u0301\u0327\u200d👩👧🏽❤\ufe0f🇩🇪한ᄀ\u1161क\u094dष\uff76\uff9e "), max_size=60),
    st.integers(10, 16),
)
def test_cuts_are_where_unicode_has_a_boundary(text, limit):
    """Against the boundaries of the regex library, which follows Unicode's tables."""
    clusters = regex.findall(r"\X", text)
    ends = {sum(map(len, clusters[: number + 1])) for number in range(len(clusters))}
    done = 0
    for part in segments([*text], [0] * len(text), limit)[:-1]:
        done += len(part.pieces)
        assert done in ends or all(place not in ends for place in range(done, done - limit, -1))


def test_marks_that_close_belong_to_what_they_end():
    assert cut('a b c " d e . ” f g', 9) == ['a b c " d e . ”', "f g"]
    assert cut("a b (c d). e f", 5) == ["a b (c d).", "e f"]


@pytest.mark.parametrize("end", [*"؟۔।॥"])
def test_other_scripts_end_sentences_too(end):
    assert cut(f"a b c d{end} e f g h", 6) == [f"a b c d{end}", "e f g h"]


@pytest.mark.parametrize("text", ["🇩", "a", "e\u0301", "a ", ". "])
def test_a_line_of_many_pieces_is_cut_in_a_moment(text):
    pieces = [*(text * ((1 << 18) // len(text)))]
    words = [number // len(text) if " " in text else 0 for number in range(len(pieces))]
    start = time.perf_counter()
    parts = segments(pieces, words, 127)
    assert sum(len(part.pieces) for part in parts) == len(pieces)
    assert time.perf_counter() - start < 10
