"""An empty folder, the command line, and one small run for all tests of it."""

import io
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Answer, Command, run_main, write_text


@pytest.fixture(autouse=True)
def ctrl_c_interrupts() -> Iterator[None]:
    """Ctrl-C is what a terminal's shell makes it, whatever started the tests, and stays so."""
    found = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.signal(signal.SIGINT, found) is signal.default_int_handler


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """`run("train", "x.yaml")`, with standard input as bytes, or closed."""

    def command(*arguments: object, stdin: bytes | None = b"") -> Answer:
        monkeypatch.setattr(sys, "stdin", None if stdin is None else io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        code = run_main(arguments)
        return Answer(code, *capsys.readouterr())

    return command


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with text, a config and its run `runs/x`; tests only read it."""
    directory = tmp_path_factory.mktemp("trained")
    write_text(directory)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        assert run_main(("train", "x.yaml")) == 0
    return directory


@pytest.fixture
def in_trained(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of `trained` as the current directory."""
    monkeypatch.chdir(trained)
    return trained


@pytest.fixture
def in_copy(trained: Path, folder: Path) -> Path:
    """The current directory, from which the run and its text can be read."""
    for name in ("runs", "text.en", "text.de"):
        (folder / name).symlink_to(trained / name)
    return folder
