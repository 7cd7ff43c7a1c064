"""The command line: `nmt COMMAND …`. Each command's module parses, calls one function and prints.

Nothing here imports torch: help and completion answer at once, and a command imports what it needs when it runs.
"""

import io
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import Annotated

import typer

from nmt.cli.align import align
from nmt.cli.data import data
from nmt.cli.evaluate import evaluate
from nmt.cli.export import export
from nmt.cli.info import info
from nmt.cli.listing import list_parts
from nmt.cli.new import new
from nmt.cli.standard_output import guard_standard_output, plain
from nmt.cli.train import train
from nmt.cli.translate import translate
from nmt.errors import NmtError

app = typer.Typer(
    name="nmt",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"nmt {version('nmt')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Train translation models, translate with them, measure them, and see what they attend to.

    \b
    A first run, on the corpus that comes with nmt:
      nmt data sample data/sample
      nmt train configs/quickstart.yaml
      nmt translate runs/quickstart --input data/sample/test.en
    \b
    On two text files of your own, line by line translations of each other:
      nmt new --source my.en --target my.de --output my.yaml
      nmt train my.yaml
    """


for name, command in (
    ("new", new),
    ("train", train),
    ("translate", translate),
    ("evaluate", evaluate),
    ("align", align),
    ("export", export),
    ("info", info),
    ("list", list_parts),
):
    app.command(name)(command)
app.add_typer(data, name="data")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 refused (two lines on stderr), 130 and 143 interrupted (Ctrl-C and
    SIGTERM), 141 reader gone."""
    guard_standard_output()
    warnings.formatwarning = lambda message, *_: f"warning: {message}\n"
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(args=arguments, prog_name="nmt")
    except (NmtError, OSError) as error:
        for name, text in zip(("error", "hint"), _lines(error), strict=True):
            if text:
                with suppress(OSError):  # stderr may be as full as what the error is about
                    typer.echo(f"{name}: {plain(text)}", err=True)
        sys.exit(2)


def _lines(error: NmtError | OSError) -> tuple[str, str]:
    """What is wrong, and what to do about it; of what the operating system refuses and nothing nearer explains, the
    file and its reason."""
    if isinstance(error, NmtError):
        return error.message, error.hint
    return (f"{error.filename}: {error.strerror}" if error.filename else str(error)), ""
