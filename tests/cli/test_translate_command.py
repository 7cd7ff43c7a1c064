"""`nmt translate`: one line out per line in, whatever the line."""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from command_line import Command, write_text

from nmt.cli.options import searching
from nmt.errors import ConfigError
from nmt.search import Beam, Greedy


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
    assert (answer.code, answer.out.count("\n")) == (0, 2)
    assert answer.err == (
        "warning: standard input:1: 10000 pieces, more than the model reads at once: translated in 79 parts\n"
    )


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


def test_the_layer_and_the_heads_that_are_named_are_shown(run: Command, folder: Path) -> None:
    write_text(folder)
    config = (
        (folder / "x.yaml").read_text().replace("{name: rnn, size: 8}", "{name: transformer, num_layers: 2, heads: 2}")
    )
    (folder / "x.yaml").write_text(config)
    assert run("train", "x.yaml", "--set", "training.max_updates=1").code == 0

    def shown(*chosen: object) -> np.ndarray:
        options = ("--json", "x.jsonl", "--overwrite", "--length-penalty", 5, *chosen)
        assert run("translate", "runs/x", *options, stdin=b"a b c\n").code == 0
        return np.array(json.loads((folder / "x.jsonl").read_text())["hypotheses"][0]["alignment"])

    top, lower = ([shown("--layer", layer, "--head", head) for head in (1, 2)] for layer in (2, 1))
    np.testing.assert_allclose(shown(), (top[0] + top[1]) / 2, atol=2e-6)
    np.testing.assert_allclose(shown("--layer", 1), (lower[0] + lower[1]) / 2, atol=2e-6)
    np.testing.assert_array_equal(shown("--layer", 2, "--head", 1, "--head", 2), shown())
    differences = [abs(one - other).max() for one, other in combinations([*top, *lower], 2)]
    assert min(differences) > 1e-3


def test_search_options_override_the_config(run: Command, in_trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    plain = ("--length-penalty", 0, "--beam-size", 2, "--max-length", 3, "--json", file)
    assert run("translate", "runs/x", *plain, stdin=b"a b c\n").code == 0
    best = json.loads(file.read_text())["hypotheses"][0]
    assert best["score"] == best["log_prob"]
    assert len(best["pieces"]) <= 3


def test_a_greedy_search_becomes_a_beam_only_where_its_size_is_given() -> None:
    assert searching(Greedy.Options(), beam_size=3, length_penalty=1.0) == Beam.Options(beam_size=3, length_penalty=1.0)
    with pytest.raises(ConfigError, match="greedy, which has no --length-penalty") as caught:
        searching(Greedy.Options(), beam_size=None, length_penalty=1.0)
    assert caught.value.hint == "give --beam-size, too"


def test_the_longest_translation_is_counted_without_the_end_of_the_sentence(run: Command, in_trained: Path) -> None:
    long = ("translate", "runs/x", "--length-penalty", 5)
    for limit in (1, 3):
        assert len(run(*long, "--max-length", limit, stdin=b"a b c\n").out.split()) == limit
    assert len(run(*long, "--max-length", 500, stdin=b"a b c\n").out.split()) == 2 * 4 + 10 - 1


def test_n_best_needs_the_file_that_shows_them(run: Command, in_trained: Path) -> None:
    assert run("translate", "runs/x", "--n-best", 5, stdin=b"a\n") == (
        2,
        "",
        "error: --n-best chooses how many hypotheses the JSON file has\nhint: give --json with it\n",
    )


def test_heatmaps_are_drawn_of_lines_with_words(run: Command, in_trained: Path, tmp_path: Path) -> None:
    options = ("--heatmaps", tmp_path, "--length-penalty", 5)  # without it the young model says nothing
    answer = run("translate", "runs/x", *options, stdin=b"\na b c d e f\n")
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["0002.png"]
    assert answer.err == f"1 heatmaps in {tmp_path}\n"


def test_a_line_that_is_not_utf8_is_left_empty_and_named(run: Command, in_trained: Path, tmp_path: Path) -> None:
    around = run("translate", "runs/x", stdin=b"a b\nc\n").out.splitlines()
    answer = run("translate", "runs/x", "--json", tmp_path / "j", stdin="a b\nzwei ä".encode() + b"\xff\nc\n")
    assert (answer.code, answer.out) == (0, f"{around[0]}\n\n{around[1]}\n")
    assert answer.err == "warning: standard input:2: not valid UTF-8; its translation is empty\n"
    assert json.loads((tmp_path / "j").read_text().splitlines()[1])["source"] == "zwei ä\ufffd"


def test_another_format_than_text_is_refused(run: Command, in_trained: Path) -> None:
    answer = run("translate", "runs/x", stdin="eins\n".encode("utf-16"))
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: standard input:1: not valid UTF-8 (byte 0xff at column 1)\n")


def test_a_closed_standard_input_is_told(run: Command, in_trained: Path) -> None:
    assert run("translate", "runs/x", stdin=None).err == "error: standard input: it is closed\nhint: give --input\n"


def test_a_failed_translation_leaves_no_file(run: Command, in_trained: Path, tmp_path: Path) -> None:
    output = tmp_path / "text.hyp"
    assert run("translate", "runs/x", "--output", output, stdin=b"\xff\xfea\0").code == 2
    assert list(tmp_path.iterdir()) == []
