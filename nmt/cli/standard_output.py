"""Standard output whose own failures are told apart from those of files: it is full, or its reader has gone.

What is quoted of a stranger's files is shown as characters that can be seen: a terminal obeys some of the others.
"""

import io
import os
import sys
from typing import Any

from nmt.errors import DataError

LONGEST = 1000  # characters that are quoted of a message
READER_GONE = 141  # 128 + SIGPIPE, as shells report of programs that such a pipe ends


def guard_standard_output() -> None:
    """Let what standard output refuses end the command: quietly for a closed pipe, else with an error that says so.

    A standard output that was put in its place, by a test for example, stays as it is.
    """
    now = sys.stdout
    if now is sys.__stdout__ and isinstance(now, io.TextIOWrapper):
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(_StandardOutput(now.fileno(), "w", closefd=False)),
            encoding=now.encoding,
            errors=now.errors,
            line_buffering=now.line_buffering,
            write_through=now.write_through,
        )


def plain(text: str) -> str:
    """One line of visible characters, the others escaped; of a very long one, the beginning and the end."""
    shown = text if len(text) <= LONGEST else f"{text[: LONGEST - 201]}…{text[-200:]}"
    line = " ".join(shown.splitlines())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


class _StandardOutput(io.FileIO):
    def write(self, content: Any) -> int:
        """Write, as FileIO does. Raises: SystemExit when the reader has gone, DataError for any other refusal."""
        try:
            return super().write(content)
        except OSError as error:
            self._go_nowhere()
            if isinstance(error, BrokenPipeError):
                raise SystemExit(READER_GONE) from error
            message = f"standard output: cannot be written ({error.strerror})"
            raise DataError(message, "is there room where it goes?") from error

    def _go_nowhere(self) -> None:
        """What is buffered still, and flushed when Python ends, must not fail once more."""
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), self.fileno())
