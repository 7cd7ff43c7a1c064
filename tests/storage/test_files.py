import os
from contextlib import suppress

import pytest

from nmt.errors import CheckpointError, DataError
from nmt.storage.files import clear_abandoned, made_whole, written_whole
from nmt.storage.manifest import whole_directory


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


def test_a_directory_and_all_that_is_in_it_appear_together(tmp_path):
    with made_whole(tmp_path / "deep" / "a") as beside:
        (beside / "inner").mkdir()
        (beside / "inner" / "file").write_text("text")
        assert not (tmp_path / "deep" / "a").exists()
    assert (tmp_path / "deep" / "a" / "inner" / "file").read_text() == "text"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a"]


@pytest.mark.parametrize(("replace", "stays"), [(False, "theirs"), (True, "ours")])
def test_a_directory_that_has_come_to_be_meanwhile_stays_unless_replaced(tmp_path, replace, stays):
    with made_whole(tmp_path / "a", replace=replace) as beside:
        (beside / "file").write_text("ours")
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "file").write_text("theirs")
    assert [(path.name, (path / "file").read_text()) for path in tmp_path.iterdir()] == [("a", stays)]


def test_two_that_fill_the_same_directory_do_not_meet(tmp_path):
    with made_whole(tmp_path / "a") as first, made_whole(tmp_path / "a") as second:
        (first / "file").write_text("first")
        (second / "file").write_text("second")
    assert [(path.name, (path / "file").read_text()) for path in tmp_path.iterdir()] == [("a", "second")]


def test_what_a_killed_process_left_is_cleared_away_when_it_is_written_anew(tmp_path):
    (tmp_path / ".writing-a").mkdir()
    (tmp_path / ".writing-a" / "rest").write_text("half")
    with made_whole(tmp_path / "a", replace=True) as beside:
        assert list(beside.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_killed_processes_were_filling_is_cleared_away_and_what_others_fill_is_not(tmp_path):
    for name in ("old", "new"):
        (tmp_path / f".writing-{name}.01234567").mkdir()
    with made_whole(tmp_path / "a") as beside:
        for path in (tmp_path / ".writing-old.01234567", beside):
            os.utime(path, (1.0, 1.0))
        clear_abandoned(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([beside.name, ".writing-new.01234567"])


def test_a_directory_under_a_file_is_an_error_that_names_the_path(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(DataError, match=r"a/b: cannot be written"):
        made_whole(tmp_path / "a" / "b").__enter__()


def test_without_leave_to_replace_nothing_is_replaced_at_the_end_either(tmp_path):
    def write() -> None:
        with written_whole(tmp_path / "x", replace=False):
            (tmp_path / "x").write_bytes(b"precious")

    with pytest.raises(DataError, match="x: exists already"):
        write()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"precious"]
