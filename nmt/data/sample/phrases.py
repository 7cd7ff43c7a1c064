"""Chance choices of noun phrases, places, times: what a sentence is about, where and when."""

from collections.abc import Sequence
from functools import cache
from random import Random
from typing import TypeVar

from nmt.data.sample import words
from nmt.data.sample.english_forms import cardinal as english_cardinal
from nmt.data.sample.german_forms import cardinal as german_cardinal
from nmt.data.sample.lexicon import Adjective, Noun
from nmt.data.sample.nouns import CLASS_OF, COMPOUNDS, NOUNS
from nmt.data.sample.syntax import Complement, Fixed, Name, NounPhrase, Pair, Phrase, Pronoun
from nmt.data.sample.words import BARE, DETERMINERS, Determiner, Preposition

Item = TypeVar("Item")
Classes = tuple[str, ...]

_SINGULAR = "the the the the the a a a a this every my his her our their owner"
_PLURAL = "the the the the the these all many several few my his her our their owner number number number bare"
_MASS = "the the the bare bare my his her our their owner"
_UNIQUE = ("the", "my", "his", "her", "our", "their", "owner")
# Of these one has only one: *my mother*, never *my mothers*; but *these mothers*.
_ONE_OF_EACH = ("mother", "father", "wife", "husband", "boss", "king", "queen", "president", "mayor")
_PERSONAL = ("I", "he", "she", "we", "they")

# Where: English, German, and the classes of nouns that go with them; the first is the commonest.
_INSIDE = ("building", "room", "outdoors")
_AROUND = ("building", "furniture", "plant", "vehicle")
_STATIC = (
    ("in", "in", _INSIDE), ("in", "in", _INSIDE), ("in", "in", _INSIDE), ("on", "auf", ("furniture", "surface")),
    ("on", "auf", ("furniture", "surface")), ("at", "an", ("opening", "shore")), ("behind", "hinter", _AROUND),
    ("under", "unter", ("furniture", "plant")), ("beside", "neben", _AROUND), ("in front of", "vor", _AROUND),
)  # fmt: skip
_GOALS = (
    ("into", "in", _INSIDE), ("into", "in", _INSIDE), ("onto", "auf", ("furniture", "surface")),
    ("behind", "hinter", _AROUND), ("under", "unter", ("furniture", "plant")), ("beside", "neben", _AROUND),
)  # fmt: skip
_MOTION = (
    ("to", "zu", (*_INSIDE, "shore", "vehicle", "person")), ("through", "durch", ("room", "outdoors", "opening")),
    ("out of", "aus", _INSIDE),
)  # fmt: skip
_PUTTING = (
    ("on", "auf", ("furniture",)), ("on", "auf", ("furniture",)), ("into", "in", ("container", "room")),
    ("under", "unter", ("furniture",)), ("behind", "hinter", ("furniture", "opening")),
    ("beside", "neben", ("furniture",)),
)  # fmt: skip
_CIRCUMSTANCES = (
    ("because of", "wegen", "genitive", ("weather",)), ("despite", "trotz", "genitive", ("weather",)),
    ("despite", "trotz", "genitive", ("weather",)), ("during", "während", "genitive", ("event", "media")),
    ("after", "nach", "dative", ("event", "media")), ("before", "vor", "dative", ("event", "media")),
)  # fmt: skip
_COMPANY = (("with", "mit", "dative"), ("without", "ohne", "accusative"), ("for", "für", "accusative"))


@cache
def _nouns(classes: Classes) -> tuple[tuple[Noun, ...], tuple[Noun, ...]]:
    """The plain nouns and the compounds of some classes."""
    return (
        tuple(noun for name in classes for noun in NOUNS[name]),
        tuple(noun for name in classes for noun in COMPOUNDS[name]),
    )


