"""Chance choices of clauses: who does what, in which tense, with which adverbials."""

from collections.abc import Callable
from dataclasses import replace

from nmt.data.sample import words
from nmt.data.sample.lexicon import Verb
from nmt.data.sample.nouns import CLASS_OF
from nmt.data.sample.phrases import PhraseChoice
from nmt.data.sample.syntax import (
    Argument,
    Clause,
    Complement,
    Fixed,
    Name,
    NounPhrase,
    Phrase,
    Predicate,
    Pronoun,
    RelativePronoun,
)  # fmt: skip
from nmt.data.sample.verbs import (
    ASKING,
    BE,
    BEAR,
    COST,
    FRAMES,
    INSTANT,
    PLACES,
    SAYING,
    STATIVE,
    WEATHER,
    WISHING,
    Frame,
    Slot,
)
from nmt.data.sample.words import DETERMINERS, Modal, Preposition

_PREDICATED = (*["person"] * 5, *(name for name in words.ADJECTIVES if name != "weather"))
_INDEFINITE = ("a", "", "no", "many", "several", "few", "every", "all")
_ALL = tuple((frame, verb) for frame in FRAMES for verb in frame.verbs)


def _weighted() -> tuple[tuple[Frame, Verb], ...]:
    """Every verb in every frame of it; those with places and with two objects more often, since there are few."""
    often = [pair for pair in _ALL if len(pair[0].slots) == 2 or any(slot.kind in PLACES for slot in pair[0].slots)]
    return (*_ALL, *often, *often)


_VERBS = _weighted()
_TRANSITIVE = tuple(
    (frame, verb)
    for frame, verb in _ALL
    if [(slot.kind, slot.case) for slot in frame.slots] == [("bare", "accusative")] and "person" in frame.subjects
)
_PASSIVE = tuple((frame, verb) for frame, verb in _TRANSITIVE if verb.english not in STATIVE)
_INTRANSITIVE = tuple((frame, verb) for frame, verb in _ALL if not frame.slots)


