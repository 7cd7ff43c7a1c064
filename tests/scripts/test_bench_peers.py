"""How rounds in turns become ratios and tables, by hand."""

from pathlib import Path
from typing import Any

import pytest
from benchmarks import peers
from benchmarks.contest import compare_lines, same_lines, search_round, training_round
from benchmarks.flops import cost
from benchmarks.rows import TRAININGS, Row, contenders, rows

from nmt.config import load_config

ROOT = Path(__file__).parents[2]
SPEED = Row("training", "peers", ("w/ours", "w/ours-tuned"), ("w/a", "w/b"), "rate", 1.5, 3)
MEMORY = SPEED._replace(figure="peak_bytes")
FOUND = {
    "w/ours": [{"rate": rate, "peak_bytes": 60.0} for rate in (20.0, 24.0, 30.0)],
    "w/ours-tuned": [{"rate": rate, "peak_bytes": 50.0} for rate in (21.0, 22.0, 23.0)],
    "w/a": [{"rate": rate, "peak_bytes": 100.0} for rate in (10.0, 10.0, 10.0)],
    "w/b": [{"rate": rate, "peak_bytes": 120.0} for rate in (10.0, 12.0, 20.0)],
}


def test_a_ratio_is_taken_round_by_round_between_the_fastest_of_both_sides() -> None:
    result = peers.compared(SPEED, FOUND, SPEED.ours, SPEED.peers)
    assert (result["ours"], result["peer"]) == ("w/ours", "w/b")  # medians 24 and 12
    assert (result["ratio"], result["range"]) == (2.0, [1.5, 2.0])  # 20/10, 24/12, 30/20
    assert peers.shown(SPEED, result) == "2.00× (1.50–2.00, 3 rounds)"


def test_memory_is_that_of_our_fastest_setting_over_the_leanest_peers() -> None:
    result = peers.compared(MEMORY, FOUND, MEMORY.ours, MEMORY.peers)
    assert (result["ours"], result["peer"], result["ratio"]) == ("w/ours", "w/a", 0.6)
    assert peers.marked(MEMORY, 0.6) == "≤ 0.6×"


def test_an_adapters_updates_become_a_rate_over_all_of_them() -> None:
    answer = {"updates": [[1.0, 8, 9, 10, 10, 2], [2.0, 7, 6, 10, 10, 1]], "peak_bytes": 7}
    assert training_round(answer) == {
        "rate": 5.0,
        "source_padding": pytest.approx(0.25),
        "target_padding": pytest.approx(0.25),
        "peak_bytes": 7.0,
    }


def test_sentences_a_second_are_of_all_repetitions() -> None:
    assert search_round({"translations": ["a", "b"], "seconds": [1.0, 9.0, 4.0], "peak_bytes": 7})["rate"] == 0.5


def test_translations_are_replaced_by_the_share_that_is_ours() -> None:
    found = {"w/ours-float32": [{"rate": 1.0, "lines": ["a", "b"]}], "w/a": [{"rate": 2.0, "lines": ["a", "c"]}]}
    assert compare_lines(found["w/a"], found) == [{"rate": 2.0, "same_lines": 0.5}]
    assert same_lines(["a"], ["a", "b"]) == {}


def test_rows_are_chosen_by_the_beginnings_of_their_names() -> None:
    assert [*peers.select(["train-tiny", "decode-recurrent"], rows())] == [
        "train-tiny-float32",
        "train-tiny-bfloat16",
        "train-tiny-both-bfloat16",
        "decode-recurrent",
        "decode-recurrent-reduced",
    ]
    with pytest.raises(SystemExit, match="no row begins with 'trane'"):
        peers.select(["trane"], rows())


@pytest.mark.parametrize("name", rows())
def test_a_row_compares_contenders_of_one_work(name: str) -> None:
    row, known = rows()[name], contenders()
    assert {contender.split("/")[0] for contender in (*row.ours, *row.peers)} == {peers.work_of(row)}
    assert {*row.ours, *row.peers} <= known.keys()


def test_bfloat16_is_left_out_where_the_processor_does_not_multiply_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "multiplies_bfloat16", lambda device: False)
    assert {"beam/ours-int8", "rnn/eole-float32-tuned"} <= peers.runnable().keys()
    assert not any("bfloat16" in name for name in peers.runnable())
    monkeypatch.setattr(peers, "multiplies_bfloat16", lambda device: True)
    assert peers.runnable() == contenders()


def test_kinds_of_processors_are_told_apart_by_what_they_multiply_with() -> None:
    flags = ["fma", "avx2", "avx512f", "avx512_bf16"]
    assert peers.kind({"processor": "x", "flags": flags}) == "AVX-512 BF16"
    assert peers.kind({"processor": "x", "flags": [*flags, "amx_bf16"]}) == "AMX"
    assert peers.kind({"processor": "x", "flags": []}) == "x"


@pytest.mark.parametrize("work", TRAININGS)
def test_every_training_has_its_config_of_8000_pieces(work: str) -> None:
    config = load_config(ROOT / f"scripts/benchmarks/configs/{work}.yaml")
    assert config.tokenizer.vocabulary_size == 8000
    assert config.training.batch_tokens == 4096
    assert config.model.embedding_size == TRAININGS[work].model["size"]


def test_the_documented_transformer_takes_about_45_mflop_a_token_pair() -> None:
    """As was found for it elsewhere, 27 % of it in the output layer; a pair of the text has 14 and 15 pieces."""
    config = load_config(ROOT / "scripts/benchmarks/configs/transformer.yaml")
    whole = cost(config.model, 8000)
    per_token = whole.training([(14, 15)]) / 15
    assert per_token == pytest.approx(45e6, rel=0.1)
    assert 3 * 2 * 256 * 8000 / per_token == pytest.approx(0.27, abs=0.03)


def test_tables_say_what_is_not_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    document.write_text("<!-- table: peers -->\n<!-- end -->\n<!-- table: contenders -->\n<!-- end -->\n")
    about = {"time": "2026", "commit": "abc", "torch": "2", "machine": {"processor": "x", "flags": ["fma", "avx2"]}}
    kept: dict[str, Any] = {"r, AVX2": {**peers.compared(SPEED, FOUND, SPEED.ours, SPEED.peers), **about}}
    monkeypatch.setattr(peers, "DOCUMENT", document)
    monkeypatch.setattr(peers, "read_results", lambda name: kept)
    monkeypatch.setattr(peers, "rows", lambda: {"r": SPEED, "other": SPEED})
    peers.write_tables()
    lines = document.read_text().splitlines()
    assert "| work | measured against | AVX2 | asked | aim |" in lines
    assert "| training | peers | 2.00× (1.50–2.00, 3 rounds), b | 1.5× | 3× |" in lines
    assert "| training | peers | not measured | 1.5× | 3× |" in lines
    assert "| w/b | 12 (10–20) | – | 0.00 GB | – |" in lines
