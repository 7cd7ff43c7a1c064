"""Worked examples: trees built by hand, and the German that a teacher would write for them."""

from dataclasses import replace

import pytest

from nmt.data.sample.grammar import realize
from nmt.data.sample.nouns import COMPOUNDS, NOUNS
from nmt.data.sample.syntax import (
    Clause,
    Complement,
    Coordination,
    Fixed,
    Name,
    NounPhrase,
    Predicate,
    Pronoun,
    RelativePronoun,
    Sentence,
    Subordinate,
)
from nmt.data.sample.verbs import BE, FRAMES, SAYING, WISHING
from nmt.data.sample.words import ADJECTIVES, BARE, DETERMINERS, MODALS, Preposition

_NOUNS = {noun.english: noun for nouns in NOUNS.values() for noun in nouns}
_NOUNS |= {f"{noun.modifier} {noun.english}": noun for nouns in COMPOUNDS.values() for noun in nouns}
_ADJECTIVES = {word.english: word for words in ADJECTIVES.values() for word in words}
_VERBS = {verb.prefix + verb.infinitive: verb for frame in FRAMES for verb in frame.verbs}
_VERBS |= {verb.infinitive: verb for verb in (*SAYING, *WISHING, BE)}


def np(text: str, plural: bool = False, **more: object) -> NounPhrase:
    """`the old man`: determiner (0 for none), adjectives, noun; a plural by its singular."""
    determiner, *adjectives, noun = text.replace("_", "+").split()
    made = NounPhrase(_NOUNS[noun.replace("+", " ")], DETERMINERS.get(determiner, BARE), plural)
    return replace(made, adjectives=tuple(_ADJECTIVES[word] for word in adjectives), **more)


def acc(text: str, plural: bool = False, **more: object) -> Complement:
    return Complement(np(text, plural, **more), "accusative")


def dat(text: str, plural: bool = False) -> Complement:
    return Complement(np(text, plural), "dative")


def pp(english: str, german: str, case: str, text: str) -> Complement:
    return Complement(np(text), case, Preposition(english, german, case))


def said(clause: object, question: bool = False) -> tuple[str, str]:
    pair = realize(Sentence(clause, question))
    return " ".join(pair.source), " ".join(pair.target)


_YESTERDAY = Fixed("yesterday", "gestern")
_DATE = Fixed("on 3 May 1998", "am 3. Mai 1998", constructs=("date",))
_GIVE = Clause(np("the old man"), _VERBS["geben"], (dat("the child"), acc("a book")))
_RISE = Clause(np("my brother"), _VERBS["aufstehen"], time=Fixed("at seven o'clock", "um sieben Uhr"))
_IN = pp("in", "in", "dative", "the garden")


def _relative(verb: str, english: str, gender: str, **more: object) -> Clause:
    gap = RelativePronoun(english, gender)
    return Clause(gap, _VERBS[verb], lead=gap, **more)


def _object_relative(subject: object, verb: str, english: str, gender: str) -> Clause:
    gap = Complement(RelativePronoun(english, gender), "accusative")
    return Clause(subject, _VERBS[verb], (gap,), lead=gap)


_INFINITIVE = replace(_RISE, tense="infinitive", time=None)
_SLEEPS = Clause(Name("Peter", "m"), _VERBS["schlafen"])


