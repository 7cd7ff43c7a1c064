"""What scripts/experiments/scores.py trains and prints, of figures made up."""

from pathlib import Path

import pytest
from experiments import results, scores

from nmt.config import load_config

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", scores.NAMES)
def test_nothing_but_the_score_and_the_budget_differs(name: str) -> None:
    base, own = (load_config(ROOT / scores.RECIPE, changed).model_dump() for changed in ((), scores.changes(name)))
    assert own["model"]["decoder"]["attention"].pop("score")["name"] == name
    del base["model"]["decoder"]["attention"]["score"]
    assert own == {**base, "training": {**base["training"], "max_updates": 2000}}


def test_the_table_has_a_row_for_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = tmp_path / "x.md"
    document.write_text("<!-- table: scores -->\n<!-- end -->\n")
    monkeypatch.setattr(scores, "DOCUMENT", document)
    monkeypatch.setattr(scores, "PICTURE", tmp_path / "x.png")
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    figures = {"parameters": 5_609_840, "cpu_minutes": 24.6, "length_penalty": 1.2, "valid": 37.26, "test": 36.14}
    results.keep_result("scores", "dot", {**figures, "signature": "s", "by_length": [[1, 5, 10, 30.0]]})
    scores.report()
    assert "| `dot` | 5.61 M | 25 | 1.2 | 37.3 | **36.1** |\n\n2,000 updates each. s." in document.read_text()
    assert (tmp_path / "x.png").exists()