class ClauseChoice(PhraseChoice):
    """Chooses clauses. world: `now` or `then`, which the tenses of a whole sentence share."""

    def clause(self, world: str, rich: float = 1.0, depth: int = 0) -> Clause:
        """A main clause. rich: from 0, nothing but what the verb asks for, to 1; depth: how deep it is embedded."""
        draw = self.random.random()
        if draw < 0.13:
            made = self._copula(world)
        elif draw < 0.19 and world == "then":
            made = self._passive()
        elif draw < 0.21:
            made = self._birth() if world == "then" else self._price()
        elif draw < 0.225:
            made = Clause(Pronoun("it"), self.one(WEATHER), tense=self.one(("present", "future"))
                          if world == "now" else "past")  # fmt: skip
        elif draw < 0.35 and depth == 0:
            return self._front(self._adverbials(self._saying(world, rich), rich * 0.4))
        else:
            made = self._doing(world, self.one(_VERBS if rich else _INTRANSITIVE), rich, depth)
        made = self._adverbials(made, rich)
        return self._front(made) if depth == 0 else made

    def question(self) -> Clause:
        """A question with *who, what, where, when, why*, or one for yes or no."""
        world, draw = self.one(("now", "now", "then")), self.random.random()
        frame, verb = self.one([pair for pair in _VERBS if not any(s.kind in PLACES for s in pair[0].slots)])
        made = self._askable(self._doing(world, (frame, verb), 0.3, 1))
        if draw < 0.5:
            return self._adverbials(made, 0.5)
        if draw < 0.62:
            frame, verb = self.one([pair for pair in _VERBS if "person" in pair[0].subjects])
            who = Pronoun("who")
            return replace(self._doing(world, (frame, verb), 0.3, 1, who), lead=who)
        if draw < 0.74:
            frame, verb = self.one([p for p in _TRANSITIVE if "person" not in p[0].slots[0].classes])
            what = Complement(Pronoun("what"), "accusative")
            return replace(self._askable(self._tensed(world, self.person(), verb)), arguments=(what,), lead=what)
        asked = self.one((("where", "wo"), ("when", "wann"), ("why", "warum")))
        word = Fixed(*asked)
        return replace(made, place=word, lead=word) if asked[0] == "where" else replace(made, time=word, lead=word)

    def _askable(self, clause: Clause) -> Clause:
        """The clause with *can* in place of *wants to*, which English does not turn round."""
        long = clause.modal is not None and " " in clause.modal.english
        return replace(clause, modal=words.MODALS[0]) if long else clause

    def subordinate(self, world: str, rich: float) -> Clause:
        """A clause for after a conjunction: in the past or the present, without *will*."""
        allowed = ("past", "modal") if world == "then" else ("present", "perfect", "modal")
        while True:
            made = self.clause(world, rich, depth=1)
            if made.tense in allowed:
                return made

    def _tense(self, world: str, verb: Verb) -> str:
        draw = self.random.random()
        if world == "now":
            return "present" if draw < 0.5 else "perfect" if draw < 0.66 else "future" if draw < 0.79 else "modal"
        return "perfect" if draw < 0.08 or not verb.has_past else "modal" if draw < 0.14 else "past"

    def _tensed(self, world: str, subject: Phrase, verb: Verb) -> Clause:
        tense = self._tense(world, verb)
        alive = _is_alive(subject)
        if tense == "modal" and world == "then" and not alive:
            tense = "past" if verb.has_past else "perfect"
        modals = words.PAST_MODALS if world == "then" else words.PRESENT_MODALS if alive else words.PRESENT_MODALS[:3]
        modal: Modal | None = self.one(modals) if tense == "modal" else None
        return Clause(subject, verb, tense=tense, modal=modal)

    def _doing(
        self, world: str, chosen: tuple[Frame, Verb], rich: float, depth: int, subject: Phrase | None = None
    ) -> Clause:
        frame, verb = chosen
        relative = 0.09 * rich if depth < 2 else 0.0
        subject = subject or self._described(self.subject(frame.subjects), relative)
        arguments = [self._fill(slot, verb) for slot in frame.slots]
        last = arguments[-1] if arguments else None
        if isinstance(last, Complement):
            phrase = self._described(last.phrase, relative * 1.2)
            arguments[-1] = replace(last, phrase=phrase)
        made = replace(self._tensed(world, subject, verb), arguments=tuple(arguments))
        return replace(made, negated=True) if self._may_negate(made) and self.chance(0.11) else made

    def _fill(self, slot: Slot, verb: Verb) -> Argument:
        if slot.kind in PLACES:
            return self._somewhere(slot.kind)
        preposition = Preposition(slot.english, slot.german, slot.case) if slot.german else None
        personal = slot.classes == ("person",)
        phrase = self.person() if personal else self.noun_phrase(slot.classes, owned=True)[1]
        if preposition or slot.case == "dative" or not isinstance(phrase, NounPhrase):
            return Complement(phrase, slot.case, preposition)
        if self.chance(0.3 if verb.english == "have" else 0.05):
            plain = words.ADJECTIVES.get(CLASS_OF[phrase.noun], ())
            kept = tuple(word for word in phrase.adjectives if word in plain)
            phrase = NounPhrase(phrase.noun, DETERMINERS["no"], phrase.plural, kept)
        return Complement(phrase, slot.case)

    def _somewhere(self, kind: str) -> Complement | Fixed:
        kinds: dict[str, Callable[[], Complement | Fixed]] = {
            "where": self.place, "home": self.home, "whither": self.goal, "jump": self.leap, "travel": self.journey,
            "onto": self.putting,
        }  # fmt: skip
        return kinds[kind]()

    def _may_negate(self, clause: Clause) -> bool:
        if clause.modal and clause.modal.english not in ("can", "should", "may"):
            return False
        phrases = [part.phrase for part in clause.arguments if isinstance(part, Complement) and not part.preposition]
        return not any(
            isinstance(phrase, NounPhrase) and (phrase.determiner.english in _INDEFINITE or phrase.number)
            and not phrase.owner
            for phrase in phrases
        )  # fmt: skip

    def _adverbials(self, clause: Clause, rich: float) -> Clause:
        """Time, frequency, manner and place, as the clause leaves room for them."""
        if clause.time or clause.verb is COST or (clause.verb is BE and not self._changes(clause)):
            return clause
        closed = self._ends_with_relative(clause) or clause.said is not None
        if not closed and self.chance(0.36 * rich):
            clause = replace(clause, time=self.time(clause.tense))
        elif self._repeats(clause) and self.chance(0.2 * rich):
            table = words.DONE if clause.tense == "perfect" else words.FREQUENCY
            clause = replace(clause, frequency=Fixed(*self.one(table)))
        if closed or clause.verb in (BE, BEAR) or any(self._says_where(part) for part in clause.arguments):
            return clause
        if (
            clause.verb.english not in INSTANT
            and _is_alive(clause.subject)
            and not clause.negated
            and self.chance(0.13 * rich)
        ):
            return replace(clause, manner=Fixed(*self.one(words.MANNER)))
        if self.chance(0.26 * rich):
            return replace(clause, place=self.place() if clause.time or self.chance(0.5) else self.circumstance())
        return clause

    def _repeats(self, clause: Clause) -> bool:
        """May an adverb of frequency stand here? Not beside *not* or *no*."""
        objects = (part.phrase for part in clause.arguments if isinstance(part, Complement))
        denies = any(isinstance(phrase, NounPhrase) and phrase.determiner.english == "no" for phrase in objects)
        timed = clause.tense in ("present", "past", "perfect")
        return timed and not clause.negated and not denies

    def _changes(self, clause: Clause) -> bool:
        """Is this a state that may be so today and not so tomorrow? Someone is tired, but not older than someone."""
        predicate = clause.arguments[-1]
        personal = isinstance(clause.subject, NounPhrase) and CLASS_OF[clause.subject.noun] in ("person", "animal")
        return personal and isinstance(predicate, Predicate) and not predicate.than and not predicate.measure

    def _says_where(self, part: Argument) -> bool:
        return isinstance(part, Fixed) or (isinstance(part, Complement) and part.preposition is not None)

    def _ends_with_relative(self, clause: Clause) -> bool:
        last = clause.arguments[-1] if clause.arguments else None
        phrase = last.phrase if isinstance(last, Complement) else None
        return isinstance(phrase, NounPhrase | Name) and phrase.relative is not None

    def _front(self, clause: Clause) -> Clause:
        if clause.time and self.chance(0.42):
            return replace(clause, lead=clause.time)
        if clause.place and self.chance(0.25):
            return replace(clause, lead=clause.place)
        return clause

    def _copula(self, world: str) -> Clause:
        name = self.one(_PREDICATED)
        subject = self.person() if name == "person" else self.noun_phrase((name,), owned=True)[1]
        adjective = self.one(words.ADJECTIVES[name])
        if isinstance(subject, NounPhrase) and adjective in subject.adjectives:
            subject = replace(subject, adjectives=())
        made = self._tensed(world, subject, BE)
        if made.tense == "modal":
            made = replace(made, tense="present" if world == "now" else "past", modal=None)
        draw = self.random.random()
        if draw < 0.13:
            aged = self.name() if self.chance(0.5) else self.noun_phrase(("building", "plant", "vehicle"))[1]
            return Clause(aged, BE, (self._age(),), tense="present" if world == "now" else "past")
        if draw < 0.6 and adjective.comparative[0]:
            than = self.name() if name == "person" and self.chance(0.3) else self.noun_phrase((name,))[1]
            return replace(made, arguments=(Predicate(adjective.compared("comparative"), than),))
        negated = self.chance(0.15)
        return replace(made, arguments=(Predicate(adjective),), negated=negated)

    def _age(self) -> Predicate:
        old = words.ADJECTIVES["person"][0]
        return Predicate(old, measure=self.counted("years", "Jahre"))

    def _passive(self) -> Clause:
        frame, verb = self.one(_PASSIVE)
        subject = self.noun_phrase(frame.slots[0].classes, owned=True)[1]
        by = Preposition("by", "von", "dative")
        agent = self.name() if self.chance(0.25) else self.noun_phrase(("person",))[1]
        arguments = (Complement(agent, "dative", by),) if self.chance(0.6) else ()
        return Clause(subject, verb, arguments, tense="past", passive=True)

    def _birth(self) -> Clause:
        subject = self.name() if self.chance(0.5) else self.noun_phrase(("person",))[1]
        return Clause(subject, BEAR, tense="past", passive=True, time=self.time("past"))

    def _price(self) -> Clause:
        subject = self.noun_phrase(("thing", "clothes", "vehicle", "furniture", "food"))[1]
        tense = self.one(("present", "present", "future"))
        return Clause(subject, COST, (self.counted("euros", "Euro"),), tense=tense)

    def _saying(self, world: str, rich: float) -> Clause:
        draw = self.random.random()
        table = SAYING if draw < 0.36 else ASKING if draw < 0.5 else WISHING
        made = self._tensed(world, self.person(), self.one(table))
        if table is not WISHING:
            joint = ("that", "dass") if table is SAYING else ("whether", "ob")
            return replace(made, said=self.clause(world, rich * 0.6, depth=1), conjunction=joint)
        chosen = self.one([pair for pair in _VERBS if "person" in pair[0].subjects])
        wish = self._doing(world, chosen, 0.0, 2, made.subject)
        return replace(made, said=replace(wish, tense="infinitive", modal=None, negated=False))

    def _described(self, phrase: Phrase, probability: float) -> Phrase:
        """The phrase, with a relative clause by chance."""
        if not isinstance(phrase, NounPhrase | Name) or not self.chance(probability):
            return phrase
        if isinstance(phrase, Name):
            return replace(phrase, relative=self._relative("person", phrase.gender, True, False))
        if phrase.genitive or phrase.determiner.english in ("no", "every"):
            return phrase
        own = phrase.owner or phrase.determiner.english in words.POSSESSIVES
        commas = bool(own) or (phrase.determiner.english == "the" and self.chance(0.4))
        relative = self._relative(CLASS_OF[phrase.noun], phrase.gender, commas, bool(phrase.adjectives))
        return replace(phrase, relative=relative, commas=commas)

    def _relative(self, name: str, gender: str, commas: bool, described: bool) -> Clause:
        world = self.one(("now", "then"))
        human = name == "person"
        objects = [pair for pair in _TRANSITIVE if name in pair[0].slots[0].classes]
        if objects and (self.chance(0.25 if human else 0.6) or (described and not human)):
            english = ("whom" if human else "which") if commas else "that"
            gap = Complement(RelativePronoun(english, gender), "accusative")
            _, verb = self.one(objects)
            return replace(self._tensed(world, self.person(), verb), arguments=(gap,), lead=gap)
        who = RelativePronoun("who" if human else "which" if commas else "that", gender)
        subjects = [pair for pair in _VERBS if name in pair[0].subjects]
        if subjects and (described or self.chance(0.8)):
            made = self._doing(world, self.one(subjects), 0.0, 2, who)
        else:
            adjective = self.one(words.ADJECTIVES.get(name, words.ADJECTIVES["event"]))
            made = Clause(who, BE, (Predicate(adjective),), tense="present" if world == "now" else "past")
        return replace(self._adverbials(made, 0.35), lead=who)


def _is_alive(phrase: Phrase) -> bool:
    """Can it want something and be allowed to do it?"""
    if isinstance(phrase, NounPhrase):
        return CLASS_OF[phrase.noun] in ("person", "animal")
    return not isinstance(phrase, RelativePronoun) or phrase.english in ("who", "whom")
