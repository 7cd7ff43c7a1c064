"""Several sources, and the sentences before, through the command line: trained, translated, measured, aligned."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import CONFIG, Command, run_main, write_text

import nmt.translate
from nmt.translate import Translator

SOURCES = "model:\n  sources: {combine: concat}"


def trained(directory: Path, config: str) -> Path:
    """The folder, with a run `runs/x` of this config in it."""
    (directory / "x.yaml").write_text(config)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        assert run_main(("train", "x.yaml")) == 0
    return directory


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of two sources, the text and the text backwards."""
    directory = tmp_path_factory.mktemp("two")
    write_text(directory)
    config = CONFIG.replace("source: text.en", "source: [[text.en], [text.de]]").replace("model:", SOURCES)
    return trained(directory, config)


@pytest.fixture
def in_two(two: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(two)
    return two


def test_every_source_is_given_once(run: Command, in_two: Path) -> None:
    answer = run("translate", "runs/x", "--input", "text.en", "--input", "text.de")
    assert (answer.code, answer.out.count("\n")) == (0, 40)
    assert run("evaluate", "runs/x", "--source", "text.en", "--source", "text.de", "--reference", "text.de").code == 0
    links = run("align", "runs/x", "--source", "text.en", "--source", "text.de", "--target", "text.de")
    assert (links.code, links.out.count("\n")) == (0, 40)


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (("translate", "runs/x"), "--input: 1 source text"),
        (("translate", "runs/x", *["--input", "text.en"] * 3), "--input: 3 source texts"),
        (("evaluate", "runs/x", "--source", "text.en", "--reference", "text.de"), "--source: 1 source text"),
        (("align", "runs/x", "--source", "text.en", "--target", "text.de"), "--source: 1 source text"),
    ],
)
def test_another_number_of_sources_is_refused(
    run: Command, in_two: Path, arguments: tuple[str, ...], given: str
) -> None:
    answer = run(*arguments)
    option = given.split(":", maxsplit=1)[0]
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        f"error: {given} given, and the model reads 2\n"
        f"hint: give {option} once for each, in the order of data.train.source\n"
    )


def test_sources_of_unequal_lengths_are_refused_with_both_counts(run: Command, in_two: Path, tmp_path: Path) -> None:
    (tmp_path / "short").write_text("a\n")
    answer = run("translate", "runs/x", "--input", "text.en", "--input", tmp_path / "short")
    assert answer.code == 2
    assert answer.err.startswith(f"error: text.en has 40 lines and {tmp_path / 'short'} has 1;")


def test_text_of_several_sources_is_checked_and_prepared(run: Command, in_two: Path) -> None:
    assert run("data", "check", "x.yaml").code == 0
    assert "train: 40 pairs" in run("data", "prepare", "x.yaml").out


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that reads two sentences before; lines 1–20 and 21–40 of its text are documents: by `ids`,
    and in `blank.en` and `blank.de` by a blank line."""
    directory = tmp_path_factory.mktemp("documents")
    write_text(directory)
    (directory / "ids").write_text("a\n" * 20 + "b\n" * 20)
    for side in ("en", "de"):
        lines = (directory / f"text.{side}").read_text().splitlines(keepends=True)
        (directory / f"blank.{side}").write_text("".join([*lines[:20], "\n", *lines[20:]]))
    config = CONFIG.replace("tokenizer:", "  context: {sentences: 2}\ntokenizer:").replace("model:", SOURCES)
    config = config.replace("text.", "blank.")
    return trained(directory, config)


@pytest.fixture
def in_documents(documents: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(documents)
    return documents


def by_line(path: Path, value: Callable[[Any], Any]) -> list[Any]:
    """What a file of JSON Lines has for each line that is not blank."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return [value(record) for record in records if record["source"]]


def test_ids_mark_documents_as_blank_lines_do(run: Command, in_documents: Path, tmp_path: Path) -> None:
    marked = {"ids": ("text.en", "--documents", "ids"), "blank": ("blank.en",), "none": ("text.en",)}
    for name, given in marked.items():
        assert run("translate", "runs/x", "--json", tmp_path / name, "--input", *given).code == 0
    ids, blank, none = (by_line(tmp_path / name, lambda line: line["hypotheses"][0]["log_prob"]) for name in marked)
    assert ids == pytest.approx(blank, abs=1e-5)
    assert [number for number in range(40) if abs(ids[number] - none[number]) > 1e-5] == [20, 21]


