"""The commands of the README's "Your own text", run as they stand there on a small text."""

import shlex
from pathlib import Path

from command_line import Command, write_text

README = Path(__file__).parents[2] / "README.md"
SMALL = (
    "training.max_updates=2",
    "training.validate_every=2",
    "tokenizer.vocabulary_size=24",
    "model.embedding_size=8",
)


def commands() -> list[list[str]]:
    block = README.read_text(encoding="utf-8").split("## Your own text")[1].split("```")[1]
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    return [words[1:] for words in lines if words[:1] == ["nmt"]]


def test_the_readme_s_commands_run(run: Command, folder: Path) -> None:
    write_text(folder)
    for name in ("my.en", "my.de", "new.en", "test.en", "test.de"):
        Path(name).write_bytes(Path("text").with_suffix(Path(name).suffix).read_bytes())
    done = [words[0] for words in commands()]
    assert done == ["new", "data", "train", "translate", "evaluate", "align"]
    for words in commands():
        small = [part for setting in SMALL for part in ("--set", setting)] if words[0] == "train" else []
        answer = run(*words, *small)
        assert answer.code == 0, (words, answer.err)
    assert len(Path("new.de").read_bytes().splitlines()) == 40
    assert Path("pictures/alignments.jsonl").exists()
