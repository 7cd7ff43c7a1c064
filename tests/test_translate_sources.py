"""Translating from several sources, with the sentences before, and with copied pieces, by models that are made for it
here: one that answers with what it was given."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from models import build, rnn

import nmt.translate
from nmt.batch import Source
from nmt.data.inputs import Inputs
from nmt.errors import DataError
from nmt.hypotheses import Hypothesis
from nmt.search import Greedy
from nmt.text.listed import Word
from nmt.text.tokenizers import train_tokenizers
from nmt.text.vocabulary import EOS, UNKNOWN
from nmt.translate import Decoding, Note, Translator

GREEDY = Greedy.Options()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Source, ...]]:
    """The sources of every search; what is found is the first source's ids."""
    seen: list[tuple[Source, ...]] = []

    def search(_model: Any, batches: Iterable[tuple[Source, ...]], *_: Any) -> list[list[Hypothesis]]:
        found = []
        for sources in batches:
            seen.append(sources)
            given = sources[0].ids_BS if sources[0].copies_BS is None else sources[0].copies_BS
            rows = zip(given.tolist(), sources[0].mask_BS.sum(dim=1).tolist(), strict=True)
            found += [[Hypothesis(tuple(ids[: length - 1]), 0.0, 0.0, None)] for ids, length in rows]
        return found

    monkeypatch.setattr(nmt.translate, "search", search)
    return seen


def translator(inputs: Inputs, max_length: int = 30) -> Translator:
    tokenizers = train_tokenizers(Word.Options(), ["a b c d e f g h"], [], seed=1)
    model = build(rnn(), vocabulary=len(tokenizers.target.vocabulary)).float()
    return Translator(model, tokenizers, GREEDY, max_length, inputs)


def sentences(model: Translator, sources: tuple[Source, ...]) -> list[list[str]]:
    """What each row of each source says."""
    vocabulary = model.tokenizers.source.vocabulary
    found = []
    for row in range(len(sources[0].ids_BS)):
        ids = [source.ids_BS[row][source.mask_BS[row]].tolist() for source in sources]
        assert all(own[-1] == EOS for own in ids)
        found.append([" ".join(vocabulary.to_pieces(own)) for own in ids])
    return found


def test_all_sources_of_a_line_are_read(read: list[tuple[Source, ...]]):
    model = translator(Inputs(texts=2))
    assert model.translate([("a b", "c"), ("d", "e f g")]) == ["a b", "d"]
    assert [sorted(sentences(model, sources)) for sources in read] == [
        [["a b </s>", "c </s>"], ["d </s>", "e f g </s>"]]
    ]


def test_a_line_is_blank_where_all_its_sources_are(read: list[tuple[Source, ...]]):
    model = translator(Inputs(texts=2))
    assert model.translate([(" ", ""), ("", "a"), ("b", "")]) == ["", "", "b"]
    assert sorted(sentences(model, read[0])) == [["</s>", "a </s>"], ["b </s>", "</s>"]]


@pytest.mark.parametrize(("inputs", "line", "given"), [(Inputs(2), "a", 1), (Inputs(), ("a", "b"), 2)])
def test_another_number_of_sources_is_refused_with_the_line(inputs: Inputs, line: Any, given: int):
    with pytest.raises(DataError) as caught:
        translator(inputs).translate([["a"] * inputs.texts, line])
    assert caught.value.message == f"line 2: has {given} sources, and the model reads {inputs.texts}"


def test_what_is_too_long_in_one_of_several_sources_is_cut_off_and_noted(read: list[tuple[Source, ...]]):
    model = translator(Inputs(texts=2), max_length=4)
    (first, translation) = model.translate_lines([("a", "b"), ("a b c", "d e f g h")])
    assert (first.notes, translation.notes) == ((), (Note("5 pieces, cut off at 3", 1),))
    assert translation.num_segments == 1
    assert ["a b c </s>", "d e f </s>"] in sentences(model, read[0])


def test_the_lines_before_up_to_a_blank_one_are_read_with_each(read: list[tuple[Source, ...]]):
    model = translator(Inputs(context=2))
    assert model.translate(["a", "b", "c", "", "d"]) == ["a", "b", "c", "", "d"]
    assert sorted(sentences(model, read[0])) == [
        ["a </s>", "</s>", "</s>"],
        ["b </s>", "a </s>", "</s>"],
        ["c </s>", "b </s>", "a </s>"],
        ["d </s>", "</s>", "</s>"],
    ]


def test_the_borders_of_chunks_are_no_borders_of_documents(
    read: list[tuple[Source, ...]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(nmt.translate, "CHUNK", 2)
    model = translator(Inputs(context=1))
    model.translate(["a", "b", "c"])
    assert sentences(model, read[1]) == [["c </s>", "b </s>"]]


def test_the_parts_of_a_long_line_are_read_with_the_same_sentence_before(read: list[tuple[Source, ...]]):
    model = translator(Inputs(context=1), max_length=3)
    translation = list(model.translate_lines(["a b c d e", "f g h"]))[1]
    assert translation.num_segments == 2
    found = [row for sources in read for row in sentences(model, sources)]
    assert [row for row in found if row[0] in ("f g </s>", "h </s>")] == [
        [text, "a b </s>"] for text in ("f g </s>", "h </s>")
    ]


def test_a_row_that_has_its_sentences_before_is_taken_as_it_is(read: list[tuple[Source, ...]]):
    model = translator(Inputs(context=1))
    model.translate(["a", ("b", "h")])
    assert ["b </s>", "h </s>"] in sentences(model, read[0])


def test_pieces_that_the_vocabulary_lacks_are_copied_from_the_source(read: list[tuple[Source, ...]]):
    model = translator(Inputs(copying=True))
    assert model.translate(["a Brolk b Tan Brolk"]) == ["a Brolk b Tan Brolk"]
    size = len(model.tokenizers.target.vocabulary)
    (source,) = read[0]
    assert source.copies_BS is not None
    assert source.copies_BS[0][[1, 3, 4, 5]].tolist() == [size + 1, size + 3, size + 1, EOS]
    assert source.ids_BS[0][[1, 3, 4]].tolist() == [UNKNOWN] * 3


def test_an_unknown_piece_stays_where_there_is_no_piece_of_the_first_source_to_take(monkeypatch: pytest.MonkeyPatch):
    best = Hypothesis((UNKNOWN,), -1.0, -1.0, np.ones((2, 1), dtype=np.float32))
    monkeypatch.setattr(nmt.translate, "search", lambda *_: [[best]])
    model = translator(Inputs(texts=2))
    assert model.translate([("", "a")], Decoding(GREEDY, replace_unknown=True)) == ["⁇"]


def test_alignments_are_of_the_first_source_and_do_not_depend_on_batch_mates():
    model = translator(Inputs(texts=2))
    rows = [("a b", "c d e f"), ("a b c d", "e"), ("f", "g")]
    together = model.align(rows, ["a", "b c", "d"])
    for row, target, found in zip(rows, ["a", "b c", "d"], together, strict=True):
        (alone,) = model.align([row], [target])
        assert found.source_pieces == tuple(row[0].split())
        assert found.weights_TS.shape == (len(target.split()) + 1, len(row[0].split()) + 1)
        np.testing.assert_allclose(found.weights_TS, alone.weights_TS, atol=1e-6)


def test_a_batch_in_which_no_sentence_has_one_before_can_be_computed():
    model = translator(Inputs(context=2))
    assert len(model.translate(["a b"], Decoding(GREEDY, max_length=3))) == 1
