"""Ids of copied pieces, worked by hand."""

from nmt.text.copying import copied_ids, target_ids, to_pieces
from nmt.text.vocabulary import SPECIALS, UNKNOWN, Vocabulary

TARGET = Vocabulary([*SPECIALS, "sieht", "den"])  # V = 6


def test_a_source_piece_has_its_id_as_a_target_piece_or_the_number_of_its_first_place():
    assert copied_ids(["den", "Brolk", "x", "Brolk", "sieht", "x"], TARGET) == [5, 7, 8, 7, 4, 8]


def test_a_target_piece_that_only_the_source_has_is_numbered_by_its_place_there():
    source = ["Tan", "sees", "Brolk", "Tan"]
    assert target_ids(["Tan", "sieht", "den", "Brolk"], source, TARGET) == [6, 4, 5, 8]


def test_a_target_piece_that_neither_has_is_unknown():
    assert target_ids(["Hof"], ["Tan"], TARGET) == [UNKNOWN]
    assert target_ids(["Tan"], [], TARGET) == [UNKNOWN]


def test_pieces_come_back_from_their_ids():
    source = ["Tan", "sees", "Brolk", "Tan"]
    target = ["Brolk", "sieht", "Tan", "den", "Tan"]
    assert to_pieces(target_ids(target, source, TARGET), source, TARGET) == target
    assert to_pieces(copied_ids(source, TARGET), source, TARGET) == source


def test_without_pieces_to_copy_the_ids_are_the_vocabulary_s():
    line = ["den", "sieht", "den"]
    assert target_ids(line, line, TARGET) == copied_ids(line, TARGET) == TARGET.ids(line)
