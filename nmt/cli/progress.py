"""The events of a training run on the terminal: a bar with loss, speed and remaining time, and lines that stay."""

import sys
from collections.abc import Iterable
from contextlib import suppress

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
                say(describe(event))
    return stopped


def say(line: str) -> None:
    """Print to stderr, if it takes any more: what is said stands in train.log, too, and training can do without."""
    with suppress(OSError):
        tqdm.write(line, file=sys.stderr)


_FORMAT = "{percentage:3.0f}% |{bar}| {elapsed}<{remaining}{postfix}"


def _postfix(event: Updated, speed: float) -> str:
    return f"update {event.step}, epoch {event.epoch}, loss {event.loss:.3f}, {speed:,.0f} tokens/s"


def _stays(event: Event, on_terminal: bool) -> bool:
    """Whether the event's line is printed: on a terminal, the bar says what happens between validations."""
    return bool(describe(event)) and not (on_terminal and isinstance(event, Logged | Saved))
