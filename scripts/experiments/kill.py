"""Training that is killed (SIGKILL) again and again, and resumed, against training that was left alone.

The instants are random, with a seed; some are aimed: into the first second, into the writing of a checkpoint, into a
validation. What was hit is read from what the process left, not from what was aimed at:

    in the first second    no second had passed since the process was started
    starting               nothing in train.log yet
    writing a checkpoint   a hidden `.writing-…` or `.removed-…` is left among the checkpoints
    validating             the last line of train.log is that of an update after which a validation is due
    updating               anything else
"""

import argparse
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from experiments.exactness import (
    DOCUMENT,
    LOGGED,
    MODELS,
    Start,
    damaged,
    differences,
    logged,
    newest,
    train,
    trained,
    write_recipe,
)
from experiments.results import keep_result, known, markdown, measured_at, read_results, write_table

EXPERIMENT = "kill"
KILLS, AIMED = 28, {"in the first second": 4, "starting": 2, "writing a checkpoint": 5, "validating": 5}
PHASES = ("in the first second", "starting", "updating", "writing a checkpoint", "validating")
POLL = 0.0005  # seconds between looks at the run directory


class Watched(NamedTuple):
    """A process that trains: when it was started, how long train.log was, and whether it still runs."""

    run: Path
    began: float
    start: int
    running: Callable[[], bool]

    def wait(self, come: Callable[[], bool], seconds: float = 60.0) -> None:
        """Until something has come, the process has ended, or the time is up."""
        until = time.monotonic() + seconds
        while not come() and self.running() and time.monotonic() < until:
            time.sleep(POLL)

    def seconds(self) -> float:
        return time.monotonic() - self.began

    def told(self, pattern: str) -> bool:
        """Whether train.log has had such a line since the start."""
        return bool(re.search(pattern, logged(self.run, self.start)))


def anywhere(watched: Watched, chance: random.Random) -> None:
    """While programs are loaded, or up to 1.5 s after up to two checkpoints."""
    if chance.random() < 0.75:
        after_checkpoints(watched, chance)
    watched.wait(lambda: False, chance.uniform(0, 1.5))


def after_checkpoints(watched: Watched, chance: random.Random) -> None:
    """When training has begun and saved nothing, once or twice."""
    saved = chance.randrange(3)
    watched.wait(lambda: watched.told("training"))
    watched.wait(lambda: logged(watched.run, watched.start).count("saved") >= saved)


def in_the_first_second(watched: Watched, chance: random.Random) -> None:
    instant = chance.uniform(0, 0.95)
    watched.wait(lambda: watched.seconds() >= instant)


def while_starting(watched: Watched, chance: random.Random) -> None:
    """After the first second, before training begins."""
    instant = chance.uniform(1, 2)
    watched.wait(lambda: watched.seconds() >= instant or watched.told("training"))


def in_a_checkpoint(watched: Watched, chance: random.Random) -> None:
    """Up to 5 ms after the hidden folder of one of the next three checkpoints has appeared."""
    folder = watched.run / "checkpoints"
    after_checkpoints(watched, chance)
    watched.wait(lambda: any(folder.glob(".writing-*")))
    watched.wait(lambda: False, chance.uniform(0, 0.005))


def in_a_validation(watched: Watched, chance: random.Random) -> None:
    """Up to 0.2 s after an update after which a validation is due."""
    watched.wait(lambda: watched.told(r"step \d+: epoch"))  # a line every LOGGED updates
    watched.wait(lambda: False, chance.uniform(0.01, 0.2))


AIMS = {
    "in the first second": in_the_first_second,
    "starting": while_starting,
    "writing a checkpoint": in_a_checkpoint,
    "validating": in_a_validation,
}


class Killed(NamedTuple):
    """What a kill hit, and whether its victim had gone on from the newest checkpoint and left whole ones."""

    phase: str
    survived: bool


