"""CTranslate2 as an engine: the same hypotheses with the same scores as our own search, or a clear refusal."""

import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from models import transformer
from random_run import SENTENCES, random_run
from test_ctranslate2 import own_log_probs

from nmt.checkpoint import Run
from nmt.decoders.base import Want
from nmt.errors import ExportError
from nmt.export.ctranslate2 import exported
from nmt.export.translator import ExportedTranslator, first_ended, same_length
from nmt.layers.quantized import halved, quantized
from nmt.search import Beam, Greedy
from nmt.storage.tensors import weights
from nmt.text.vocabulary import BOS, EOS, PAD
from nmt.translate import Decoding, Translated, Translation, Translator

FIRST = Beam.Options(beam_size=4, length_penalty=0.0, stopping="first")


def both(run: Run, lines: Sequence[str], decoding: Decoding) -> tuple[list[Translation], list[Translation]]:
    """Our translations and CTranslate2's."""
    own = Translator.load(run.path, device="cpu").translate_lines(lines, decoding)
    return list(own), list(ExportedTranslator(exported(run), "cpu", 2).translate_lines(lines, decoding))


def assert_same(own: list[Translation], theirs: list[Translation]) -> None:
    """The same lines and hypotheses, best first, with the same scores."""
    for one, other in zip(own, theirs, strict=True):
        assert other[:2] + other[3:] == one[:2] + one[3:]
        assert [found.pieces for found in other.hypotheses] == [found.pieces for found in one.hypotheses]
        assert [found.text for found in other.hypotheses] == [found.text for found in one.hypotheses]
        for name in ("log_prob", "score"):
            expected = [getattr(found, name) for found in one.hypotheses]
            assert [getattr(found, name) for found in other.hypotheses] == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize(("overflow", "expected"), [(True, "float32"), (False, "int8_float32")])
