"""`nmt data check` and `nmt data prepare`, and `nmt new` with the config that it writes."""

import json
import os
import re
from functools import partial
from pathlib import Path

import pytest
import torch
from command_line import Command, write_text

import nmt.data.sample
from nmt.attention.scores import ScoreOptions
from nmt.config import Config, TrainingSettings, load_config
from nmt.data.sample import write_sample
from nmt.layers.recurrent import CellOptions
from nmt.settings import members, named_options
from nmt.starter import TextPair, starter_config, vocabulary_size

RECIPES = Path(__file__).parents[2] / "configs" / "multi30k"


@pytest.fixture
def text(folder: Path) -> Path:
    write_text(folder)
    return folder


def test_check_reads_the_files_of_a_config(run: Command, text: Path) -> None:
    answer = run("data", "check", "x.yaml")
    assert answer.code == 0
    assert answer.out.startswith("text.en: 40 lines; text.de: 40 lines\n")


def test_check_exits_with_1_where_training_would_refuse(run: Command, text: Path) -> None:
    (text / "short").write_text("a\n")
    answer = run("data", "check", "--source", "text.en", "--target", "short", "--json")
    assert answer.code == 1
    assert json.loads(answer.out)["ok"] is False


def test_check_compares_each_of_several_sources_with_the_target(run: Command, text: Path) -> None:
    (text / "short").write_text("a\n")
    sources = [option for name in ("text.en", "short") for option in ("--source", name)]
    report = json.loads(run("data", "check", *sources, "--target", "text.de", "--json").out)
    assert [(pair["source"], pair["source_lines"]) for pair in report["files"]] == [("text.en", 40), ("short", 1)]
    assert {(pair["target"], pair["target_lines"]) for pair in report["files"]} == {("text.de", 40)}
    assert [(found["file"], found["count"]) for found in report["findings"] if found["kind"] == "line_counts"] == [
        ("text.de", 39)
    ]


def test_check_needs_a_config_or_two_files(run: Command, text: Path) -> None:
    source, target = ("--source", "text.en"), ("--target", "text.de")
    both = (*source, *target)
    for arguments in ((), source, target, ("x.yaml", *both), ("x.yaml", *source), ("x.yaml", *target)):
        answer = run("data", "check", *arguments)
        assert (answer.code, answer.out) == (2, "")
        assert answer.err.startswith("error: nmt data check needs a CONFIG, or --source and --target\n")


def test_sample_writes_three_sets_of_three_files(run: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"train": 20, "valid": 5, "test": 6}
    monkeypatch.setattr(nmt.data.sample, "write_sample", partial(write_sample, sizes=tuple(sizes.values())))
    assert run("data", "sample", "here", "--seed", 3) == (0, "wrote here\n", "")
    counts = {path.name: path.read_text().count("\n") for path in (folder / "here").iterdir()}
    assert counts == {f"{name}.{ending}": size for name, size in sizes.items() for ending in ("en", "de", "align")}


def test_sample_replaces_no_other_file_unasked(run: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nmt.data.sample, "write_sample", partial(write_sample, sizes=(20, 5, 6)))
    (folder / "valid.de").write_text("my own\n")
    assert run("data", "sample", ".") == (
        2,
        "",
        "error: valid.de: exists already\nhint: --overwrite replaces it; or name another folder\n",
    )
    assert [path.name for path in folder.iterdir()] == ["valid.de"]
    assert run("data", "sample", ".", "--overwrite").code == 0
    assert run("data", "sample", ".").code == 0
    assert len((folder / "valid.de").read_text().splitlines()) == 5


def test_each_kind_of_sample_has_its_own_folder(run: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nmt.data.sample, "write_sample", partial(write_sample, sizes=(20, 5, 6)))
    assert run("data", "sample").out == "wrote data/sample\n"
    assert run("data", "sample", "--kind", "sort").out == "wrote data/sample_sort\n"
    assert run("data", "sample", "there", "--kind", "two_sources").out == "wrote there\n"
    assert (folder / "data/sample/test.align").is_file()
    assert (folder / "data/sample_sort/test.source").is_file()
    assert (folder / "there/test.how.en").is_file()


