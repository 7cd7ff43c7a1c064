"""Inputs made up by coverage-guided fuzzing: how many each target was given, for how long, and what came of them.

A target is fuzzed in a process of its own (experiments.fuzz_one), from its seeds and what earlier runs kept in
runs/.fuzz; docs/results/fuzz.json keeps every run of a commit with its seed, and the table in docs/reliability.md adds
them up.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from experiments.fuzz_targets import targets
from experiments.results import COMMIT, keep_result, markdown, measured_at, read_results, write_table

EXPERIMENT, DOCUMENT = "fuzz", Path("docs/reliability.md")
KEPT = Path("runs/.fuzz")
IN_MEMORY = Path("/dev/shm")  # where there is such a folder
LONGEST = 4096  # bytes of an input
PATIENCE = 20  # seconds for one input: what takes longer counts as a hang
MEMORY = 4096  # megabytes of the process


_WHATEVER = "tests/scripts/test_whatever_comes.py::test_"
_HAZARDS = "tests/data/test_hazards.py::test_"
_LINES = "tests/test_translate_hazards.py::test_"


class Found(NamedTuple):
    """A defect found while the promises of this page were built, by property tests, by fuzzing or by hand, and the test
    that holds it now."""

    given: str
    test: str


FOUND = (
    Found(
        "half a character, `\\ud800`, as a value: a traceback when the config was written",
        _WHATEVER + "half_a_character_in_yaml_is_refused_with_its_line",
    ),
    Found(
        "`--set` of a key of 500 levels, or of 5,000 digits: a traceback",
        _WHATEVER + "an_assignment_to_a_key_of_any_size_is_refused",
    ),
    Found(
        "`--set` of a wrong name, of a key that is a number, or in a section that is not there: the file was blamed",
        _WHATEVER + "an_error_of_an_assignment_is_not_the_files",
    ),
    Found(
        "a pipe as a corpus: it was waited for without end",
        _HAZARDS + "a_pipe_is_refused_as_a_corpus_at_once",
    ),
    Found(
        "a file name with a NUL, half a character or 5,000 letters: a traceback",
        _HAZARDS + "a_name_that_no_file_can_have_is_refused",
    ),
    Found(
        "the same as a run or a place to write to, links to themselves, folders that may not be entered: a traceback",
        "tests/cli/test_bad_places.py::test_it_is_refused_by_its_name",
    ),
    Found(
        "a disk that fails while a file is read: a traceback",
        _HAZARDS + "a_file_that_fails_while_it_is_read_is_a_data_error",
    ),
    Found(
        "a file without a line end, `/dev/zero`: all memory was taken",
        _HAZARDS + "a_line_without_end_is_refused_before_it_fills_the_memory",
    ),
    Found(
        "text that changed between the two passes: tokenizer and pairs of two texts, kept under the hash of the first",
        _HAZARDS + "a_file_that_changes_between_two_passes_is_named_and_nothing_kept",
    ),
    Found(
        "UTF-16 without its mark: taken for text with NULs",
        _HAZARDS + "utf16_without_its_mark_is_refused_though_its_bytes_are_utf8",
    ),
    Found(
        "lists nested 100,000 deep: a traceback",
        "tests/storage/test_json_source.py::test_the_others_are_refused_in_words",
    ),
    Found(
        "cuts between a letter and its accent, and inside of emoji",
        "tests/test_segments.py::test_a_word_is_not_cut_inside_of_a_character",
    ),
    Found(
        "alignments of a line of 1 MB: a matrix of its length squared",
        _LINES + "a_very_long_line_is_translated_without_a_matrix_of_its_length",
    ),
    Found(
        "a pair beyond a model's positions ended `nmt align` without file and line",
        _LINES + "a_pair_beyond_the_positions_that_a_model_has_is_not_aligned",
    ),
    Found(
        "Ctrl-C while text was prepared: lost, or taken for an error by the library that computed",
        "tests/cli/test_signals.py::test_ctrl_c_ends_the_block_whatever_a_library_makes_of_it",
    ),
    Found(
        "a last validation after an update that was saved before it: announced as the best, and not taken for it",
        "tests/test_training.py::test_the_last_validation_counts_after_an_update_that_was_saved_before_it",
    ),
    Found(
        "`--output` of a file of the run that is read: replaced",
        "tests/cli/test_bad_input.py::test_what_is_read_is_not_written",
    ),
    Found(
        "`nmt info` of a Transformer: a traceback",
        "tests/cli/test_measuring_commands.py::test_info_shows_the_keys_of_a_transformers_attention",
    ),
    Found(
        "a closed standard input of `nmt translate`: a traceback",
        "tests/cli/test_translate_command.py::test_a_closed_standard_input_is_told",
    ),
    Found(
        "weights, or moments, that are no numbers, under a manifest that is right: training blamed the text",
        "tests/test_strangers.py::test_harm_is_refused",
    ),
    Found(
        "moments of the optimizer of another type: a traceback",
        "tests/test_strangers.py::test_harm_is_refused",
    ),
    Found(
        "lines of one of several files of a translation that was killed: begun anew without a word",
        "tests/cli/test_resume_translation.py::test_lines_of_one_of_several_files_are_lines",
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz, keep the figures and write the table; 1 where something was found."""
    titles = {name: target.title for name, target in _targets().items()}
    parser = argparse.ArgumentParser(prog="scripts/experiments/fuzz", description=__doc__)
    parser.add_argument("seconds", type=int, nargs="?", default=60, help="for each target; 0 writes the table alone")
    parser.add_argument("names", nargs="*", metavar="TARGET", help=f"{', '.join(titles)}; all of them")
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - set(titles):
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(titles)}")
    crashes = sum(fuzz(name, given.seconds) for name in given.names or titles) if given.seconds else 0
    write_table(DOCUMENT, EXPERIMENT, table(titles))
    return 1 if crashes else 0


