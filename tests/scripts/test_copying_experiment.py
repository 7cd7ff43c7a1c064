"""What scripts/experiments/copying.py trains and prints, of figures made up."""

from pathlib import Path

import pytest
from experiments import copying, results

from nmt.config import load_config

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", copying.TRIALS)
def test_every_trial_trains_on_its_task(name: str) -> None:
    trial = copying.TRIALS[name]
    data = load_config(ROOT / copying.CONFIGS / f"{trial.config}.yaml", trial.changes).data
    texts = [path for files in (data.train, data.valid) for path in (*files.sources[0], *files.targets)]
    assert all(path.is_relative_to(trial.task) for path in texts)


def test_a_corpus_that_has_a_line_of_the_test_set_is_refused(tmp_path: Path) -> None:
    tested, other, same = (tmp_path / name for name in ("tested", "other", "same"))
    for path, text in ((tested, "1 2\n3 4\n"), (other, "1 3\n2 4\n"), (same, "1 3\n3 4\n")):
        path.write_text(text, encoding="utf-8")
    copying.check_unseen([other], tested)
    with pytest.raises(SystemExit, match=r"same: has 1 lines of .*tested"):
        copying.check_unseen([other, same], tested)


def test_the_table_has_a_row_for_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = tmp_path / "x.md"
    document.write_text("<!-- table: copying -->\n<!-- end -->\n")
    monkeypatch.setattr(copying, "DOCUMENT", document)
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    figures = {"cpu_minutes": 2.04, "bleu": 91.26, "lines": 70.04}
    results.keep_result("copying", "sorting: pointer", figures)
    results.keep_result("copying", "names: words", {**figures, "names": 1.0, "asked": 993})
    copying.report()
    assert document.read_text().splitlines()[3:-1] == [
        "| names: words | 2.0 | 91.3 | 70.0 % | 1.0 % of 993 |",
        "| sorting: pointer | 2.0 | 91.3 | 70.0 % |  |",
    ]