class PhraseChoice:
    """Chooses phrases with one source of chance."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.random.random() < probability

    def one(self, items: Sequence[Item]) -> Item:
        """One of the items, all alike."""
        return items[int(self.random.random() * len(items))]

    def noun(self, classes: Classes) -> tuple[str, Noun]:
        """A noun of one of the classes, and the class it is listed in; compounds a little rarer than others."""
        plain, compounds = _nouns(classes)
        many = self.chance(0.6 * len(compounds) / (len(compounds) + len(plain)))
        noun = self.one(compounds if many else plain)
        return CLASS_OF[noun], noun

    def site(self, classes: Classes) -> NounPhrase:
        """A noun phrase for a place: mostly one, never a number of them."""
        name, noun = self.noun(classes)
        plural = self.chance(0.14)
        openings = "the the these my their our" if plural else "the the the the the the a a a this my his her our their"
        opening = self.one(openings.split())
        return NounPhrase(noun, DETERMINERS[opening], plural, self._adjectives(name, opening))

    def noun_phrase(self, classes: Classes, owned: bool = False) -> tuple[str, NounPhrase]:
        """A noun phrase without relative clause, and the class of its noun. owned: it may have a genitive attribute."""
        name, noun = self.noun(classes)
        plural = bool(noun.plural) and self.chance(0.33)
        openings = _PLURAL if plural else _SINGULAR if noun.plural else _MASS
        opening = self.one(openings.split())
        plural = plural and not (noun.english in _ONE_OF_EACH and opening in _UNIQUE)
        genitive = self._genitive() if owned and opening == "the" and name != "person" and self.chance(0.16) else None
        return name, NounPhrase(
            noun,
            self._determiner(opening),
            plural,
            self._adjectives(name, opening),
            owner=self.one(words.MEN + words.WOMEN) if opening == "owner" else "",
            number=self.few() if opening == "number" else 0,
            genitive=genitive,
        )

    def _determiner(self, opening: str) -> Determiner:
        return DETERMINERS.get(opening, BARE)

    def _genitive(self) -> NounPhrase:
        plural = self.chance(0.3)
        opening = self.one(("the", "the", "my", "his", "her", "our", "their") + (() if plural else ("this",)))
        _, noun = self.noun(("person",))
        return NounPhrase(noun, DETERMINERS[opening], plural, self._adjectives("person", opening))

    def number(self) -> int:
        """A number from 2 to 99."""
        return 2 + int(self.random.random() * (18 if self.chance(0.25) else 98))

    def few(self) -> int:
        """A number of things: mostly one below twenty."""
        return 2 + int(self.random.random() * (18 if self.chance(0.75) else 98))

    def _adjectives(self, name: str, opening: str) -> tuple[Adjective, ...]:
        draw = self.random.random()
        if name not in words.ADJECTIVES or draw > 0.42:
            return ()
        first, second = self.one(words.ADJECTIVES[name]), self.one(words.ADJECTIVES[name])
        if draw < 0.15 and first.english in words.OPENING_ADJECTIVES and second.english not in words.OPENING_ADJECTIVES:
            return first, second
        degree = self.random.random()
        if first.comparative[0] and opening in ("a", "the") and degree < 0.1:
            return (first.compared("comparative"),)
        if first.comparative[0] and opening in _UNIQUE and degree > 0.8:
            return (first.compared("superlative"),)
        return (first,)

    def person(self) -> Phrase:
        """Someone, as a subject or an object: a pronoun, a name, a noun phrase or two of them."""
        draw = self.random.random()
        if draw < 0.18:
            return Pronoun(self.one(_PERSONAL))
        if draw < 0.30:
            return self.name()
        if draw < 0.35:
            return Pair(self.name(), self.noun_phrase(("person",))[1])
        if draw < 0.38:
            return Pair(self.noun_phrase(("person",))[1], self.noun_phrase(("person",))[1])
        return self.noun_phrase(("person",), owned=True)[1]

    def name(self) -> Name:
        """A first name."""
        return Name(self.one(words.MEN), "m") if self.chance(0.5) else Name(self.one(words.WOMEN), "f")

    def subject(self, classes: Classes) -> Phrase:
        """A subject: of class person in as many cases as there are classes like it."""
        return self.person() if self.one(classes) == "person" else self.noun_phrase(_others(classes), owned=True)[1]

    def place(self) -> Complement | Fixed:
        """Where something happens."""
        draw = self.random.random()
        if draw < 0.14:
            english, german = self.one(words.HERE)
            return Fixed(english, german)
        if draw < 0.28:
            english, german = self.one(words.CITIES)
            return Fixed(f"in {english}", f"in {german}")
        return self._located(_STATIC, "dative", "place")

    def goal(self) -> Complement | Fixed:
        """Where a motion leads to."""
        draw = self.random.random()
        if draw < 0.18:
            english, german = self.one(words.CITIES)
            return Fixed(f"to {english}", f"nach {german}")
        if draw < 0.55:
            return self._located(_GOALS, "accusative", "direction")
        english, german, classes = self.one(_MOTION)
        case = "accusative" if german == "durch" else "dative"
        return Complement(self.site(classes), case, Preposition(english, german, case))

    def leap(self) -> Complement:
        """Where a jump leads to."""
        return self._located(_GOALS, "accusative", "direction")

    def journey(self) -> Complement | Fixed:
        """Where a journey leads to."""
        if self.chance(0.5):
            english, german = self.one(words.CITIES)
            return Fixed(f"to {english}", f"nach {german}")
        english, german, case = self.one((("to", "zu", "dative"), ("through", "durch", "accusative")))
        classes = ("outdoors",) if german == "durch" else ("building", "outdoors", "shore")
        return Complement(self.site(classes), case, Preposition(english, german, case), "direction")

    def home(self) -> Complement | Fixed:
        """Where somebody lives."""
        if self.chance(0.5):
            english, german = self.one(words.CITIES)
            return Fixed(f"in {english}", f"in {german}")
        return self._located(_STATIC[:1], "dative", "place")

    def putting(self) -> Complement | Fixed:
        """Where something is put."""
        return self._located(_PUTTING, "accusative", "direction")

    def _located(self, table: Sequence[tuple[str, str, Classes]], case: str, construct: str) -> Complement:
        english, german, classes = self.one(table)
        return Complement(self.site(classes), case, Preposition(english, german, case), construct)

    def circumstance(self) -> Complement:
        """What a thing happens despite, because of, during, with whom or for whom."""
        if self.chance(0.45):
            english, german, case = self.one(_COMPANY)
            return Complement(self.noun_phrase(("person",))[1], case, Preposition(english, german, case))
        english, german, case, classes = self.one(_CIRCUMSTANCES)
        _, phrase = self.noun_phrase(classes)
        opening = self.one(("the", "the", "our")) if not phrase.plural else "the"
        noun_phrase = NounPhrase(phrase.noun, DETERMINERS[opening], phrase.plural, phrase.adjectives)
        return Complement(noun_phrase, case, Preposition(english, german, case))

    def time(self, tense: str) -> Fixed:
        """When: what fits the tense."""
        general = (self._weekday, self._month, self._clock, self._daytime)
        past = (self._date, self._date, self._year, self._ago, self._past_words, self._past_words)
        future = (self._day_of_month, self._in_units, self._future_words, self._future_words)
        if tense == "perfect":
            return self._words(words.PERFECT_TIMES) if self.chance(0.6) else self._lasting()
        own = {"past": past, "future": future, "modal": future}.get(tense, (self._present_words, self._lasting))
        return self.one((*general, *own, *own))()

    def _words(self, table: tuple[tuple[str, str], ...]) -> Fixed:
        english, german = self.one(table)
        same = len(english.split()) == len(german.split())
        many = tuple((place, 0) for place in range(len(english.split())))
        return Fixed(english, german, () if same else many)

    def _past_words(self) -> Fixed:
        return self._words(words.PAST_TIMES)

    def _present_words(self) -> Fixed:
        return self._words(words.PRESENT_TIMES)

    def _future_words(self) -> Fixed:
        return self._words(words.FUTURE_TIMES)

    def _weekday(self) -> Fixed:
        english, german = self.one(words.DAYS)
        return Fixed(f"on {english}", f"am {german}")

    def _month(self) -> Fixed:
        english, german = self.one(words.MONTHS + words.SEASONS)
        return Fixed(f"in {english}", f"im {german}")

    def _daytime(self) -> Fixed:
        english, german = self.one((("morning", "Morgen"), ("evening", "Abend"), ("afternoon", "Nachmittag")))
        return Fixed(f"in the {english}", f"am {german}", ((0, 0), (1, 0), (2, 1)))

    def _clock(self) -> Fixed:
        hour = 2 + int(self.random.random() * 11)
        return Fixed(f"at {english_cardinal(hour)} o'clock", f"um {german_cardinal(hour)} Uhr", constructs=("number",))

    def _day_of_month(self) -> Fixed:
        day = 1 + int(self.random.random() * 31)
        english, german = self.one(words.MONTHS if day < 30 else words.MONTHS[2:3])
        return Fixed(f"on {day} {english}", f"am {day}. {german}", constructs=("date",))

    def _date(self) -> Fixed:
        day = self._day_of_month()
        year = self._year_number()
        return Fixed(f"{day.english} {year}", f"{day.german} {year}", constructs=("date",))

    def _year_number(self) -> int:
        return 1950 + int(self.random.random() * 75)

    def _year(self) -> Fixed:
        year = self._year_number()
        links = ((0, 0), (1, 0), (2, 1), (3, 2))
        return Fixed(f"in the year {year}", f"im Jahr {year}", links, ("date",))

    def counted(self, english: str, german: str) -> Fixed:
        """A number of something: *twenty-one years*."""
        number = self.number()
        return Fixed(
            f"{english_cardinal(number)} {english}", f"{german_cardinal(number)} {german}", constructs=("number",)
        )

    def _ago(self) -> Fixed:
        number, (english, dative, _) = self.number(), self.one(words.UNITS)
        links = ((0, 1), (1, 2), (2, 0))
        return Fixed(
            f"{english_cardinal(number)} {english} ago", f"vor {german_cardinal(number)} {dative}", links, ("number",)
        )

    def _in_units(self) -> Fixed:
        number, (english, dative, _) = self.number(), self.one(words.UNITS)
        return Fixed(
            f"in {english_cardinal(number)} {english}", f"in {german_cardinal(number)} {dative}", constructs=("number",)
        )

    def _lasting(self) -> Fixed:
        number, (english, _, plural) = self.number(), self.one(words.UNITS)
        links = ((0, 2), (1, 0), (2, 1))
        return Fixed(
            f"for {english_cardinal(number)} {english}", f"{german_cardinal(number)} {plural} lang", links, ("number",)
        )


def _others(classes: Classes) -> Classes:
    return tuple(name for name in classes if name != "person")
