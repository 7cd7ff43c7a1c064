"""The kinds of sample corpora, by name; `nmt.data.sample` makes them."""

from enum import StrEnum


class Kind(StrEnum):
    """What a sample corpus asks of a model."""

    GRAMMAR = "grammar"
    SORT = "sort"
    NAMES = "names"
    TWO_SOURCES = "two_sources"
    PRONOUNS = "pronouns"

    @property
    def folder(self) -> str:
        """Where it is written where nothing else is said."""
        return "data/sample" if self is Kind.GRAMMAR else f"data/sample_{self}"
