"""Help and completion: at once, at 80 columns, and with every option that was promised."""

import io
import os
import subprocess
import sys

import pytest
from command_line import Command, run_main

from nmt.translations import MOST_TOKENS, TOKENS

COMMANDS = {
    ("train",): "CONFIG --run --set --resume --overwrite",
    (
        "translate",
    ): "RUN --input --documents --output --checkpoint --beam-size --length-penalty --coverage-penalty --max-length "
    "--batch-tokens --device --threads --replace-unknown --json --n-best --heatmaps --layer --head --engine "
    "--precision --resume --overwrite",
    ("export",): "RUN --to --output --checkpoint --quantization --overwrite",
    (
        "evaluate",
    ): "RUN --source --reference --documents --lowercase --tokenize --beam-size --output --json --alignments "
    "--layer --head --precision --overwrite",
    ("align",): "RUN --source --target --documents --format --output --heatmaps --gold --layer --head --overwrite",
    ("new",): "--source --target --valid-source --valid-target --output --overwrite",
    ("info",): "RUN",
    ("list",): "KIND",
    ("data", "sample"): "DIR",
    ("data", "check"): "CONFIG --source --target --json",
    ("data", "prepare"): "CONFIG",
    ("data", "get"): "NAME --from --to",
    ("data",): "sample check prepare get",
    (): "new train translate evaluate align export info list data --version",
}
WITHOUT_TORCH = """
import sys
from nmt.cli.app import main
try:
    main({arguments})
except SystemExit as exit:
    assert not exit.code, exit.code
heavy = {{"torch", "matplotlib", "sacrebleu", "pyarrow", "numpy", "pydantic"}} & set(sys.modules)
assert not heavy - {{"pydantic"}}, heavy
"""


def fresh(arguments: list[str], **environment: str) -> str:
    """Standard output of a new process."""
    code = WITHOUT_TORCH.format(arguments=arguments)
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_names_every_argument(run: Command, command: tuple[str, ...]) -> None:
    answer = run(*command, "--help")
    assert (answer.code, answer.err) == (0, "")
    assert [word for word in COMMANDS[command].split() if word not in answer.out] == []


@pytest.mark.parametrize("command", ["translate", "evaluate"])
def test_help_tells_how_much_is_searched_at_once(run: Command, command: str) -> None:
    told = " ".join(run(command, "--help").out.split())
    assert f"padding counted; {TOKENS} / beam size, at most {MOST_TOKENS}." in told


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_fits_eighty_columns(run: Command, command: tuple[str, ...]) -> None:
    assert [line for line in run(*command, "--help").out.splitlines() if len(line) > 80] == []


def test_help_does_not_load_torch() -> None:
    assert "translate" in fresh(["translate", "--help"])


def test_completion_does_not_load_torch() -> None:
    words = {"_NMT_COMPLETE": "complete_bash", "COMP_WORDS": "nmt tra", "COMP_CWORD": "1"}
    assert fresh([], **words).split() == ["train", "translate"]


def test_a_terminal_without_greek_letters_gets_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    latin = io.TextIOWrapper(io.BytesIO(), encoding="iso-8859-1")
    monkeypatch.setattr(sys, "stdout", latin)
    assert run_main(("list", "attention")) == 0
    latin.flush()
    assert b"\\u03b1_j = " in latin.buffer.getvalue()


def test_the_version_is_printed(run: Command) -> None:
    assert run("--version").out.startswith("nmt ")


def test_no_command_shows_help(run: Command) -> None:
    answer = run()
    assert answer.code == 2
    assert "Commands:" in answer.out + answer.err


def test_a_misspelt_command_is_refused(run: Command) -> None:
    answer = run("trian")
    assert answer.code == 2
    assert "No such command 'trian'" in answer.err