@pytest.mark.parametrize(
    ("clause", "english", "german"),
    [
        (_GIVE, "The old man gives the child a book .", "Der alte Mann gibt dem Kind ein Buch ."),
        (
            replace(_GIVE, tense="past", time=_YESTERDAY, lead=_YESTERDAY),
            "Yesterday the old man gave the child a book .",
            "Gestern gab der alte Mann dem Kind ein Buch .",
        ),
        (
            replace(_GIVE, tense="perfect"),
            "The old man has given the child a book .",
            "Der alte Mann hat dem Kind ein Buch gegeben .",
        ),
        (
            replace(_GIVE, tense="future"),
            "The old man will give the child a book .",
            "Der alte Mann wird dem Kind ein Buch geben .",
        ),
        (
            replace(_GIVE, tense="modal", modal=MODALS[1]),
            "The old man must give the child a book .",
            "Der alte Mann muss dem Kind ein Buch geben .",
        ),
        (_RISE, "My brother gets up at seven o'clock .", "Mein Bruder steht um sieben Uhr auf ."),
        (replace(_RISE, tense="perfect", time=None), "My brother has got up .", "Mein Bruder ist aufgestanden ."),
        (
            Clause(Pronoun("we"), _VERBS["anrufen"], (Complement(Pronoun("he"), "accusative"),), negated=True),
            "We do not call him .",
            "Wir rufen ihn nicht an .",
        ),
        (
            Clause(Pronoun("she"), _VERBS["abholen"], (Complement(Pronoun("they"), "accusative"),)),
            "She picks them up .",
            "Sie holt sie ab .",
        ),
        (
            Clause(Pronoun("I"), _VERBS["kaufen"], (acc("the apple_juice"),), tense="past"),
            "I bought the apple juice .",
            "Ich kaufte den Apfelsaft .",
        ),
        (Clause(Pronoun("they"), _VERBS["haben"], (acc("no car"),)), "They have no car .", "Sie haben kein Auto ."),
        (
            Clause(np("the teacher", genitive=np("the child")), BE, (Predicate(_ADJECTIVES["sick"]),), tense="past"),
            "The teacher of the child was sick .",
            "Der Lehrer des Kindes war krank .",
        ),
        (
            Clause(
                np("0 friend", owner="Peter"),
                BE,
                (Predicate(_ADJECTIVES["old"].compared("comparative"), np("my uncle")),),
            ),
            "Peter's friend is older than my uncle .",
            "Peters Freund ist älter als mein Onkel .",
        ),
        (
            Clause(np("0 dog", True, number=21), _VERBS["schlafen"], place=_IN),
            "Twenty-one dogs sleep in the garden .",
            "Einundzwanzig Hunde schlafen im Garten .",
        ),
        (
            Clause(np("the book"), _VERBS["liegen"], (pp("on", "auf", "dative", "the table"),)),
            "The book lies on the table .",
            "Das Buch liegt auf dem Tisch .",
        ),
        (
            Clause(np("the woman"), _VERBS["legen"], (acc("the book"), pp("on", "auf", "accusative", "the table"))),
            "The woman puts the book on the table .",
            "Die Frau legt das Buch auf den Tisch .",
        ),
        (
            Clause(np("the child"), _VERBS["laufen"], (pp("into", "in", "accusative", "the house"),), tense="past"),
            "The child ran into the house .",
            "Das Kind lief ins Haus .",
        ),
        (
            Clause(np("the student"), _VERBS["fahren"], (pp("to", "zu", "dative", "the university"),), tense="perfect"),
            "The student has driven to the university .",
            "Der Student ist zur Universität gefahren .",
        ),
        (
            Clause(
                np("the house"),
                _VERBS["bauen"],
                (pp("by", "von", "dative", "the king"),),
                "past",
                passive=True,
                time=_DATE,
                lead=_DATE,
            ),
            "On 3 May 1998 the house was built by the king .",
            "Am 3. Mai 1998 wurde das Haus vom König gebaut .",
        ),
        (
            Clause(
                np("the boy"),
                _VERBS["erinnern"],
                (Complement(np("the teacher"), "accusative", Preposition("", "an", "")),),
            ),
            "The boy remembers the teacher .",
            "Der Junge erinnert sich an den Lehrer .",
        ),
        (
            Clause(Pronoun("we"), _VERBS["warten"], (pp("for", "auf", "accusative", "the bus"),), tense="future"),
            "We will wait for the bus .",
            "Wir werden auf den Bus warten .",
        ),
        (
            Clause(Pronoun("I"), _VERBS["versuchen"], said=_INFINITIVE),
            "I try to get up .",
            "Ich versuche , aufzustehen .",
        ),
        (
            Clause(Pronoun("he"), _VERBS["wissen"], said=replace(_RISE, tense="perfect"), conjunction=("that", "dass")),
            "He knows that my brother has got up at seven o'clock .",
            "Er weiß , dass mein Bruder um sieben Uhr aufgestanden ist .",
        ),
        (
            Clause(
                np("the man", relative=_relative("wohnen", "who", "m", place=Fixed("in Berlin", "in Berlin"))),
                _VERBS["lachen"],
            ),
            "The man who lives in Berlin laughs .",
            "Der Mann , der in Berlin wohnt , lacht .",
        ),
        (
            Clause(
                np("the woman"),
                _VERBS["lesen"],
                (acc("the letter", relative=_object_relative(Name("Anna", "f"), "schreiben", "that", "m")),),
                tense="perfect",
            ),
            "The woman has read the letter that Anna writes .",
            "Die Frau hat den Brief gelesen , den Anna schreibt .",
        ),
        (
            Subordinate(_SLEEPS, ("because", "weil"), _RISE, False, False),
            "Peter sleeps because my brother gets up at seven o'clock .",
            "Peter schläft , weil mein Bruder um sieben Uhr aufsteht .",
        ),
        (
            Subordinate(_SLEEPS, ("if", "wenn"), replace(_GIVE, tense="modal", modal=MODALS[0]), True, False),
            "If the old man can give the child a book , Peter sleeps .",
            "Wenn der alte Mann dem Kind ein Buch geben kann , schläft Peter .",
        ),
        (
            Coordination(_SLEEPS, ("but", "aber"), Clause(Pronoun("I"), _VERBS["ausruhen"])),
            "Peter sleeps , but I rest .",
            "Peter schläft , aber ich ruhe mich aus .",
        ),
        (
            Clause(Pronoun("they"), _VERBS["trinken"], (acc("0 cold milk"),)),
            "They drink cold milk .",
            "Sie trinken kalte Milch .",
        ),
    ],
)
def test_a_tree_is_written_as_a_teacher_would_write_it(clause: object, english: str, german: str) -> None:
    assert said(clause) == (english, german)


