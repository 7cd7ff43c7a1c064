"""Lines that come to be over hours: nothing of anybody's is lost, and no file takes its place before it is complete."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from nmt.errors import DataError
from nmt.storage import partial
from nmt.storage.partial import partial_files

MADE_OF = {"of": "this"}


class Killed(BaseException):
    """What stands for SIGKILL: nothing is cleared up."""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def in_time() -> Iterator[None]:
    """What waits for ever ends the tests."""
    signal.alarm(60)
    yield
    signal.alarm(0)


def part(place: Path) -> Path:
    return place.with_name(f"{place.name}.partial")


def head(place: Path) -> Path:
    return place.with_name(f"{place.name}.partial.json")


def write(*places: Path, lines: int = 3, resume: bool = False, stop: bool = False, **made_of: str) -> int:
    """Lines of a file each; how many were there before."""
    with partial_files(places, MADE_OF | made_of, resume, overwrite=not resume) as files:
        done = files.done
        for line in range(0 if files.complete else lines - done):
            files.write([b"%d\n" % line] * len(places))
        if stop:
            raise KeyboardInterrupt
    return done


def stopped(*places: Path, **made_of: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(*places, stop=True, **made_of)


def killed(monkeypatch: pytest.MonkeyPatch, name: str, *places: Path, after: bool = False, **made_of: str) -> None:
    """Write, and be killed before, or after, this function does its work."""
    function = getattr(partial, name)

    def kill(*arguments: object) -> None:
        if after:
            function(*arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(partial, name, kill)
        with pytest.raises(Killed):
            write(*places, **made_of)


def complete(monkeypatch: pytest.MonkeyPatch, *places: Path) -> None:
    """Files that were killed when they were to take their places."""
    killed(monkeypatch, "_take_places", *places)


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("with_lines", [False, True])
def test_a_foreign_file_in_the_note_s_place_is_kept(out: Path, resume: bool, with_lines: bool) -> None:
    head(out).write_text('{"scores": [1, 2]}')
    if with_lines:
        part(out).write_text("precious\n")
    with pytest.raises(DataError, match=r"out\.partial\.json: is there, and this translation did not leave it"):
        write(out, resume=resume)
    assert head(out).read_text() == '{"scores": [1, 2]}'
    assert not with_lines or part(out).read_text() == "precious\n"


def test_a_note_protects_only_the_files_it_names(out: Path) -> None:
    other = out.with_name("other")
    stopped(out)
    part(other).write_text("precious\n")
    with pytest.raises(DataError, match=r"other\.partial: is there, and this translation did not leave it"):
        write(out, other)
    assert part(other).read_text() == "precious\n"


def test_our_note_of_something_else_is_replaced(out: Path) -> None:
    stopped(out, of="something else")
    assert write(out) == 0
    assert out.read_text() == "0\n1\n2\n"
    assert not head(out).exists()


@pytest.mark.parametrize("where", [part, head])
@pytest.mark.parametrize("kind", ["pipe", "zeros", "nowhere", "folder"])
def test_what_is_no_plain_file_is_refused_at_once(out: Path, in_time: None, where, kind: str) -> None:
    place = where(out)
    make = {
        "pipe": lambda: os.mkfifo(place),
        "zeros": lambda: place.symlink_to("/dev/zero"),
        "nowhere": lambda: place.symlink_to("nowhere"),
        "folder": place.mkdir,
    }
    make[kind]()
    with pytest.raises(DataError, match=place.name):
        write(out, resume=True)
    assert os.path.lexists(place)


@pytest.mark.parametrize("after", [False, True])
def test_killed_while_it_begins_anew_no_empty_file_takes_its_place(
    out: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    complete(monkeypatch, out)
    killed(monkeypatch, "_cut", out, after=after)
    assert write(out, resume=True, lines=4) == 0
    assert out.read_text() == "0\n1\n2\n3\n"


def test_lines_of_something_else_are_not_gone_on_with(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped(out)
    killed(monkeypatch, "_cut", out, of="something else")
    assert write(out, resume=True, of="something else") == 0


@pytest.mark.parametrize("content", ["", "0\n", "0\n1\n2\n3\n"])
def test_a_complete_file_has_all_its_lines(out: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    complete(monkeypatch, out)
    part(out).write_text(content)
    with pytest.raises(DataError, match=rf"out\.partial: has {content.count(chr(10))} lines, and was complete with 3"):
        write(out, resume=True)
    assert not out.exists()


def test_complete_files_that_are_gone_are_told(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    complete(monkeypatch, out)
    part(out).unlink()
    with pytest.raises(DataError, match=r"out: was complete, and is gone"):
        write(out, resume=True)


def test_complete_files_take_the_places_that_are_left(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = out.with_name("other")
    complete(monkeypatch, out, other)
    os.replace(part(out), out)
    write(out, other, resume=True)
    assert (out.read_text(), other.read_text()) == ("0\n1\n2\n",) * 2
    assert sorted(out.parent.iterdir()) == [other, out]


def test_a_file_that_has_taken_its_place_meanwhile_is_not_cut(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second process has opened the lines; before it locks them, the first ends and gives them their place."""
    stopped(out)
    lock = partial.fcntl.flock

    def late(*arguments: object) -> None:
        os.replace(part(out), out)
        lock(*arguments)

    monkeypatch.setattr(partial.fcntl, "flock", late)
    with pytest.raises(DataError, match=r"out\.partial: another process is writing it"):
        write(out)
    assert out.read_text() == "0\n1\n2\n"


def test_a_note_that_changes_before_the_lock_is_another_process_s(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped(out)
    lock, note = partial.fcntl.flock, head(out).read_text()

    def late(*arguments: object) -> None:
        head(out).write_text(note.replace("this", "something else"))
        lock(*arguments)

    monkeypatch.setattr(partial.fcntl, "flock", late)
    with pytest.raises(DataError, match="another process is writing it"):
        write(out, resume=True)


def test_complete_files_of_another_process_are_left_to_it(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    complete(monkeypatch, out)
    with part(out).open("rb") as other:
        partial.fcntl.flock(other, partial.fcntl.LOCK_EX)
        with pytest.raises(DataError, match="another process is writing it"):
            write(out, resume=True)
    assert not out.exists()


def test_a_note_that_cannot_be_removed_is_named(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path == head(out):
            raise PermissionError(13, "Permission denied")
        os.unlink(path)

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(DataError, match=r"out\.partial\.json: cannot be written \(Permission denied\)"):
        write(out)
