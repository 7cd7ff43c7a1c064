"""One row of the table."""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

Looked = TypeVar("Looked")


class Rule(NamedTuple, Generic[Looked]):
    """A combination that is refused: the keys to blame, why, what to do instead, and when it is there.

    Where only one of several sections can be to blame, `broken` gives its path in place of True.
    """

    combination: str
    keys: tuple[str, ...]
    reason: str
    instead: str
    broken: Callable[[Looked], bool | str]