_WHY = Fixed("why", "warum")
_WHO = Pronoun("who")


@pytest.mark.parametrize(
    ("clause", "english", "german"),
    [
        (_GIVE, "Does the old man give the child a book ?", "Gibt der alte Mann dem Kind ein Buch ?"),
        (
            replace(_GIVE, tense="perfect"),
            "Has the old man given the child a book ?",
            "Hat der alte Mann dem Kind ein Buch gegeben ?",
        ),
        (
            Clause(np("the child", True), _VERBS["aufstehen"], tense="past", time=_WHY, lead=_WHY),
            "Why did the children get up ?",
            "Warum standen die Kinder auf ?",
        ),
        (
            Clause(_WHO, _VERBS["helfen"], (dat("the waitress"),), lead=_WHO),
            "Who helps the waitress ?",
            "Wer hilft der Kellnerin ?",
        ),
    ],
)
def test_a_question_puts_the_verb_first_or_after_its_word(clause: object, english: str, german: str) -> None:
    assert said(clause, question=True) == (english, german)


@pytest.mark.parametrize(
    ("clause", "links"),
    [
        # The old man gives the child a book . / Der alte Mann gibt dem Kind ein Buch .
        (_GIVE, "0-0 1-1 2-2 3-3 4-4 5-5 6-6 7-7 8-8"),
        # My brother gets up at seven o'clock . / Mein Bruder steht um sieben Uhr auf .
        (_RISE, "0-0 1-1 2-2 3-6 4-3 5-4 6-5 7-7"),
        # My brother has got up . / Mein Bruder ist aufgestanden .
        (replace(_RISE, tense="perfect", time=None), "0-0 1-1 2-2 3-3 4-3 5-4"),
        # I bought the apple juice . / Ich kaufte den Apfelsaft .
        (Clause(Pronoun("I"), _VERBS["kaufen"], (acc("the apple_juice"),), tense="past"), "0-0 1-1 2-2 3-3 4-3 5-4"),
        # The boy remembers the teacher . / Der Junge erinnert sich an den Lehrer .
        (
            Clause(
                np("the boy"),
                _VERBS["erinnern"],
                (Complement(np("the teacher"), "accusative", Preposition("", "an", "")),),
            ),
            "0-0 1-1 2-2 2-3 2-4 3-5 4-6 5-7",
        ),
        # Peter sleeps in the garden . / Peter schläft im Garten .
        (replace(_SLEEPS, place=_IN), "0-0 1-1 2-2 3-2 4-3 5-4"),
        # We do not call him . / Wir rufen ihn nicht an .
        (
            Clause(Pronoun("we"), _VERBS["anrufen"], (Complement(Pronoun("he"), "accusative"),), negated=True),
            "0-0 1-1 2-3 3-1 3-4 4-2 5-5",
        ),
    ],
)
def test_the_alignment_is_the_one_drawn_by_hand(clause: object, links: str) -> None:
    pair = realize(Sentence(clause))
    assert " ".join(f"{i}-{j}" for i, j in pair.links) == links


def test_the_comma_before_a_german_subordinate_clause_stands_for_nothing() -> None:
    pair = realize(Sentence(Subordinate(_SLEEPS, ("because", "weil"), _RISE, False, False)))
    comma = pair.target.index(",")
    assert comma not in {j for _, j in pair.links}
