"""Settings: the base of every configuration section, and unions of them that YAML selects by name.

`choice` makes a union the only list of names there is: YAML writes `score: additive` or
`score: {name: additive, size: 64}`, and `nmt list`, the docs and the contract tests read the same union.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema


class Settings(BaseModel):
    """A frozen section of the configuration: unknown keys are errors, `"3"` is not 3 and 1 is not true."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _as_written_in_yaml(cls, data: Any) -> Any:
        """YAML has lists only, so a tuple takes one; a named section without its name is the default's kind."""
        if not isinstance(data, dict):
            return data
        return {key: _fitted(value, cls.model_fields.get(key)) for key, value in data.items()}


def _fitted(value: Any, field: FieldInfo | None) -> Any:
    if field and isinstance(value, list) and get_origin(plain_type(field.annotation)) is tuple:
        return tuple(value)
    name = getattr(field.default, "name", None) if field else None
    if isinstance(value, dict) and isinstance(name, str) and "name" not in value:
        return {"name": name, **value}
    return value


@dataclass(frozen=True)
class choice:
    """Marks a union of Settings, each with `name: Literal[…]`: `Annotated[A.Options | B.Options, choice()]`.

    A bare string is the member of that name with its defaults; a mapping without `name` is the `default`,
    or the kind of the field's default value.
    """

    default: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        union = handler.generate_schema(_discriminated(source))
        return core_schema.no_info_before_validator_function(self._named, union)

    def _named(self, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, Mapping) and "name" not in value and self.default:
            return {"name": self.default, **value}
        return value


class shown:
    """Marks a key that asks for a mechanism of its own, for `nmt list`: `Annotated[int, shown("heads", by=MultiHead)]`.

    The recipes are files of configs/zoo that set the key, without their ending. `by` is the class whose docstring
    explains it; on `name`, classes whose equations belong to those of the component.
    """

    def __init__(self, *recipes: str, by: type | tuple[type, ...] = ()) -> None:
        self.recipes = recipes
        self.by = by if isinstance(by, tuple) else (by,)

    @staticmethod
    def marking(field: FieldInfo) -> "shown":
        """The mark of a key; an empty one where it has none."""
        return next((mark for mark in field.metadata if isinstance(mark, shown)), shown())


def _discriminated(union: Any) -> Any:
    return Annotated[union, Field(discriminator="name")] if len(get_args(union)) > 1 else union


def members(union: Any) -> dict[str, type[Settings]]:
    """Name → Options class of every member of a `choice` union, in the order they are listed."""
    listed = get_args(get_args(union)[0]) or get_args(union)[:1]
    return {member.model_fields["name"].default: member for member in listed}


def component(options: type[Settings]) -> type:
    """The class that an `Options` class stands in: `component(Additive.Options) is Additive`."""
    owner: Any = sys.modules[options.__module__]
    for part in options.__qualname__.split(".")[:-1]:
        owner = getattr(owner, part)
    assert isinstance(owner, type)
    return owner


def plain_type(annotation: Any) -> Any:
    """The type without its annotations and without None: `Annotated[int, …] | None` is int."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif is_union(annotation) and NoneType in get_args(annotation):
            annotation = Union[tuple(arg for arg in get_args(annotation) if arg is not NoneType)]  # noqa: UP007
        else:
            return annotation


def is_union(annotation: Any) -> bool:
    """Whether the type is written `A | B`."""
    return get_origin(annotation) in (Union, UnionType)


def is_section(annotation: Any) -> bool:
    """Whether the type is a Settings class."""
    return isinstance(annotation, type) and issubclass(annotation, Settings)


def named_options(annotation: Any) -> dict[str, type[Settings]]:
    """Name → Options class where the type is a union of named Settings, and nothing elsewhere."""
    union = plain_type(annotation)
    if not is_union(union) or not all(is_section(member) for member in get_args(union)):
        return {}
    return {member.model_fields["name"].default: member for member in get_args(union)}


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """`did you mean 'size'? allowed: cell, size`; the question only where a name is near."""
    names = list(allowed)
    near = get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    question = f"did you mean {near[0]!r}? " if near else ""
    return f"{question}allowed: {', '.join(names)}" if names else ""
