"""`nmt translate --resume`: killed for real, at any line, what follows is the same to the byte."""

import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from command_line import CONFIG, Command, run_main, write_text
from processes import Started

import nmt.translate
from nmt.errors import DataError
from nmt.storage import partial
from nmt.translate import Translator

PARTIAL, HEAD = Path("out.partial"), Path("out.partial.json")


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nmt.translate, "CHUNK", 8)


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch):
    """Let the program be interrupted, as by Ctrl-C, when it has computed so many chunks."""

    def set_(chunks: int, error: type[BaseException] = KeyboardInterrupt) -> None:
        translate, count = Translator.translate_segments, iter(range(chunks))

        def stopping(*arguments: object) -> object:
            if next(count, None) is None:
                raise error
            return translate(*arguments)

        monkeypatch.setattr(Translator, "translate_segments", stopping)

    return set_


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


COMMAND = ("translate", "runs/x", "--input", "text.en", "--output", "out")


def whole(run: Command) -> tuple[bytes, bytes]:
    assert run(*COMMAND[:-1], "whole", "--json", "whole.jsonl").code == 0
    return Path("whole").read_bytes(), Path("whole.jsonl").read_bytes()


@pytest.mark.parametrize("chunks", [1, 3])
def test_ctrl_c_leaves_the_lines_and_says_how_to_go_on(
    run: Command, in_copy: Path, small_chunks: None, stop_after, chunks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = whole(run)
    with monkeypatch.context():
        stop_after(chunks)
        stopped = run(*COMMAND, "--json", "out.jsonl")
    assert (stopped.code, lines(PARTIAL), Path("out").exists()) == (130, 8 * chunks, False)
    assert stopped.err == (
        f"stopped after line {8 * chunks}; what is done is kept in {in_copy}/out.partial: "
        "the same command with --resume goes on\n"
    )
    monkeypatch.undo()
    monkeypatch.chdir(in_copy)
    monkeypatch.setattr(nmt.translate, "CHUNK", 8)
    answer = run(*COMMAND, "--json", "out.jsonl", "--resume")
    assert (answer.code, answer.err) == (0, f"going on after line {8 * chunks}\n")
    assert (Path("out").read_bytes(), Path("out.jsonl").read_bytes()) == expected
    assert not PARTIAL.exists()
    assert not HEAD.exists()


def begun(run: Command, *more: object) -> None:
    """A translation that was killed when it had finished: all files as they were before they took their places."""
    assert run(*COMMAND, *more).code == 0
    assert not HEAD.exists()


@pytest.fixture
def killed(in_copy: Path, run: Command, small_chunks: None, stop_after, monkeypatch: pytest.MonkeyPatch):
    """A function that leaves a translation of 16 lines, whatever the command."""

    def leave(*more: object) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Translator, "translate_segments", Translator.translate_segments)
            stop_after(2)
            assert run(*COMMAND, *more).code == 130
        assert lines(PARTIAL) == 16

    return leave


@pytest.mark.parametrize("cut", [0, 1, 7, 40, 1000])
def test_a_torn_last_line_is_cut_and_made_again(run: Command, killed, cut: int) -> None:
    expected = whole(run)
    killed("--json", "out.jsonl")
    torn = Path("out.jsonl.partial")
    torn.write_bytes(torn.read_bytes()[: -cut or None])
    PARTIAL.write_bytes(PARTIAL.read_bytes() + "ein Zeichen aus zwei Hälften \xc3".encode("latin-1"))
    assert run(*COMMAND, "--json", "out.jsonl", "--resume").code == 0
    assert (Path("out").read_bytes(), Path("out.jsonl").read_bytes()) == expected


def test_resuming_begins_where_nothing_was_left(run: Command, in_copy: Path) -> None:
    assert run(*COMMAND, "--resume") == (0, "", "nothing to go on from: translation starts anew\n")
    assert Path("out").read_bytes() == whole(run)[0]


def test_lines_that_are_there_are_begun_anew_only_when_that_is_asked_for(run: Command, killed) -> None:
    killed()
    PARTIAL.write_text("something else\n" * 16)
    message = f"error: {PARTIAL.absolute()}: has 16 lines of an earlier translation\n"
    assert run(*COMMAND) == (2, "", f"{message}hint: --resume goes on with them, --overwrite begins anew\n")
    assert lines(PARTIAL) == 16
    assert run(*COMMAND, "--overwrite") == (0, "", "warning: 16 lines of an earlier translation are begun anew\n")
    assert Path("out").read_bytes() == whole(run)[0]


