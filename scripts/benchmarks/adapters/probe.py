"""What every program in a peer's environment reports: its updates or repetitions, and its peak of memory.

Standard library alone, and no import of nmt: it runs beside whatever the peer has installed.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

SPEC = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}


def peak_bytes():
    """Largest resident set of this process."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return 1024 * int(lines["VmHWM"].split()[0])
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def answer(**figures):
    """Print the figures as the last line, and end the process at once: nothing more is measured."""
    print(json.dumps(figures), flush=True)
    sys.stderr.flush()
    os._exit(0)


class Probe:
    """Counts what a trainer really consumes. `add` a batch's pieces and places, then `update` after the step."""

    def __init__(self):
        self.last = None
        self.batch = [0] * 5
        self.updates = []

    def add(self, source, target, source_places, target_places, sentences):
        """Pieces without padding (target: those to predict), and places with it."""
        counts = (source, target, source_places, target_places, sentences)
        self.batch = [old + int(new) for old, new in zip(self.batch, counts, strict=True)]

    def update(self):
        """The weights have changed. Answers and ends after the last update that was asked for."""
        now = time.perf_counter()
        if self.last is not None:
            self.updates.append([now - self.last, *self.batch])
        self.batch = [0] * 5
        self.last = now
        if len(self.updates) == SPEC["warmup"] - 1 + SPEC["updates"]:
            answer(updates=self.updates[SPEC["warmup"] - 1 :], peak_bytes=peak_bytes())


def repeated(translate, sources, repeats):
    """Translate all `sources` so often, after a first part of them: seconds of each time, and the last translations."""
    translate(sources[:64])
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        found = translate(sources)
        seconds.append(time.perf_counter() - start)
    return seconds, found


def read(name):
    """Lines of pieces of one file of the encoded text."""
    with open(Path(SPEC["text"]) / name, encoding="utf-8") as file:
        return [line.rstrip("\n").split(" ") for line in file]
