"""One line out for each line in, whatever the line, the tokenizer or the weights hold; what is lost is noted."""

import math
from collections.abc import Iterable, Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models import build, rnn, transformer

import nmt.translate
from nmt.data.inputs import Inputs
from nmt.decoders.base import Want
from nmt.hypotheses import Hypothesis
from nmt.search import Beam, Greedy
from nmt.settings import members
from nmt.text.listed import Word
from nmt.text.tokenizers import TokenizerOptions, train_tokenizers
from nmt.text.vocabulary import SPECIALS
from nmt.translate import Decoding, Note, Translator

GREEDY = Greedy.Options()
SHORT = Decoding(GREEDY, max_length=4)
ALPHABET = "ab .,!?\t\r\0\x0b\x1c\x85\u2028\u200b\u200d\u200f\ufeff\u0301👩👧🏽🇩🇪<unk>▁\\\ue58123"


def translator(name: str = "word", max_length: int = 12, inputs: Inputs = Inputs()) -> Translator:  # noqa: B008 (a value)
    options = members(TokenizerOptions)[name].model_validate({"vocabulary_size": 60})
    tokenizers = train_tokenizers(options, ["a b c d 👩 🇩🇪 e\u0301 ! , ."] * 9, [ALPHABET] * 3, seed=1)
    model = build(rnn({}, {"size": 3}), vocabulary=len(tokenizers.target.vocabulary)).float()
    return Translator(model, tokenizers, GREEDY, max_length, inputs)


MODELS = {name: translator(name) for name in members(TokenizerOptions)}


@pytest.mark.parametrize("name", MODELS)
@settings(derandomize=True, max_examples=12, deadline=None)
@given(
    lines=st.lists(st.text(st.sampled_from(ALPHABET) | st.characters(exclude_characters="\n"), max_size=25), max_size=8)
)
def test_every_line_gives_one_line(name: str, lines: list[str]):
    found = list(MODELS[name].translate_lines(lines, SHORT))
    assert [translation.source for translation in found] == lines
    assert all(len(translation.text.splitlines()) <= 1 for translation in found)
    assert all(
        translation.hypotheses or translation.notes or not line.strip()
        for translation, line in zip(found, lines, strict=True)
    )


# ---- split


def test_a_line_that_is_split_is_noted_with_its_parts():
    (_, found) = translator(max_length=4).translate_lines(["a b c", "a b c. d a b c"], SHORT)
    assert found.notes == (Note("7 pieces, more than the model reads at once: translated in 3 parts"),)
    assert found.num_segments == 3


def test_the_alignment_of_a_line_that_would_fill_the_memory_is_left_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nmt.translations.CELLS", 30)
    found = list(translator(max_length=4).translate_lines(["a b c", " ".join("a" * 30)], SHORT._replace(want=Want())))
    assert [line.hypotheses[0].alignment_TS is None for line in found] == [False, True]


def test_long_lines_make_smaller_chunks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(nmt.translate, "CHUNK_CHARACTERS", 10)
    chunks = nmt.translate.chunked([("a" * 9,), ("b",), ("c" * 30,), ("d",)])
    assert [(before, len(rows)) for before, rows in chunks] == [(0, 2), (2, 1), (3, 1)]