def _targets() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return targets(Path(folder))


def fuzz(name: str, seconds: int) -> int:
    """Fuzz one target for so long, going on after a crash; the number of crashes. Figures are kept after each, with
    those of earlier runs of the same commit."""
    end, crashes = time.monotonic() + seconds, 0
    while (left := round(end - time.monotonic())) > 0 and crashes < 5:
        kept = read_results(EXPERIMENT).get(name, {})
        runs = kept["runs"] if kept.get("commit") == COMMIT else []
        run = one_run(name, left, seed=len(runs) + 1)
        keep_result(EXPERIMENT, name, {"runs": [*runs, run]})
        print(f"{name}: {run['executions']} inputs in {run['seconds']} s, seed {run['seed']}, {run['crashes']} crashes")
        crashes += run["crashes"]
    return crashes


def one_run(name: str, seconds: int, seed: int) -> dict[str, int]:
    """One process of libFuzzer; what it crashed with is kept beside the inputs and said."""
    kept, crashes = KEPT / name, KEPT / "crashes"
    for folder in (kept, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={seconds}", f"-seed={seed}", f"-timeout={PATIENCE}", f"-rss_limit_mb={MEMORY}"]
    options += [f"-artifact_prefix={crashes}/{name}-", f"-max_len={LONGEST}", "-print_final_stats=1"]
    start = time.monotonic()
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None, prefix="nmt-fuzz-") as folder:
        command = [sys.executable, "-m", "experiments.fuzz_one", name, folder, str(kept), *options]
        process = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    executions = re.findall(r"stat::number_of_executed_units:\s*(\d+)|^#(\d+)", process.stderr, re.MULTILINE)
    done = re.search(r"Done \d+ runs in (\d+) second", process.stderr)
    if process.returncode:
        print("\n".join((process.stdout + process.stderr).splitlines()[-60:]), file=sys.stderr)
    count = max((int(final or seen) for final, seen in executions), default=0)
    spent = int(done[1]) if done else round(time.monotonic() - start)
    return {"seed": seed, "seconds": spent, "executions": count, "crashes": int(process.returncode != 0)}


def table(titles: dict[str, str]) -> str:
    """The figures kept, a row a target, and below them what was found."""
    rows, results = [], read_results(EXPERIMENT)
    for name, title in titles.items():
        runs = results.get(name, {}).get("runs", [])
        inputs, seconds = (sum(run[key] for run in runs) for key in ("executions", "seconds"))
        seeds = [run["seed"] for run in runs]
        span = f"{min(seeds)} to {max(seeds)}" if len(seeds) > 1 else ", ".join(map(str, seeds))
        rows.append([title, f"{inputs:,}", f"{seconds / 60:.1f}", span, str(sum(run["crashes"] for run in runs))])
    head = ["what is fuzzed", "inputs", "minutes", "seeds", "crashes"]
    listed = [f"| {one.given} | `{one.test}` |" for one in FOUND]
    return "\n".join(
        [
            markdown(head, rows),
            "",
            measured_at(results.values()),
            "",
            "| found on the way, by drawn inputs, by reading and by hand | held now by |",
            "|---|---|",
            *listed,
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
