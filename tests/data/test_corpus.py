"""Reading text: what is a line, what is refused and in which words."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nmt.data.corpus import Pair, read_lines, read_pairs
from nmt.data.settings import DataSettings, TextFiles
from nmt.errors import DataError


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def refused(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        list(read_lines(path))
    return caught.value


@given(text=st.lists(st.text(st.characters(exclude_characters="\n\r\ufeff", exclude_categories=["Cs"])), min_size=1))
def test_reading_gives_back_what_was_written(text: list[str], tmp_path_factory: pytest.TempPathFactory):
    path = written(tmp_path_factory.mktemp("read") / "text", "".join(f"{line}\n" for line in text).encode())
    assert list(read_lines(path)) == text


def test_lines_end_at_newline_only(tmp_path: Path):
    path = written(tmp_path / "text", "a\u2028b\x0bc\x0cd\u0085e\x1cf\rg\nh\n".encode())
    assert list(read_lines(path)) == ["a\u2028b\x0bc\x0cd\u0085e\x1cf\rg", "h"]


def test_a_carriage_return_before_the_newline_belongs_to_the_line_end(tmp_path: Path):
    assert list(read_lines(written(tmp_path / "text", b"a\r\n\r\nb\r\n"))) == ["a", "", "b"]


def test_a_byte_order_mark_is_dropped_at_the_start_and_nowhere_else(tmp_path: Path):
    path = written(tmp_path / "text", b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n")
    assert list(read_lines(path)) == ["a", "\ufeffb"]


def test_a_last_line_without_a_newline_counts(tmp_path: Path):
    assert list(read_lines(written(tmp_path / "text", b"a\nb"))) == ["a", "b"]


def test_an_empty_file_has_no_lines(tmp_path: Path):
    assert list(read_lines(written(tmp_path / "text", b""))) == []


def test_invalid_utf8_is_located_by_line_byte_and_character_column(tmp_path: Path):
    path = written(tmp_path / "train.en", b"fine\n" + "größ".encode() + b"\xffe\n")
    error = refused(path)
    assert error.message == f"{path}:2: not valid UTF-8 (byte 0xff at column 5)"
    assert error.hint == "`nmt data check --json` lists such lines, up to 10,000"


def test_a_truncated_character_and_a_surrogate_are_invalid(tmp_path: Path):
    for content in (b"a\xc3", b"a\xed\xa0\x80"):
        assert "at column 2)" in refused(written(tmp_path / "text", content)).message


def test_utf16_is_recognised(tmp_path: Path):
    path = written(tmp_path / "text", "abc\n".encode("utf-16"))
    assert refused(path).hint == f"{path} looks like UTF-16: iconv -f UTF-16 -t UTF-8"


def test_a_missing_file_names_the_nearest_one(tmp_path: Path):
    written(tmp_path / "train.en", b"a\n")
    error = refused(tmp_path / "trian.en")
    assert error.message == f"{tmp_path / 'trian.en'}: no such file"
    assert error.hint == f"did you mean {tmp_path / 'train.en'}?"


def test_a_file_with_another_ending_is_near_only_where_most_of_its_name_is_the_same(tmp_path: Path):
    for name in ("nope.yaml", "train.de"):
        written(tmp_path / name, b"a\n")
    assert refused(tmp_path / "nope.en").hint == f"look into the folder {tmp_path}"
    assert refused(tmp_path / "train.en").hint == f"did you mean {tmp_path / 'train.de'}?"


def test_a_missing_folder_names_the_nearest_one(tmp_path: Path):
    (tmp_path / "multi30k").mkdir()
    assert refused(tmp_path / "multi3k" / "train.en").hint == f"did you mean {tmp_path / 'multi30k'}?"


def test_a_missing_file_with_nothing_near_says_where_to_look(tmp_path: Path):
    assert refused(tmp_path / "train.en").hint == f"look into the folder {tmp_path}"
    assert refused(tmp_path / "data" / "train.en").hint == f"the folder {tmp_path / 'data'} does not exist"


def test_a_folder_is_not_a_text_file(tmp_path: Path):
    error = refused(tmp_path)
    assert error.message == f"{tmp_path}: is a folder, not a text file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_forbidden_file_is_a_data_error(tmp_path: Path):
    path = written(tmp_path / "text", b"a\n")
    path.chmod(0)
    assert refused(path).message == f"{path}: cannot be read: Permission denied"


def test_pairs_of_several_files_are_numbered_through(tmp_path: Path):
    sources = [written(tmp_path / "a.en", b"one\ntwo\n"), written(tmp_path / "b.en", b"three\n")]
    targets = [written(tmp_path / "a.de", b"eins\nzwei\n"), written(tmp_path / "b.de", b"drei")]
    expected = [Pair(0, ("one",), "eins"), Pair(1, ("two",), "zwei"), Pair(2, ("three",), "drei", (1, ""))]
    assert list(read_pairs([sources], targets)) == expected


@pytest.mark.parametrize(("source", "target"), [(3, 2), (1, 4), (0, 1)])
def test_unequal_line_counts_are_an_error_with_both_counts_and_files(source: int, target: int, tmp_path: Path):
    left, right = written(tmp_path / "a.en", b"x\n" * source), written(tmp_path / "a.de", b"y\n" * target)
    with pytest.raises(DataError) as caught:
        list(read_pairs([[left]], [right]))
    assert caught.value.message == (
        f"{left} has {source} lines and {right} has {target}; line n of one belongs to line n of the other"
    )


def test_an_empty_corpus_is_an_error(tmp_path: Path):
    left, right = written(tmp_path / "a.en", b""), written(tmp_path / "a.de", b"")
    with pytest.raises(DataError) as caught:
        list(read_pairs([[left]], [right]))
    assert caught.value.message == f"{left}: empty, as is {right}"


def test_text_files_are_one_file_or_a_list():
    assert TextFiles(source=["a", "b"], target=["c", "d"]).sources == [[Path("a"), Path("b")]]
    assert TextFiles(source="a", target="b").targets == [Path("b")]


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ([["a"], ["b", "c"]], "d", "source lists 2 files and target 1; they go together pairwise"),
        (["a", ["b"]], ["c", "d"], "valid string"),
        ([[]], [], "source and target list no file"),
        (["a", "b"], "c", "source lists 2 files and target 1; they go together pairwise"),
        ([], [], "source and target list no file"),
        (3, "c", "valid string"),
    ],
)
def test_text_files_that_do_not_fit_are_refused(source: object, target: object, message: str):
    with pytest.raises(ValidationError) as caught:
        TextFiles.model_validate({"source": source, "target": target})
    assert message in str(caught.value)


def test_pairs_longer_than_128_pieces_are_left_out_unless_told_otherwise():
    files = TextFiles(source="a", target="b")
    assert DataSettings(train=files, valid=files).max_length == 128
