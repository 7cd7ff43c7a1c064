"""The command line of scripts/bench_peers: rounds of all contenders in turns, ratios, and the table.

What is kept is kept for each kind of processor by itself, since ratios differ between them: those that multiply
matrices of bfloat16 are measured in it, the others are not.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from experiments.results import keep_result, markdown, measured_at, provenance, read_results, write_table

from benchmarks.contest import Options, Round, contest
from benchmarks.rows import Contender, Row, contenders, rows
from nmt.precision import multiplies_bfloat16

DOCUMENT = Path("docs/benchmarks.md")
EXPERIMENT = "peers"
KINDS = {
    "amx_bf16": "AMX",
    "avx512_bf16": "AVX-512 BF16",
    "avx512_vnni": "AVX-512 VNNI",
    "avx512f": "AVX-512",
    "avx2": "AVX2",
}


def main(arguments: list[str] | None = None) -> None:
    asked = parser().parse_args(arguments)
    if asked.table:
        write_tables()
        return
    known = runnable()
    chosen = {name: row for name, row in select(asked.rows, rows()).items() if can_run(name, row, known)}
    for work in dict.fromkeys(work_of(row) for row in chosen.values()):
        own = {name: row for name, row in chosen.items() if work_of(row) == work}
        names = [name for name in known if any(name in (*row.ours, *row.peers) for row in own.values())]
        options = Options(asked.threads, asked.updates, asked.warmup, asked.lines)
        for found in contest({name: known[name] for name in names}, asked.rounds, options):
            for name, row in own.items():
                keep(name, row, found, asked)
            write_tables()


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(
        prog="scripts/bench_peers", description="The same work by nmt and by its peers, in turns; rows are merged."
    )
    root.add_argument("rows", nargs="*", metavar="ROW", help="names or beginnings of names; all rows if left out")
    root.add_argument("--rounds", type=int, default=5, metavar="N")
    root.add_argument("--updates", type=int, default=12, metavar="N", help="measured in each round of a training")
    root.add_argument("--warmup", type=int, default=3, metavar="N", help="updates before those")
    root.add_argument("--lines", type=int, metavar="N", help="of the text to translate; the row's own number")
    root.add_argument("--threads", type=int, default=2, metavar="N")
    root.add_argument("--list", action=ListRows, nargs=0, help="print the names of all rows")
    root.add_argument("--table", action="store_true", help="only write the tables anew from what is kept")
    return root


class ListRows(argparse.Action):
    """Prints the names of all rows and ends."""

    def __call__(self, *_arguments: Any) -> None:
        print("\n".join(f"{name:<32} {row.work}, against {row.against}" for name, row in rows().items()))
        sys.exit(0)


def select(beginnings: Sequence[str], known: Mapping[str, Row]) -> dict[str, Row]:
    """The rows that are named, or whose names begin so; all, where nothing is given."""
    for beginning in beginnings:
        if not any(name.startswith(beginning) for name in known):
            sys.exit(f"error: no row begins with {beginning!r}\nhint: --list prints their names")
    return {name: row for name, row in known.items() if not beginnings or name.startswith(tuple(beginnings))}


def runnable() -> dict[str, Contender]:
    """All contenders but those in bfloat16 where the processor does not multiply it."""
    native = multiplies_bfloat16(torch.device("cpu"))
    known = contenders().items()
    return {name: one for name, one in known if native or one.options.get("precision") != "bfloat16"}


def can_run(name: str, row: Row, known: Mapping[str, Contender]) -> bool:
    """Whether both sides of a row have a contender that runs here; told where not."""
    if all(any(one in known for one in side) for side in (row.ours, row.peers)):
        return True
    print(f"{name}: not measured, since the processor does not multiply bfloat16", file=sys.stderr)
    return False


def kind(machine: Mapping[str, Any]) -> str:
    """What a processor multiplies matrices with, as it stands at the head of a column."""
    return next((name for flag, name in KINDS.items() if flag in machine["flags"]), machine["processor"])


def work_of(row: Row) -> str:
    """The work that a row's contenders share."""
    return row.ours[0].split("/")[0]


def keep(name: str, row: Row, found: Mapping[str, list[Round]], asked: argparse.Namespace) -> None:
    """Compute a row's ratio and keep it with what it was computed from; say so where a side did not run."""
    ours, peers = ([one for one in side if found.get(one)] for side in (row.ours, row.peers))
    if not ours or not peers:
        print(f"{name}: not measured, since {'ours' if not ours else 'no peer'} ran", file=sys.stderr)
        return
    result = compared(row, {one: found[one] for one in (*ours, *peers)}, ours, peers)
    print(f"{name}: {shown(row, result)}, asked {marked(row, row.asked)}", flush=True)
    about = provenance()
    keep_result(
        EXPERIMENT,
        f"{name}, {kind(about['machine'])}",
        {
            **about,
            **result,
            "asked": row.asked,
            "aim": row.aim,
            "updates": asked.updates,
            "threads": asked.threads,
        },
    )


