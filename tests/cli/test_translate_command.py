"""`nmt translate`: one line out per line in, whatever the line."""

import json
from pathlib import Path

from command_line import Command


def test_every_line_gives_one_line_and_an_empty_one_an_empty_one(run: Command, in_trained: Path) -> None:
    answer = run("translate", "runs/x", stdin=b"a b c\n\nd e\r\nf")
    lines = answer.out.split("\n")
    assert answer.code == 0
    assert len(lines) == 5
    assert lines[1] == lines[4] == ""


def test_no_input_gives_no_output(run: Command, in_trained: Path) -> None:
    assert run("translate", "runs/x") == (0, "", "")


def test_files_are_read_and_written(run: Command, in_trained: Path, tmp_path: Path) -> None:
    output = tmp_path / "new" / "text.hyp"
    assert run("translate", "runs/x", "--input", "text.en", "--output", output).out == ""
    assert output.read_text() == run("translate", "runs/x", "--input", "text.en").out
    assert len(output.read_text().splitlines()) == 40


def test_a_line_of_ten_thousand_words_gives_one_line(run: Command, in_trained: Path) -> None:
    answer = run("translate", "runs/x", "--beam-size", 1, stdin=b"a " * 10_000 + b"\nb\n")
    assert (answer.code, answer.err, answer.out.count("\n")) == (0, "", 2)


def test_the_json_file_has_the_n_best_hypotheses_with_alignments(
    run: Command, in_trained: Path, tmp_path: Path
) -> None:
    file = tmp_path / "x.jsonl"
    answer = run("translate", "runs/x", "--json", file, "--n-best", 3, stdin=b"a b c\n\n")
    first, second = map(json.loads, file.read_text().splitlines())
    best = first["hypotheses"][0]
    assert first["source_pieces"] == ["a", "b", "c"]
    assert len(first["hypotheses"]) == 3
    assert best["text"] == answer.out.splitlines()[0]
    assert [len(row) for row in best["alignment"]] == [4] * (len(best["pieces"]) + 1)
    assert [hypothesis["score"] for hypothesis in first["hypotheses"]] == sorted(
        (hypothesis["score"] for hypothesis in first["hypotheses"]), reverse=True
    )
    assert second == {"source": "", "source_pieces": [], "segments": 0, "hypotheses": []}


def test_a_layer_and_a_head_are_shown(run: Command, in_trained: Path, tmp_path: Path) -> None:
    shown = []
    for chosen in ((), ("--layer", 1, "--head", 1)):
        run("translate", "runs/x", "--json", tmp_path / "x.jsonl", *chosen, stdin=b"a b c\n")
        shown.append((tmp_path / "x.jsonl").read_text())
    assert shown[0] == shown[1]


def test_search_options_override_the_config(run: Command, in_trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    plain = ("--length-penalty", 0, "--beam-size", 2, "--max-length", 3, "--json", file)
    assert run("translate", "runs/x", *plain, stdin=b"a b c\n").code == 0
    best = json.loads(file.read_text())["hypotheses"][0]
    assert best["score"] == best["log_prob"]
    assert len(best["pieces"]) + 1 <= 3


def test_heatmaps_are_drawn_of_lines_with_words(run: Command, in_trained: Path, tmp_path: Path) -> None:
    answer = run("translate", "runs/x", "--heatmaps", tmp_path, "--checkpoint", "last", stdin=b"\na b c d e f\n")
    drawn = sorted(path.name for path in tmp_path.glob("*.png"))
    assert answer.err == f"{len(drawn)} heatmaps in {tmp_path}\n"
    assert "0001.png" not in drawn


def test_invalid_utf8_names_the_line(run: Command, in_trained: Path) -> None:
    answer = run("translate", "runs/x", stdin="eins\nzwei ä".encode() + b"\xff\n")
    assert answer == (
        2,
        "",
        "error: standard input:2: not valid UTF-8 (byte 0xff at column 7)\nhint: convert the text to UTF-8 first\n",
    )


def test_a_failed_translation_leaves_no_file(run: Command, in_trained: Path, tmp_path: Path) -> None:
    output = tmp_path / "text.hyp"
    assert run("translate", "runs/x", "--output", output, stdin=b"\xff\n").code == 2
    assert list(tmp_path.iterdir()) == []