def test_ids_are_read_beside_standard_input(run: Command, in_documents: Path, tmp_path: Path) -> None:
    asked = ("translate", "runs/x", "--documents", "ids", "--json")
    streamed = run(*asked, tmp_path / "streamed", stdin=Path("text.en").read_bytes())
    assert streamed == run(*asked, tmp_path / "read", "--input", "text.en")
    assert (tmp_path / "streamed").read_text() == (tmp_path / "read").read_text()


def test_text_is_measured_and_aligned_in_its_documents(run: Command, in_documents: Path, tmp_path: Path) -> None:
    found = {}
    for name, given in {"text": ("--documents", "ids"), "blank": ()}.items():
        text = ("--source", f"{name}.en", *given)
        assert run("evaluate", "runs/x", *text, "--reference", f"{name}.de", "--alignments", tmp_path / name).code == 0
        links = ("--format", "jsonl", "--output", tmp_path / f"{name}.jsonl")
        assert run("align", "runs/x", *text, "--target", f"{name}.de", *links).code == 0
        files = (tmp_path / name / "alignments.jsonl", tmp_path / f"{name}.jsonl")
        found[name] = [by_line(file, lambda line: np.ravel(line["weights"])) for file in files]
    for text, blank in zip(found["text"], found["blank"], strict=True):
        assert np.concatenate(text) == pytest.approx(np.concatenate(blank), abs=2e-4)


@pytest.mark.parametrize(
    ("count", "said"), [(39, "ends before line 40 of standard input"), (41, "input ends before it")]
)
def test_another_number_of_ids_than_lines_is_refused(
    run: Command, in_documents: Path, tmp_path: Path, count: int, said: str
) -> None:
    ids, text = tmp_path / "some", Path("text.en")
    ids.write_text("a\n" * count)
    streamed = run("translate", "runs/x", "--documents", ids, stdin=text.read_bytes())
    assert streamed.code == 2
    assert said in streamed.err
    for given in (("translate", "runs/x", "--input"), ("align", "runs/x", "--target", "text.de", "--source")):
        answer = run(*given, text, "--documents", ids)
        assert answer.code == 2
        assert answer.err.startswith(f"error: text.en has 40 lines and {ids} has {count};")


def test_a_translation_in_documents_goes_on_with_the_same_ids_alone(
    run: Command, in_documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, asked = tmp_path / "own", ("translate", "runs/x", "--input", "text.en", "--documents", tmp_path / "own")
    ids.write_bytes(Path("ids").read_bytes())
    whole, translate = run(*asked).out, Translator.translate_segments
    with monkeypatch.context() as patch:
        patch.setattr(nmt.translate, "CHUNK", 30)
        first = iter([True])
        patch.setattr(
            Translator,
            "translate_segments",
            lambda *given: translate(*given) if next(first, False) else signal.raise_signal(signal.SIGINT),
        )
        assert run(*asked, "--output", tmp_path / "out").code == 130
    ids.write_text("a\n" * 40)
    other = run(*asked, "--output", tmp_path / "out", "--resume")
    assert (other.code, str(ids) in other.err) == (2, True)
    ids.write_bytes(Path("ids").read_bytes())
    assert run(*asked, "--output", tmp_path / "out", "--resume").err == "going on after line 30\n"
    assert (tmp_path / "out").read_text() == whole


def test_ids_are_refused_where_no_sentence_before_is_read(run: Command, in_two: Path) -> None:
    (in_two / "ids").write_text("a\n" * 40)
    answer = run("translate", "runs/x", *["--input", "text.en"] * 2, "--documents", "ids")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: --documents ids: the model reads no sentence before the one")


def test_blank_lines_between_documents_stay_blank(run: Command, in_documents: Path) -> None:
    lines = run("translate", "runs/x", "--input", "blank.en").out.split("\n")
    assert (len(lines), lines[20]) == (42, "")