def compared(row: Row, found: Mapping[str, list[Round]], ours: Sequence[str], peers: Sequence[str]) -> dict[str, Any]:
    """The median over the rounds of ours / theirs, each side by its best contender."""
    lean = row.figure == "peak_bytes"
    own = best(found, ours, "rate")
    theirs = best(found, peers, row.figure, least=lean)
    ratios = [a[row.figure] / b[row.figure] for a, b in zip(found[own], found[theirs], strict=True)]
    return {
        "ratio": round(median(ratios), 3),
        "range": [round(min(ratios), 3), round(max(ratios), 3)],
        "rounds": len(ratios),
        "ours": own,
        "peer": theirs,
        "contenders": {name: summary(rounds) for name, rounds in found.items()},
    }


def best(found: Mapping[str, list[Round]], names: Iterable[str], figure: str, least: bool = False) -> str:
    """The contender with the highest (or least) median of a figure."""
    return (min if least else max)(names, key=lambda name: median(one[figure] for one in found[name]))


def summary(rounds: Sequence[Round]) -> dict[str, Any]:
    """Medians of a contender's figures over its rounds, and the range of its rate."""
    figures = {name: median(one[name] for one in rounds) for name in rounds[0] if isinstance(rounds[0][name], float)}
    rates = [one["rate"] for one in rounds if "rate" in one]
    return {name: rounded(value) for name, value in figures.items()} | (
        {"rate_range": [rounded(min(rates)), rounded(max(rates))]} if rates else {}
    )


def rounded(value: float) -> float:
    """To five significant digits."""
    return float(f"{value:.5g}")


def marked(row: Row, value: float) -> str:
    """A mark, in the row's unit."""
    if row.figure == "gflops":
        return f"{100 * value:.0f} %"
    return f"{'≤ ' * (row.figure == 'peak_bytes')}{value:g}×"


def shown(row: Row, result: Mapping[str, Any]) -> str:
    """The ratio with its range, in the row's unit."""
    low, high = result["range"]
    few = f", {result['rounds']} rounds" if result["rounds"] < 5 else ""
    if row.figure == "gflops":
        return f"{100 * result['ratio']:.0f} % ({100 * low:.0f}–{100 * high:.0f}{few})"
    return f"{result['ratio']:.2f}× ({low:.2f}–{high:.2f}{few})"


def write_tables() -> None:
    """Both tables of the document, from what is kept."""
    kept, known = read_results(EXPERIMENT), rows()
    kinds = sorted({kind(result["machine"]) for result in kept.values()})
    lines = [
        (
            row.work,
            row.against,
            *(cell(row, kept.get(f"{name}, {column}")) for column in kinds),
            marked(row, row.asked),
            marked(row, row.aim),
        )
        for name, row in known.items()
    ]
    header = ("work", "measured against", *kinds, "asked", "aim")
    about = [f"{column}: {measured_at(own_of(kept, column))}" for column in kinds]
    write_table(DOCUMENT, "peers", "\n\n".join((markdown(header, lines), *about)))
    sections = [f"{column}:\n\n{markdown(DETAILS, details(kept, column))}" for column in kinds]
    write_table(DOCUMENT, "contenders", "\n\n".join(sections))


def cell(row: Row, result: Mapping[str, Any] | None) -> str:
    """A row's ratio on one kind of processor, and the peer that it was taken to."""
    if result is None:
        return "not measured"
    return f"{shown(row, result)}, {result['peer'].split('/')[1]}"


def own_of(kept: Mapping[str, Any], column: str) -> list[Mapping[str, Any]]:
    """What was measured on a kind of processor."""
    return [one for one in kept.values() if kind(one["machine"]) == column]


DETAILS = (
    "contender",
    "tokens/s or sentences/s (min–max)",
    "padding source/target",
    "peak memory",
    "same lines as ours",
)


def details(kept: Mapping[str, Any], column: str) -> list[tuple[str, ...]]:
    """One line for each contender on a kind of processor; of several rows, from the last one measured."""
    own = sorted(own_of(kept, column), key=lambda one: str(one["time"]))
    latest = {
        contender: figures for result in own for contender, figures in result["contenders"].items() if "rate" in figures
    }
    return [
        (
            contender,
            "{:,.0f} ({:,.0f}–{:,.0f})".format(figures["rate"], *figures["rate_range"]),
            f"{100 * figures['source_padding']:.0f}/{100 * figures['target_padding']:.0f} %"
            if "source_padding" in figures
            else "–",
            f"{figures['peak_bytes'] / 1e9:.2f} GB",
            f"{100 * figures['same_lines']:.1f} %" if "same_lines" in figures else "–",
        )
        for contender, figures in sorted(latest.items())
    ]


if __name__ == "__main__":
    main()
