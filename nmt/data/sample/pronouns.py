"""Documents in which the German for *it* (*er, sie, es*) follows from a noun one sentence earlier.

    Peter buys a table .     Peter kauft einen Tisch .
    It is new .              Er ist neu .

The genders are equally frequent, and the sentence with the pronoun is chosen without regard to the gender: by itself it
leaves each of the three as likely as the others. Documents are separated by blank lines.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from random import Random
from typing import NamedTuple

from nmt.data.sample import english, german, words
from nmt.data.sample.clauses import ClauseChoice
from nmt.data.sample.lexicon import Noun, Verb
from nmt.data.sample.nouns import NOUNS
from nmt.data.sample.syntax import Clause, Complement, NounPhrase, Predicate, Pronoun, Sentence, Tokens
from nmt.data.sample.verbs import BE, FRAMES, Frame
from nmt.data.sample.words import DETERMINERS

GERMAN = {"m": "er", "f": "sie", "n": "es"}
_ENGLISH = {"m": "he", "f": "she", "n": "it"}  # the subject forms under which the German ones are listed
ROUNDS = 3  # at most, each of two sentences

_CLASSES = ("thing", "container", "device", "instrument", "clothes", "furniture", "vehicle")
_ADJECTIVES = tuple(
    adjective for adjective in words.ADJECTIVES["thing"] if all(adjective in words.ADJECTIVES[c] for c in _CLASSES)
)
_FRAMES = tuple(
    frame
    for frame in FRAMES
    if frame.subjects == ("person",) and len(frame.slots) == 1 and frame.slots[0].kind == "bare"
    and frame.slots[0].case == "accusative" and any(name in _CLASSES for name in frame.slots[0].classes)
)  # fmt: skip


class Line(NamedTuple):
    """A line of both texts, and the pronoun that is right in the German: none in the first sentence of a round, and
    none in a blank line."""

    source: str
    target: str
    pronoun: str


BLANK = Line("", "", "")


def lines_of(made: Iterator[list[Line]], count: int) -> list[Line]:
    """The lines of as many documents as have `count` sentences, a blank one between each two; the last is cut."""
    lines: list[Line] = []
    while count > 0:
        document = list(islice(next(made), count))
        lines += [BLANK] * bool(lines) + document
        count -= len(document)
    return lines


def documents(seed: int) -> Iterator[list[Line]]:
    """Documents without end; no two sentences follow each other twice."""
    choice, seen = DocumentChoice(Random(seed)), set[str]()
    while True:
        document: list[Line] = []
        rounds = 1 + int(choice.random.random() * ROUNDS)
        while len(document) < 2 * rounds:
            made = choice.round()
            pair = " ".join(line.source for line in made)
            if pair not in seen:
                seen.add(pair)
                document += made
        yield document


def _nouns(frame: Frame, gender: str) -> tuple[Noun, ...]:
    kept = (name for name in frame.slots[0].classes if name in _CLASSES)
    return tuple(noun for name in kept for noun in NOUNS[name] if noun.gender == gender)


_VERBS: dict[str, tuple[tuple[Verb, tuple[Noun, ...]], ...]] = {
    gender: tuple((verb, nouns) for frame in _FRAMES if (nouns := _nouns(frame, gender)) for verb in frame.verbs)
    for gender in GERMAN
}


class DocumentChoice(ClauseChoice):
    """Chooses two sentences: one that names a thing, and one that says something of it."""

    def round(self) -> list[Line]:
        """A sentence about a thing, and one about *it*."""
        gender = self.one(tuple(GERMAN))
        named, told = self._naming(gender), self._telling()
        as_german = replace(told, subject=Pronoun(_ENGLISH[gender]))
        return [_line(named, named, ""), _line(told, as_german, GERMAN[gender])]

    def _naming(self, gender: str) -> Clause:
        verb, nouns = self.one(_VERBS[gender])
        thing = NounPhrase(self.one(nouns), DETERMINERS[self.one(("the", "a", "this"))])
        made = self._tensed(self.one(("now", "then")), self.name(), verb)
        return replace(made, arguments=(Complement(thing, "accusative"),))

    def _telling(self) -> Clause:
        made = self._tensed(self.one(("now", "then")), Pronoun("it"), BE)
        made = replace(made, tense="present", modal=None) if made.tense == "modal" else made
        made = replace(made, arguments=(Predicate(self.one(_ADJECTIVES)),), negated=self.chance(0.3))
        return self._front(replace(made, time=self.time(made.tense))) if self.chance(0.4) else made


def _line(source: Clause, target: Clause, pronoun: str) -> Line:
    return Line(_written(english.realize(Sentence(source))), _written(german.realize(Sentence(target))), pronoun)


def _written(tokens: Tokens) -> str:
    text = " ".join(word.text for word in tokens)
    return text[0].upper() + text[1:]
