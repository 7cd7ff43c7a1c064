"""Look through parallel text for what spoils a corpus, in one pass over the bytes, past every bad line.

Errors stop training (line counts that differ, empty files, invalid UTF-8); warnings do not. Memory: the findings, and
24 bytes a pair for what concerns pairs (hashes for duplicates, lengths).
"""

import json
import re
from array import array
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from itertools import zip_longest
from pathlib import Path
from textwrap import fill
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nmt.data.corpus import is_blank, open_text, other_format, raw_lines

EXAMPLES = 5  # lines that the text of a report names
LISTED = 10_000  # lines that a finding holds
WIDTH = 80
RATIO = 5.0
RATIO_CHARACTERS = 20

_ODD = {
    "separators": re.compile("[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]"),
    "controls": re.compile("[\x00-\x09\x0e-\x1b\x1f\x7f-\x84\x86-\x9f]"),
    "replacements": re.compile("\ufffd"),
}
_NAMES = {0: "NUL", 9: "TAB", 11: "VT", 12: "FF", 13: "CR", 0x85: "NEL", 0x2028: "LS", 0x2029: "PS"}

Kind = Literal[
    "line_counts", "empty", "invalid_utf8", "blank", "blank_both", "separators", "controls", "replacements",
    "duplicates", "several_targets", "length_ratio",
]  # fmt: skip
_WORDS: dict[Kind, str] = {
    "line_counts": "lines without a partner",
    "empty": "the file is empty",
    "invalid_utf8": "not valid UTF-8",
    "blank": "blank here, not on the other side",
    "blank_both": "blank on both sides",
    "separators": "line separators inside a line",
    "controls": "control characters",
    "replacements": "U+FFFD, left by an earlier conversion",
    "duplicates": "pairs that were there before",
    "several_targets": "sources with several targets",
    "length_ratio": "far longer or shorter than the other side",
}
_ERRORS: tuple[Kind, ...] = ("line_counts", "empty", "invalid_utf8")


@dataclass(frozen=True)
class Finding:
    """One kind of trouble in one file: how many lines have it, the first LISTED (1-based), what it looks like."""

    kind: Kind
    file: str
    count: int
    lines: list[int]
    detail: str

    @property
    def severity(self) -> str:
        """`error` when training would refuse the text, else `warning`."""
        return "error" if self.kind in _ERRORS else "warning"


class FilePair(NamedTuple):
    """Two files that belong together, and their numbers of lines."""

    source: str
    source_lines: int
    target: str
    target_lines: int


class CheckReport(NamedTuple):
    """What `check` found, in the order of the files."""

    files: list[FilePair]
    findings: list[Finding]

    @property
    def ok(self) -> bool:
        """Whether training would accept the text."""
        return not any(finding.severity == "error" for finding in self.findings)

    def as_text(self) -> str:
        """The report for people, 80 columns wide."""
        parts = [
            _fill(f"{pair.source}: {pair.source_lines} lines; {pair.target}: {pair.target_lines} lines")
            for pair in self.files
        ]
        parts += [_fill(_sentence(finding)) for finding in self.findings]
        return "\n".join([*parts, "" if self.findings else "nothing found"]).rstrip("\n")

    def as_json(self) -> str:
        """The report for programs: {"ok", "files": […], "findings": […]}."""
        findings = [{"severity": finding.severity, **asdict(finding)} for finding in self.findings]
        report = {"ok": self.ok, "files": [pair._asdict() for pair in self.files], "findings": findings}
        return json.dumps(report, ensure_ascii=False, indent=1)


def check(sources: Sequence[Path], targets: Sequence[Path], documents: Sequence[tuple[Path, Path]] = ()) -> CheckReport:
    """Look through files that go together pairwise, and through files of document ids, each with its target.

    Raises: DataError only when a file cannot be read at all.
    """
    files, findings, pairs = [], [], _Pairs()
    for source_path, target_path in zip(sources, targets, strict=True):
        source, target = _Scan(source_path), _Scan(target_path)
        pairs.begin(source, target)
        for left, right in zip_longest(source.lines(), target.lines()):
            if left is not None and right is not None:
                pairs.add(left, right)
        _compare_counts(source, target)
        files.append(FilePair(str(source_path), source.count, str(target_path), target.count))
    pairs.finish()
    ids = [_check_ids(path, target_path, files) for path, target_path in documents]
    files += [FilePair(str(one.path), one.count, str(other.path), other.count) for one, other in ids]
    for scans in (*pairs.scans, *ids):
        found = (finding for scan in scans for finding in scan.findings())
        findings += [finding for finding in found if finding not in findings]  # a target may have several sources
    return CheckReport(files, findings)


