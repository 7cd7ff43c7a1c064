"""German sentences of which one English source tells who did what to what, another one when, how many and which.

    who   woman buy apple
    how   last week two old the red
    de    Letzte Woche kauften zwei alte Frauen den roten Apfel .

The halves are chosen independently, so neither says anything about the other; in the German their words alternate, and
no four words in a row follow from one of them.
"""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from nmt.data.sample import german, words
from nmt.data.sample.lexicon import Adjective, Noun, Verb
from nmt.data.sample.nouns import NOUNS
from nmt.data.sample.phrases import PhraseChoice
from nmt.data.sample.syntax import Clause, Complement, Fixed, NounPhrase, Sentence
from nmt.data.sample.verbs import FRAMES
from nmt.data.sample.words import BARE, DETERMINERS

_PEOPLE = tuple(noun for noun in NOUNS["person"] if noun.plural)
_THINGS = tuple(noun for noun in NOUNS["thing"] if noun.plural)
_VERBS = tuple(
    verb
    for frame in FRAMES
    if frame.subjects == ("person",) and len(frame.slots) == 1 and frame.slots[0].case == "accusative"
    and frame.slots[0].kind == "bare" and "thing" in frame.slots[0].classes
    for verb in frame.verbs
)  # fmt: skip
_NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine")
_OPENINGS = ("the", "a", "this", "my", *_NUMBERS)
_TIMES = (
    *(("past", *time) for time in words.PAST_TIMES),
    *(("present", *time) for time in words.PRESENT_TIMES),
)


class Who(NamedTuple):
    """The half that names: somebody, what they do, and what with."""

    subject: Noun
    verb: Verb
    object: Noun

    def words(self) -> str:
        """The first source."""
        verb = f"{self.verb.english} {self.verb.particle}".split()
        return " ".join((self.subject.english, *verb, self.object.english))


class How(NamedTuple):
    """The half that inflects: (tense, English, German) time, and an opening and an adjective for both nouns."""

    time: tuple[str, str, str]
    subject: tuple[str, Adjective]
    object: tuple[str, Adjective]

    def words(self) -> str:
        """The second source."""
        return " ".join((self.time[1], *(f"{opening} {word.english}" for opening, word in (self.subject, self.object))))


def triples(seed: int, count: int) -> Iterator[tuple[str, str, str]]:
    """`count` different ones: both sources and the German."""
    choice, seen = HalfChoice(Random(seed)), set[tuple[str, str]]()
    while len(seen) < count:
        who, how = choice.who(), choice.how()
        sources = who.words(), how.words()
        if sources not in seen:
            seen.add(sources)
            yield *sources, target(who, how)


def target(who: Who, how: How) -> str:
    """The German sentence that both halves together say."""
    time = Fixed(*how.time[1:])
    subject, thing = _phrase(who.subject, *how.subject), _phrase(who.object, *how.object)
    clause = Clause(subject, who.verb, (Complement(thing, "accusative"),), how.time[0], time=time, lead=time)
    text = " ".join(word.text for word in german.realize(Sentence(clause)))
    return text[0].upper() + text[1:]


def _phrase(noun: Noun, opening: str, adjective: Adjective) -> NounPhrase:
    if opening in _NUMBERS:
        return NounPhrase(noun, BARE, plural=True, adjectives=(adjective,), number=2 + _NUMBERS.index(opening))
    return NounPhrase(noun, DETERMINERS[opening], adjectives=(adjective,))


class HalfChoice(PhraseChoice):
    """Chooses the halves."""

    def who(self) -> Who:
        """One half."""
        return Who(self.one(_PEOPLE), self.one(_VERBS), self.one(_THINGS))

    def how(self) -> How:
        """The other half."""
        people, things = words.ADJECTIVES["person"], words.ADJECTIVES["thing"]
        return How(self.one(_TIMES), (self.one(_OPENINGS), self.one(people)), (self.one(_OPENINGS), self.one(things)))
