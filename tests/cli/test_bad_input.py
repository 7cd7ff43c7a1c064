"""What goes wrong at the command line, with the exact two lines and exit code 2."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from command_line import Command, write_text


@pytest.fixture
def text(folder: Path) -> Path:
    write_text(folder)
    return folder


def refused(run: Command, *arguments: object) -> list[str]:
    """The lines on stderr of a command that must be refused."""
    answer = run(*arguments)
    assert (answer.code, answer.out) == (2, "")
    return answer.err.splitlines()


def refused_last(run: Command, *arguments: object) -> list[str]:
    """The last two lines on stderr of a command that must be refused after it has begun."""
    answer = run(*arguments)
    assert answer.code == 2
    return answer.err.splitlines()[-2:]


def test_a_run_without_a_name(run: Command, text: Path) -> None:
    assert refused(run, "train", "x.yaml", "--run", "") == [
        "error: --run: the name of the directory is empty",
        "hint: name one, or leave --run out",
    ]


@pytest.mark.parametrize("command", ["translate", "evaluate", "align"])
def test_a_dash_for_standard_output(run: Command, in_trained: Path, untouched: None, command: str) -> None:
    assert refused(run, *(word.format("runs/x") for word in COMMANDS[command]), "--output", "-") == [
        "error: -: a file of that name would be made",
        "hint: name a file; without --output it goes to standard output",
    ]


def test_a_missing_config(run: Command, folder: Path) -> None:
    assert refused(run, "train", "no.yaml") == [
        "error: no.yaml: no such file",
        "hint: nmt new writes a config to start from",
    ]


def test_an_unknown_config_key(run: Command, text: Path) -> None:
    (text / "x.yaml").write_text((text / "x.yaml").read_text().replace("size: 6", "sise: 6"))
    assert refused(run, "train", "x.yaml") == [
        "error: x.yaml:8: model.encoder.sise: unknown key",
        "hint: did you mean 'size'? allowed: name, cell, size, num_layers, bidirectional, reverse",
    ]


def test_an_unknown_key_after_set(run: Command, text: Path) -> None:
    assert refused(run, "train", "x.yaml", "--set", "training.bach_tokens=3")[0] == (
        "error: --set: training.bach_tokens: unknown key"
    )


def test_an_impossible_combination(run: Command, text: Path) -> None:
    assert refused(run, "train", "x.yaml", "--set", "tokenizer.shared=false") == [
        "error: --set: tokenizer.shared: tied_embeddings: all without tokenizer.shared: "
        "one table of embeddings needs one vocabulary for both sides",
        "hint: set tokenizer.shared: true, or tied_embeddings: target or none",
    ]


def test_a_missing_text_file(run: Command, text: Path) -> None:
    (text / "text.de").unlink()
    assert refused(run, "train", "x.yaml") == ["error: text.de: no such file", "hint: did you mean text.en?"]


def test_unequal_line_counts(run: Command, text: Path) -> None:
    (text / "text.de").write_text("a\nb\n")
    assert refused(run, "train", "x.yaml") == [
        "error: text.en has 40 lines and text.de has 2; line n of one belongs to line n of the other",
        "hint: `nmt data check --source text.en --target text.de` shows blank lines and odd lengths",
    ]


def test_an_empty_corpus(run: Command, text: Path) -> None:
    for name in ("text.en", "text.de"):
        (text / name).write_text("")
    assert refused(run, "train", "x.yaml") == [
        "error: text.en: empty, as is text.de",
        "hint: name files that have lines",
    ]


def test_a_corpus_of_blank_lines(run: Command, text: Path) -> None:
    for name in ("text.en", "text.de"):
        (text / name).write_text("\n \n")
    answer = run("train", "x.yaml")
    assert answer.code == 2
    assert answer.err.startswith("error: ")
    assert not (text / "runs" / "x").exists()


def test_text_that_is_not_utf8(run: Command, text: Path) -> None:
    lines = (text / "text.de").read_bytes().split(b"\n")
    (text / "text.de").write_bytes(b"\n".join([*lines[:16], b"caf\xe9", *lines[17:]]))
    assert refused_last(run, "train", "x.yaml") == [
        "error: text.de:17: not valid UTF-8 (byte 0xe9 at column 4)",
        "hint: `nmt data check --json` lists such lines, up to 10,000",
    ]


def test_a_failed_training_leaves_no_run_directory(run: Command, text: Path) -> None:
    (text / "text.de").write_text("a\n")
    assert run("train", "x.yaml").code == 2
    assert not (text / "runs" / "x").exists()


def test_a_run_directory_that_cannot_be_made(run: Command, text: Path) -> None:
    assert refused_last(run, "train", "x.yaml", "--run", "text.en/run") == [
        "error: text.en/run: a run directory cannot be made here (Not a directory)",
        "hint: --run names another place",
    ]


def test_a_package_that_is_not_there(run: Command, in_trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "MeCab", None)
    assert refused(run, *COMMANDS["evaluate"], "--tokenize", "ja-mecab") == [
        "error: BLEU tokenizer 'ja-mecab' needs a package that is not installed",
        "hint: Install it: pip install 'sacrebleu[ja]'",
    ]


COMMANDS = {
    "translate": ("translate", "{}"),
    "evaluate": ("evaluate", "{}", "--source", "text.en", "--reference", "text.de"),
    "align": ("align", "{}", "--source", "text.en", "--target", "text.de"),
    "info": ("info", "{}"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_directory_that_is_no_run(run: Command, in_trained: Path, command: str) -> None:
    arguments = [word.format("runs") for word in COMMANDS[command]]
    assert refused(run, *arguments) == [
        "error: runs: not a run directory (it has no config.yaml)",
        "hint: run directories nearby: runs/x",
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_run_that_is_not_there(run: Command, in_trained: Path, command: str) -> None:
    arguments = [word.format("runs/y") for word in COMMANDS[command]]
    assert refused(run, *arguments)[0] == "error: runs/y: no such run directory"


def test_a_truncated_checkpoint(run: Command, trained: Path, folder: Path) -> None:
    shutil.copytree(trained, folder, dirs_exist_ok=True)
    file = Path("runs/x/checkpoints/step-8/model.safetensors")
    size = file.stat().st_size
    file.write_bytes(file.read_bytes()[:100])
    assert refused(run, "translate", "runs/x", "--checkpoint", "step-8") == [
        f"error: checkpoint refused: {file}: 100 bytes where the manifest says {size}",
        "hint: whole checkpoints: step-4",
    ]


@pytest.mark.parametrize("name", ["step-8", "passed-over-8"])
def test_info_shows_a_truncated_checkpoint(run: Command, trained: Path, folder: Path, name: str) -> None:
    shutil.copytree(trained, folder, dirs_exist_ok=True)
    Path("runs/x/checkpoints/step-8/state.json").unlink()
    Path("runs/x/checkpoints/step-8").rename(f"runs/x/checkpoints/{name}")
    answer = run("info", "runs/x")
    assert (answer.code, answer.err) == (0, "")
    shown = " ".join(answer.out.split())
    assert f"checkpoint: {name} (damaged: runs/x/checkpoints/{name}/state.json: " in shown
    assert "checkpoint: step-4 (0." in shown


def test_a_checkpoint_that_is_not_there(run: Command, in_trained: Path) -> None:
    assert refused(run, "translate", "runs/x", "--checkpoint", "step-5") == [
        "error: runs/x: has no checkpoint 'step-5'",
        "hint: whole checkpoints: step-4, step-8",
    ]


def test_a_missing_file_to_translate(run: Command, in_trained: Path) -> None:
    assert refused(run, "translate", "runs/x", "--input", "text.eu") == [
        "error: text.eu: no such file",
        "hint: did you mean text.en?",
    ]


def test_an_unknown_device(run: Command, in_trained: Path) -> None:
    assert refused(run, "translate", "runs/x", "--device", "gpu") == [
        "error: --device gpu: unknown device",
        "hint: allowed: cpu, cuda, cuda:N",
    ]


def test_a_device_that_is_not_there(run: Command, in_trained: Path) -> None:
    assert refused(run, "translate", "runs/x", "--device", "cuda:99")[0].startswith("error: --device cuda:99: not here")


def test_a_folder_for_a_text(run: Command, in_trained: Path) -> None:
    assert refused(run, "translate", "runs/x", "--input", "runs")[0] == "error: runs: is a folder, not a text file"


@pytest.mark.parametrize("shown", [("translate", "--json", "x"), ("align",), ("evaluate", "--alignments", "x")])
def test_a_layer_or_a_head_that_the_model_has_not(run: Command, in_trained: Path, shown: tuple[str, ...]) -> None:
    command = [*(word.format("runs/x") for word in COMMANDS[shown[0]]), *shown[1:]]
    one_layer = ["error: layer 2: the decoder's attention has 1 layer", "hint: allowed: 1"]
    assert refused(run, *command, "--layer", 2) == one_layer
    assert refused(run, *command, "--head", 1, "--head", 3)[0] == "error: head 3: the decoder's attention has 1 head"


@pytest.mark.parametrize(
    ("command", "needed"),
    [("translate", "--json, --heatmaps or --replace-unknown"), ("evaluate", "--alignments")],
)
def test_a_layer_for_nothing(run: Command, in_trained: Path, command: str, needed: str) -> None:
    assert refused(run, *(word.format("runs/x") for word in COMMANDS[command]), "--layer", 1) == [
        "error: --layer and --head choose the attention that alignments show",
        f"hint: give {needed} with them",
    ]


def test_a_model_without_attention_shows_no_alignments(run: Command, text: Path) -> None:
    assert run("train", "x.yaml", "--set", "model.decoder.attention=none", "--set", "training.max_updates=4").code == 0
    shows = {"translate": ["--heatmaps", "x"], "evaluate": ["--alignments", "x"], "align": []}
    commands = [[*COMMANDS[name], *more] for name, more in shows.items()]
    for command in (*commands, [*COMMANDS["translate"], "--replace-unknown"]):
        assert refused(run, *(word.format("runs/x") for word in command)) == [
            "error: the model has no attention: there is nothing to align with",
            "hint: train one that has",
        ]
    assert run("translate", "runs/x", "--json", "x.jsonl", stdin=b"a\n").code == 0
    assert json.loads((text / "x.jsonl").read_text())["hypotheses"][0]["alignment"] is None


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails the test where a model begins to translate or to align."""

    def begun(*_: object) -> None:
        raise AssertionError("the work was begun")

    for name in ("translate_lines", "align"):
        monkeypatch.setattr(f"nmt.translate.Translator.{name}", begun)


