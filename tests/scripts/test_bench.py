"""What scripts/bench computes from updates and prints of two reports, by hand."""

from pathlib import Path
from typing import Any

import pytest
from benchmarks import bench
from benchmarks.machine import peak_memory, resident_memory
from benchmarks.measure import Step, training_figures
from benchmarks.report import better, comparison, ratios

QUICKSTART = str(Path(__file__).parents[2] / "configs/quickstart.yaml")


def report(**figures: Any) -> dict[str, Any]:
    return {"commit": "a", "figures": figures}


def test_rates_are_medians_over_five_blocks_of_updates() -> None:
    # Ten updates of 6 target pieces in 1 s each, but for two slow ones: blocks of 6, 6, 3, 6 and 6 pieces a second.
    steps = [Step(2.0 if number in (4, 5) else 1.0, [(3, 2), (2, 4)], 8, 8) for number in range(10)]
    figures = training_figures(steps)
    assert figures["target_tokens_per_second"] == 6
    assert figures["target_tokens_per_second_range"] == [3, 6]
    assert figures["sentences_per_second"] == 2
    assert figures["milliseconds_per_update"] == 1000


def test_padding_is_the_share_of_places_without_a_piece() -> None:
    figures = training_figures([Step(1.0, [(3, 2), (2, 4)], 6, 8)])
    assert (figures["source_padding"], figures["target_padding"]) == (pytest.approx(1 / 6), pytest.approx(1 / 4))


def test_ratios_are_of_the_figures_that_both_reports_have() -> None:
    found = ratios(report(speed=30, peak_bytes=100, ours=1, zero=1), report(speed=20, peak_bytes=400, zero=0))
    assert found == {"speed": 1.5, "peak_bytes": 0.25}


@pytest.mark.parametrize(
    ("name", "ratio", "word"),
    [
        ("target_tokens_per_second", 1.5, " better"),
        ("target_tokens_per_second", 0.5, " worse"),
        ("milliseconds_per_update", 0.5, " better"),
        ("peak_bytes", 1.5, " worse"),
        ("gflops", 1.05, ""),
    ],
)
def test_less_is_better_for_time_and_memory_and_worse_for_rates(name: str, ratio: float, word: str) -> None:
    assert better(name, ratio) == word


def test_a_comparison_says_first_what_else_was_different() -> None:
    text = comparison(report(speed=30), report(speed=20) | {"commit": "b"})
    assert text.splitlines() == ["this / other", "  commit: a / b", "speed            30            20    1.50× better"]


def test_a_peak_of_memory_is_no_less_than_what_is_held() -> None:
    held = bytearray(b"1") * (64 << 20)
    assert len(held) < resident_memory() <= peak_memory()


def test_a_config_that_is_not_there_is_refused_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"error: none\.yaml"):
        bench.main(["train", "none.yaml"])


def test_values_of_searches_are_numbers_where_they_look_like_numbers() -> None:
    assert bench.pairs(["beam_size=5", "stopping=first", "length_penalty=0.5"]) == {
        "beam_size": 5,
        "stopping": "first",
        "length_penalty": 0.5,
    }
