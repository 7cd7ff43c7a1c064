"""By what kept figures of experiments are known, and what names of experiments are refused."""

from pathlib import Path

import pytest
from experiments.results import known, recipe_hash


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
