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
from nmt.settings import Settings, component, did_you_mean, is_section, named_options, plain_type, shown

WIDTH = 80
KINDS = ("attention", "models", "tokenizers", "optimizers", "schedules", "search")
ZOO = ("attention", "score", "normalizer", "scope", "combine", "encoder", "decoder", "output")


class Explanation(NamedTuple):
    """What a docstring says before cost and differences, paragraph by paragraph, and the source."""

    paragraphs: list[str]
    source: str


class Entry(NamedTuple):
    """What is listed under one name: the explanation, its keys, and the recipe that shows it, if there is one."""

    explanation: Explanation
    keys: dict[str, FieldInfo]
    recipes: tuple[str, ...]


Sections = dict[str, dict[str, Entry]]
"""Where a part stands in a config → each name that can stand there → its entry."""


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
    kinds = {kind: _sections(parts) for kind, parts in _parts().items()}
    everything = {key: entries for sections in kinds.values() for key, entries in sections.items()}
    parts = {key.split(".")[-1]: {key: entries} for key, entries in everything.items()}
    known = {**kinds, **parts, "attention": kinds["attention"]}
    if kind is not None and kind not in known:
        raise ConfigError(f"nmt list {kind}: unknown kind", did_you_mean(kind, known))
    for key, entries in (everything if kind is None else known[kind]).items():
        typer.echo("\n".join(_explained(key, entries)) if kind else _brief(key, entries))


def listed_parts() -> Iterator[tuple[str, Any]]:
    """Where each part stands in a config, and the union, or the section, of what can stand there."""
    for parts in _parts().values():
        yield from parts.items()


def shown_by(key: str, name: str) -> str:
    """The recipe of the repository that shows a member, by a convention; empty where the part has none."""
    part = key.rsplit(".", 1)[-1]
    return f"configs/zoo/{part}_{name}.yaml" if part in ZOO else ""


def _parts() -> dict[str, dict[str, Any]]:
    """Kind → where a part stands in a config → the union, or the section, of what can stand there."""
    from nmt import model, optimization, search
    from nmt.attention import heads, normalizers, scopes, scores, sources
    from nmt.decoders import bridge, output
    from nmt.encoders import several
    from nmt.layers import positions, recurrent
    from nmt.text import tokenizers

    attention = "model.decoder.attention"
    families = {
        "model.encoder": model.EncoderOptions,
        "model.decoder": model.DecoderOptions,
        "model.output": output.OutputOptions,
    }
    return {
        "attention": {
            attention: heads.AttentionOptions,
            f"{attention}.score": scores.ScoreOptions,
            f"{attention}.normalizer": normalizers.NormalizerOptions,
            f"{attention}.scope": scopes.ScopeOptions,
            "model.sources.combine": sources.CombinationOptions,
            "model.sources": several.Encoders.Options,
            "model": model.ModelOptions,
            **families,
        },
        "models": {
            **families,
            "model.*.cell": recurrent.CellOptions,
            "model.decoder.bridge": bridge.BridgeOptions,
            "model.*.positions": positions.PositionOptions,
        },
        "tokenizers": {"tokenizer": tokenizers.TokenizerOptions},
        "optimizers": {"training.optimizer": optimization.OptimizerOptions},
        "schedules": {"training.schedule": optimization.ScheduleOptions},
        "search": {"search": search.SearchOptions},
    }


def _sections(parts: dict[str, Any]) -> Sections:
    """The members of each union, and after them the keys that ask for a mechanism of their own."""
    sections: Sections = {}
    for key, part in parts.items():
        options = named_options(part)
        if options:
            sections[key] = {name: _member(key, name, member) for name, member in options.items()}
        for section in options.values() or (part,):
            for name, field in section.model_fields.items():
                mark = shown.marking(field)
                if name != "name" and mark.by:
                    sections[f"{key}.{name}"] = {name: _mechanism(name, field, mark)}
    return sections


