"""The exported model is the model: CTranslate2 computes the same probabilities and finds the same translations."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models import log_probs_BTV, rnn, transformer
from random_run import LETTERS, SENTENCES, random_run, save

import nmt.export.ctranslate2
from nmt.batch import make_batch
from nmt.checkpoint import Run
from nmt.errors import CheckpointError, ExportError
from nmt.export import library
from nmt.export.ctranslate2 import export, exported
from nmt.export.directory import open_export
from nmt.export.library import compute_type, ctranslate2
from nmt.layers.quantized import halved, quantized
from nmt.layers.transformer import TransformerSettings
from nmt.text.vocabulary import EOS

PART = transformer()["encoder"]
MODELS: dict[str, dict[str, Any]] = {
    **{
        f"{norm}-{positions}-{tied}": {**transformer(norm=norm, positions=positions), "tied_embeddings": tied}
        for norm in ("pre", "post")
        for positions in ("sinusoidal", "learned")
        for tied in ("none", "target", "all")
    },
    "gelu": transformer(activation="gelu"),
    "odd-width": {**transformer(heads=1), "embedding_size": 7},
    "unequal-sides": {
        "encoder": {**PART, "norm": "pre", "num_layers": 1, "heads": 4, "activation": "gelu"},
        "decoder": {**PART, "norm": "post", "num_layers": 3, "feed_forward_size": 5, "positions": "learned"},
    },
}


def pairs(run: Run) -> tuple[list[list[str]], list[list[str]]]:
    """Pieces of some sentences and of others of other lengths, as their translations."""
    source, target = run.tokenizers
    sources = [source.vocabulary.to_pieces(source.vocabulary.ids(source.encode(line))) for line in SENTENCES]
    targets = [target.encode(line.upper()[::-1]) for line in SENTENCES[1:] + SENTENCES[:1]]
    return sources, [target.vocabulary.to_pieces(target.vocabulary.ids(pieces)) for pieces in targets]


def own_log_probs(run: Run, sources: list[list[str]], targets: list[list[str]]) -> list[list[float]]:
    """log P of every target piece and of the end, by our model in float64."""
    source_ids = [[*run.tokenizers.source.vocabulary.ids(pieces), EOS] for pieces in sources]
    target_ids = [[*run.tokenizers.target.vocabulary.ids(pieces), EOS] for pieces in targets]
    batch = make_batch([source_ids], target_ids, range(len(targets)))
    found_BTV = log_probs_BTV(run.load_model().double(), batch).detach().numpy()
    return [[found_BTV[b, t, id_] for t, id_ in enumerate(ids)] for b, ids in enumerate(target_ids)]


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_every_probability_is_the_model_s(model: dict[str, Any], tmp_path: Path) -> None:
    run = random_run(tmp_path / "x", model)
    engine = ctranslate2.Translator(str(export(run).path))
    found = engine.score_batch(*pairs(run))
    for own, theirs in zip(own_log_probs(run, *pairs(run)), found, strict=True):
        np.testing.assert_allclose(theirs.log_probs, own, atol=1e-5)


def test_vocabularies_may_differ(tmp_path: Path) -> None:
    run = random_run(tmp_path / "x", {**transformer(), "tied_embeddings": "target"}, shared=False)
    engine = ctranslate2.Translator(str(export(run).path))
    assert [len(tokenizer.vocabulary) for tokenizer in run.tokenizers] == [12, 14]
    for own, theirs in zip(own_log_probs(run, *pairs(run)), engine.score_batch(*pairs(run)), strict=True):
        np.testing.assert_allclose(theirs.log_probs, own, atol=1e-5)


def test_the_models_differ_enough_to_tell_a_wrong_export(tmp_path: Path) -> None:
    first, second = (random_run(tmp_path / str(seed), seed=seed) for seed in (1, 2))
    one, other = (own_log_probs(run, *pairs(run)) for run in (first, second))
    assert abs(one[0][0] - other[0][0]) > 0.01


def test_a_sentence_as_long_as_the_table_of_positions_is_read(tmp_path: Path) -> None:
    learned = transformer(positions={"name": "learned", "max_positions": 9})
    run = random_run(tmp_path / "x", learned, data={**DATA, "max_length": 9})
    engine = ctranslate2.Translator(str(export(run).path))
    sources, targets = [LETTERS.split()], [LETTERS.split()]
    (own,), (theirs,) = own_log_probs(run, sources, targets), engine.score_batch(sources, targets)
    np.testing.assert_allclose(theirs.log_probs, own, atol=1e-5)


def test_positions_reach_as_far_as_the_longest_line_s_translation(tmp_path: Path) -> None:
    run = random_run(tmp_path / "x", data={**DATA, "max_length": 600})
    assert export(run).description.max_target == 600 * 2 + 10


@pytest.mark.parametrize("quantization", ["int8", "bfloat16", "int16", "float16"])
def test_reduced_precision_stays_near(quantization: Any, tmp_path: Path) -> None:
    run = random_run(tmp_path / "x")
    path = export(run, quantization=quantization).path
    engine = ctranslate2.Translator(str(path), compute_type=compute_type("cpu", quantization))
    found = engine.score_batch(*pairs(run))
    for own, theirs in zip(own_log_probs(run, *pairs(run)), found, strict=True):
        np.testing.assert_allclose(theirs.log_probs, own, atol=0.3)


@pytest.mark.parametrize(
    ("overflow", "processor", "variable", "expected"),
    [
        (False, "AuthenticAMD", None, "default"),
        (True, "AuthenticAMD", None, "float32"),
        (True, "GenuineIntel", None, "default"),
        (True, "AuthenticAMD", "1", "default"),
        (True, "GenuineIntel", "0", "float32"),
    ],
)
def test_eight_bits_are_computed_where_they_do_not_overflow(
    overflow: bool, processor: str, variable: str | None, expected: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cpuinfo").write_text(f"vendor_id\t: {processor}\n")
    monkeypatch.setattr(library, "PROCESSOR", tmp_path / "cpuinfo")
    monkeypatch.setattr(library, "rounding", lambda width: halved if overflow else quantized)
    monkeypatch.delenv("CT2_USE_MKL", raising=False)
    if variable:
        monkeypatch.setenv("CT2_USE_MKL", variable)
    assert compute_type("cpu", "int8_float32") == compute_type("cpu", "int16") == expected
    assert compute_type("cuda", "int8") == compute_type("cpu", "bfloat16") == "default"


def test_quantized_weights_take_less_room(tmp_path: Path) -> None:
    short = {"name": "learned", "max_positions": 128}  # tables of positions stay as they are
    run = random_run(tmp_path / "x", {**transformer(positions=short), "embedding_size": 64})
    sizes = [(export(run, quantization=q).path / "model.bin").stat().st_size for q in ("float32", "bfloat16", "int8")]
    assert sizes[0] > 1.8 * sizes[1] > 1.8 * sizes[2]


# ---- where it stands


DATA = {"train": {"source": "a", "target": "b"}, "valid": {"source": "a", "target": "b"}}


def test_an_export_stands_in_the_run_by_checkpoint_and_type(tmp_path: Path) -> None:
    found = export(random_run(tmp_path / "x"), quantization="int8")
    assert found.path == tmp_path / "x/export/ctranslate2-step-1-int8"
    assert open_export(found.path).description == found.description
    assert sorted(file.name for file in found.path.iterdir()) == [
        "config.json",
        "export.json",
        "manifest.json",
        "model.bin",
        "shared.json",
        "shared_vocabulary.json",
    ]


def test_an_export_is_replaced_only_when_asked(tmp_path: Path) -> None:
    run = random_run(tmp_path / "x")
    path = export(run, output=tmp_path / "out").path
    with pytest.raises(CheckpointError, match=r"out: holds an exported model already"):
        export(run, output=path)
    assert export(run, output=path, overwrite=True).path == path


def test_what_is_no_export_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/dear.txt").write_text("dear")
    with pytest.raises(CheckpointError, match=r"letters: is there and not an exported model"):
        export(random_run(tmp_path / "x"), output=tmp_path / "letters", overwrite=True)
    assert (tmp_path / "letters/dear.txt").read_text() == "dear"


def test_a_run_s_export_is_made_once(tmp_path: Path) -> None:
    run = random_run(tmp_path / "x")
    assert exported(run).new
    assert not exported(run).new


def test_a_run_s_export_is_made_anew_for_other_weights(tmp_path: Path) -> None:
    run = random_run(tmp_path / "x")
    before = exported(run)
    save(run, seed=2)
    assert exported(run).new
    assert open_export(before.path).description.weights != before.description.weights


def test_a_damaged_export_is_named(tmp_path: Path) -> None:
    run = random_run(tmp_path / "x")
    path = exported(run).path
    (path / "model.bin").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"damaged export: .*model\.bin: 0 bytes where") as caught:
        exported(run)
    assert caught.value.hint == "export the checkpoint again with --overwrite"


def test_a_description_of_other_keys_is_refused(tmp_path: Path) -> None:
    path = export(random_run(tmp_path / "x")).path
    description = json.loads((path / "export.json").read_text())
    (path / "export.json").write_text(json.dumps({**description, "colour": "red"}))
    (path / "manifest.json").write_text(json.dumps({"format": 1, "files": {}}))
    with pytest.raises(CheckpointError, match=r"export\.json: not a description of an export \(1 keys are wrong\)"):
        open_export(path)


# ---- what cannot be carried


def line_of(file: Path, text: str, after: str) -> int:
    """The number of the first line with `text` after the line that is `after`."""
    lines = file.read_text().splitlines()
    start = lines.index(after)
    return next(number for number, line in enumerate(lines, 1) if number > start and text in line)


@pytest.mark.parametrize(
    ("side", "model"),
    [
        ("encoder", rnn()),
        ("encoder", rnn({"score": "additive", "normalizer": "sparsemax"})),
        ("encoder", {"encoder": rnn()["encoder"], "decoder": PART}),
        ("decoder", {"encoder": PART, "decoder": rnn({"score": "scaled_dot", "heads": 2})["decoder"]}),
    ],
)
def test_recurrent_networks_are_refused(side: str, model: dict[str, Any], tmp_path: Path) -> None:
    run = random_run(tmp_path / "x", model)
    config = tmp_path / "x/config.yaml"
    line = line_of(config, "    name: rnn", after=f"  {side}:")
    with pytest.raises(ExportError) as caught:
        export(run)
    assert caught.value.message == (
        f"{config}:{line}: model.{side}.name: rnn: CTranslate2 computes Transformers only, with softmax over"
        " scaled_dot in every layer"
    )
    assert caught.value.hint == (
        "translate with `--engine torch`, or train a model whose encoder and decoder are transformer"
    )
    assert not (tmp_path / "x/export").exists()


@pytest.mark.parametrize("key", [{"gated_layers": 1}, {"source_embeddings": 2, "tied_embeddings": "target"}])
def test_what_stands_before_or_over_the_encoder_is_refused(key: dict[str, Any], tmp_path: Path) -> None:
    run = random_run(tmp_path / "x", {"encoder": PART, "decoder": PART, **key})
    name = next(iter(key))
    with pytest.raises(ExportError, match=rf"config\.yaml:\d+: model\.{name}: CTranslate2 has nothing for it"):
        export(run)


def test_an_output_that_copies_is_refused(tmp_path: Path) -> None:
    run = random_run(tmp_path / "x", {"encoder": PART, "decoder": PART, "output": "copy"})
    with pytest.raises(ExportError, match=r"config\.yaml:\d+: model\.output: copy: CTranslate2 scores its vocabulary"):
        export(run)


def test_a_setting_that_the_export_does_not_know_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = random_run(tmp_path / "x")
    known = nmt.export.ctranslate2.CARRIED
    assert known == TransformerSettings.model_fields.keys()
    monkeypatch.setattr(nmt.export.ctranslate2, "CARRIED", known - {"norm"})
    with pytest.raises(ExportError, match=r"config\.yaml:\d+: model\.encoder\.norm: is not known to the export"):
        export(run)


@pytest.mark.parametrize(
    ("side", "key", "mechanism"),
    [
        ("encoder", "self_attention", {"score": "additive"}),
        ("decoder", "self_attention", {"normalizer": "sparsemax"}),
        ("decoder", "attention", {"scope": "local_p"}),
    ],
)
def test_other_attention_than_softmax_over_scaled_products_is_refused(
    side: str, key: str, mechanism: dict[str, Any], tmp_path: Path
) -> None:
    model = {"encoder": PART, "decoder": PART}
    run = random_run(tmp_path / "x", {**model, side: {**PART, key: mechanism}})
    with pytest.raises(ExportError) as caught:
        export(run)
    line = line_of(tmp_path / "x/config.yaml", f"    {key}:", after=f"  {side}:")
    assert caught.value.message == (
        f"{tmp_path / 'x/config.yaml'}:{line}: model.{side}.{key}: CTranslate2's attention is softmax over scaled_dot"
        " and the whole memory, and this is another"
    )
