"""By what kept figures of experiments are known, and what names of experiments are refused."""

from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from benchmarks import machine
from experiments import fuzz, results
from experiments.results import Stage, keep_result, known, measured, measured_at, read_results, recipe_hash


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
    assert measured_at([kept["old"]]).startswith(f"Of commit abc, torch {torch.__version__}, ")


def test_a_table_says_whether_some_of_its_figures_are_of_code_that_was_not_noted() -> None:
    noted = {"commit": "abc", "torch": "2", "machine": {"processor": "x"}}
    assert measured_at([noted, {"bleu": 3.0}]) == "Of commit abc, torch 2, x; some of code that was not noted."
    assert measured_at([{"bleu": 3.0}]) == "Of code that was not noted."
    assert (measured_at([noted]), measured_at([])) == ("Of commit abc, torch 2, x.", "")


@pytest.fixture
def committing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another commit each time that git is asked; figures are kept in a folder of the test's own."""
    numbers = count()
    git = SimpleNamespace(run=lambda *_, **__: SimpleNamespace(stdout=f"later{next(numbers)}"))
    monkeypatch.setattr(machine, "subprocess", git)
    monkeypatch.setattr(results, "RESULTS", tmp_path)


@pytest.mark.usefixtures("committing")
def test_figures_are_of_the_commit_that_was_there_when_the_process_began() -> None:
    keep_result("x", "long", {"bleu": 1.0})
    assert read_results("x")["long"]["commit"] == results.COMMIT
    assert "later" not in results.COMMIT


@pytest.mark.usefixtures("committing")
def test_inputs_made_up_by_one_process_are_of_one_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"seconds": 1, "executions": 2, "crashes": 5}  # five end it
    monkeypatch.setattr(fuzz, "one_run", lambda name, seconds, seed: {"seed": seed, **found})
    for _ in range(2):
        fuzz.fuzz("set", 1)
    assert [run["seed"] for run in read_results("fuzz")["set"]["runs"]] == [1, 2]


def test_training_speed_is_of_all_updates() -> None:
    events = [{"event": "train", "tokens": 600, "cpu_minutes": 0.1}, {"event": "validation"}]
    events += [{"event": "train", "tokens": 1200, "cpu_minutes": 0.25}]
    assert results.training_speed(events) == pytest.approx(120)


def test_a_run_that_began_from_another_is_not_gone_on_with_when_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.results.RESULTS", tmp_path)
    monkeypatch.setattr("torch.set_num_threads", lambda threads: None)
    trained: list[Path] = []
    monkeypatch.setattr("experiments.results.train", lambda config, run, changes: trained.append(run))
    monkeypatch.setattr("experiments.results.training_figures", lambda run: {"updates": 7})
    config = tmp_path / "a.yaml"
    config.write_text("training: {seed: 3}\n", encoding="utf-8")
    first, second = tmp_path / "first", tmp_path / "second"

    def figures() -> dict[str, Any]:
        return measured("x", "one", config, second, lambda: {"bleu": 3}, ["training.seed=4"], [Stage(config, first)])

    second.mkdir()
    with pytest.raises(SystemExit, match=r"first: missing, and what started from it is there"):
        figures()
    second.rmdir()
    kept = figures()
    assert (trained, kept["bleu"], kept["updates"]) == ([first, second], 3, 7)
    config.write_text("training: {seed: 5}\n", encoding="utf-8")  # what both began with has changed
    assert figures()["config"] != kept["config"]
    assert len(trained) == 4
    assert (figures(), len(trained)) == (read_results("x")["one"], 4)
