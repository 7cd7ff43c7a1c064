"""The events of a training run on the terminal: a bar with loss, speed and remaining time, and lines that stay."""

import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

from tqdm import tqdm

from nmt.events import Event, Logged, Saved, Stopped, Updated, describe

SMOOTHING = 0.95


def show(events: Iterable[Event]) -> Stopped:
    """Print what happens to stderr: a moving bar on a terminal, a line every so often elsewhere."""
    on_terminal = sys.stderr.isatty()
    bar = tqdm(total=1.0, disable=not on_terminal, file=sys.stderr, bar_format=_FORMAT, smoothing=0.05)
    speed = 0.0
    stopped = Stopped(0, "nothing to do")
    with bar:
        for event in events:
            if isinstance(event, Updated):
                now = event.tokens / max(event.seconds, 1e-9)
                if not speed:  # what a resumed run did before says nothing about the time that remains
                    bar.initial = bar.n = event.done
                speed = SMOOTHING * speed + (1 - SMOOTHING) * now if speed else now
                bar.set_postfix_str(_postfix(event, speed), refresh=False)
                bar.update(event.done - bar.n)
            elif isinstance(event, Stopped):
                stopped = event
            if _stays(event, on_terminal):
                tqdm.write(describe(event), file=sys.stderr)
    return stopped


_FORMAT = "{percentage:3.0f}% |{bar}| {elapsed}<{remaining}{postfix}"


def _postfix(event: Updated, speed: float) -> str:
    return f"update {event.step}, epoch {event.epoch}, loss {event.loss:.3f}, {speed:,.0f} tokens/s"


def _stays(event: Event, on_terminal: bool) -> bool:
    """Whether the event's line is printed: on a terminal, the bar says what happens between validations."""
    return bool(describe(event)) and not (on_terminal and isinstance(event, Logged | Saved))


_STOPPING = (
    "stopping after this update (a validation that has begun is finished first); "
    "Ctrl-C once more breaks off without saving"
)


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Ctrl-C (or SIGTERM) makes the given function true instead of breaking off; a second one breaks off."""
    asked = False
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        tqdm.write(_STOPPING, file=sys.stderr)

    try:
        for number in before:
            signal.signal(number, ask)
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
