"""What scripts/experiments/multi30k.py chooses and prints, of figures made up."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from nmt.config import Config, load_config
from nmt.metrics.bleu import Score

ROOT = Path(__file__).parents[2]
OF_PENALTY = {("best", 0.6): 7.5, ("best", 0.8): 10.0, ("best", 1.0): 12.4, ("best", 1.2): 12.4, ("average", 0.8): 13.0}


@pytest.fixture
def multi30k(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(ROOT / "scripts")
    script = import_module("experiments.multi30k")
    monkeypatch.setattr(script, "translate", lambda run, checkpoint, source, penalty: (checkpoint, penalty))
    monkeypatch.setattr(script, "bleu", lambda lines, reference: Score("BLEU", OF_PENALTY.get(lines, 0.0), ""))
    return script


def config(average_last: int) -> Config:
    return load_config(ROOT / "configs/multi30k/sutskever2014.yaml", [f"training.average_last={average_last}"])


@pytest.mark.parametrize(("average_last", "chosen"), [(0, ("best", 1.0, 12.4)), (2, ("average", 0.8, 13.0))])
def test_the_validation_set_chooses_checkpoint_and_length_penalty(
    multi30k: ModuleType, average_last: int, chosen: tuple[str, float, float]
) -> None:
    assert multi30k.choose(Path("run"), config(average_last)) == chosen


def test_the_table_shows_the_penalty_and_names_what_was_scored_before(multi30k: ModuleType) -> None:
    figures = {"parameters": 9_021_296, "cpu_minutes": 10.6, "valid": 7.5, "test": 8.53}
    again = {**figures, "length_penalty": 1.2, "scored_before": [[3.21, "a shorter recipe"]]}
    lines = multi30k.table({"vaswani2017": figures, "sutskever2014": again}).splitlines()
    assert lines[2] == "| [vaswani2017](configs/multi30k/vaswani2017.yaml) | 9.0 M | 11 | 0.6 | 7.5 | **8.5** |"
    assert lines[3] == "| [sutskever2014](configs/multi30k/sutskever2014.yaml) | 9.0 M | 11 | 1.2 | 7.5 | **8.5** |"
    assert "before it was chosen on the validation set: vaswani2017." in lines[5]
    assert lines[5].endswith("Scored before: sutskever2014 3.2 (a shorter recipe).")


def test_without_earlier_figures_there_is_no_remark(multi30k: ModuleType) -> None:
    figures = {"parameters": 1e6, "cpu_minutes": 1, "valid": 1, "test": 1, "length_penalty": 1.0}
    assert len(multi30k.table({"vaswani2017": figures}).splitlines()) == 3