FOLDERS = ["translate --output", "translate --json", "evaluate --output", "evaluate --json", "align --output"]
FILES = ["translate --heatmaps", "evaluate --alignments", "align --heatmaps"]


@pytest.mark.parametrize("option", FOLDERS)
def test_a_folder_for_a_file_to_write_is_refused_at_once(
    run: Command, in_trained: Path, untouched: None, option: str
) -> None:
    name, flag = option.split()
    assert refused(run, *(word.format("runs/x") for word in COMMANDS[name]), flag, "runs") == [
        "error: runs: is a folder",
        "hint: name a file in it",
    ]


@pytest.mark.parametrize("option", FILES)
def test_a_file_for_a_folder_to_write_is_refused_at_once(
    run: Command, in_trained: Path, untouched: None, option: str
) -> None:
    name, flag = option.split()
    lines = refused(run, *(word.format("runs/x") for word in COMMANDS[name]), flag, "x.yaml")
    assert re.fullmatch(r"error: x\.yaml\S*: cannot be written \((File exists|Not a directory)\)", lines[0])


def test_gold_links_are_read_before_the_pairs_are_aligned(run: Command, in_trained: Path, untouched: None) -> None:
    command = [word.format("runs/x") for word in COMMANDS["align"]]
    assert refused(run, *command, "--gold", "text.en")[0].endswith(" is not a link")
    (in_trained / "short.align").write_text("0-0\n")
    assert refused(run, *command, "--gold", "short.align")[0] == (
        "error: short.align: 1 lines of links for 40 sentence pairs"
    )
    (in_trained / "short.align").unlink()