def test_lines_of_one_of_several_files_are_lines(run: Command, killed) -> None:
    killed()
    answer = run(*COMMAND, "--json", "out.jsonl")
    assert answer.err.startswith(f"error: {PARTIAL.absolute()}: has 16 lines of an earlier translation\n")
    assert (lines(PARTIAL), Path("out.jsonl.partial").exists()) == (16, False)


def test_what_has_come_to_be_since_it_was_begun_is_not_replaced(run: Command, killed) -> None:
    killed()
    Path("out").write_text("precious\n")
    answer = run(*COMMAND, "--resume")
    assert (answer.code, Path("out").read_text(), lines(PARTIAL)) == (2, "precious\n", 16)
    assert answer.err == "error: out: was not there when this translation was begun\nhint: move it away\n"


def test_what_comes_to_be_while_it_is_written_is_not_replaced(
    run: Command, in_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    translate = Translator.translate_segments

    def meanwhile(*arguments: object) -> object:
        Path("out").write_text("precious\n")
        return translate(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Translator, "translate_segments", meanwhile)
        answer = run(*COMMAND)
    assert (answer.code, Path("out").read_text()) == (2, "precious\n")
    assert answer.err.startswith("error: out: has come to be meanwhile\nhint: move it away; what is done is kept in ")
    Path("out").unlink()
    assert run(*COMMAND, "--resume").code == 0
    assert Path("out").read_bytes() == whole(run)[0]


def test_what_was_to_be_replaced_when_it_was_begun_is_replaced(run: Command, killed) -> None:
    Path("out").write_text("old\n")
    killed("--overwrite")
    assert run(*COMMAND, "--resume").code == 0
    assert Path("out").read_bytes() == whole(run)[0]


def test_a_file_that_no_translation_left_is_not_overwritten(run: Command, in_copy: Path) -> None:
    PARTIAL.write_text("precious\n")
    answer = run(*COMMAND)
    assert (answer.code, PARTIAL.read_text()) == (2, "precious\n")
    assert answer.err.startswith(f"error: {in_copy}/out.partial: is there, and this translation did not leave it\n")


@pytest.mark.parametrize(
    ("more", "changed"),
    [
        (("--beam-size", 2), "search.beam_size: it was 5, and is 2"),
        (("--coverage-penalty", 0.2), "search.coverage_penalty: it was 0.0, and is 0.2"),
        (("--checkpoint", "step-4"), "checkpoint: it was step-8, and is step-4"),
        (("--max-length", 9), "max length: it was None, and is 10"),
        (("--precision", "bfloat16"), "precision: it was float32, and is bfloat16"),
        (("--json", "new.jsonl"), "json: it was None, and is "),
        (("--replace-unknown",), "want: it was None, and is [-1, None]"),
    ],
)
def test_another_setting_is_refused(run: Command, killed, more: tuple[object, ...], changed: str) -> None:
    killed("--checkpoint", "step-8")
    answer = run(*COMMAND, *(() if "--checkpoint" in more else ("--checkpoint", "step-8")), *more, "--resume")
    assert answer.code == 2
    assert f"out.partial.json: begun with another {changed}" in answer.err
    assert answer.err.endswith("hint: give the command as it was, or --overwrite in place of --resume begins anew\n")
    assert lines(PARTIAL) == 16


def test_input_that_has_changed_is_refused(run: Command, killed, in_copy: Path) -> None:
    killed()
    text = (in_copy / "text.en").read_text()
    (in_copy / "text.en").unlink()
    (in_copy / "text.en").write_text(text.replace("a", "b"))
    answer = run(*COMMAND, "--resume")
    assert (answer.code, lines(PARTIAL)) == (2, 16)
    assert answer.err == (
        f"error: text.en has changed since {HEAD.absolute()} was written\n"
        "hint: bring it back as it was, or --overwrite in place of --resume begins anew\n"
    )


def test_long_values_are_shown_where_they_differ(tmp_path: Path) -> None:
    def begin(value: str) -> None:
        with partial.partial_files([tmp_path / "out"], {"json": "/a" * 40 + value}, resume=True) as files:
            files.write([b"one line\n"])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        begin("/old")
    with pytest.raises(DataError, match=r"another json: it was …[/a]+/old, and is …[/a]+(/new)+/…$"):
        begin("/new" * 12)


def test_input_that_changes_meanwhile_is_told(run: Command, in_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (in_copy / "mine").write_text("a b\n" * 9)
    translate = Translator.translate_segments

    def changing(*arguments: object) -> object:
        (in_copy / "mine").write_text("c\n" * 9)
        return translate(*arguments)

    monkeypatch.setattr(Translator, "translate_segments", changing)
    answer = run("translate", "runs/x", "--input", "mine", "--output", "out")
    assert (answer.code, Path("out").exists()) == (2, False)
    assert answer.err == "error: mine: has changed while it was read\nhint: translate it again with --overwrite\n"
    assert lines(PARTIAL) == (in_copy / "mine").read_bytes().count(b"\n")


FOREIGN = ["", "{", "[]", '{"format": 1}', '{"format": 1, "state": "x", "made_of": {}}']


@pytest.mark.parametrize("content", FOREIGN)
@pytest.mark.parametrize("more", [(), ("--resume",)])
def test_what_is_no_note_in_its_place_is_refused_and_kept(
    run: Command, killed, content: str, more: tuple[str, ...]
) -> None:
    killed()
    HEAD.write_text(content)
    answer = run(*COMMAND, *more)
    assert (answer.code, HEAD.read_text(), lines(PARTIAL)) == (2, content, 16)
    assert answer.err == (
        f"error: {HEAD.absolute()}: is there, and this translation did not leave it\n"
        "hint: move it away, or name another file\n"
    )


def test_a_note_of_a_newer_program_is_refused(run: Command, killed) -> None:
    killed()
    HEAD.write_text('{"format": 9, "state": "x", "made_of": {}}')
    answer = run(*COMMAND, "--resume")
    assert (answer.code, answer.err) == (
        2,
        f"error: {HEAD.absolute()}: format 9 is newer than this program's 1\n"
        "hint: --overwrite in place of --resume begins anew\n",
    )


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--input", "out.partial.json"), "read"),
        (("--input", "text.en", "--json", "out.partial.json"), "written by another option"),
        (("--input", "text.en", "--json", "out.partial"), "written by another option"),
    ],
)
def test_the_note_takes_no_other_file_s_place(
    run: Command, in_copy: Path, arguments: tuple[str, ...], what: str
) -> None:
    HEAD.write_text("precious\n")
    answer = run("translate", "runs/x", *arguments, "--output", "out")
    assert (answer.code, HEAD.read_text()) == (2, "precious\n")
    assert f"{arguments[-1]}: is {what}, and would be replaced" in answer.err


