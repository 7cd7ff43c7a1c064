"""`nmt new`: a starter config for text files of one's own."""

from pathlib import Path
from typing import Annotated

import typer


def new(
    source: Annotated[Path, typer.Option(metavar="FILE", help="Text in the language to translate from.")],
    target: Annotated[Path, typer.Option(metavar="FILE", help="Its translation, line by line.")],
    valid_source: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Text to validate on, if you have it.", show_default=False)
    ] = None,
    valid_target: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its translation.", show_default=False)
    ] = None,
    output: Annotated[Path, typer.Option(metavar="FILE", help="The config to write.")] = Path("config.yaml"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the files if they exist.")] = False,
) -> None:
    """Write a commented config for your own text files.

    The two files are translations of each other, line by line. Without files
    to validate on, some of the pairs are set aside: the text is then copied
    into <the config's name>-data/, each pair to train or to valid.

    \b
    Examples:
      nmt new --source my.en --target my.de --output my.yaml
      nmt train my.yaml
    """
    from nmt.errors import ConfigError
    from nmt.starter import TextPair, write_starter

    if (valid_source is None) != (valid_target is None):
        raise ConfigError("--valid-source and --valid-target go together", "give both or neither")
    valid = TextPair(valid_source, valid_target) if valid_source and valid_target else None
    for path in write_starter(output, TextPair(source, target), valid, overwrite):
        typer.echo(f"wrote {path}")
    typer.echo(f"next: nmt train {output}")
