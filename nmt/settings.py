"""Settings: the base of every configuration section, and unions of them that YAML selects by name.

`choice` makes a union the only list of names there is: YAML writes `score: additive` or `score: {name: additive,
size: 64}`, and `nmt list`, the docs and the contract tests read the same union with `members`.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


class Settings(BaseModel):
    """A frozen section of the configuration: unknown keys are errors, `"3"` is not 3 and 1 is not true."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class choice:
    """Annotation of a union of Settings, each with a `name: Literal[…]`: `Annotated[A.Options | B.Options, choice()]`.

    A bare string stands for the member of that name with its defaults; a mapping without `name` is the `default`.
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


def _discriminated(union: Any) -> Any:
    from typing import Annotated

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
