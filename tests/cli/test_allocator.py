"""The allocator's settings reach the program that computes, and no other."""

import os
import subprocess
import sys

import pytest

from nmt.cli.allocator import SETTINGS, TUNABLES

PROGRAM = """
import os, sys
from nmt.cli.allocator import start_tuned
start_tuned(sys.argv[1:])
kernels = os.environ.get("LRU_CACHE_CAPACITY", "none")
print(os.getpid(), os.environ.get("GLIBC_TUNABLES", "none"), kernels, *sys.argv[1:], sys.stdin.read())
"""
glibc = pytest.mark.skipif(
    sys.platform != "linux" or "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""),
    reason="glibc's settings need glibc",
)


def started(*arguments: str, **set_before: str) -> tuple[bool, str]:
    """Whether the process stayed the same, and what it printed after its number."""
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        env={**environment, **set_before},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    number, printed = process.communicate("read")[0].strip().split(maxsplit=1)
    return int(number) == process.pid, printed


@glibc
@pytest.mark.parametrize("command", ["train", "translate", "evaluate", "align"])
def test_a_command_that_computes_starts_again_with_the_settings_its_arguments_and_its_input(command):
    assert started(command, "a b", "*") == (True, f"{TUNABLES} 8 {command} a b * read")


@pytest.mark.parametrize("arguments", [(), ("list",), ("data", "sample"), ("train", "--help"), ("--version",)])
def test_other_commands_and_help_do_not(arguments):
    assert started(*arguments)[1].startswith("none none")


def test_settings_of_the_user_are_left_alone():
    assert started("train", GLIBC_TUNABLES="glibc.malloc.check=0")[1].startswith("glibc.malloc.check=0 8 train")
    assert " 99 train" in started("train", LRU_CACHE_CAPACITY="99")[1]
