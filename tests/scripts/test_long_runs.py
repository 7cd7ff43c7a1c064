"""Long runs: what is taken from a process that is looked at, and what becomes of it."""

import os

from experiments import long_runs
from experiments.long_runs import Seen, figures, look, table


def test_a_process_is_seen_from_outside() -> None:
    with open(os.devnull, "rb"):
        seen = look(os.getpid(), 7)
    with open(os.devnull, "rb"), open(os.devnull, "rb"):
        more = look(os.getpid(), 7)
    assert (seen.at, more.files - seen.files) == (7, 1)
    assert seen.resident > 10_000_000
    assert seen.threads >= 1


def test_growth_is_counted_after_the_first_quarter() -> None:
    seen = [Seen(at, 100 + (50 if at < 25 else at // 10), 5 + (at > 70), 2) for at in range(100)]
    found = figures(seen, 100)
    assert (found["first_bytes"], found["last_bytes"], found["largest_bytes"]) == (102, 109, 109)
    assert (found["files"], found["threads"]) == ([5, 6], [2, 2])


def test_the_table_says_what_grew() -> None:
    found = {"first_bytes": 10**8, "last_bytes": 102 * 10**6, "largest_bytes": 104 * 10**6}
    kept = {"translate rnn": {**found, "files": [4, 5], "threads": [2, 2]}}
    assert table(kept).splitlines()[2] == (
        "| translate rnn | 270,000 lines | 100 | 102 | **+2.0%** | +4.0% | 4 → 5 | 2 → 2 |"
    )
    assert list(long_runs.RUNS)[:2] == ["train rnn float32", "train rnn bfloat16"]