def _check_ids(path: Path, target_path: Path, files: Sequence[FilePair]) -> tuple["_Scan", "_Scan"]:
    """A file of ids, and its target as it was counted before, each with what is wrong between them."""
    ids, target = _Scan(path), _Scan(target_path)
    deque(ids.lines(), maxlen=0)
    target.count = next(pair.target_lines for pair in files if pair.target == str(target_path))
    _compare_counts(ids, target)
    return ids, target


class _Tally:
    """How many lines, the first LISTED of them, and what they have in common."""

    def __init__(self) -> None:
        self.count = 0
        self.lines: list[int] = []
        self.notes: Counter[str] = Counter()

    def see(self, line: int, *notes: str) -> None:
        self.count += 1
        if len(self.lines) < LISTED:
            self.lines.append(line)
        for note in notes:
            if note in self.notes or len(self.notes) < EXAMPLES:
                self.notes[note] += 1


class _Scan:
    """One file: its lines, and what is wrong with each for itself."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.tallies: defaultdict[Kind, _Tally] = defaultdict(_Tally)

    def lines(self) -> Iterator[str]:
        """The lines; in a line that is not UTF-8 the bad bytes are U+FFFD."""
        with open_text(self.path) as file:
            lines = raw_lines(file, self.path)
            for self.count, raw in enumerate(lines, 1):
                text = raw.decode("utf-8", "replace")
                other = other_format(raw) if self.count == 1 else ""
                if other:
                    self.tallies["invalid_utf8"].see(1, other)
                is_own = "\ufffd" not in text or (not other and self._is_utf8(raw))
                self._see_odd(text if is_own else text.replace("\ufffd", ""))
                yield text

    def _is_utf8(self, raw: bytes) -> bool:
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError as error:
            column = len(raw[: error.start].decode("utf-8")) + 1
            self.tallies["invalid_utf8"].see(self.count, f"byte {raw[error.start]:#04x} at column {column}")
            return False
        return True

    def _see_odd(self, text: str) -> None:
        kinds: tuple[Kind, ...] = ("separators", "controls", "replacements")
        for kind in () if text.isprintable() and "\ufffd" not in text else kinds:
            if found := sorted(set(_ODD[kind].findall(text))):
                self.tallies[kind].see(self.count, *map(_name, found))

    def findings(self) -> Iterator[Finding]:
        """What was found, errors first."""
        for kind in _WORDS:
            if tally := self.tallies.get(kind):
                notes = list(tally.notes) if kind in _ODD else list(tally.notes)[:1]
                yield Finding(kind, str(self.path), tally.count, tally.lines, ", ".join(notes))


class _Pairs:
    """What concerns both sides of a pair: blank sides at once, duplicates and lengths when all has been seen."""

    def __init__(self) -> None:
        self.scans: list[tuple[_Scan, _Scan]] = []
        self._starts: list[int] = []
        self._source_text = bytes(8)  # which of its target's sources
        self._hashes = (array("Q"), array("Q"))
        self._lengths = (array("I"), array("I"))

    def begin(self, source: _Scan, target: _Scan) -> None:
        """The pairs that follow are of these files; those of a target's several sources are no repetitions."""
        number = sum(other.path == target.path for _, other in self.scans)
        self._source_text = number.to_bytes(8, "little")
        self.scans.append((source, target))
        self._starts.append(len(self._hashes[0]))

    def add(self, source: str, target: str) -> None:
        """The next pair."""
        line = len(self._hashes[0]) - self._starts[-1] + 1
        blank = is_blank(source), is_blank(target)
        for scan, is_bare in zip(self.scans[-1], blank, strict=True):
            if is_bare:
                scan.tallies["blank_both" if all(blank) else "blank"].see(line)
        for text, hashes, lengths in zip((source, target), self._hashes, self._lengths, strict=True):
            digest = blake2b(text.encode("utf-8"), digest_size=8, salt=self._source_text).digest()
            hashes.append(int.from_bytes(digest))
            lengths.append(0 if any(blank) else len(text))

    def finish(self) -> None:
        """Tally duplicates, sources with several targets and lengths that do not go together."""
        source, target = (np.array(hashes, dtype=np.uint64) for hashes in self._hashes)
        lengths = [np.array(side, dtype=np.int64) for side in self._lengths]
        rows = np.flatnonzero(lengths[0] > 0)
        order = rows[np.lexsort((rows, target[rows], source[rows]))]
        again = np.zeros(len(order), dtype=bool)
        same_source = source[order[1:]] == source[order[:-1]]
        again[1:] = same_source & (target[order[1:]] == target[order[:-1]])
        self._see_repeats(order, again)
        self._see_several(order[~again], source)
        for row in _extreme(*lengths):
            self._see("length_ratio", row, f"{lengths[0][row]} and {lengths[1][row]} characters")

    def _see_repeats(self, order: NDArray[np.int64], again: NDArray[np.bool_]) -> None:
        firsts = order[np.maximum.accumulate(np.where(again, 0, np.arange(len(order))))]
        for row, first in sorted(zip(order[again].tolist(), firsts[again].tolist(), strict=True)):
            scan, line = self._place(first)
            self._see("duplicates", row, f"the first repeats {scan.path}:{line}")

    def _see_several(self, order: NDArray[np.int64], source: NDArray[np.uint64]) -> None:
        _, starts, counts = np.unique(source[order], return_index=True, return_counts=True)
        many = counts > 1
        groups = zip(starts[many].tolist(), counts[many].tolist(), strict=True)
        for row, count in sorted((int(order[start : start + count].min()), count) for start, count in groups):
            self._see("several_targets", row, f"the first has {count}")

    def _place(self, row: int) -> tuple[_Scan, int]:
        number = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self.scans[number][0], row - self._starts[number] + 1

    def _see(self, kind: Kind, row: int, note: str) -> None:
        scan, line = self._place(row)
        scan.tallies[kind].see(line, note)