OWN = "is the run's own"


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("translate runs/x --input text.en --output ./text.en", "text.en: is read"),
        ("translate runs/x --output new --json new", "new: is written by another option"),
        ("evaluate runs/x --source text.en --reference text.de --json text.de", "text.de: is read"),
        ("align runs/x --source text.en --target text.de --output text.de", "text.de: is read"),
        ("align runs/x --source text.en --target text.de --gold x.yaml --output x.yaml", "x.yaml: is read"),
        ("translate runs/x --output runs/x/config.yaml", f"runs/x/config.yaml: {OWN}"),
        ("align runs/x --source text.en --target text.de --output runs/x/tokenizer/a", f"runs/x/tokenizer/a: {OWN}"),
        ("evaluate runs/x --source text.en --reference text.de --json runs/x/train.log", f"runs/x/train.log: {OWN}"),
    ],
)
def test_what_is_read_is_not_written(run: Command, in_trained: Path, untouched: None, command: str, named: str) -> None:
    before = (in_trained / "text.en").read_bytes()
    assert refused(run, *command.split()) == [f"error: {named}, and would be replaced", "hint: name another file"]
    assert (in_trained / "text.en").read_bytes() == before
    assert not (in_trained / "new").exists()


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("translate runs/x --input text.en --output old", "old"),
        ("translate runs/x --input text.en --json old", "old"),
        ("translate runs/x --input text.en --output old --resume", "old"),
        ("translate runs/x --heatmaps pictures", "pictures/0007.png"),
        ("translate runs/x --input text.en --output new --heatmaps pictures --resume", "pictures/0007.png"),
        ("evaluate runs/x --source text.en --reference text.de --output old", "old"),
        ("evaluate runs/x --source text.en --reference text.de --json old", "old"),
        ("evaluate runs/x --source text.en --reference text.de --alignments pictures", "pictures/0007.png"),
        ("align runs/x --source text.en --target text.de --output old", "old"),
        ("align runs/x --source text.en --target text.de --heatmaps pictures", "pictures/0007.png"),
    ],
)
def test_what_is_there_is_replaced_only_when_that_is_asked_for(
    run: Command, in_copy: Path, command: str, named: str
) -> None:
    for name in ("old", "pictures/0007.png"):
        (in_copy / name).parent.mkdir(exist_ok=True)
        (in_copy / name).write_text("precious\n")
    hint = "hint: --overwrite replaces it; or name another place"
    assert refused(run, *command.split()) == [f"error: {named}: exists already", hint]
    assert (in_copy / named).read_text() == "precious\n"


def test_an_option_out_of_range(run: Command, in_trained: Path) -> None:
    answer = run("translate", "runs/x", "--beam-size", 0)
    assert answer.code == 2
    assert "--beam-size" in answer.err