@pytest.mark.parametrize("done", [0, 1, 4, 5, 8, 9, 10, 99])
def test_what_follows_lines_that_are_done_is_what_it_is_anyway(done: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(nmt.translate, "CHUNK", 4)
    model, lines = translator(inputs=Inputs()), ["a b", "c", "", "d d d", "a", "b c d", "c", "a a", "d", "b"]
    whole = list(model.translate_lines(lines, SHORT))
    assert list(model.translate_lines(lines, SHORT, done)) == whole[done:]


def test_lines_one_at_a_time_are_translated_before_the_next_is_read():
    read = []
    lines = (read.append(line) or line for line in ["a b", "c"])
    next(translator().translate_lines(lines, SHORT, at_once=1))
    assert read == ["a b"]


# ---- lost


def test_half_a_character_is_noted_and_left_empty():
    (one, two) = translator("unigram").translate_lines(["a\ud800", "a"], SHORT)
    assert (one.text, one.notes[0].text[:26], two.notes) == ("", "not valid UTF-8; its trans", ())


def test_a_line_of_which_the_tokenizer_leaves_nothing_is_noted(monkeypatch: pytest.MonkeyPatch):
    model = translator()
    monkeypatch.setattr(model.tokenizers.source, "encode", lambda line: line.replace("x", "").split())
    (one, two) = model.translate_lines(["x", "a x"], SHORT)
    assert one.notes == (Note("the tokenizer leaves nothing of it; its translation is empty"),)
    assert (one.hypotheses, two.notes) == ((), ())


@pytest.mark.parametrize("search", [GREEDY, Beam.Options(beam_size=3), Beam.Options(beam_size=2, stopping="first")])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_weights_that_are_no_numbers_give_empty_lines_and_notes(search: Beam.Options | Greedy.Options, bad: float):
    model = translator()
    with torch.no_grad():
        next(iter(model.model.output.parameters())).fill_(bad)
    found = list(model.translate_lines(["a b", "", "c"], Decoding(search, max_length=4, want=Want())))
    lost = (Note("no translation of it is text with a score that is a number; its translation is empty"),)
    assert [(line.text, line.notes) for line in found] == [("", lost), ("", ()), ("", lost)]


def test_a_line_of_which_a_part_is_lost_is_empty_and_its_neighbours_are_whole(monkeypatch: pytest.MonkeyPatch):
    def search(_: object, batches: Iterable[tuple], *__: object) -> list[list[Hypothesis]]:
        lengths = [length for sources in batches for length in sources[0].mask_BS.sum(dim=1).tolist()]
        return [[Hypothesis((4,), -1.0, math.nan if length == 3 else -1.0, None)] for length in lengths]

    monkeypatch.setattr(nmt.translate, "search", search)
    found = list(translator(max_length=4).translate_lines(["a", "a b c d a", "b c d"], SHORT))
    assert [bool(line.text) for line in found] == [True, False, True]
    assert [note.text[:34] for note in found[1].notes] == [
        "5 pieces, more than the model read",
        "no translation of it is text with a"[:34],
    ]


def answers(model: Translator, monkeypatch: pytest.MonkeyPatch, *pieces: str) -> Iterator[nmt.translate.Translation]:
    vocabulary = Word.Options().train([], 1).vocabulary
    vocabulary = type(vocabulary)([*SPECIALS, *pieces])
    monkeypatch.setattr(model.tokenizers.target, "vocabulary", vocabulary)
    best = Hypothesis(tuple(range(4, 4 + len(pieces))), -1.0, -1.0, None)

    def search(_: object, batches: Iterable[tuple], *__: object) -> list[list[Hypothesis]]:
        return [[best] for sources in batches for _ in sources[0].ids_BS]

    monkeypatch.setattr(nmt.translate, "search", search)
    return model.translate_lines(["a", "b"], SHORT)


@pytest.mark.parametrize("end", ["\r", "\x0b", "\x0c", "\x1c", "\x1e", "\x85", "\u2028", "\u2029"])
def test_a_vocabulary_with_line_ends_makes_no_lines(end: str, monkeypatch: pytest.MonkeyPatch):
    found = answers(translator("char"), monkeypatch, "x", end, "y")
    assert [line.text for line in found] == ["x y", "x y"]


def test_a_hypothesis_that_is_no_text_is_an_empty_line(monkeypatch: pytest.MonkeyPatch):
    found = answers(translator("char"), monkeypatch, "x", "\ud800")
    assert [(line.text, len(line.notes)) for line in found] == [("", 1), ("", 1)]


def test_a_very_long_line_is_translated_without_a_matrix_of_its_length():
    line = "a b, c. " * (1 << 13)
    model = translator(max_length=128)
    (found,) = model.translate_lines([line], Decoding(GREEDY, max_length=2, want=Want(), batch_tokens=1 << 14))
    assert found.num_segments > 190
    assert np.size(found.hypotheses[0].alignment_TS or 0) == 1


# ---- aligned


def test_a_pair_that_is_too_long_to_be_aligned_is_noted_and_the_others_are_aligned(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nmt.translate.CELLS", 29)
    model, long = translator(), "a " * 9
    found = model.align(["a b", long, "c"], ["c", "b b", "a"])
    assert [alignment.weights_TS.shape for alignment in found] == [(2, 3), (0, 0), (2, 2)]
    assert found[1].notes == (Note("9 source and 2 target pieces, too long to be aligned"),)


def test_a_pair_beyond_the_positions_that_a_model_has_is_not_aligned():
    tokenizers = train_tokenizers(Word.Options(), ["a b c"], [], seed=1)
    learned = transformer(positions={"name": "learned", "max_positions": 6})
    model = Translator(build(learned, vocabulary=7).float(), tokenizers, GREEDY, 30)
    found = model.align(["a", "a " * 6, "a", "a " * 5], ["b", "b", "b " * 6, "b " * 5])
    assert [bool(alignment.notes) for alignment in found] == [False, True, True, False]
