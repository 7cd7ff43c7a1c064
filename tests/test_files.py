from contextlib import suppress

import pytest

from nmt.errors import DataError
from nmt.files import written_whole


def test_the_file_holds_what_was_written_and_nothing_lies_beside_it(tmp_path):
    with written_whole(tmp_path / "folder" / "a.txt") as file:
        file.write(b"text\n")
    assert (tmp_path / "folder" / "a.txt").read_bytes() == b"text\n"
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["a.txt"]


def test_a_block_that_fails_leaves_the_older_file_as_it_was(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with suppress(KeyboardInterrupt), written_whole(tmp_path / "a.txt") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]


def test_a_folder_that_is_a_file_is_an_error_that_names_the_path(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(DataError, match=r"a/b\.txt: cannot be written"):
        written_whole(tmp_path / "a" / "b.txt").__enter__()
