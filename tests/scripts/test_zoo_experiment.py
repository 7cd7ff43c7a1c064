"""docs/attention.md has a place for every recipe, and says what the script writes of what has been measured."""

from typing import Any

import pytest
from experiments import copying, several_sources, zoo
from experiments.results import read_results

RECIPES = zoo.names()
FIGURES: dict[str, Any] = {
    "bleu": 88.04,
    "chrf": 93.21,
    "aer": 0.0771,
    "best_aer": 0.0438,
    "parameters": 1_803_617,
    "tokens_per_second": 6543,
    "sentences_per_second": 61.24,
    "signatures": {"bleu": "nrefs:1"},
}


@pytest.fixture(scope="module")
def document() -> str:
    return zoo.DOCUMENT.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    return read_results(zoo.EXPERIMENT)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_its_section_as_the_script_writes_it(name: str, document: str, kept: dict[str, Any]) -> None:
    assert f"\n{zoo.marker(name)}\n{zoo.section(name, kept)}\n<!-- end -->" in document


def test_the_table_of_all_is_the_script_s(document: str, kept: dict[str, Any]) -> None:
    assert f"<!-- table: zoo -->\n{zoo.overview(kept)}\n<!-- end -->" in document


def test_pictures_are_of_recipes_and_small() -> None:
    pictures = list(zoo.PICTURES.glob("*.png"))
    assert {picture.stem for picture in pictures} <= set(RECIPES)
    assert sum(picture.stat().st_size for picture in pictures) < 3_000_000


def test_a_recipe_shows_the_lines_of_its_own() -> None:
    assert zoo.own_lines("score_dot") == ["attention: {score: dot}"]
    assert zoo.own_lines("gated_layers") == ["gated_layers: 1"]
    assert zoo.own_lines(zoo.BASE) == ["attention: {score: additive}"]


def test_recipes_that_say_the_same_have_one_training() -> None:
    assert {zoo.trained_as(name) for name in ("attention_attend", "scope_global", "normalizer_softmax")} == {zoo.BASE}
    assert zoo.trained_as("score_dot") == "score_dot"


def test_a_row_has_its_figures_and_what_more_updates_bring() -> None:
    row = ["**88.0**", "93.2", "0.077", "1.80 M", "6,543", "61.2"]
    assert zoo.row("a", {"a": FIGURES}) == [*row, ""]
    assert zoo.row("a", {"a": FIGURES, "a longer": {"bleu": 91.26}}) == [*row, "91.3"]
    assert zoo.row("a", {"a": FIGURES | {"aer": None}})[2] == "–"


@pytest.mark.parametrize(
    ("experiment", "trials"), [("several_sources", several_sources.TRIALS), ("copying", copying.TRIALS)]
)
def test_every_recipe_for_another_corpus_is_trained_and_drawn_elsewhere(
    experiment: str, trials: dict[str, Any]
) -> None:
    for recipe, (trained_by, kept_as) in zoo.ELSEWHERE.items():
        if trained_by == experiment:
            assert trials[kept_as].config == recipe
            assert f"![Where {recipe} looks" in zoo.section(recipe, {})


def test_recipes_are_for_the_sample_corpus_or_measured_elsewhere() -> None:
    assert set(zoo.ELSEWHERE) == {name for name in RECIPES if not zoo.on_the_sample(name)}