def test_get_says_the_terms_and_what_is_missing(run: Command, folder: Path) -> None:
    answer = run("data", "get", "multi30k-en-de", "--from", folder, "--to", "here")
    assert answer.code == 2
    assert answer.out.splitlines()[1].startswith("terms: ")
    assert answer.err.startswith(f"error: {folder / 'train.en'}: no such file\n")
    assert not (folder / "here").exists()


def test_get_knows_its_catalog(run: Command, folder: Path) -> None:
    assert run("data", "get", "multi30k").err.splitlines() == [
        "error: no corpus 'multi30k' in the catalog",
        "hint: did you mean 'multi30k-en-de'? allowed: multi30k-en-de",
    ]


def test_prepare_tells_what_it_made(run: Command, text: Path) -> None:
    answer = run("data", "prepare", "x.yaml", "--set", "data.max_length=4")
    long = sum(len(line.split()) + 1 > 4 for line in (text / "text.en").read_text().splitlines())
    assert answer.code == 0
    assert answer.out.splitlines()[-3:] == [
        "vocabulary: 12 pieces, shared",
        f"train: {40 - long} pairs (left out: 0 with a blank side, {long} too long)",
        f"valid: {40 - long} pairs (left out: 0 with a blank side, {long} too long)",
    ]


def test_new_sets_pairs_aside_and_each_stands_once(run: Command, text: Path) -> None:
    answer = run("new", "--source", "text.en", "--target", "text.de", "--output", "my.yaml")
    config = load_config("my.yaml")
    files = config.data.train.sources[0] + config.data.valid.sources[0]
    train, valid = (path.read_text().splitlines() for path in files)
    assert answer.out.splitlines()[-2:] == ["wrote my.yaml", "next: nmt train my.yaml"]
    assert (config.languages.source, config.languages.target) == ("en", "de")
    assert len(valid) == 2
    assert sorted(train + valid) == sorted((text / "text.en").read_text().splitlines())


def test_new_takes_validation_files_as_they_are(run: Command, text: Path) -> None:
    pair = ("--source", "text.en", "--target", "text.de", "--valid-source", "text.en", "--valid-target", "text.de")
    assert run("new", *pair).out == "wrote config.yaml\nnext: nmt train config.yaml\n"
    assert load_config("config.yaml").data.valid.sources == [[Path("text.en")]]


def test_new_does_not_replace_a_config_unasked(run: Command, text: Path) -> None:
    pair = ("--source", "text.en", "--target", "text.de", "--output", "x.yaml")
    before = (text / "x.yaml").read_text()
    assert run("new", *pair).err == (
        "error: x.yaml: exists already\nhint: --overwrite replaces it, --output names another file\n"
    )
    assert (text / "x.yaml").read_text() == before
    assert run("new", *pair, "--overwrite").code == 0


@pytest.mark.parametrize("name", ["train.en", "valid.de"])
def test_new_does_not_replace_a_text_unasked(run: Command, text: Path, name: str) -> None:
    pair = ("--source", "text.en", "--target", "text.de", "--output", "my.yaml")
    (text / "my-data").mkdir()
    (text / "my-data" / name).write_text("my own\n")
    assert run("new", *pair).err == (
        f"error: my-data/{name}: exists already\nhint: --overwrite replaces it, --output names another file\n"
    )
    assert not (text / "my.yaml").exists()
    assert [path.read_text() for path in (text / "my-data").iterdir()] == ["my own\n"]
    assert run("new", *pair, "--overwrite").code == 0


