"""Sentences about people and places whose names nobody has heard, to be copied letter for letter.

Names are made of syllables and dealt out to the sets like cards: no name of one set stands in another.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import NamedTuple

from nmt.data.sample import words
from nmt.data.sample.clauses import ClauseChoice
from nmt.data.sample.grammar import Pair, realize
from nmt.data.sample.lexicon import Verb
from nmt.data.sample.syntax import Clause, Complement, Fixed, Name, NounPhrase, Phrase, Sentence
from nmt.data.sample.verbs import FRAMES
from nmt.data.sample.words import DETERMINERS

TRAINING_NAMES, OTHER_NAMES = 1500, 300  # of the first set, and of each other one; a third of them are places

_ONSETS = (
    *("b", "bl", "br", "d", "dr", "f", "fl", "fr", "g", "gl", "gr", "h", "k", "kl", "kr", "l"),
    *("m", "n", "p", "pl", "pr", "r", "s", "sch", "sp", "st", "t", "tr", "v", "w", "z"),
)
_NUCLEI = ("a", "e", "i", "o", "u", "ei", "au")
_CODAS = ("k", "l", "ld", "lk", "m", "n", "nd", "ng", "nk", "r", "rk", "rn", "s", "sk", "st", "t")


class Named(NamedTuple):
    """A sentence pair and the names in it, in the order of the English."""

    pair: Pair
    names: tuple[str, ...]


def sets(seed: int, sizes: Sequence[int]) -> Iterator[list[Named]]:
    """Sets of so many pairs; no source stands twice, and no name in two sets."""
    random = Random(seed)
    fresh, seen = syllable_names(random), set[str]()
    for number, size in enumerate(sizes):
        pool = [next(fresh) for _ in range(OTHER_NAMES if number else TRAINING_NAMES)]
        yield _different(NamedChoice(random, pool), size, seen)


def syllable_names(random: Random) -> Iterator[str]:
    """Names without end, each one once: two or three syllables, the last one closed."""
    seen = set[str]()
    while True:
        count = 2 if random.random() < 0.5 else 3
        parts = [part[int(random.random() * len(part))] for _ in range(count) for part in (_ONSETS, _NUCLEI)]
        name = "".join([*parts, _CODAS[int(random.random() * len(_CODAS))]]).capitalize()
        if name not in seen:
            seen.add(name)
            yield name


def _different(choice: "NamedChoice", count: int, seen: set[str]) -> list[Named]:
    found: list[Named] = []
    while len(found) < count:
        named = choice.named()
        source = " ".join(named.pair.source)
        if source not in seen:
            seen.add(source)
            found.append(named)
    return found


def _verbs(*slots: tuple[str, str]) -> tuple[Verb, ...]:
    """The verbs of people with just these (case, class) slots, which have no prepositions."""
    return tuple(
        verb
        for frame in FRAMES
        if frame.subjects == ("person",) and len(frame.slots) == len(slots)
        and all(slot.kind == "bare" and slot.case == case and name in slot.classes
                for slot, (case, name) in zip(frame.slots, slots, strict=True))
        for verb in frame.verbs
    )  # fmt: skip


_MEETING = _verbs(("accusative", "person"))
_HELPING = _verbs(("dative", "person"))
_GIVING = _verbs(("dative", "person"), ("accusative", "thing"))
_STAYING = tuple(verb for frame in FRAMES for verb in frame.verbs if verb.english in ("live", "work", "sleep", "wait"))


class NamedChoice(ClauseChoice):
    """Chooses sentences that name one to three people or places of a pool."""

    def __init__(self, random: Random, pool: Sequence[str]) -> None:
        super().__init__(random)
        third = len(pool) // 3
        self.places, self.people = pool[:third], pool[third:]

    def named(self) -> Named:
        """One sentence."""
        pair = realize(Sentence(self._front(self._told())))
        known = {*self.places, *self.people}
        return Named(pair, tuple(word for word in pair.source if word in known))

    def _told(self) -> Clause:
        """Who does what to whom, where and when: with a name as the subject, or the place, or both."""
        world, draw = self.one(("now", "then")), self.random.random()
        table = _MEETING if draw < 0.5 else _HELPING if draw < 0.65 else _GIVING if draw < 0.85 else _STAYING
        subject = self.name() if table is _STAYING or self.chance(0.6) else self._somebody()
        made = self._tensed(world, subject, self.one(table))
        case = "accusative" if table is _MEETING else "dative"
        person = () if table is _STAYING else (Complement(self.name(), case),)
        thing = (Complement(self._thing(), "accusative"),) if table is _GIVING else ()
        made = replace(made, arguments=(*person, *thing))
        if table is _STAYING or self.chance(0.4):
            place = self.one(self.places)
            made = replace(made, place=Fixed(f"in {place}", f"in {place}"))
        return replace(made, time=self.time(made.tense)) if self.chance(0.4) else made

    def name(self) -> Name:
        """Somebody of the pool."""
        return Name(self.one(self.people), "m")

    def _somebody(self) -> Phrase:
        return NounPhrase(self.noun(("person",))[1], DETERMINERS[self.one(("the", "my", "our"))])

    def _thing(self) -> NounPhrase:
        name, noun = self.noun(("thing", "clothes", "readable"))
        adjectives = (self.one(words.ADJECTIVES[name]),) if self.chance(0.3) else ()
        return NounPhrase(noun, DETERMINERS[self.one(("the", "a", "this"))], adjectives=adjectives)
