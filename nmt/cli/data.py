"""`nmt data …`: write, check, prepare and fetch parallel text."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt.cli.options import ConfigArgument, Overrides
from nmt.data.kinds import Kind
from nmt.errors import ConfigError

if TYPE_CHECKING:
    from nmt.data.prepare import Counts

data = typer.Typer(no_args_is_help=True, help="Write, check, prepare and fetch parallel text.", rich_markup_mode=None)
FAULTY = 1


@data.command()
def sample(
    directory: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="Where to; data/sample, or data/sample_KIND.", show_default=False),
    ] = None,
    kind: Annotated[Kind, typer.Option(help="What the corpus asks of a model.")] = Kind.GRAMMAR,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Another seed, other sentences.")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace other files of these names.")] = False,
) -> None:
    """Write a sample corpus: 20,000 pairs to train, 500 to validate, 500 to test.

    \b
    grammar      English and German by a small grammar, with gold alignments
    sort         numbers, and the same numbers sorted
    names        names to be copied, those of the test unknown to training
    two_sources  two English sources, each with half of what the German says
    pronouns     documents: er, sie or es follows from the sentence before

    docs/formats.md describes the files.
    """
    from nmt.data.sample import write_sample

    place = directory or Path(kind.folder)
    write_sample(place, seed, overwrite=overwrite, kind=kind)
    typer.echo(f"wrote {place}")


@data.command()
def check(
    config: Annotated[Path | None, typer.Argument(metavar="CONFIG", help="Check its train and valid text.")] = None,
    source: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Or a file, once for each source …", show_default=False),
    ] = None,
    target: Annotated[
        Path | None, typer.Option(metavar="FILE", help="… and its translation.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Look for what spoils parallel text, with file and line numbers.

    Line counts that differ, blank lines on one side, invalid UTF-8, control
    characters, odd line separators, duplicates, suspicious lengths. The exit
    code is 1 when training would refuse the text. Of several sources, each is
    compared with the translation.

    \b
    Examples:
      nmt data check my.yaml
      nmt data check --source my.en --target my.de --json
    """
    sources, targets = source or [], [target] if target else []
    if (bool(sources), bool(targets)) != ((config is None),) * 2:
        raise ConfigError("nmt data check needs a CONFIG, or --source and --target", "give one or the other")
    from nmt.data.check import check as look

    report = look(sources, targets * len(sources)) if config is None else look(*_texts(config))
    typer.echo(report.as_json() if as_json else report.as_text())
    if not report.ok:
        raise typer.Exit(FAULTY)


def _texts(config: Path) -> tuple[list[Path], list[Path], list[tuple[Path, Path]]]:
    """Sources and targets of a config, file by file, and its files of document ids with their targets.

    Raises: DataError for a pipe, as training does.
    """
    from nmt.config import load_config
    from nmt.data.digests import Unchanged

    texts = load_config(config).data
    together = [(text, files.targets) for files in (texts.train, texts.valid) for text in files.sources]
    sources, targets = ([path for pair in together for path in pair[side]] for side in (0, 1))
    ids = [
        pair for files in (texts.train, texts.valid) for pair in zip(files.document_files, files.targets, strict=False)
    ]
    Unchanged([*sources, *targets, *(path for path, _ in ids)])
    return sources, targets, ids


@data.command()
def prepare(config: ConfigArgument, overrides: Overrides = None) -> None:
    """Turn text into pieces ahead of `nmt train`.

    The tokenizer is trained on it first. The result is kept by the content of the files and found again by `train`.
    """
    from nmt.config import load_config
    from nmt.data.prepare import prepare as make

    settings = load_config(config, overrides or [])
    copying = settings.inputs.copying
    prepared = make(settings.data, settings.tokenizer, settings.training.seed, say=typer.echo, copying=copying)
    source, target = (len(tokenizer.vocabulary) for tokenizer in prepared.tokenizers)
    shared = prepared.tokenizers.source is prepared.tokenizers.target
    typer.echo(f"vocabulary: {source} pieces" + (", shared" if shared else f" and {target}"))
    typer.echo(_counted("train", prepared.report.train))
    typer.echo(_counted("valid", prepared.report.valid))


def _counted(name: str, counts: "Counts") -> str:
    left_out = f"left out: {counts.blank} with a blank side, {counts.too_long} too long"
    return f"{name}: {counts.kept} pairs ({left_out})"


@data.command()
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A corpus of the catalog: multi30k-en-de, …")],
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="FOLDER|URL", help="Another place with its files.", show_default=False),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to; data/<its short name>.", show_default=False)
    ] = None,
) -> None:
    """Fetch a public corpus: verified, and whole or not at all.

    Its terms of use are shown first. An interrupted download is resumed by
    the same command.

    \b
    Example:
      nmt data get multi30k-en-de
    """
    from nmt.data.catalog import get as fetch

    typer.echo(f"wrote {fetch(name, from_, to, typer.echo)}")
