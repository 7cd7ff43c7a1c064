"""`nmt` in processes of their own, forked from one that has torch imported already, so that each costs little.

What they are sent and what they leave is the operating system's: signals, exit codes, limits, locks.
"""

import multiprocessing
import os
import re
import resource
import signal
import sys
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from command_line import Answer

PATIENCE = 60.0  # seconds
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["nmt.cli.app", "nmt.training", "nmt.validation", "nmt.visualize.curves"])


class Started:
    """`nmt ARGUMENTS` in a folder; with a limit, no file that it writes can grow beyond so many bytes."""

    def __init__(self, folder: Path, *arguments: object, largest_file: int | None = None) -> None:
        self.out, self.err = folder / f"out-{time.monotonic_ns()}", folder / f"err-{time.monotonic_ns()}"
        given = (folder, tuple(map(str, arguments)), self.out, self.err, largest_file)
        self.process: ForkServerProcess = CONTEXT.Process(target=_run, args=given)
        self.process.start()
        assert self.process.pid
        self.pid = self.process.pid

    def wait_for(self, pattern: str) -> str:
        """Wait until what it prints contains the pattern."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            shown = "".join(path.read_text() for path in (self.out, self.err) if path.exists())
            if found := re.search(pattern, shown):
                return found[0]
            assert self.process.is_alive(), shown
            time.sleep(0.002)
        raise AssertionError(f"{pattern!r} did not come")

    def send(self, number: signal.Signals) -> None:
        """A signal."""
        os.kill(self.pid, number)

    def end(self) -> Answer:
        """Its exit code (−n where signal n ended it) and all that it printed."""
        self.process.join(PATIENCE)
        assert self.process.exitcode is not None, "still running"
        return Answer(self.process.exitcode, self.out.read_text(), self.err.read_text())


def _run(folder: Path, arguments: tuple[str, ...], out: Path, err: Path, largest_file: int | None) -> None:
    os.chdir(folder)
    for path, stream in ((out, sys.stdout), (err, sys.stderr)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream.fileno())
    for number in (signal.SIGINT, signal.SIGTERM):  # as a shell starts it
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    from nmt.cli.app import main  # noqa: PLC0415 (torch comes with it, and only here)

    main(arguments)