def _extreme(source: NDArray[np.int64], target: NDArray[np.int64]) -> list[int]:
    """Pairs whose ratio of characters is RATIO times off the corpus's median, one side having RATIO_CHARACTERS."""
    both = (source > 0) & (target > 0)
    if not both.any():
        return []
    ratio = source[both] / target[both]
    ratio /= np.median(ratio)  # a mean would be that of one very long line
    off = (np.maximum(ratio, 1 / ratio) > RATIO) & (np.maximum(source, target)[both] >= RATIO_CHARACTERS)
    found: list[int] = np.flatnonzero(both)[off].tolist()
    return found


def _compare_counts(source: _Scan, target: _Scan) -> None:
    for scan, other in ((source, target), (target, source)):
        if scan.count == 0:
            scan.tallies["empty"].count = 1
        if scan.count > other.count:
            for line in range(other.count + 1, scan.count + 1):
                scan.tallies["line_counts"].see(line, f"{scan.count} lines against {other.count} of {other.path}")


def _name(character: str) -> str:
    code = ord(character)
    return f"U+{code:04X}" + (f" {_NAMES[code]}" if code in _NAMES else "")


def _sentence(finding: Finding) -> str:
    where = f"{finding.severity}: {finding.file}: {_WORDS[finding.kind]}"
    if not finding.lines:
        return where
    numbers = ", ".join(map(str, finding.lines[:EXAMPLES])) + (", …" if finding.count > EXAMPLES else "")
    lines = f"line {numbers}" if finding.count == 1 else f"{finding.count} lines: {numbers}"
    return f"{where}: {lines}" + (f" ({finding.detail})" if finding.detail else "")


def _fill(text: str) -> str:
    return fill(text, WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
