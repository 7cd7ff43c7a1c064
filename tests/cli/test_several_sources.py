"""Several sources, and the sentences before, through the command line: trained, translated, measured, aligned."""

from pathlib import Path

import pytest
from command_line import CONFIG, Command, run_main, write_text

SOURCES = "model:\n  sources: {combine: concat}"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of two sources, the text and the text backwards."""
    directory = tmp_path_factory.mktemp("two")
    write_text(directory)
    config = CONFIG.replace("source: text.en", "source: [[text.en], [text.de]]").replace("model:", SOURCES)
    (directory / "x.yaml").write_text(config)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        assert run_main(("train", "x.yaml")) == 0
    return directory


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


def test_documents_are_translated_with_blank_lines_between_them(run: Command, folder: Path) -> None:
    write_text(folder)
    for name in ("text.en", "text.de"):
        lines = (folder / name).read_text().split("\n")
        (folder / name).write_text("\n".join([*lines[:20], "", *lines[20:]]))
    config = CONFIG.replace("tokenizer:", "  context: {sentences: 2}\ntokenizer:").replace("model:", SOURCES)
    (folder / "x.yaml").write_text(config)
    assert run("train", "x.yaml").code == 0
    lines = run("translate", "runs/x", "--input", "text.en").out.split("\n")
    assert len(lines) == 42
    assert lines[20] == ""
    assert run("evaluate", "runs/x", "--source", "text.en", "--reference", "text.de").code == 0
