import os
from contextlib import suppress

import pytest

from nmt.errors import CheckpointError, DataError
from nmt.files import written_whole
from nmt.manifest import whole_directory


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


def test_a_folder_is_refused_before_the_block(tmp_path):
    with pytest.raises(DataError, match=r"is a folder$"):
        written_whole(tmp_path).__enter__()


def test_a_link_stays_and_its_file_is_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real" / "a.txt")
    for text in (b"old", b"new"):
        with written_whole(tmp_path / "link") as file:
            file.write(text)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "a.txt").read_bytes() == b"new"


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with written_whole(tmp_path / "pipe") as file:
        file.write(b"text")
    assert os.read(reader, 10) == b"text"
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


def full(path):
    with written_whole(path) as file:
        file.write(b"text")


def test_a_device_stays_a_device_and_names_itself_when_it_is_full(tmp_path):
    (tmp_path / "full").symlink_to("/dev/full")
    with pytest.raises(DataError, match=r"full: cannot be written \(No space left on device\)"):
        full(tmp_path / "full")
    assert (tmp_path / "full").is_char_device()


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), OSError(28, "No space left on device")])
def test_what_others_cannot_write_is_not_blamed_on_the_file(tmp_path, error):
    with pytest.raises(type(error)), written_whole(tmp_path / "a.txt"):
        raise error
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_made_is_a_checkpoint_error(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(CheckpointError, match=r"a/b: cannot be written \(Not a directory\)"):
        whole_directory(tmp_path / "a" / "b").__enter__()
