"""Matrices between words, from alignments of pieces."""

import numpy as np

from nmt.cli.results import aligned_words
from nmt.text.listed import Char
from nmt.text.tokenizers import train_tokenizers
from nmt.translate import Alignment

TOKENIZERS = train_tokenizers(Char.Options(), ["ab c"], [], seed=1)


def merged(source: str, target: str, weights_TS: list[list[float]]) -> tuple[tuple[str, ...], tuple[str, ...], list]:
    alignment = Alignment(tuple(source), tuple(target), np.array(weights_TS, dtype=np.float32), 0.0)
    (matrix,) = aligned_words([alignment], TOKENIZERS)
    return matrix.source, matrix.target, matrix.weights_TS.tolist()


def test_weights_are_summed_over_source_pieces_and_averaged_over_target_pieces() -> None:
    weights_TS = [[0.5, 0.25, 0, 0.25, 0], [0.25, 0.25, 0, 0.5, 0], [0, 0, 0, 0, 1]]
    assert merged("ab▁c", "ab", weights_TS) == (("ab", "c"), ("ab",), [[0.625, 0.375]])


def test_a_translation_of_blanks_alone_has_no_words() -> None:
    assert merged("ab", "▁", [[0.5, 0.25, 0.25], [0, 0, 1]]) == (("ab",), (), [])


def test_a_blank_at_the_end_belongs_to_the_last_word() -> None:
    weights_TS = [[0.5, 0.5, 0], [1, 0, 0], [0, 0, 1]]
    assert merged("ab", "a▁", weights_TS) == (("ab",), ("a",), [[1.0]])
