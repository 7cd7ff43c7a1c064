"""Whole sentences: clauses joined, written on both sides, with the alignment and the constructs that they show."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import NamedTuple

from nmt.data.sample import english, german, words
from nmt.data.sample.clauses import ClauseChoice
from nmt.data.sample.syntax import Clause, Coordination, Mark, Sentence, Subordinate, Tokens

MAX_WORDS = 42


class Pair(NamedTuple):
    """A sentence in both languages. links: (source word, target word) from 0; constructs: what the German shows."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    links: tuple[tuple[int, int], ...]
    constructs: frozenset[str]


def realize(sentence: Sentence) -> Pair:
    """Both sides of a tree, and the links between words that share a mark."""
    source, target = english.realize(sentence), german.realize(sentence)
    places: dict[Mark, list[int]] = {}
    for place, word in enumerate(source):
        for mark in word.marks:
            places.setdefault(mark, []).append(place)
    links = {(i, j) for j, word in enumerate(target) for mark in word.marks for i in places.get(mark, ())}
    shown = frozenset(construct for word in target for construct in word.constructs)
    return Pair(_written(source), _written(target), tuple(sorted(links)), shown)


def _written(tokens: Tokens) -> tuple[str, ...]:
    first, *rest = (word.text for word in tokens)
    return (first[0].upper() + first[1:], *rest)


def sentences(seed: int) -> Iterator[Pair]:
    """Pairs without end, as chance has them: a short one may come again."""
    choice = SentenceChoice(Random(seed))
    while True:
        pair = realize(choice.sentence())
        if max(len(pair.source), len(pair.target)) <= MAX_WORDS:
            yield pair


def generate(seed: int, count: int) -> Iterator[Pair]:
    """`count` pairs with different sources; the same ones for the same seed, on every machine."""
    seen: set[str] = set()
    stream = sentences(seed)
    while len(seen) < count:
        pair = next(stream)
        source = " ".join(pair.source).lower()
        if source not in seen:
            seen.add(source)
            yield pair


class SentenceChoice(ClauseChoice):
    """Chooses sentences: one clause, a question, or several clauses joined."""

    def sentence(self) -> Sentence:
        """One tree."""
        draw, world = self.random.random(), self.one(("now", "then"))
        if draw < 0.06:
            return Sentence(self.clause(world, 0.0))
        if draw < 0.14:
            return Sentence(self.question(), question=True)
        if draw < 0.60:
            return Sentence(self.clause(world))
        if draw < 0.85:
            return Sentence(self._subordinate(world, 0.7))
        if draw < 0.94:
            return Sentence(Coordination(self.clause(world, 0.6), self._joint(), self.clause(world, 0.6)))
        return Sentence(self._long(world))

    def _joint(self) -> tuple[str, str]:
        return self.one((words.AND, words.BUT))

    def _subordinate(self, world: str, rich: float) -> Subordinate:
        conjunctions = words.PRESENT_CONJUNCTIONS if world == "now" else words.PAST_CONJUNCTIONS
        source, target, commas = self.one(conjunctions)
        first = self.chance(0.55)
        main, clause = self.clause(world, rich), self.subordinate(world, rich)
        clause = replace(clause, negated=False) if source in ("before", "until", "while") else clause
        return Subordinate(self._unfronted(main) if first else main, (source, target), clause, first, commas)

    def _unfronted(self, clause: Clause) -> Clause:
        return replace(clause, lead=None)

    def _long(self, world: str) -> Coordination:
        first = self._subordinate(world, 1.0)
        second = self._subordinate(world, 1.0) if self.chance(0.5) else self.clause(world)
        return Coordination(first, self._joint(), second)
