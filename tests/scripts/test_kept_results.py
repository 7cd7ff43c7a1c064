"""By what kept figures of experiments are known, and what names of experiments are refused."""

from pathlib import Path

import pytest
import torch
from experiments import results
from experiments.results import keep_result, known, measured_at, read_results, recipe_hash


def written(folder: Path, text: str) -> Path:
    file = folder / "recipe.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_recipe_is_known_by_its_settings_and_not_by_how_they_are_laid_out(tmp_path: Path) -> None:
    short = recipe_hash(written(tmp_path, "model: {dropout: 0.1, embedding_size: 8}"))
    assert short == recipe_hash(written(tmp_path, "# the same\nmodel:\n  embedding_size: 8\n  dropout: 0.1\n"))
    assert short != recipe_hash(written(tmp_path, "model: {dropout: 0.2, embedding_size: 8}"))


def test_a_change_counts_as_if_it_stood_in_the_file(tmp_path: Path) -> None:
    changed = recipe_hash(written(tmp_path, "model: {dropout: 0.1}"), ["model.dropout=0.2"])
    assert changed == recipe_hash(written(tmp_path, "model: {dropout: 0.2}"))


def test_names_that_are_not_there_are_refused_with_those_that_are() -> None:
    with pytest.raises(SystemExit, match=r"no name c, d\nhint: there are a; b"):
        known(["d", "a", "c"], ["a", "b"])


def test_without_names_all_are_meant() -> None:
    assert known([], {"a": 1, "b": 2}) == {"a": 1, "b": 2}
    assert known(["b"], ["a", "b"]) == ["b"]


def test_figures_are_kept_with_what_they_were_measured_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    keep_result("x", "new", {"bleu": 1.0})
    keep_result("x", "old", {"bleu": 2.0, "commit": "abc"})
    kept = read_results("x")
    assert (kept["new"]["torch"], kept["old"]["commit"]) == (torch.__version__, "abc")
    assert measured_at([kept["old"], {"bleu": 3.0}]).startswith(f"Of commit abc, torch {torch.__version__}, ")
