"""Settings from a YAML file: what the schema refuses becomes one ConfigError that a person can act on.

configs/x.yaml:12: model.encoder.sise: unknown key
did you mean 'size'? allowed: name, cell, size, …
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from nmt.errors import ConfigError
from nmt.settings import Settings, did_you_mean, is_section, is_union, named_options, plain_type
from nmt.yaml_source import Document, KeyPath, Place, dotted, dump, override, read_document

Model = TypeVar("Model", bound=Settings)


def load_yaml_settings(path: Path | str, model: type[Model], overrides: Sequence[str] = ()) -> Model:
    """Read a YAML file as `model`, with `a.b=value` overrides applied first.

    Raises: ConfigError with file, line and key path for the first problem, in the order of the file.
    """
    return validate(read_with_overrides(path, overrides), model)


def read_with_overrides(path: Path | str, overrides: Sequence[str] = ()) -> Document:
    """Read a YAML file and apply `a.b=value` overrides in their order."""
    document = read_document(Path(path))
    for assignment in overrides:
        document = override(document, assignment)
    return document


def validate(document: Document, model: type[Model]) -> Model:
    """Make settings of plain data.

    Raises: ConfigError for the first problem, in the order of the file; its hint counts the others.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise _config_error(list(_problems(error.errors(include_url=False), document, model)), model) from error


def dump_settings(settings: Settings) -> str:
    """YAML of all keys with their values, in the order of the schema."""
    return dump(settings.model_dump(mode="json"))


class Problem(NamedTuple):
    """One thing wrong with a config, to be explained where it is the first."""

    place: Place
    spot: "_Spot"
    error: ErrorDetails

    @property
    def path(self) -> KeyPath:
        """Its key, as the user wrote it."""
        return self.spot.path

    def order(self) -> tuple[bool, float]:
        """By line, `--set` after the file, missing keys last: a misspelt key is the better news."""
        missing = self.error["type"] in ("missing", "union_tag_not_found") and not _too_short(self.error)
        return missing, self.place.line or float("inf")


_MISSING = "this key is missing"


def _config_error(problems: list[Problem], model: type[Settings]) -> ConfigError:
    first, *others = sorted(problems, key=Problem.order)
    message, hint = _explain(first.error, first.spot, model)
    where = f"{dotted(first.path)}: " if first.path else ""
    more = f"{len(others)} more problem{'s' * (len(others) > 1)}: " if others else ""
    more += ", ".join(f"{other.place} {dotted(other.path)}" for other in others[: 3 if len(others) > 4 else 4])
    more += f" and {len(others) - 3} others" if len(others) > 4 else ""
    return ConfigError(f"{first.place}: {where}{message}", "; ".join(filter(None, (hint, more))))


def _problems(errors: list[ErrorDetails], document: Document, model: type[Settings]) -> Iterator[Problem]:
    seen: set[KeyPath] = set()
    for error in errors:
        spot = _locate(model, error["loc"][:-1] if _too_short(error) else error["loc"])
        if spot.path not in seen:
            seen.add(spot.path)
            written = (*spot.path, "name") if error["type"] == "union_tag_invalid" else spot.path
            yield Problem(document.place(written), spot, error)


class _Spot(NamedTuple):
    """A key as the user wrote it, the type it must have, and the section it stands in."""

    path: KeyPath
    annotation: Any
    section: type[Settings]


def _locate(model: type[Settings], loc: tuple[int | str, ...]) -> _Spot:
    """Follow pydantic's location, which also holds the names of union members, through the schema."""
    annotation: Any = model
    section = model
    path: KeyPath = ()
    for part in loc:
        annotation = plain_type(annotation)
        if named_options(annotation):
            annotation = named_options(annotation)[str(part)]
        elif is_section(annotation):
            section, path = annotation, (*path, part)
            field = section.model_fields.get(str(part))
            annotation = field.annotation if field else None
        elif get_origin(annotation) in (list, tuple):
            path = (*path, part)
            annotation = get_args(annotation)[0]
        else:
            break
    return _Spot(path, annotation, section)


