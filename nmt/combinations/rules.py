"""One row of the table."""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

Looked = TypeVar("Looked")


class Rule(NamedTuple, Generic[Looked]):
    """A combination that is refused: the keys to blame, why, what to do instead, and when it is there."""

    combination: str
    keys: tuple[str, ...]
    reason: str
    instead: str
    broken: Callable[[Looked], bool]
