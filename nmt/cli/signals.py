"""What Ctrl-C and SIGTERM do to `nmt train`: before the first update they end it, from then on they ask it to stop."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_STOPPING = "stopping, and saving first; another Ctrl-C or SIGTERM ends at once, without saving"
EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}  # 128 + n, as shells say of what signal n has ended


@contextmanager
def ended_by_ctrl_c() -> Iterator[None]:
    """Ctrl-C ends the block with KeyboardInterrupt, at the latest where the block ends: a library may take the first
    one for an error of its own, or lose it. A second one ends the process at once."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a script starts what it leaves in the background
        yield
        return
    came = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, end)
    try:
        yield
    except Exception as error:
        if came:
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt


class Stop:
    """Whether a signal asked to stop, and which one."""

    def __init__(self) -> None:
        self.asked: int | None = None

    def __call__(self) -> bool:
        return self.asked is not None

    @property
    def exit_code(self) -> int:
        """130 after Ctrl-C, 143 after SIGTERM; 0 when none came."""
        return EXIT_CODES.get(signal.Signals(self.asked), 1) if self.asked else 0


@contextmanager
def stop_on_signal() -> Iterator[Stop]:
    """Ctrl-C or SIGTERM makes the given value true instead of ending the process; a second one, of either kind, ends it
    at once, whatever it computes. What the process ignores, it goes on to ignore."""
    from nmt.cli.progress import say

    stop = Stop()
    handlers = {number: signal.getsignal(number) for number in EXIT_CODES}
    before = {number: handler for number, handler in handlers.items() if handler is not signal.SIG_IGN}

    def ask(number: int, frame: FrameType | None) -> None:
        stop.asked = number
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        with suppress(RuntimeError):  # the signal came while another line was being printed
            say(_STOPPING)

    try:
        for number in before:
            signal.signal(number, ask)
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
