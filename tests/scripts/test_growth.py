"""Synthetic text, exponents and the table of growth, by hand."""

from collections import Counter
from pathlib import Path

import pytest
from benchmarks.measure import search
from experiments import growth, synthetic

from nmt.config import load_config


def test_words_are_different() -> None:
    found = synthetic.words(70_000)
    assert len(set(found)) == 70_000
    assert found[:2] == ["baba", "babe"]


def test_even_text_has_sentences_of_one_length_and_words_of_one_frequency(tmp_path: Path) -> None:
    synthetic.write_even(tmp_path / "a", pairs=30, length=7, vocabulary=35)
    for side in ("source", "target"):
        sentences = [line.split() for line in (tmp_path / f"a.{side}").read_text("utf-8").splitlines()]
        assert [len(sentence) for sentence in sentences] == 30 * [7]
        assert set(Counter(word for sentence in sentences for word in sentence).values()) == {6}


def test_natural_text_has_as_many_lines_as_asked_and_a_most_frequent_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthetic, "CHUNK", 300)
    synthetic.write_natural(tmp_path / "a", pairs=1000, vocabulary=50)
    lines = (tmp_path / "a.source").read_text("utf-8").splitlines()
    assert {len(line.split()) for line in lines} == set(range(5, 21))
    assert len(lines) == 1000
    assert Counter(" ".join(lines).split()).most_common(1)[0][0] == "baba"


@pytest.mark.parametrize("power", [0, 1, 2])
def test_the_exponent_is_that_of_the_largest_three_points(power: int) -> None:
    sizes = [1, 10, 20, 40]
    assert growth.slope(sizes, [999, *(3 * size**power for size in sizes[1:])]) == pytest.approx(power)


def test_the_table_has_exponents_and_ends() -> None:
    points = [[n, {"seconds": n / 10, "bytes": 5e6, "operations": n**2}] for n in (10, 100, 1000)]
    line = growth.table({"train-batch recurrent": {"points": points}}).splitlines()[2]
    name, over = "an update of pairs of 16 pieces (recurrent)", "pairs, 10 to 1,000"
    assert line == f"| {name} | {over} | **1.00** | 2.00 | 0.00 | 1 → 100 | 5 → 5 |"


def test_a_search_that_is_measured_writes_targets_of_the_length_that_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(__file__).parents[2]
    monkeypatch.setattr(growth, "CONFIGS", root / growth.CONFIGS)
    monkeypatch.chdir(tmp_path)
    growth.write_text(tmp_path, length=6, sentences=3, vocabulary=40)
    changes = {"tokenizer": {"name": "word", "vocabulary_size": 40}, "data.max_length": 6}
    spec = growth.specification(tmp_path, "recurrent", changes)
    assert load_config(spec["config"], spec["set"]).data.max_length == 6
    own = {"search": {"beam_size": 2, "stopping": "first"}, "decoding": {"max_length": 6}, "repeats": 1}
    figures = search(spec | own)
    assert (figures["sentences"], figures["target_tokens_per_sentence"]) == (3, 6)
