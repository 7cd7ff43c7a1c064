"""When marks are passed, and what the table makes of it, by hand."""

from pathlib import Path
from typing import Any

import pytest
from experiments import time_to_bleu

from nmt.config import load_config

EVENTS = [
    {"event": "train", "step": 20, "seconds": 70.0, "cpu_minutes": 1.0},
    {"event": "validation", "step": 20, "checkpoint": "step-20", "cpu_minutes": 1.0, "bleu": 29.99},
    {"event": "train", "step": 40, "seconds": 150.0, "cpu_minutes": 2.0},
    {"event": "validation", "step": 40, "checkpoint": "step-40", "cpu_minutes": 2.0, "bleu": 36.0},
    {"event": "train", "step": 60, "seconds": 240.0, "cpu_minutes": 3.0},
    {"event": "validation", "step": 60, "checkpoint": "step-60", "cpu_minutes": 3.0, "bleu": 34.0},
    {"event": "validation", "step": 60, "checkpoint": "average", "cpu_minutes": 3.0, "bleu": 40.0},
]


def result(*passed: float | None, minutes: float = 20.0, valid: float = 38.5) -> dict[str, Any]:
    return {"passed": dict(zip(("30", "35", "38"), passed, strict=True)), "cpu_minutes": minutes, "valid_greedy": valid}


@pytest.fixture
def kept() -> dict[str, Any]:
    first = next(iter(time_to_bleu.PEERS))
    peer = result(8.0, 16.0, None, minutes=40.0, valid=36.0) | {"setting": time_to_bleu.PEERS[first]._asdict()}
    ours = zip(time_to_bleu.OURS, (result(2.0, 4.0, 9.0), result(3.0, 5.0, None), result(4.0, 6.0, 10.0)), strict=True)
    return {**{name: one | {"test": 39.04} for name, one in ours}, first: peer}


def test_a_mark_is_passed_at_the_first_validation_at_or_above_it() -> None:
    figures = time_to_bleu.figures(time_to_bleu.curve_of([EVENTS]))
    assert figures["passed"] == {"30": 2.0, "35": 2.0, "38": None}
    assert (figures["cpu_minutes"], figures["valid_greedy"]) == (3.0, 34.0)


def test_what_follows_a_run_counts_the_minutes_of_all_its_updates() -> None:
    later = {"event": "validation", "step": 10, "checkpoint": "step-10", "cpu_minutes": 0.5, "bleu": 38.2}
    figures = time_to_bleu.figures(time_to_bleu.curve_of([EVENTS, [later]]))
    assert figures["passed"] == {"30": 2.0, "35": 2.0, "38": 3.5}
    assert figures["curve"] == [[1.0, 29.99], [2.0, 36.0], [3.0, 34.0], [3.5, 38.2]]


def test_the_table_has_medians_of_ours_and_their_share_of_the_best_peers(kept: dict[str, Any]) -> None:
    lines = time_to_bleu.table(kept).splitlines()
    assert lines[2] == "| ours, seed 1 | 2.0 | 4.0 | 9.0 | 20.0 | 38.5 | **39.0** |"
    assert lines[5] == "| **ours, median** | **3.0** | **5.0** | **10.0** |  |  |  |"
    assert lines[6] == "| Hugging Face 1 | 8.0 | 16.0 | – | 40.0 | 36.0 | – |"
    assert lines[7] == "| **ours / the soonest peer** | **0.38×** | **0.31×** | **< 0.25×** |  |  |  |"
    assert lines[-1] == "Of code that was not noted."


def test_each_mark_is_compared_with_the_setting_that_passed_it_first(kept: dict[str, Any]) -> None:
    _, second, third, *_ = time_to_bleu.PEERS
    soon = result(4.0, 32.0, None, minutes=80.0) | {"setting": time_to_bleu.PEERS[second]._asdict()}
    more = {**kept, second: soon, third: result(None, None, None) | {"setting": time_to_bleu.PEERS[third]._asdict()}}
    ratios = "| **ours / the soonest peer** | **0.75×** | **0.31×** | **< 0.12×** |  |  |  |"
    assert ratios in time_to_bleu.table(more).splitlines()


def test_a_peer_is_trained_on_until_another_has_passed_the_last_mark(kept: dict[str, Any]) -> None:
    first = next(iter(time_to_bleu.PEERS))
    assert time_to_bleu.latest(None, {}) == time_to_bleu.MAX_MINUTES
    assert time_to_bleu.latest(first, kept) == time_to_bleu.MAX_MINUTES
    assert time_to_bleu.latest("b", {"b": result(2.0, 3.0, 30.0)}) == 30.0


def test_the_best_peer_passed_the_highest_mark_first(monkeypatch: pytest.MonkeyPatch) -> None:
    results = {"a": result(1.0, 9.0, None), "b": result(2.0, 3.0, 30.0), "c": result(2.0, 3.0, 31.0)}
    monkeypatch.setattr(time_to_bleu, "PEERS", results)
    assert time_to_bleu.best_peer(results) == "b"
    assert time_to_bleu.best_peer({"a": results["a"]}) == "a"
    assert time_to_bleu.best_peer({}) is None


@pytest.mark.parametrize("recipe", [time_to_bleu.RECIPE, time_to_bleu.AFTER])
def test_the_recipes_end_with_a_validation(recipe: Path) -> None:
    training = load_config(recipe).training
    assert (training.max_updates or 1) % training.validate_every == 0


def test_the_second_recipe_is_for_the_models_of_the_first() -> None:
    first, second = load_config(time_to_bleu.RECIPE), load_config(time_to_bleu.AFTER)
    assert (first.data, first.tokenizer, first.model) == (second.data, second.tokenizer, second.model)
    assert second.training.start_from == f"runs/{time_to_bleu.RECIPE.stem}"