def test_eight_bits_that_overflow_are_computed_in_float32_with_a_warning(
    overflow: bool, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nmt.export.library.rounding", lambda width: halved if overflow else quantized)
    monkeypatch.setenv("CT2_USE_MKL", "0")  # read by the library when it is loaded: here by ours alone
    found = exported(random_run(tmp_path / "x"), quantization="int8")
    with pytest.warns(UserWarning, match="int8 is computed in float32") if overflow else nullcontext():
        translator = ExportedTranslator(found, "cpu", 1)
    assert translator.engine.compute_type == expected


LINES = [*SENTENCES, "", "g g g g g g g g g g g g g", "  ", "h"]


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("seed", range(4))
def test_greedy_search_is_ours(norm: str, seed: int, tmp_path: Path) -> None:
    run = random_run(tmp_path / "x", transformer(norm=norm), seed=seed)
    own, theirs = both(run, LINES, Decoding(Greedy.Options()))
    assert len({line.text for line in own}) > 2
    assert_same(own, theirs)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_n_best_of_a_beam_are_ours(alpha: float, seed: int, tmp_path: Path) -> None:
    run = random_run(tmp_path / "x", seed=seed)
    search = FIRST.model_copy(update={"length_penalty": alpha})
    own, theirs = both(run, LINES, Decoding(search, n_best=4))
    assert {len(line.hypotheses) for line in own} == {0, 4}
    assert_same(own, theirs)


def test_fewer_hypotheses_than_the_beam_has_are_the_best_of_them(tmp_path: Path) -> None:
    assert_same(*both(random_run(tmp_path / "x"), LINES, Decoding(FIRST, n_best=2)))


@pytest.mark.parametrize("limit", [2, 3, 5])
def test_a_target_at_its_limit_ends_there_as_ours_does(limit: int, tmp_path: Path) -> None:
    run = random_run(tmp_path / "x")
    _forbid_ending(run)
    own, theirs = both(run, LINES, Decoding(FIRST, max_length=limit))
    assert {len(line.hypotheses[0].pieces) for line in theirs if line.hypotheses} == {limit - 1}
    assert_same(own, theirs)


def test_a_target_s_limit_follows_each_source_s_length(tmp_path: Path) -> None:
    run = random_run(tmp_path / "x")
    _forbid_ending(run)
    own, theirs = both(run, LINES, Decoding(Greedy.Options(max_length_ratio=1.5)))
    lengths = [len(line.hypotheses[0].pieces) for line in theirs if line.hypotheses]
    assert lengths[:2] == [int(1.5 * 4) + 10 - 1, int(1.5 * 2) + 10 - 1]
    assert_same(own, theirs)


def _forbid_ending(run: Run) -> None:
    model = run.load_model()
    with torch.no_grad():
        model.output.bias_V[EOS] = -30
    run.save("step-1", {"model": weights(model)}, {"step": 1})


def test_targets_stay_within_a_table_of_positions(tmp_path: Path) -> None:
    run = random_run(tmp_path / "x", transformer(positions={"name": "learned", "max_positions": 128}))
    _forbid_ending(run)
    line = "a b c d " * 30
    theirs = ExportedTranslator(exported(run), "cpu").translate_lines([line], Decoding(Greedy.Options()))
    assert [len(found.hypotheses[0].pieces) for found in theirs] == [127]


def test_lines_beyond_the_limit_are_cut_as_ours_are(tmp_path: Path) -> None:
    files = {"source": "a", "target": "b"}
    run = random_run(tmp_path / "x", data={"train": files, "valid": files, "max_length": 6})
    own, theirs = both(run, ["a b c d e f g h a b c d", "a"], Decoding(FIRST, n_best=3))
    assert theirs[0].num_segments == 3
    assert_same(own, theirs)


def test_no_translation_holds_a_special_piece_and_its_log_probability_is_the_model_s(tmp_path: Path) -> None:
    run = random_run(tmp_path / "x")
    model = run.load_model()
    with torch.no_grad():
        model.output.bias_V[[PAD, BOS]] = 2.0
    run.save("step-1", {"model": weights(model)}, {"step": 1})
    (found,) = ExportedTranslator(exported(run), "cpu").translate_lines(["a b c"], Decoding(FIRST, n_best=4))
    for hypothesis in found.hypotheses:
        assert not {"<pad>", "<s>"} & set(hypothesis.pieces)
        (own,) = own_log_probs(run, [["a", "b", "c"]], [list(hypothesis.pieces)])
        assert hypothesis.log_prob == pytest.approx(sum(own), abs=1e-5)
        assert sum(own) < np.log(0.5)


def test_only_those_count_that_had_ended_when_there_were_enough() -> None:
    found = [Translated("", ("x",) * length, 0.0, 0.0, None) for length in (5, 2, 4, 4, 3)]
    assert [len(hypothesis.pieces) for hypothesis in first_ended(found, 3)] == [2, 4, 4, 3]
    assert first_ended(found, 9) == found


def test_groups_have_one_length_and_a_bound_and_lose_nothing() -> None:
    lengths = [3, 1, 3, 3, 0, 1]
    groups = list(same_length(lengths, batch_tokens=8))
    assert groups == [[0, 2], [3], [1, 5], [4]]


def test_lines_of_one_length_are_shared_out_among_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """600 lines of 3 pieces and the end, two threads: groups of 600 tokens, two for each, in place of one of 2,400."""
    model, groups = ExportedTranslator(exported(random_run(tmp_path / "x")), "cpu", threads=2), list[int]()
    start = model._start

    def counted(sources: list[list[str]], asked: Any) -> Any:
        groups.append(len(sources))
        return start(sources, asked)

    monkeypatch.setattr(model, "_start", counted)
    assert len(list(model.translate_lines(["a b c"] * 600, Decoding(Greedy.Options(), max_length=2)))) == 600
    assert groups == [150, 150, 150, 150]


# ---- what it cannot do


def test_more_hypotheses_than_the_beam_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError) as caught:
        both(random_run(tmp_path / "x"), ["a"], Decoding(FIRST, n_best=5))
    assert caught.value.message == ("--n-best 5: ctranslate2 gives at most as many as the beam has, and it has 4")
    assert caught.value.hint == "--beam-size 5"


def test_a_coverage_penalty_is_refused(tmp_path: Path) -> None:
    search = FIRST.model_copy(update={"coverage_penalty": 0.2})
    with pytest.raises(ExportError) as caught:
        both(random_run(tmp_path / "x"), ["a"], Decoding(search))
    assert caught.value.message == "search.coverage_penalty: 0.2: ctranslate2 gives no alignments to count in"


@pytest.mark.parametrize("asked", [{"want": Want(0)}, {"want": Want(-1, (0,))}, {"replace_unknown": True}])
def test_alignments_are_refused(asked: dict[str, Any], tmp_path: Path) -> None:
    translator = ExportedTranslator(exported(random_run(tmp_path / "x")), "cpu")
    with pytest.raises(ExportError, match="ctranslate2 gives no alignments"):
        translator.translate(["a"], Decoding(FIRST, **asked))


def test_the_config_s_exact_search_warns_and_translates(tmp_path: Path) -> None:
    run = random_run(tmp_path / "x", search={"name": "beam", "beam_size": 2})
    translator = ExportedTranslator(exported(run), "cpu")
    with pytest.warns(UserWarning, match="ends each search by the rule `stopping: first`"):
        assert len(translator.translate(["a", "b"])) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        translator.translate(["a"], Decoding(Greedy.Options()))
