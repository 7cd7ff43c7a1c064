"""Several sources, sentences before, and what is copied: from the files to batches, by hand."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from nmt.batch import Batch
from nmt.data.batching import Batches, sequential_batches
from nmt.data.inputs import Inputs, Recent, in_documents
from nmt.data.prepare import Counts, Prepared, prepare
from nmt.data.settings import DataSettings
from nmt.errors import DataError
from nmt.text.listed import Word
from nmt.text.vocabulary import EOS, PAD

WORDS = Word.Options(vocabulary_size=50)


def prepared(directory: Path, files: dict[str, str], copying: bool = False, **settings: Any) -> Prepared:
    """The prepared text of `a`, `b`, … as sources, `y` as the target and `ids` as document ids."""
    for name, text in files.items():
        (directory / name).write_text(text)
    texts = [[str(directory / name)] for name in files if name not in ("y", "ids")]
    train = {"source": texts, "target": str(directory / "y")}
    train |= {"documents": str(directory / "ids")} if "ids" in files else {}
    words = settings.pop("words", WORDS)
    data = DataSettings.model_validate({"train": train, "valid": train, **settings})
    return prepare(data, words, 1, directory / "cache", copying=copying)


def rows(data: Prepared) -> list[list[str]]:
    """Sources and target of every stored pair as text, without their ends."""
    source, target = (side.vocabulary for side in data.tokenizers)
    found = []
    for number in range(len(data.train)):
        pair = data.train.pair(number)
        sides = [*((source, ids) for ids in pair.sources), (target, pair.target)]
        assert all(ids[-1] == EOS for _, ids in sides)
        found.append([" ".join(vocabulary.to_pieces(ids[:-1])) for vocabulary, ids in sides])
    return found


def only(data: Prepared) -> Batch:
    (batch,) = sequential_batches(data.train, 10_000)
    return batch


def test_a_line_has_the_sentences_before_it_in_its_document():
    lines = [
        ("one", "x"),
        ("two", "x"),
        ("three", "x"),
        ("four", "y"),
        (" ", "y"),
        ("five", "y"),
        ("\udc80", "y"),
        ("six", "y"),
    ]
    assert list(in_documents(lines, 2)) == [
        ("one", "", ""),
        ("two", "one", ""),
        ("three", "two", "one"),
        ("four", "", ""),
        (" ", "", ""),
        ("five", "", ""),
        ("\udc80", "five", ""),
        ("six", "five", ""),
    ]


# ---- several sources


def test_every_source_has_its_column(tmp_path: Path):
    data = prepared(tmp_path, {"a": "one\ntwo\n", "b": "uno\ndos tres\n", "y": "eins\nzwei\n"})
    assert rows(data) == [["one", "uno", "eins"], ["two", "dos tres", "zwei"]]
    assert [side.tolist() for side in data.train.lengths] == [[2, 2], [2, 3], [2, 2]]
    table = pa.ipc.open_file(data.train.path / "pairs-00000.arrow").read_all()
    assert table.column_names == ["source", "source_2", "target"]


def test_one_tokenizer_reads_all_sources(tmp_path: Path):
    options = WORDS.model_copy(update={"shared": False})
    data = prepared(tmp_path, {"a": "one\n", "b": "uno\n", "y": "eins\n"}, words=options)
    assert set(data.tokenizers.source.vocabulary.pieces[4:]) >= {"one", "uno"}


def test_a_pair_is_left_out_where_any_source_is_blank_or_too_long(tmp_path: Path):
    files = {"a": "one\n\nthree\nfour\n", "b": "1\n2\n \n4 4 4 4\n", "y": "x\ny\nz\nw\n"}
    data = prepared(tmp_path, files, max_length=4)
    assert rows(data) == [["one", "1", "x"]]
    assert data.report.train == Counts(kept=1, blank=2, too_long=1)
    assert data.valid_sources == [("one", "1"), ("four", "4 4 4 4")]


def test_batches_hold_all_sources_and_cost_the_longest_side(tmp_path: Path):
    chance = np.random.default_rng(2)
    texts = {name: ["x " * int(chance.integers(1, 30)) for _ in range(80)] for name in ("a", "b", "c", "y")}
    data = prepared(tmp_path, {name: "\n".join(lines) + "\n" for name, lines in texts.items()})
    batches, seen = Batches(data.train, 200, seed=1), list[int]()
    for _ in range(batches.batches_per_epoch(0)):
        batch = next(batches)
        assert max(side.numel() for side in (*(source.ids_BS for source in batch.sources), batch.target_BT)) <= 200
        for row, line in enumerate(batch.lines):
            lengths = [int(source.mask_BS[row].sum()) for source in batch.sources]
            assert lengths == [len(texts[name][line].split()) + 1 for name in ("a", "b", "c")]
        seen += batch.lines
    assert sorted(seen) == list(range(80))


def test_sources_of_unequal_numbers_of_lines_are_refused_with_both_files(tmp_path: Path):
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, {"a": "one\ntwo\n", "b": "uno\n", "y": "eins\nzwei\n"})
    assert caught.value.message.startswith(f"{tmp_path / 'a'} has 2 lines and {tmp_path / 'b'} has 1;")


def test_the_second_source_and_its_place_are_part_of_the_content(tmp_path: Path):
    files = [
        {"a": "one\n", "y": "x\n"},
        {"a": "one\n", "b": "uno\n", "y": "x\n"},
        {"a": "uno\n", "b": "one\n", "y": "x\n"},
    ]
    contents = [prepared(tmp_path, own).content for own in files]
    assert len({*contents, prepared(tmp_path, files[0], copying=True).content}) == 4


def test_one_source_as_a_list_of_lists_is_the_same_content_as_before(tmp_path: Path):
    nested = prepared(tmp_path, {"a": "one\n", "y": "x\n"})
    plain = {"source": str(tmp_path / "a"), "target": str(tmp_path / "y")}
    data = DataSettings.model_validate({"train": plain, "valid": plain})
    assert prepare(data, WORDS, 1, tmp_path / "cache").content == nested.content


@pytest.mark.parametrize(
    ("train", "more", "message"),
    [
        ({"source": [["a"], ["b"]]}, {}, "train has 2 source texts and valid 1"),
        ({"documents": "d"}, {}, "documents: nothing is read of a document; set context.sentences"),
        ({"documents": ["d", "e"]}, {"context": {"sentences": 1}}, "documents lists 2 files and target 1"),
    ],
)
def test_data_that_does_not_go_together_is_refused(train: dict[str, Any], more: dict[str, Any], message: str):
    files = {"source": "a", "target": "y"}
    with pytest.raises(ValidationError) as caught:
        DataSettings.model_validate({"train": files | train, "valid": files, **more})
    assert message in str(caught.value)


def test_sentences_before_go_with_one_source_text():
    files = {"source": [["a"], ["b"]], "target": "y"}
    with pytest.raises(ValidationError, match="sentences before the source need one source text"):
        DataSettings.model_validate({"train": files, "valid": files, "context": {"sentences": 1}})


# ---- documents


def test_the_sentences_before_are_further_sources_the_last_one_first(tmp_path: Path):
    files = {"a": "a\nb\nc\n\nd\ne\n", "y": "1\n2\n3\n\n4\n5\n"}
    data = prepared(tmp_path, files, context={"sentences": 2})
    expected = [["a", "", "", "1"], ["b", "a", "", "2"], ["c", "b", "a", "3"], ["d", "", "", "4"], ["e", "d", "", "5"]]
    assert rows(data) == expected
    assert data.train.lines.tolist() == [0, 1, 2, 4, 5]
    assert data.valid_sources == [("a", "", ""), ("b", "a", ""), ("c", "b", "a"), ("d", "", ""), ("e", "d", "")]


def test_a_file_of_ids_marks_documents(tmp_path: Path):
    files = {"a": "a\nb\nc\nd\n", "y": "1\n2\n3\n4\n", "ids": "x\nx\ny\ny\n"}
    data = prepared(tmp_path, files, context={"sentences": 1})
    assert [row[:2] for row in rows(data)] == [["a", ""], ["b", "a"], ["c", ""], ["d", "c"]]


def test_ids_are_as_many_as_lines(tmp_path: Path):
    files = {"a": "a\nb\n", "y": "1\n2\n", "ids": "x\n"}
    with pytest.raises(DataError, match=r"has 2 lines and .*ids has 1"):
        prepared(tmp_path, files, context={"sentences": 1})


def test_a_line_that_is_blank_on_one_side_ends_no_document_and_is_nothing_to_remember(tmp_path: Path):
    data = prepared(tmp_path, {"a": "a\n\nb\nc\nd\n", "y": "1\n2\n3\n\n5\n"}, context={"sentences": 1})
    assert [row[:2] for row in rows(data)] == [["a", ""], ["b", "a"], ["d", "c"]]


def test_a_long_sentence_before_is_cut_off_and_keeps_its_end(tmp_path: Path):
    files = {"a": "a b c d e\nf\n", "y": "1\n2\n"}
    data = prepared(tmp_path, files, context={"sentences": 1}, max_length=4)
    assert rows(data) == [["f", "a b c", "2"]]
    assert data.report.train.too_long == 1


def test_where_there_is_no_sentence_before_its_end_stands_alone(tmp_path: Path):
    batch = only(prepared(tmp_path, {"a": "a\nb c\n", "y": "1\n2\n"}, context={"sentences": 2}))
    by_line = np.argsort(batch.lines).tolist()
    assert [source.mask_BS[by_line].tolist() for source in batch.sources[1:]] == [
        [[True, False], [True, True]],
        [[True], [True]],
    ]
    assert batch.sources[2].ids_BS.tolist() == [[EOS], [EOS]]


def test_the_recent_sentences_are_forgotten_at_the_end_of_a_document():
    recent = Recent(2)
    for sentence in ("a", "b", " ", "c"):
        recent.add(sentence)
    assert recent.before() == ("c", "b")
    recent.end()
    assert recent.before() == ("", "")
    assert Recent(0).before() == ()


def test_a_row_is_blank_whatever_stood_before_it():
    assert Inputs(1, 1).is_blank((" ", "a"))
    assert not Inputs(2).is_blank(("", "a"))


# ---- copies


def test_the_store_says_what_may_be_copied(tmp_path: Path):
    # target vocabulary of 6 (the four special pieces, `sieht`, `den`), source: Tan sees den Brolk
    lines = {"a": "Tan sees den Brolk Tan\n" + "den den\n" * 3, "y": "Brolk sieht den Hof\n" + "sieht den\n" * 3}
    options = Word.Options(vocabulary_size=6, shared=False)
    data = prepared(tmp_path, lines, copying=True, words=options)
    den, sieht = data.tokenizers.target.vocabulary.ids(["den", "sieht"])
    pair = data.train.pair(0)
    assert pair.copies is not None
    assert pair.copies.tolist() == [6, 7, den, 9, 6, EOS]
    assert pair.target.tolist() == [9, sieht, den, 1, EOS]
    batch = only(data)
    assert batch.sources[0].copies_BS is not None
    assert batch.sources[0].copies_BS[batch.lines.index(1)].tolist() == [den, den, EOS, PAD, PAD, PAD]


def test_without_copying_there_is_nothing_to_copy_and_no_id_beyond_the_vocabulary(tmp_path: Path):
    lines = {"a": "Tan\nz\n", "y": "Tan\nz z\n"}
    data = prepared(tmp_path, lines, words=Word.Options(vocabulary_size=5, shared=False))
    assert data.train.pair(0).target.tolist() == [1, EOS]
    assert only(data).sources[0].copies_BS is None


def test_copies_go_with_several_sources_and_are_of_the_first(tmp_path: Path):
    lines = {"a": "Tan\nz\n", "b": "Brolk\nz\n", "y": "Brolk Tan\nz z\n"}
    data = prepared(tmp_path, lines, copying=True, words=Word.Options(vocabulary_size=5, shared=False))
    pair = data.train.pair(0)
    assert (pair.target.tolist(), pair.copies is not None and pair.copies.tolist()) == ([1, 5, EOS], [5, EOS])
    first, second = only(data).sources
    assert first.copies_BS is not None
    assert second.copies_BS is None


@pytest.mark.parametrize("file", ["train/source_2_lengths.npy", "valid/source_2_lengths.npy"])
def test_a_missing_column_is_a_data_error_that_says_what_to_remove(file: str, tmp_path: Path):
    files = {"a": "one\n", "b": "uno\n", "y": "eins\n"}
    directory = prepared(tmp_path, files).train.path.parent
    (directory / file).unlink()
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, files)
    assert caught.value.hint == f"remove {directory}; it is made again"
    shutil.rmtree(directory)
    assert rows(prepared(tmp_path, files)) == [["one", "uno", "eins"]]
