"""`nmt list`: the parts that a config can name, explained by their own docstrings."""

import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

import typer
from pydantic.fields import FieldInfo

from nmt.errors import ConfigError
from nmt.settings import Settings, component, did_you_mean, named_options

WIDTH = 80
KINDS = ("attention", "models", "tokenizers", "optimizers", "schedules", "search")
ZOO = ("attention", "score", "normalizer", "scope", "combine", "encoder", "decoder", "output")


def list_parts(
    kind: Annotated[
        str | None,
        typer.Argument(metavar="KIND", help=f"{' | '.join(KINDS)}, or one part such as score; all, briefly."),
    ] = None,
) -> None:
    """List what a config can name, with equations, keys and sources.

    \b
    Examples:
      nmt list
      nmt list attention
      nmt list score
    """
    kinds = _unions()
    parts = {key.split(".")[-1]: {key: union} for unions in kinds.values() for key, union in unions.items()}
    known = {**kinds, **parts, "attention": kinds["attention"]}
    if kind is not None and kind not in known:
        raise ConfigError(f"nmt list {kind}: unknown kind", did_you_mean(kind, known))
    for unions in kinds.values() if kind is None else (known[kind],):
        for key, union in unions.items():
            typer.echo("\n".join(_explained(key, union)) if kind else _brief(key, union))


def listed_parts() -> Iterator[tuple[str, Any]]:
    """Where each part stands in a config, and the union of what can stand there."""
    for unions in _unions().values():
        yield from unions.items()


def shown_by(key: str, name: str) -> str:
    """The recipe of the repository that shows a member, by a convention; empty where the part has none."""
    part = key.rsplit(".", 1)[-1]
    return f"configs/zoo/{part}_{name}.yaml" if part in ZOO else ""


def _unions() -> dict[str, dict[str, Any]]:
    """Kind → where a part stands in a config → the union of what can stand there."""
    from nmt import model, optimization, search
    from nmt.attention import heads, normalizers, scopes, scores, sources
    from nmt.decoders import bridge, output
    from nmt.layers import positions, recurrent
    from nmt.text import tokenizers

    attention = "model.decoder.attention"
    return {
        "attention": {
            attention: heads.AttentionOptions,
            f"{attention}.score": scores.ScoreOptions,
            f"{attention}.normalizer": normalizers.NormalizerOptions,
            f"{attention}.scope": scopes.ScopeOptions,
            "model.sources.combine": sources.CombinationOptions,
        },
        "models": {
            "model.encoder": model.EncoderOptions,
            "model.decoder": model.DecoderOptions,
            "model.output": output.OutputOptions,
            "model.*.cell": recurrent.CellOptions,
            "model.decoder.bridge": bridge.BridgeOptions,
            "model.*.positions": positions.PositionOptions,
        },
        "tokenizers": {"tokenizer": tokenizers.TokenizerOptions},
        "optimizers": {"training.optimizer": optimization.OptimizerOptions},
        "schedules": {"training.schedule": optimization.ScheduleOptions},
        "search": {"search": search.SearchOptions},
    }


def _brief(key: str, union: Any) -> str:
    return textwrap.fill(f"{key}: {', '.join(named_options(union))}", WIDTH, subsequent_indent="    ")


class Explanation(NamedTuple):
    """What a docstring says: the equation or the first paragraph, and the source."""

    text: str
    source: str


def explain(options: type[Settings]) -> Explanation:
    """What the docstring of the component says, or that of its options where they stand alone."""
    owner = component(options) if "." in options.__qualname__ else options
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(vars(owner).get("__doc__") or ""))
    whole = " ".join(" ".join(paragraphs).split())
    source = re.search(r"Source: (.*?)\.?(?= Differs:| Cost:| Raises:|$)", whole)
    text = re.split(r" (?:Source|Cost|Raises|Differs): ", " ".join(paragraphs[0].split()))[0]
    return Explanation(text, source[1] if source else "")


def _explained(key: str, union: Any) -> Iterator[str]:
    yield f"\n{key}\n{'-' * len(key)}"
    for name, options in named_options(union).items():
        explanation = explain(options)
        yield f"\n  {name}"
        yield from _wrapped(explanation.text, 8)
        for field_name, field in options.model_fields.items():
            if field_name != "name":
                yield from _wrapped(f"{field_name}: {_default(field.default)}{_comment(field)}", 10)
        if explanation.source:
            yield from _wrapped(f"Source: {explanation.source}", 8)
        if shown_by(key, name):
            yield from _wrapped(f"Config: {shown_by(key, name)}", 8)


def _comment(field: FieldInfo) -> str:
    """The values that a choice allows, and what the key means."""
    from nmt.settings_file import literals

    choices = list(named_options(field.annotation)) or literals(field.annotation)
    comment = "; ".join(filter(None, (" | ".join(choices), field.description)))
    return f"   # {comment}" if comment else ""


def _default(value: Any) -> str:
    if isinstance(value, Settings):
        return str(getattr(value, "name", "…"))
    return value if isinstance(value, str) else json.dumps(value)


def _wrapped(text: str, indent: int) -> list[str]:
    indents = " " * 6, " " * indent
    return textwrap.wrap(text, WIDTH, initial_indent=indents[0], subsequent_indent=indents[1], break_on_hyphens=False)
