"""`check` finds each kind of trouble at its file and line, goes on after it, and says it in fixed words."""

import json
from pathlib import Path

import pytest

from nmt.data.check import CheckReport, Finding, check
from nmt.errors import DataError


def look(directory: Path, source: bytes | str, target: bytes | str) -> CheckReport:
    for name, content in (("a.en", source), ("a.de", target)):
        (directory / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return check([directory / "a.en"], [directory / "a.de"])


def found(report: CheckReport) -> dict[tuple[str, str], tuple[int, list[int], str]]:
    return {(f.kind, Path(f.file).name): (f.count, f.lines, f.detail) for f in report.findings}


def test_clean_text_has_no_findings(tmp_path: Path):
    report = look(tmp_path, "\ufeffone\r\ntwo\r\n", "eins\nzwei")
    assert report.findings == []
    assert report.ok
    assert report.files[0].source_lines == report.files[0].target_lines == 2


def test_unequal_line_counts_are_an_error_with_both_counts(tmp_path: Path):
    report = look(tmp_path, "a\nb\nc\nd\n", "x\ny\n")
    expected = {("line_counts", "a.en"): (2, [3, 4], f"4 lines against 2 of {tmp_path / 'a.de'}")}
    assert found(report) == expected
    assert not report.ok


def test_empty_files_are_an_error(tmp_path: Path):
    report = look(tmp_path, "", "")
    assert found(report) == {("empty", "a.en"): (1, [], ""), ("empty", "a.de"): (1, [], "")}
    assert not report.ok


def test_invalid_utf8_is_an_error_and_the_lines_after_it_are_read(tmp_path: Path):
    report = look(tmp_path, b"a\ngr\xf6\xdfe\nb\n\xff\n\tc\n", "u\nv\nw\nx\ny\n")
    expected = {
        ("invalid_utf8", "a.en"): (2, [2, 4], "byte 0xf6 at column 3"),
        ("controls", "a.en"): (1, [5], "U+0009 TAB"),
    }
    assert found(report) == expected
    assert not report.ok


def test_blank_lines_are_found_on_one_side_and_on_both(tmp_path: Path):
    report = look(tmp_path, "a\n\nc\n\u00a0\n", "w\nx\n\n \n")
    assert found(report) == {
        ("blank", "a.en"): (1, [2], ""),
        ("blank_both", "a.en"): (1, [4], ""),
        ("blank", "a.de"): (1, [3], ""),
        ("blank_both", "a.de"): (1, [4], ""),
    }
    assert report.ok


@pytest.mark.parametrize(
    ("character", "kind", "name"),
    [
        ("\t", "controls", "U+0009 TAB"),
        ("\0", "controls", "U+0000 NUL"),
        ("\x7f", "controls", "U+007F"),
        ("\x96", "controls", "U+0096"),
        ("\r", "separators", "U+000D CR"),
        ("\x0b", "separators", "U+000B VT"),
        ("\x1c", "separators", "U+001C"),
        ("\x85", "separators", "U+0085 NEL"),
        ("\u2028", "separators", "U+2028 LS"),
        ("\u2029", "separators", "U+2029 PS"),
        ("\ufffd", "replacements", "U+FFFD"),
    ],
)
def test_odd_characters_are_named(character: str, kind: str, name: str, tmp_path: Path):
    report = look(tmp_path, "a\nb\n", f"x\ny{character}z\n")
    assert found(report) == {(kind, "a.de"): (1, [2], name)}


def test_every_separator_of_splitlines_is_a_separator_or_the_newline(tmp_path: Path):
    breaks = [chr(code) for code in range(0x3000) if len(f"a{chr(code)}b".splitlines()) == 2 and code != 10]
    report = look(tmp_path, "".join(f"a{character}b\n" for character in breaks), "x\n" * len(breaks))
    assert found(report)[("separators", "a.en")][0] == len(breaks) == 9


def test_ordinary_spaces_and_letters_are_not_odd(tmp_path: Path):
    report = look(tmp_path, "a\u00a0b\u3000c\u200d\n", "日本 ﬁ\u202f!\n")
    assert report.findings == []


def test_duplicate_pairs_are_those_seen_before_on_both_sides(tmp_path: Path):
    report = look(tmp_path, "a\nb\na\na\n\n\n", "x\ny\nx\nx\n\n\n")
    assert found(report)[("duplicates", "a.en")] == (2, [3, 4], f"the first repeats {tmp_path / 'a.en'}:1")
    assert ("several_targets", "a.en") not in found(report)


def test_what_two_sources_of_a_target_share_is_no_duplicate(tmp_path: Path):
    for name, text in (("a.en", "7\nb\n"), ("b.en", "7\nc\n"), ("a.de", "7\nx\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    report = check([tmp_path / "a.en", tmp_path / "b.en"], [tmp_path / "a.de"] * 2)
    assert not {kind for kind, _ in found(report)} & {"duplicates", "several_targets"}


def test_a_source_with_several_targets_is_counted_once(tmp_path: Path):
    report = look(tmp_path, "b\na\na\na\na\n", "w\nx\ny\nx\nz\n")
    assert found(report)[("several_targets", "a.en")] == (1, [2], "the first has 3")
    assert found(report)[("duplicates", "a.en")][:2] == (1, [4])


def test_a_pair_five_times_off_the_usual_ratio_of_lengths_is_extreme(tmp_path: Path):
    usual = [("a" * length, "b" * 2 * length) for length in range(20, 40)]
    odd = [("a" * 30, "b" * 10), ("a" * 2, "b" * 30), ("a" * 30, "b" * 14)]
    sources, targets = zip(*usual, *odd, strict=True)
    report = look(tmp_path, "\n".join(sources), "\n".join(targets))
    assert found(report)[("length_ratio", "a.en")] == (2, [21, 22], "30 and 10 characters")


def test_one_very_long_line_makes_no_other_extreme(tmp_path: Path):
    lines = ["a" * length for length in range(20, 80)]
    report = look(tmp_path, "\n".join([*lines, "a" * 600_000]), "\n".join([*lines, "b" * 20]))
    assert found(report)[("length_ratio", "a.en")] == (1, [61], "600000 and 20 characters")


def test_all_lines_are_in_the_json_and_the_first_five_in_the_text(tmp_path: Path):
    report = look(tmp_path, "\ta\n" * 9, "".join(f"x{n}\n" for n in range(9)))
    controls = next(finding for finding in json.loads(report.as_json())["findings"] if finding["kind"] == "controls")
    assert (controls["count"], controls["lines"]) == (9, [1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert "9 lines: 1, 2, 3, 4, 5, …" in " ".join(report.as_text().split())


def test_a_finding_holds_ten_thousand_lines_and_counts_the_others(tmp_path: Path):
    report = look(tmp_path, "\ta\n" * 10_003, "".join(f"x{n}\n" for n in range(10_003)))
    count, lines, _ = found(report)[("controls", "a.en")]
    assert (count, lines) == (10_003, [*range(1, 10_001)])


def test_lines_are_numbered_within_their_files(tmp_path: Path):
    for name, text in (("a.en", "a\nb\n"), ("b.en", "c\nb\n"), ("a.de", "x\ny\n"), ("b.de", "z\ny\n")):
        (tmp_path / name).write_text(text)
    report = check([tmp_path / "a.en", tmp_path / "b.en"], [tmp_path / "a.de", tmp_path / "b.de"])
    assert found(report) == {("duplicates", "b.en"): (1, [2], f"the first repeats {tmp_path / 'a.en'}:2")}


def test_a_missing_file_is_a_data_error(tmp_path: Path):
    with pytest.raises(DataError, match=r"a\.en: no such file$"):
        check([tmp_path / "a.en"], [tmp_path / "a.de"])


def test_the_text_of_a_report_is_80_columns_wide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    look(Path(), "a\tb\n\na\n" + "\0c\n" * 7, b"x\ny\nz\n\xff\n" + b"x\n" * 6)
    text = check([Path("a.en")], [Path("a.de")]).as_text()
    assert text.splitlines() == [
        "a.en: 10 lines; a.de: 10 lines",
        "warning: a.en: blank here, not on the other side: line 2",
        "warning: a.en: control characters: 8 lines: 1, 4, 5, 6, 7, … (U+0009 TAB, U+0000",
        "    NUL)",
        "warning: a.en: pairs that were there before: 5 lines: 6, 7, 8, 9, 10 (the first",
        "    repeats a.en:5)",
        "warning: a.en: sources with several targets: line 4 (the first has 2)",
        "error: a.de: not valid UTF-8: line 4 (byte 0xff at column 1)",
    ]


def test_the_text_of_a_clean_report_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert look(Path(), "a\n", "x\n").as_text() == "a.en: 1 lines; a.de: 1 lines\nnothing found"


def test_the_json_of_a_report_holds_all_of_it(tmp_path: Path):
    report = look(tmp_path, "a\tb\n", "x\n")
    assert json.loads(report.as_json()) == {
        "ok": True,
        "files": [{"source": f"{tmp_path}/a.en", "source_lines": 1, "target": f"{tmp_path}/a.de", "target_lines": 1}],
        "findings": [
            {
                "severity": "warning",
                "kind": "controls",
                "file": f"{tmp_path}/a.en",
                "count": 1,
                "lines": [1],
                "detail": "U+0009 TAB",
            }
        ],
    }


def test_a_finding_is_an_error_only_where_training_would_refuse():
    assert Finding("invalid_utf8", "a", 1, [1], "").severity == "error"
    assert Finding("blank", "a", 1, [1], "").severity == "warning"
