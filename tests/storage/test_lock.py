"""A directory that one process holds: another is kept out, a crash leaves no lock, and a change of place is noticed."""

import errno
import fcntl
import os
import threading

import pytest

from nmt.errors import CheckpointError
from nmt.storage.lock import Lock, check_free


def test_a_second_holder_is_refused_and_told_who_the_first_is(tmp_path):
    lock = Lock(tmp_path)
    message = rf"another process trains there \(process {os.getpid()} on .+\)"
    for refused in (Lock, check_free):
        with pytest.raises(CheckpointError, match=message):
            refused(tmp_path)
    lock.release()
    check_free(tmp_path)


def test_one_who_only_looks_keeps_nobody_out(tmp_path):
    (tmp_path / ".lock").write_text("process 1 on elsewhere\n")
    with (tmp_path / ".lock").open() as look:
        fcntl.flock(look, fcntl.LOCK_SH)
        threading.Timer(0.03, fcntl.flock, (look, fcntl.LOCK_UN)).start()
        Lock(tmp_path).release()


def test_what_is_released_leaves_nothing_and_can_be_held_again(tmp_path):
    for _ in range(2):
        Lock(tmp_path).release()
        assert list(tmp_path.iterdir()) == []


def test_the_file_that_a_crash_left_keeps_nobody_out(tmp_path):
    (tmp_path / ".lock").write_text("process 1 on elsewhere\n")
    check_free(tmp_path)
    Lock(tmp_path).release()


def test_one_that_waited_for_a_file_that_was_removed_takes_the_new_one(tmp_path, monkeypatch):
    """Between opening and locking, the holder releases: the lock would be on a file that nobody else sees."""
    holder, flock = Lock(tmp_path), fcntl.flock

    def release_first(file, operation):
        holder.release()
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", release_first)
    lock = Lock(tmp_path)
    with pytest.raises(CheckpointError):
        Lock(tmp_path)
    lock.release()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_warned_of(tmp_path, monkeypatch, number):
    def refuse(file, operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.warns(UserWarning, match="its file system has no locks; let no second process train there"):
        Lock(tmp_path).release()


def test_a_link_out_of_the_directory_is_not_followed(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "mine").write_text("precious")
    (tmp_path / "run" / ".lock").symlink_to(tmp_path / "mine")
    with pytest.raises(CheckpointError, match=r"run/\.lock: cannot be written"):
        Lock(tmp_path / "run")
    assert (tmp_path / "mine").read_text() == "precious"


@pytest.mark.parametrize("replaced", [False, True])
def test_a_directory_that_has_gone_or_been_replaced_is_noticed(tmp_path, replaced):
    (tmp_path / "run").mkdir()
    lock = Lock(tmp_path / "run")
    lock.check()
    (tmp_path / "run").rename(tmp_path / "away")
    if replaced:
        (tmp_path / "run").mkdir()
    with pytest.raises(CheckpointError, match="run: no longer the folder that the run was begun in"):
        lock.check()
    lock.release()
