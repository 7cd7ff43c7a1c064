"""The texts of each kind of sample corpus, in a training, a validation and a test set.

A set's texts go by the endings of their files (`en`, `de`, `align`), each a list of lines, all equally many.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from nmt.data.kinds import Kind
from nmt.data.sample import grammar, names, pronouns, sorting, two_sources

Texts = dict[str, list[str]]
Sizes = Sequence[int]


def texts(kind: Kind, seed: int, sizes: Sizes) -> Iterator[Texts]:
    """The texts of each set, in the order of `sizes`; the same for the same seed, on every machine."""
    return _MAKERS[kind](seed, sizes)


def links_line(links: Sequence[tuple[int, int]]) -> str:
    """Links in Pharaoh's format: `0-0 1-2`."""
    return " ".join(f"{i}-{j}" for i, j in links)


def _grammar(seed: int, sizes: Sizes) -> Iterator[Texts]:
    pairs = grammar.generate(seed, sum(sizes))
    for size in sizes:
        yield _pair_texts(list(islice(pairs, size)))


def _pair_texts(pairs: list[grammar.Pair]) -> Texts:
    return {
        "en": [" ".join(pair.source) for pair in pairs],
        "de": [" ".join(pair.target) for pair in pairs],
        "align": [links_line(pair.links) for pair in pairs],
    }


def _sort(seed: int, sizes: Sizes) -> Iterator[Texts]:
    made = sorting.sequences(seed, sum(sizes))
    for size in sizes:
        tasks = list(islice(made, size))
        yield {
            "source": [" ".join(map(str, task.source)) for task in tasks],
            "target": [" ".join(map(str, task.target)) for task in tasks],
            "align": [links_line(task.links) for task in tasks],
        }


def _names(seed: int, sizes: Sizes) -> Iterator[Texts]:
    for named in names.sets(seed, sizes):
        pairs = [sentence.pair for sentence in named]
        yield {**_pair_texts(pairs), "names": [" ".join(sentence.names) for sentence in named]}


def _two_sources(seed: int, sizes: Sizes) -> Iterator[Texts]:
    made = two_sources.triples(seed, sum(sizes))
    for size in sizes:
        columns = list(zip(*islice(made, size), strict=True)) or [()] * 3
        yield {ending: list(column) for ending, column in zip(("who.en", "how.en", "de"), columns, strict=True)}


def _pronouns(seed: int, sizes: Sizes) -> Iterator[Texts]:
    made = pronouns.documents(seed)
    for size in sizes:
        lines = pronouns.lines_of(made, size)
        yield {
            "en": [line.source for line in lines],
            "de": [line.target for line in lines],
            "pronouns": [line.pronoun for line in lines],
        }


_MAKERS: dict[Kind, Callable[[int, Sizes], Iterator[Texts]]] = {
    Kind.GRAMMAR: _grammar,
    Kind.SORT: _sort,
    Kind.NAMES: _names,
    Kind.TWO_SOURCES: _two_sources,
    Kind.PRONOUNS: _pronouns,
}
