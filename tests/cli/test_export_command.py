"""`nmt export`, and `nmt translate` with the engine that it is for."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import CONFIG, Command, run_main, write_text

from nmt.export.translator import ExportedTranslator

TRANSFORMER = "{name: transformer, num_layers: 1, heads: 2, feed_forward_size: 16}"
SMALL = (
    CONFIG.replace("{name: rnn, size: 6}", TRANSFORMER).replace("{name: rnn, size: 8}", TRANSFORMER)
    + "search: {name: beam, beam_size: 3, stopping: first}\n"
)


@pytest.fixture(scope="module")
def transformed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with text and a small Transformer's run `runs/x`."""
    directory = tmp_path_factory.mktemp("transformed")
    write_text(directory)
    (directory / "x.yaml").write_text(SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        assert run_main(("train", "x.yaml")) == 0
    return directory


@pytest.fixture
def in_transformed(transformed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That folder as the current directory."""
    monkeypatch.chdir(transformed)
    return transformed


ENGINE = ("--engine", "ctranslate2")


def test_an_export_says_where_it_is(run: Command, in_transformed: Path, tmp_path: Path) -> None:
    answer = run("export", "runs/x", "--to", "ctranslate2", "--output", tmp_path / "out", "--quantization", "int8")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"{tmp_path / 'out'} (step-8, int8, ")
    assert (tmp_path / "out/model.bin").exists()


def test_both_engines_give_the_same_lines(run: Command, in_transformed: Path) -> None:
    own = run("translate", "runs/x", "--input", "text.en")
    theirs = run("translate", "runs/x", *ENGINE, "--input", "text.en")
    assert (theirs.code, theirs.out) == (0, own.out)
    assert len(own.out.splitlines()) == 40


def test_a_run_is_exported_once_and_says_so(run: Command, in_transformed: Path) -> None:
    run("export", "runs/x", "--to", "ctranslate2", "--checkpoint", "step-4")  # another checkpoint's is another's
    first, second = (run("translate", "runs/x", *ENGINE, "--checkpoint", "step-8", stdin=b"a b\n") for _ in range(2))
    assert first.err in ("", "exported to runs/x/export/ctranslate2-step-8-float32 (step-8, float32, 0.1 MB)\n")
    assert second.err == ""
    assert first.out == second.out
    names = sorted(path.name for path in Path("runs/x/export").iterdir())
    assert names == ["ctranslate2-step-4-float32", "ctranslate2-step-8-float32"]


def test_the_first_translation_names_the_export_it_makes(run: Command, folder: Path) -> None:
    write_text(folder)
    (folder / "x.yaml").write_text(SMALL)
    assert run("train", "x.yaml", "--set", "training.max_updates=1").code == 0
    answer = run("translate", "runs/x", *ENGINE, stdin=b"a b\n\n")
    assert answer.err.startswith("exported to runs/x/export/ctranslate2-step-1-float32 (step-1, float32, ")
    assert len(answer.out.split("\n")) == 3
    assert run("train", "x.yaml", "--set", "training.max_updates=1", "--overwrite").code == 0
    assert not Path("runs/x/export").exists()


def test_an_exported_directory_needs_no_run(run: Command, in_transformed: Path, tmp_path: Path) -> None:
    output = tmp_path / "alone"
    assert run("export", "runs/x", "--to", "ctranslate2", "--output", output).code == 0
    own = run("translate", "runs/x", "--input", "text.en")
    assert run("translate", output, *ENGINE, "--input", "text.en") == (0, own.out, "")


def test_every_line_gives_one_line_and_an_empty_one_an_empty_one(run: Command, in_transformed: Path) -> None:
    answer = run("translate", "runs/x", *ENGINE, stdin=b"a b c\n\nd e\r\nf")
    lines = answer.out.split("\n")
    assert len(lines) == 5
    assert lines[1] == lines[4] == ""


def test_the_options_of_search_are_kept(run: Command, in_transformed: Path, tmp_path: Path) -> None:
    def found(engine: str, *options: object) -> list[dict[str, object]]:
        file = tmp_path / f"{engine}.jsonl"
        asked = ("--beam-size", 2, *options, "--json", file, "--overwrite")
        assert run("translate", "runs/x", "--engine", engine, *asked, stdin=b"a b c\n").code == 0
        hypotheses: list[dict[str, object]] = json.loads(file.read_text())["hypotheses"]
        return hypotheses

    for options in (("--n-best", 2), ("--length-penalty", 1.5), ("--length-penalty", 5, "--max-length", 3)):
        for own, theirs in zip(found("torch", *options), found("ctranslate2", *options), strict=True):
            assert theirs["pieces"] == own["pieces"]
            assert theirs["alignment"] is None
            assert theirs["score"] == pytest.approx(own["score"], rel=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--heatmaps", "pictures"), "ctranslate2 gives no alignments"),
        (("--replace-unknown",), "ctranslate2 gives no alignments"),
        (
            ("--coverage-penalty", "0.2"),
            "search.coverage_penalty: 0.2: ctranslate2 gives no alignments to count in",
        ),
        (
            ("--json", "x.jsonl", "--n-best", "4"),
            "--n-best 4: ctranslate2 gives at most as many as the beam has, and it has 3",
        ),
        (("--precision", "int8"), "--precision int8: an export has its own"),
    ],
)
def test_what_the_engine_lacks_is_refused(
    options: tuple[str, ...], message: str, run: Command, in_transformed: Path
) -> None:
    run("translate", "runs/x", *ENGINE)  # makes the export
    answer = run("translate", "runs/x", *ENGINE, *options, stdin=b"a b\n")
    assert (answer.code, answer.out, answer.err.splitlines()[0]) == (2, "", f"error: {message}")
    assert not Path("pictures").exists()
    assert not Path("x.jsonl").exists()


def test_an_export_of_another_checkpoint_is_refused(run: Command, in_transformed: Path, tmp_path: Path) -> None:
    output = tmp_path / "four"
    assert run("export", "runs/x", "--to", "ctranslate2", "--checkpoint", "step-4", "--output", output).code == 0
    assert run("translate", output, *ENGINE, "--checkpoint", "step-8") == (
        2,
        "",
        f"error: {output}: an export of checkpoint step-4, not of step-8\n"
        "hint: leave --checkpoint out, or give the run's directory\n",
    )
    assert run("translate", output).err.splitlines() == [
        f"error: {output}: an exported model, not a run",
        "hint: give --engine ctranslate2 with it",
    ]


def test_an_export_is_replaced_only_with_overwrite(run: Command, in_transformed: Path, tmp_path: Path) -> None:
    export = ("export", "runs/x", "--to", "ctranslate2", "--output", tmp_path / "out")
    assert run(*export).code == 0
    assert run(*export) == (
        2,
        "",
        f"error: {tmp_path / 'out'}: holds an exported model already\nhint: --overwrite replaces it\n",
    )
    assert run(*export, "--overwrite").code == 0


def test_a_recurrent_run_is_refused(run: Command, in_trained: Path) -> None:
    for command in (("export", "runs/x", "--to", "ctranslate2"), ("translate", "runs/x", *ENGINE)):
        answer = run(*command)
        assert answer.code == 2
        assert answer.err.startswith("error: runs/x/config.yaml:")
        assert "model.encoder.name: rnn: CTranslate2 computes Transformers only" in answer.err


def test_without_the_package_the_command_that_installs_it_is_named(
    run: Command, in_transformed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("nmt.export.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    for command in (("export", "runs/x", "--to", "ctranslate2"), ("translate", "runs/x", *ENGINE)):
        answer = run(*command)
        assert (answer.code, answer.out) == (2, "")
        assert answer.err.startswith("error: ctranslate2 cannot be imported (")
        assert answer.err.endswith('hint: pip install "nmt[ctranslate2]"\n')
    assert run("translate", "runs/x", stdin=b"a\n").code == 0


@pytest.mark.parametrize("model", ["runs/x", "exported"])
def test_a_translation_by_the_engine_is_gone_on_with(
    run: Command, in_transformed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    assert run("export", "runs/x", "--to", "ctranslate2", "--output", "exported", "--overwrite").code == 0
    monkeypatch.setattr("nmt.translate.CHUNK", 8)
    command = ("translate", model, *ENGINE, "--input", "text.en", "--output")
    assert run(*command, tmp_path / "whole").code == 0
    translate, count = ExportedTranslator.translate_segments, iter(range(2))

    def stopping(*arguments: Any) -> Any:
        if next(count, None) is None:
            raise KeyboardInterrupt
        return translate(*arguments)

    monkeypatch.setattr(ExportedTranslator, "translate_segments", stopping)
    assert run(*command, tmp_path / "out").code == 130
    monkeypatch.setattr(ExportedTranslator, "translate_segments", translate)
    assert run(*command, tmp_path / "out", "--resume").err == "going on after line 16\n"
    assert (tmp_path / "out").read_bytes() == (tmp_path / "whole").read_bytes()


def test_an_export_of_another_checkpoint_is_refused_whatever_is_written(
    run: Command, in_transformed: Path, tmp_path: Path
) -> None:
    assert run("export", "runs/x", "--to", "ctranslate2", "--output", "exported", "--overwrite").code == 0
    files = ("--input", "text.en", "--output", tmp_path / "out")
    answer = run("translate", "exported", *ENGINE, "--checkpoint", "step-4", *files)
    assert answer.err.startswith("error: exported: an export of checkpoint step-8, not of step-4")
