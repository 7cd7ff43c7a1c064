"""A standard output that is full, or whose reader has gone, and a terminal: real devices and pipes, in a process of its
own."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

FULL = "error: standard output: cannot be written (No space left on device)\nhint: is there room where it goes?\n"
COMMANDS = ("--help", "translate runs/x --input text.en --device cpu")
every_command = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.split()[0])


def answer(command: str, standard_output: int) -> tuple[int, str]:
    """Exit code and standard error of `nmt COMMAND`."""
    done = subprocess.run(
        [sys.executable, "-m", "nmt", *command.split()], stdout=standard_output, stderr=subprocess.PIPE, check=False
    )
    return done.returncode, done.stderr.decode()


@every_command
def test_a_full_standard_output_is_an_error_of_two_lines(command: str, in_trained: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    assert answer(command, full) == (2, FULL)
    os.close(full)


@every_command
def test_a_reader_that_has_gone_ends_the_command_quietly(command: str, in_trained: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    assert answer(command, writing) == (128 + 13, "")
    os.close(writing)


def test_a_closed_standard_output_is_an_error_of_two_lines(in_trained: Path) -> None:
    command = f"{sys.executable} -m nmt translate runs/x --input text.en --device cpu >&-"
    done = subprocess.run(command, shell=True, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (2, b"error: standard output: it is closed\nhint: give --output\n")


def test_a_line_that_is_typed_is_answered_before_the_next(in_trained: Path) -> None:
    keyboard, terminal = pty.openpty()
    command = [sys.executable, "-m", "nmt", "translate", "runs/x", "--device", "cpu"]
    with subprocess.Popen(command, stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as typed_to:
        assert typed_to.stdout
        assert typed_to.stderr
        assert typed_to.stderr.readline() == b"type lines to translate; Ctrl-D ends\n"
        for line in (b"a b c\n", b"d\n"):
            os.write(keyboard, line)
            assert typed_to.stdout.readline().endswith(b"\n")
        os.write(keyboard, b"\x04")  # Ctrl-D
        assert typed_to.wait(60) == 0
    os.close(terminal)
    os.close(keyboard)