def _member(key: str, name: str, options: type[Settings]) -> Entry:
    """A member of a union: its own docstring, and the equations of what it is made of."""
    own = explain(component(options) if "." in options.__qualname__ else options)
    made_of = shown.marking(options.model_fields["name"]).by
    equations = [f"{part.__name__}: {explain(part).paragraphs[0]}" for part in made_of]
    keys = {key: field for key, field in options.model_fields.items() if key != "name"}
    recipe = shown_by(key, name)
    return Entry(Explanation([*own.paragraphs, *equations], own.source), keys, (recipe,) if recipe else ())


def _mechanism(name: str, field: FieldInfo, mark: shown) -> Entry:
    """A key that asks for a mechanism, and where it is a section, the keys of that."""
    section = plain_type(field.annotation)
    keys = dict(section.model_fields) if is_section(section) else {name: field}
    return Entry(explain(*mark.by), keys, _files(mark))


def _files(mark: shown) -> tuple[str, ...]:
    return tuple(f"configs/zoo/{recipe}.yaml" for recipe in mark.recipes)


def explain(owner: type) -> Explanation:
    """What the docstring of a class says; a paragraph is one line, unless its lines begin with what they explain."""
    text = inspect.cleandoc(vars(owner).get("__doc__") or "")
    source = re.search(r"Source: (.*?)\.?(?= Differs:| Cost:| Raises:|$)", " ".join(text.split()))
    before = re.split(r"\b(?:Source|Cost|Raises|Differs): ", text)[0].strip()
    paragraphs = [line for paragraph in re.split(r"\n\s*\n", before) for line in _lines(paragraph)]
    return Explanation(paragraphs, source[1] if source else "")


def _lines(paragraph: str) -> list[str]:
    listed = all(re.match(r"`.*?`  ", line) for line in paragraph.splitlines())
    return [" ".join(line.split()) for line in (paragraph.splitlines() if listed else [paragraph])]


def _brief(key: str, entries: dict[str, Entry]) -> str:
    names = [name for name in entries if not key.endswith(f".{name}")]  # a key that is no choice has its own alone
    return textwrap.fill(f"{key}: {', '.join(names)}" if names else key, WIDTH, subsequent_indent="    ")


def _explained(key: str, entries: dict[str, Entry]) -> Iterator[str]:
    yield f"\n{key}\n{'-' * len(key)}"
    for name, entry in entries.items():
        yield f"\n  {name}"
        for paragraph in entry.explanation.paragraphs:
            yield from _wrapped(paragraph, 8)
        for key_name, field in entry.keys.items():
            yield from _wrapped(f"{key_name}: {_default(field.default)}{_comment(field)}", 10)
        if entry.explanation.source:
            yield from _wrapped(f"Source: {entry.explanation.source}", 8)
        if entry.recipes:
            yield from _wrapped(f"Config: {', '.join(entry.recipes)}", 8)


def _comment(field: FieldInfo) -> str:
    """The values that a choice allows, what the key means, and the recipes that set it."""
    from nmt.settings_file import literals

    choices = list(named_options(field.annotation)) or literals(field.annotation)
    mark = shown.marking(field)
    recipes = "" if mark.by else ", ".join(_files(mark))
    comment = "; ".join(filter(None, (" | ".join(choices), field.description, recipes)))
    return f"   # {comment}" if comment else ""


def _default(value: Any) -> str:
    if isinstance(value, Settings):
        keys = (f"{key}: {_default(inner)}" for key, inner in value if inner is not None)
        return str(getattr(value, "name", f"{{{', '.join(keys)}}}"))
    return value if isinstance(value, str) else json.dumps(value)


def _wrapped(text: str, indent: int) -> list[str]:
    indents = " " * 6, " " * indent
    return textwrap.wrap(text, WIDTH, initial_indent=indents[0], subsequent_indent=indents[1], break_on_hyphens=False)
