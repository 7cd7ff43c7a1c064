"""`nmt evaluate`, `nmt align` and `nmt info` on a small run."""

import json
import shutil
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sacrebleu
from command_line import Command

from nmt.checkpoint import Run
from nmt.config import Config
from nmt.translate import Alignment, Translation, Translator

TEXTS = ("--source", "text.en", "--reference", "text.de")
PAIR = ("--source", "text.en", "--target", "text.de")


def test_the_figures_are_sacrebleu_s_of_the_translation(run: Command, in_trained: Path, tmp_path: Path) -> None:
    output, figures = tmp_path / "text.hyp", tmp_path / "figures.json"
    answer = run("evaluate", "runs/x", *TEXTS, "--output", output, "--json", figures)
    references = Path("text.de").read_text().splitlines()
    bleu = sacrebleu.corpus_bleu(output.read_text().splitlines(), [references], force=True).score
    assert answer.code == 0
    assert [line.split()[0] for line in answer.out.splitlines()] == ["BLEU", "chrF2", "TER"]
    assert answer.out.startswith(f"BLEU {bleu:.2f} (nrefs:1|case:mixed|")
    assert json.loads(figures.read_text())["BLEU"]["score"] == bleu


def test_lowercase_stands_in_the_signature(run: Command, in_trained: Path) -> None:
    assert "case:lc|eff:no|tok:char" in run("evaluate", "runs/x", *TEXTS, "--lowercase", "--tokenize", "char").out


def test_an_unknown_tokenize_is_refused_before_translating(run: Command, in_trained: Path) -> None:
    answer = run("evaluate", "runs/y", *TEXTS, "--tokenize", "14a")
    assert (answer.code, answer.err.splitlines()[0]) == (2, "error: BLEU tokenizer '14a' is unknown")


def test_alignments_have_a_matrix_a_line(run: Command, in_trained: Path, tmp_path: Path) -> None:
    answer = run("evaluate", "runs/x", *TEXTS, "--alignments", tmp_path, "--checkpoint", "last")
    lines = [json.loads(line) for line in (tmp_path / "alignments.jsonl").read_text().splitlines()]
    drawn = len(list(tmp_path.glob("*.png")))
    assert answer.out.splitlines()[-1] == f"alignments.jsonl and {drawn} heatmaps in {tmp_path}"
    assert len(lines) == 40
    assert all(np.shape(line["weights"])[:1] == (len(line["target"]),) for line in lines)


def test_links_have_one_source_word_for_each_target_word(run: Command, in_trained: Path) -> None:
    answer = run("align", "runs/x", *PAIR)
    lengths = [len(line.split()) for line in Path("text.de").read_text().splitlines()]
    assert answer.code == 0
    assert [len(line.split()) for line in answer.out.splitlines()] == lengths
    assert {link.split("-")[1] for link in answer.out.splitlines()[0].split()} == set(map(str, range(lengths[0])))


def test_links_agree_with_themselves(run: Command, in_trained: Path, tmp_path: Path) -> None:
    links = tmp_path / "links"
    assert run("align", "runs/x", *PAIR, "--output", links).out == ""
    answer = run("align", "runs/x", *PAIR, "--gold", links, "--output", tmp_path / "again")
    assert answer.out == (
        "AER 0.0000 (precision 1.0000, recall 1.0000; the best that one link a target word can reach: 0.0000)\n"
    )


def test_every_format_holds_the_same_weights(run: Command, in_trained: Path, tmp_path: Path) -> None:
    archive = tmp_path / "x.npz"
    assert run("align", "runs/x", *PAIR, "--format", "npz", "--output", archive).code == 0
    lines = run("align", "runs/x", *PAIR, "--format", "jsonl").out.splitlines()
    links = run("align", "runs/x", *PAIR).out.splitlines()
    with np.load(archive) as arrays:
        for number in (0, 39):
            weights_TS = arrays[f"weights_{number}"]
            best = sorted((int(row.argmax()), target) for target, row in enumerate(weights_TS))
            np.testing.assert_allclose(json.loads(lines[number])["weights"], weights_TS, atol=1e-6)
            assert links[number] == " ".join(f"{i}-{j}" for i, j in best)


def test_the_only_layer_and_head_are_the_ones_shown(run: Command, in_trained: Path) -> None:
    links = run("align", "runs/x", *PAIR, "--format", "jsonl").out
    assert run("align", "runs/x", *PAIR, "--format", "jsonl", "--layer", 1, "--head", 1).out == links


def test_a_binary_file_does_not_go_to_the_terminal(run: Command, in_trained: Path) -> None:
    answer = run("align", "runs/x", *PAIR, "--format", "npz")
    assert (answer.code, answer.err.splitlines()[1]) == (2, "hint: give --output FILE")


