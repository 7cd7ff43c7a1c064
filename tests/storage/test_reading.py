"""Folders and files of strangers: links that lead out, pipes, devices, and files of any size."""

import os
from pathlib import Path

import pytest

from nmt.errors import CheckpointError, DataError
from nmt.storage.reading import check_inside, read_bytes


@pytest.fixture
def folder(tmp_path):
    """A folder with a file and a folder; beside it lies a secret."""
    (tmp_path / "run" / "inner" / "deep").mkdir(parents=True)
    (tmp_path / "run" / "inner" / "deep" / "file").write_text("ours")
    (tmp_path / "secret").write_text("not ours")
    return tmp_path / "run"


def refusal(folder):
    with pytest.raises(CheckpointError) as caught:
        check_inside(folder, ("inner",))
    return caught.value.message


@pytest.mark.parametrize("to", ["../../../secret", "/", "../../../..", "/etc/passwd", "../../../run2"])
@pytest.mark.parametrize("name", ["inner/link", "inner/deep/link", ".hidden"])
def test_a_link_that_leads_out_is_named(folder, name, to):
    (folder / name).symlink_to(to)
    assert refusal(folder) == f"{folder / name}: a link that leads out of {folder}"


def test_links_that_stay_inside_may_be_there_and_so_may_the_folder_be_a_link(folder, tmp_path):
    (folder / "inner" / "link").symlink_to("deep/file")
    (folder / "inner" / "up").symlink_to("..")
    (tmp_path / "elsewhere").symlink_to(folder)
    check_inside(folder, ("inner",))
    check_inside(tmp_path / "elsewhere", ("inner",))


def test_what_is_not_asked_for_may_be_anything(folder):
    (folder / "data").symlink_to("/")
    check_inside(folder, ("inner",))


def test_pipes_and_links_to_nothing_and_to_themselves_are_named(folder):
    os.mkfifo(folder / "inner" / "pipe")
    assert refusal(folder) == f"{folder / 'inner' / 'pipe'}: neither a file nor a folder"
    (folder / "inner" / "pipe").unlink()
    (folder / "inner" / "link").symlink_to("nothing")
    assert refusal(folder) == f"{folder / 'inner' / 'link'}: neither a file nor a folder"
    (folder / "inner" / "link").unlink()
    (folder / "inner" / "ring").symlink_to("ring")
    assert str(folder) in refusal(folder)


def test_a_whole_file_is_read_up_to_its_bound(folder):
    file = folder / "inner" / "deep" / "file"
    assert read_bytes(file, DataError) == b"ours"
    with pytest.raises(DataError, match="file: more than 3 bytes"):
        read_bytes(file, DataError, most=3)


@pytest.mark.parametrize("path", ["/dev/zero", "/"])
def test_devices_and_folders_are_no_files(path):
    with pytest.raises(DataError, match=f"^{path}: not a plain file"):
        read_bytes(Path(path), DataError)


def test_a_pipe_does_not_make_the_reader_wait(folder):
    os.mkfifo(folder / "pipe")
    with pytest.raises(DataError, match="pipe: not a plain file"):
        read_bytes(folder / "pipe", DataError)