def main(arguments: list[str] | None = None) -> int:
    """Kill, keep the figures and write the table; 1 where a kill was not survived or bits differ."""
    parser = argparse.ArgumentParser(prog="scripts/experiments/kill", description=__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(MODELS)}: all if left out")
    parser.add_argument("--kills", type=int, default=KILLS, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    wrong = False
    for model in known(asked.models, MODELS):
        with tempfile.TemporaryDirectory(prefix="nmt-kill-") as folder:
            found = trial(Path(folder), model, asked.kills, asked.seed)
        keep_result(EXPERIMENT, model, found)
        write_table(DOCUMENT, EXPERIMENT, table(read_results(EXPERIMENT)))
        wrong = wrong or bool(found["lost"] or found["different"])
    return int(wrong)


def trial(folder: Path, model: str, kills: int, seed: int, **training: Any) -> dict[str, Any]:
    """Train once left alone and once killed so often, and compare; where it ends too soon, once more from the start.

    Raises: RuntimeError when a run cannot go on.
    """
    recipe, chance = write_recipe(folder, model, **training), random.Random(seed)
    alone, output = folder / "alone", folder / "output"
    trained(Start(recipe, alone, output))
    print(f"{model}: left alone, {logged(alone).splitlines()[-1][20:]}", flush=True)
    found, different = list[Killed](), list[str]()
    for number in count(1):
        start = Start(recipe, folder / f"killed-{number}", output)
        for killed in kill_often(start, found, kills, chance):
            found.append(killed)
            print(f"{model}, kill {len(found)}: {killed.phase}, newest checkpoint {newest(start.run)}", flush=True)
        trained(start)
        different += differences(alone, start.run)
        if len(found) >= kills:
            break
    lost = [killed for killed in found if not killed.survived]
    print(f"{model}: {len(lost)} lost; different files: {', '.join(different) or 'none'}", flush=True)
    phases = Counter(killed.phase for killed in found)
    kept = {"seed": seed, "kills": {phase: phases[phase] for phase in PHASES}, "survived": len(found) - len(lost)}
    ended = logged(alone).splitlines()[-1][20:]
    return {**kept, "lost": len(lost), "ended": ended, "different": different}


def kill_often(start: Start, found: Sequence[Killed], kills: int, chance: random.Random) -> Iterator[Killed]:
    """Kill one run until there are so many kills among those found, or it ends by itself."""
    while len(found) < kills:
        aim = next_aim(Counter(killed.phase for killed in found), kills, chance)
        killed = kill_once(start, aim, chance)
        if killed is None:
            return
        yield killed


def next_aim(hit: Mapping[str, int], kills: int, chance: random.Random) -> Callable[[Watched, random.Random], None]:
    """An aim that has not been hit often enough, or anywhere."""
    wanting = [phase for phase, times in AIMED.items() if hit.get(phase, 0) < min(times, max(1, kills // 5))]
    aims = [AIMS[phase] for phase in wanting] + [anywhere]
    return chance.choice(aims)


def kill_once(start: Start, aim: Callable[[Watched, random.Random], None], chance: random.Random) -> Killed | None:
    """Go on with the run, kill it where the aim says, and look at what is left; None where it ended before."""
    run, before, length = start.run, newest(start.run), len(logged(start.run))
    process = train(start)
    watched = Watched(run, time.monotonic(), length, lambda: process.poll() is None)
    aim(watched, chance)
    seconds = watched.seconds()
    process.kill()
    code = process.wait()
    if code == 0:
        return None
    if code > 0:
        raise RuntimeError(f"refused to go on: {start.output.read_text('utf-8', 'replace')}")
    since = logged(run, length)
    went_on = re.search(r"step (\d+): training", since)
    survived = not damaged(run) and (went_on is None or int(went_on[1]) >= before)  # one may be whole and not yet named
    return Killed(phase(run, since, seconds), survived)


def phase(run: Path, since: str, seconds: float) -> str:
    """What a process was at when it was killed, by what it has left and logged."""
    if seconds < 1:
        return "in the first second"
    folder = run / "checkpoints"
    if "training" not in since:
        return "starting"
    if any((*folder.glob(".writing-*"), *folder.glob(".removed-*"))):
        return "writing a checkpoint"
    last = re.search(r"step (\d+): epoch", since.splitlines()[-1])
    return "validating" if last and int(last[1]) % LOGGED == 0 else "updating"


def table(kept: Mapping[str, Any]) -> str:
    """A row for each model."""
    rows = []
    for model in MODELS:
        if figures := kept.get(model):
            counts = [str(figures["kills"][name]) for name in PHASES]
            same = "the same bits" if not figures["different"] else "**different**"
            rows.append([model, *counts, f"**{figures['survived']}**", f"**{figures['lost']}**", same])
    header = ["killed", *PHASES, "survived", "lost", "in the end"]
    return f"{markdown(header, rows)}\n\n{measured_at(kept.values())}"


if __name__ == "__main__":
    sys.exit(main())