def test_a_second_process_is_refused(run: Command, killed) -> None:
    killed()
    with PARTIAL.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        answer = run(*COMMAND, "--resume")
    assert answer.code == 2
    assert answer.err.startswith(f"error: {PARTIAL.absolute()}: another process is writing it\n")
    assert lines(PARTIAL) == 16


def test_files_that_were_complete_take_their_places(run: Command, killed, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, replace = whole(run), os.replace

    def once(source: Path, target: Path) -> None:
        if Path(target).name == "out.jsonl":
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr("nmt.storage.partial.os.replace", once)
    assert run(*COMMAND, "--json", "out.jsonl").code == 130
    assert (Path("out").exists(), Path("out.jsonl").exists(), HEAD.exists()) == (True, False, True)
    monkeypatch.setattr("nmt.storage.partial.os.replace", replace)
    assert run(*COMMAND, "--json", "out.jsonl", "--resume").code == 0
    assert (Path("out").read_bytes(), Path("out.jsonl").read_bytes()) == expected
    assert not HEAD.exists()


@pytest.mark.parametrize(("drawn", "before", "afterwards"), [(10, [10], [10]), (18, [], [18]), (50, [], [40])])
def test_pictures_are_drawn_once(
    run: Command, killed, monkeypatch: pytest.MonkeyPatch, drawn: int, before: list[int], afterwards: list[int]
) -> None:
    seen: list[int] = []
    monkeypatch.setattr("nmt.cli.translating.PICTURES", drawn)
    monkeypatch.setattr("nmt.visualize.heatmap.draw_heatmaps", lambda all_, *_: seen.append(len(list(all_))) or [])
    killed("--heatmaps", "pictures")
    assert seen == before
    assert run(*COMMAND, "--heatmaps", "pictures", "--resume").code == 0
    assert seen == afterwards


@pytest.mark.parametrize("arguments", [("--output", "out"), ("--input", "text.en"), ()])
def test_what_cannot_be_gone_on_with_is_refused(run: Command, in_copy: Path, arguments: tuple[str, ...]) -> None:
    assert run("translate", "runs/x", *arguments, "--resume", stdin=b"a\n") == (
        2,
        "",
        "error: --resume: goes on with what was written to a file, of what can be read again\n"
        "hint: give --input and --output, and files for both, not pipes\n",
    )


def test_a_pipe_can_be_translated(run: Command, in_copy: Path) -> None:
    os.mkfifo("pipe")
    writer = subprocess.Popen(["sh", "-c", "printf 'a b\\nc\\n' > pipe"])
    answer = run("translate", "runs/x", "--input", "pipe", "--output", "out")
    assert (answer.code, lines(Path("out")), writer.wait()) == (0, 2, 0)


def test_bad_input_is_told_before_the_work_and_leaves_nothing(run: Command, in_copy: Path) -> None:
    (in_copy / "bad").write_bytes(b"\xff\xfe" + b"a\n" * 9000)
    answer = run("translate", "runs/x", "--input", "bad", "--output", "out")
    assert (answer.code, answer.err.splitlines()[0]) == (
        2,
        "error: bad:1: not valid UTF-8 (byte 0xff at column 1)",
    )
    assert not list(in_copy.glob("out*"))


def test_a_full_disk_leaves_what_there_was_room_for(run: Command, killed, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(partial.FileIO):
        def write(self, content: bytes) -> int:
            if self.tell() > 20:
                raise OSError(28, "No space left on device")
            return super().write(content)

    expected = whole(run)[0]
    with monkeypatch.context() as patch:
        patch.setattr(partial, "FileIO", Full)
        answer = run(*COMMAND)
    assert answer.code == 2
    assert answer.err.startswith(f"error: {PARTIAL.absolute()}: cannot be written (No space left on device)\n")
    assert answer.err.endswith("the same command with --resume goes on\n")
    assert run(*COMMAND, "--resume").code == 0
    assert Path("out").read_bytes() == expected


def test_the_sentences_before_a_resumed_line_are_known(run: Command, folder: Path, stop_after) -> None:
    write_text(folder)
    config = CONFIG.replace("tokenizer:", "  context: {sentences: 2}\ntokenizer:").replace(
        "model:", "model:\n  sources: {combine: concat}"
    )
    (folder / "x.yaml").write_text(config)
    assert run_main(("train", "x.yaml")) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nmt.translate, "CHUNK", 8)
        assert run(*COMMAND[:-1], "whole").code == 0
        patch.setattr(Translator, "translate_segments", Translator.translate_segments)
        translate, count = Translator.translate_segments, iter(range(2))

        def stopping(*arguments: object) -> object:
            if next(count, None) is None:
                raise KeyboardInterrupt
            return translate(*arguments)

        patch.setattr(Translator, "translate_segments", stopping)
        assert run(*COMMAND).code == 130
        patch.setattr(Translator, "translate_segments", translate)
        assert run(*COMMAND, "--resume").code == 0
    assert Path("out").read_bytes() == Path("whole").read_bytes()


def test_a_killed_process_is_gone_on_with_to_the_byte(run: Command, in_copy: Path) -> None:
    (in_copy / "many").write_bytes((in_copy / "text.en").read_bytes() * 104)  # three chunks
    command = ["translate", "runs/x", "--beam-size", "1", "--threads", str(torch.get_num_threads()), "--input", "many"]
    own = [*command, "--output", "out", "--json", "out.jsonl"]
    with subprocess.Popen([sys.executable, "-m", "nmt", *own]) as process:
        while lines(PARTIAL) <= 2048 and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert 2048 < lines(PARTIAL) < 4160
    left = min(map(lines, (PARTIAL, Path("out.jsonl.partial"))))
    assert run(*own, "--resume").err == f"going on after line {left}\n"
    assert run(*command, "--output", "whole", "--json", "whole.jsonl").code == 0
    assert Path("out").read_bytes() == Path("whole").read_bytes()
    assert Path("out.jsonl").read_bytes() == Path("whole.jsonl").read_bytes()
    assert lines(Path("out.jsonl")) == 4160


@pytest.mark.slow
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("attempt", range(4))
def test_of_processes_that_write_one_file_at_once_each_is_refused_or_whole(
    run: Command, in_copy: Path, attempt: int, overwrite: bool
) -> None:
    command = ("translate", "runs/x", "--threads", torch.get_num_threads())
    text = Path("text.en").read_bytes().splitlines(keepends=True)
    for number in range(6):
        Path(f"text-{number}").write_bytes(b"".join(text[number:]))
        assert run(*command, "--input", f"text-{number}", "--output", f"whole-{number}").code == 0
    options = [("--overwrite",) if overwrite and number % 2 else ("--resume",) * (attempt % 2) for number in range(6)]
    started = [
        Started(in_copy, *command, "--input", f"text-{number}", "--output", "out", *more)
        for number, more in enumerate(options)
    ]
    answers = [one.end() for one in started]
    done = [number for number, answer in enumerate(answers) if answer.code == 0]
    assert len(done) == 1 if not overwrite else done
    told = r"error: .*(already|is writing it|earlier translation|another input|has changed since .*)\nhint: .*\n"
    assert all(answer.code == 2 and re.search(told, answer.err) for answer in answers if answer.code)
    assert Path("out").read_bytes() in [Path(f"whole-{number}").read_bytes() for number in done]
    assert not PARTIAL.exists()
    assert not HEAD.exists()