def test_new_never_replaces_the_text_that_it_reads(run: Command, text: Path) -> None:
    (text / "my-data").mkdir()
    for side in ("en", "de"):
        (text / f"text.{side}").rename(text / "my-data" / f"train.{side}")
    before = (text / "my-data" / "train.en").read_bytes()
    (text / "link.en").symlink_to("my-data/train.en")
    for source in ("my-data/train.en", "link.en"):
        pair = ("--source", source, "--target", "my-data/train.de", "--output", "my.yaml")
        assert run("new", *pair, "--overwrite").err.splitlines() == [
            "error: my-data/train.en: is the text itself, and would be replaced",
            "hint: --output names another file",
        ]
    assert (text / "my-data" / "train.en").read_bytes() == before


def test_new_refuses_texts_that_do_not_match(run: Command, text: Path) -> None:
    (text / "short").write_text("a\n")
    answer = run("new", "--source", "text.en", "--target", "short")
    assert (answer.code, answer.err.splitlines()[0][:45]) == (2, "error: text.en has 40 lines and short has 1; ")
    assert not (text / "config.yaml").exists()


def test_new_refuses_half_of_the_validation_text(run: Command, text: Path) -> None:
    answer = run("new", "--source", "text.en", "--target", "text.de", "--valid-source", "text.en")
    assert answer.err.startswith("error: --valid-source and --valid-target go together\n")


def starter(folder: Path, pairs: int = 1000) -> str:
    text = starter_config(TextPair(Path("a b.en"), Path("c: d.de")), TextPair(Path("e.en"), Path("#f.de")), pairs)
    (folder / "my.yaml").write_text(text)
    return text


def test_the_starter_config_builds_and_its_paths_survive_yaml(folder: Path) -> None:
    starter(folder)
    config = load_config("my.yaml")
    assert config.data.train.sources[0] + config.data.train.targets == [Path("a b.en"), Path("c: d.de")]
    assert config.data.valid.targets == [Path("#f.de")]
    with torch.device("meta"):
        assert config.model.build(1000, 1000)


def test_the_transformer_in_the_starter_s_comments_is_one_that_was_measured(folder: Path) -> None:
    text = starter(folder)
    text = re.sub(r"\n  encoder: .*|\n  decoder:(\n    .*)+", "", text)
    text = re.sub(r"# (encoder|decoder): \{name: transformer", r"\1: {name: transformer", text)
    (folder / "my.yaml").write_text(text)
    config, measured = load_config("my.yaml"), load_config(RECIPES / "vaswani2017.yaml")
    assert (config.model.encoder, config.model.decoder) == (measured.model.encoder, measured.model.decoder)
    with torch.device("meta"):
        assert config.model.build(1000, 1000)


def test_the_names_in_the_starter_s_comments_are_the_names_there_are(folder: Path) -> None:
    text = starter(folder)
    offered = [set(line.split("# ")[1].split(" (")[0].split(" | ")) for line in text.splitlines() if " | " in line]
    tokenizers = set(named_options(Config.model_fields["tokenizer"].annotation))
    assert tokenizers in offered
    assert set(members(CellOptions)) in offered
    assert set(TrainingSettings.model_fields["select_by"].annotation.__args__) in offered
    assert "additive" in members(ScoreOptions)


@pytest.mark.parametrize(("pairs", "size"), [(10, 1000), (29_000, 6000), (1_000_000, 16_000), (10**9, 32_000)])
def test_more_text_gets_a_larger_vocabulary(pairs: int, size: int) -> None:
    assert vocabulary_size(pairs) == size


def test_a_pipe_in_a_config_is_refused_by_the_check_as_by_training(run: Command, folder: Path) -> None:
    write_text(folder)
    (folder / "text.de").unlink()
    os.mkfifo(folder / "text.de")
    for command in (("data", "check"), ("data", "prepare"), ("train",)):
        answer = run(*command, "x.yaml")
        assert (answer.code, answer.out) == (2, "")
        assert answer.err.startswith("error: text.de: a pipe or a device, and text is read more than once\n")