def _too_short(error: ErrorDetails) -> bool:
    """Whether an item of a tuple is missing: the problem is the tuple's."""
    return error["type"] == "missing" and isinstance(error["loc"][-1], int)


_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def _explain(error: ErrorDetails, spot: _Spot, model: type[Settings]) -> tuple[str, str]:
    """Message and hint for one of pydantic's errors."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return "unknown key", _nearest_key(spot, model)
    if kind == "missing" and not _too_short(error):
        return _MISSING, f"expected {describe(spot.annotation)}"
    if kind == "union_tag_not_found":
        return "name: " + _MISSING, f"expected {describe(spot.annotation)}"
    if kind in ("union_tag_invalid", "literal_error"):
        names = list(named_options(spot.annotation)) or literals(spot.annotation)
        word = context.get("tag", value)
        return f"unknown name {show(word)}", did_you_mean(str(word), names)
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"must be {words} {context[key]:g}, got {show(value)}", ""
    if kind == "value_error":
        return str(context["error"]), ""
    return f"expected {describe(spot.annotation)}, got {show(value)}", ""


def _nearest_key(spot: _Spot, model: type[Settings]) -> str:
    word, allowed = str(spot.path[-1]), spot.section.model_fields
    elsewhere = [path for path in key_paths(model) if path[-1] == word]
    if not elsewhere:
        return did_you_mean(word, allowed)
    if spot.path in elsewhere:
        return f"another kind has this key; here: {', '.join(allowed)}"
    question = " or ".join(repr(dotted(path)) for path in elsewhere[:2])
    return f"did you mean {question}? here: {', '.join(allowed)}"


def key_paths(section: type[Settings], path: KeyPath = ()) -> Iterator[KeyPath]:
    """Every key of a schema, a section before its keys; members of a union share their keys' paths."""
    seen = set()
    for name, field in section.model_fields.items():
        yield (*path, name)
        inner = plain_type(field.annotation)
        for member in [inner] if is_section(inner) else named_options(inner).values():
            for found in key_paths(member, (*path, name)):
                if found not in seen:
                    seen.add(found)
                    yield found


_WORDS: dict[Any, tuple[str, str]] = {
    bool: ("true or false", "true or false"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("text", "texts"),
}


def describe(annotation: Any) -> str:
    """What a value of this type is, for a person: `a whole number`, `a list of 2 numbers`."""
    annotation = plain_type(annotation)
    names = list(named_options(annotation)) or literals(annotation)
    if names:
        return f"one of {', '.join(names)}"
    if annotation in _WORDS:
        return _WORDS[annotation][0]
    if is_union(annotation):
        return " or ".join(describe(member) for member in get_args(annotation))
    if get_origin(annotation) in (list, tuple):
        return _describe_list(annotation)
    if is_section(annotation):
        return f"a section with {', '.join(annotation.model_fields)}"
    return "another value"


def _describe_list(annotation: Any) -> str:
    items = get_args(annotation)
    count = "" if items[-1] is Ellipsis or get_origin(annotation) is list else f"{len(items)} "
    item = plain_type(items[0])
    many = _WORDS[item][1] if item in _WORDS else "lists" if get_origin(item) in (list, tuple) else "sections"
    return f"a list of {count}{many}"


def literals(annotation: Any) -> list[str]:
    """The values that a type written `Literal["a", "b"]` allows, and nothing elsewhere."""
    annotation = plain_type(annotation)
    return [str(value) for value in get_args(annotation)] if get_origin(annotation) is Literal else []


def show(value: Any) -> str:
    """A value as a message quotes it, short."""
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    if isinstance(value, dict | list | tuple):
        return "a section" if isinstance(value, dict) else f"a list of {len(value)}"
    text, quote = str(value), '"' * isinstance(value, str)
    return f"{quote}{text}{quote}" if len(text) <= 58 else f"{quote}{text[:56]}…{quote}"