def test_pictures_of_pairs_are_drawn(run: Command, in_trained: Path, tmp_path: Path) -> None:
    for name in ("text.en", "text.de"):
        (tmp_path / name).write_text("".join(Path(name).read_text().splitlines(keepends=True)[:3]))
    pair = ("--source", tmp_path / "text.en", "--target", tmp_path / "text.de")
    answer = run("align", "runs/x", *pair, "--heatmaps", tmp_path, "--output", tmp_path / "links")
    assert answer.out == f"3 heatmaps in {tmp_path}\n"
    assert (tmp_path / "0003.png").is_file()
    for name in ("text.en", "text.de"):
        (tmp_path / name).write_text("a b\n")
    assert run("align", "runs/x", *pair, "--heatmaps", tmp_path, "--overwrite").code == 0
    assert [path.name for path in tmp_path.glob("*.png")] == ["0001.png"]


def test_texts_of_different_length_are_not_aligned(run: Command, in_trained: Path, tmp_path: Path) -> None:
    (tmp_path / "short").write_text("a\n")
    answer = run("align", "runs/x", "--source", "text.en", "--target", tmp_path / "short")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"error: text.en has 40 lines and {tmp_path / 'short'} has 1;")


def test_a_chunk_of_alignments_is_in_memory_at_once(
    run: Command, in_trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run("align", "runs/x", *PAIR).out
    translate_lines, seen, counts = Translator.translate_lines, [], []

    def watched(*arguments: Any) -> Iterator[Translation]:
        for translation in translate_lines(*arguments):
            seen.append(weakref.ref(translation.hypotheses[0].alignment_TS))
            counts.append(sum(matrix() is not None for matrix in seen))
            yield translation

    monkeypatch.setattr("nmt.translate.CHUNK", 5)
    monkeypatch.setattr(Translator, "translate_lines", watched)
    assert run("evaluate", "runs/x", *TEXTS, "--alignments", tmp_path).code == 0
    assert len(counts) == 40
    assert max(counts) <= 11
    assert run("align", "runs/x", *PAIR).out == whole


def test_pairs_are_aligned_chunk_by_chunk(run: Command, in_trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    align, sizes = Translator.align, []

    def watched(self: Translator, sources: list[str], *others: Any) -> list[Alignment]:
        sizes.append(len(sources))
        return align(self, sources, *others)

    monkeypatch.setattr("nmt.translate.CHUNK", 15)
    monkeypatch.setattr(Translator, "align", watched)
    assert len(run("align", "runs/x", *PAIR).out.splitlines()) == 40
    assert sizes == [15, 15, 10]


def test_info_tells_what_the_run_holds(run: Command, in_trained: Path) -> None:
    out = run("info", "runs/x").out
    lines = dict(line.split(":", 1) for line in out.splitlines() if line[0] != " ")
    metrics = [json.loads(line) for line in Path("runs/x/metrics.jsonl").read_text().splitlines()]
    best = min(line["loss"] for line in metrics if line["event"] == "validation")
    assert lines["languages"].strip() == "en → de"
    assert lines["vocabulary"].strip() == "12 pieces, shared"
    assert lines["updates"].split()[0] == "8"
    assert lines["best"].split()[:2] == ["loss", f"{best:.4g}"]
    assert lines["checkpoint"].split()[0] == "step-8"
    assert max(map(len, out.splitlines())) <= 80


def test_info_names_what_stands_around_encoder_and_decoder(run: Command, folder: Path) -> None:
    model = {
        "encoder": "lstmn",
        "gated_layers": 2,
        "source_embeddings": 3,
        "tied_embeddings": "target",
        "output": "copy",
    }
    begin(model)
    out = run("info", "runs/x").out
    assert "encoder:       lstmn (size 256, num_layers 1), gated layers over it: 2\n" in out
    assert "embeddings:    256, tied: target, 3 mixed for the source\n" in out
    assert "output:        copy\n" in out


def test_info_shows_the_keys_of_a_transformers_attention(run: Command, folder: Path) -> None:
    begin({"encoder": {"name": "transformer", "self_attention": {"score": "additive"}}})
    out = " ".join(run("info", "runs/x").out.split())
    assert "encoder: transformer (" in out
    assert "self_attention (score additive (size null)" in out


def begin(model: dict[str, Any]) -> None:
    """A run of a model that has not been trained."""
    text = {"source": "a", "target": "b"}
    Run.create(Path("runs/x"), Config.model_validate({"data": {"train": text, "valid": text}, "model": model}))


def test_info_does_not_take_the_average_for_the_best(run: Command, trained: Path, folder: Path) -> None:
    shutil.copytree(trained, folder, dirs_exist_ok=True)
    before = run("info", "runs/x").out
    validations = [line for line in Path("runs/x/metrics.jsonl").read_text().splitlines() if '"validation"' in line]
    average = {**json.loads(validations[-1]), "checkpoint": "average", "loss": 0.001, "best": False}
    with Path("runs/x/metrics.jsonl").open("a") as file:
        file.write(json.dumps(average) + "\n")
    assert run("info", "runs/x").out == before


def test_info_counts_the_parameters(run: Command, in_trained: Path) -> None:
    parameters = sum(parameter.numel() for parameter in Run.open(Path("runs/x")).load_model().parameters())
    assert f"parameters:    {parameters:,}\n" in run("info", "runs/x").out
