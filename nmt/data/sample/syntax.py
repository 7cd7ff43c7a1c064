"""The trees of the grammar. One tree is one sentence pair: `english` and `german` each turn it into words.

Nodes are compared by identity: two nodes with the same content are two places in the sentence. That is what the
alignment rests on: both sides mark each word with the node and the part of it that the word stands for, and words
with a mark in common are linked.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from nmt.data.sample.lexicon import Adjective, Noun, Verb
from nmt.data.sample.words import Determiner, Modal, Preposition

Mark = tuple[object, object]


class Token(NamedTuple):
    """A word of one side, what it stands for, and the constructs that it shows (German side only)."""

    text: str
    marks: frozenset[Mark] = frozenset()
    constructs: frozenset[str] = frozenset()


Tokens = list[Token]


def token(text: str, *marks: Mark, constructs: tuple[str, ...] = ()) -> Token:
    """A word that stands for the given parts of nodes."""
    return Token(text, frozenset(marks), frozenset(constructs))


def tidy(words: Tokens) -> Tokens:
    """Commas where clauses meet: one in place of two, none before the final mark."""
    kept: Tokens = []
    for word in words:
        if kept and kept[-1].text == "," and word.text in (",", ".", "?"):
            before = kept.pop()
            kept.append(word._replace(marks=word.marks | before.marks) if word.text == "," else word)
        else:
            kept.append(word)
    return kept


@dataclass(frozen=True, eq=False)
class Pronoun:
    """A personal pronoun by its English subject form, or `who` and `what` in questions."""

    english: str

    @property
    def person(self) -> str:
        """1s, 3s, 1p or 3p."""
        return {"I": "1s", "we": "1p", "they": "3p"}.get(self.english, "3s")


@dataclass(frozen=True, eq=False)
class Name:
    """A person's name, the same in both languages; it may have a relative clause."""

    text: str
    gender: str
    relative: "Clause | None" = None
    person: str = field(default="3s", init=False)


@dataclass(frozen=True, eq=False)
class NounPhrase:
    """Determiner or number, adjectives, noun, genitive attribute, relative clause.

    owner: a name in the genitive in place of the determiner (*Peter's*). number: 2 to 99 in place of it, or 0.
    commas: the relative clause only adds something, and English sets it off with commas too.
    """

    noun: Noun
    determiner: Determiner
    plural: bool = False
    adjectives: tuple[Adjective, ...] = ()
    owner: str = ""
    number: int = 0
    genitive: "NounPhrase | None" = None
    relative: "Clause | None" = None
    commas: bool = False

    @property
    def person(self) -> str:
        """3s or 3p."""
        return "3p" if self.plural else "3s"

    @property
    def gender(self) -> str:
        """m, f, n, or p for every plural."""
        return "p" if self.plural else self.noun.gender


@dataclass(frozen=True, eq=False)
class Pair:
    """Two noun phrases joined with *and*."""

    first: "Phrase"
    second: "Phrase"
    person: str = field(default="3p", init=False)


@dataclass(frozen=True, eq=False)
class RelativePronoun:
    """Stands for the noun phrase that a relative clause belongs to, inside that clause: *who, whom, that, which*."""

    english: str
    gender: str

    @property
    def person(self) -> str:
        """3s or 3p."""
        return "3p" if self.gender == "p" else "3s"


Phrase = Pronoun | Name | NounPhrase | Pair | RelativePronoun


@dataclass(frozen=True, eq=False)
class Complement:
    """A noun phrase in a case: a bare object, or one after a preposition.

    construct: what this preposition phrase is an example of (`place`, `direction`), or "".
    """

    phrase: Phrase
    case: str
    preposition: Preposition | None = None
    construct: str = ""


@dataclass(frozen=True, eq=False)
class Fixed:
    """Words that are translated as they stand: dates, times, adverbs. Links default to word by word."""

    english: str
    german: str
    links: tuple[tuple[int, int], ...] = ()
    constructs: tuple[str, ...] = ()

    def marks(self, side: int, place: int) -> list[Mark]:
        """What the word at `place` of the English (side 0) or German (side 1) stands for: its links."""
        links = self.links or tuple((both, both) for both in range(len(self.german.split())))
        return [(self, link) for link in links if link[side] == place]


@dataclass(frozen=True, eq=False)
class Predicate:
    """What follows *be*: an adjective, or a comparison (*older than* phrase); measure: *twenty-one years* old."""

    adjective: Adjective
    than: Phrase | None = None
    measure: Fixed | None = None


Argument = Complement | Fixed | Predicate


@dataclass(frozen=True, eq=False)
class Clause:
    """A verb with all that belongs to it.

    tense: present, past, perfect, future, modal or infinitive (with *to*); passive goes with past only.
    lead: the part that opens the clause in place of the subject: an adverbial, a question word, a relative pronoun.
    said: a clause that is the object (*that …*); conjunction: the pair of words it is joined with.
    """

    subject: Phrase
    verb: Verb
    arguments: tuple[Argument, ...] = ()
    tense: str = "present"
    modal: Modal | None = None
    passive: bool = False
    negated: bool = False
    frequency: Fixed | None = None
    manner: Fixed | None = None
    place: Complement | Fixed | None = None
    time: Fixed | None = None
    lead: object | None = None
    said: "Clause | None" = None
    conjunction: tuple[str, str] | None = None


@dataclass(frozen=True, eq=False)
class Subordinate:
    """A main clause and an adverbial clause, before it or after it; commas: English too has a comma between them."""

    main: Clause
    conjunction: tuple[str, str]
    clause: Clause
    first: bool
    commas: bool


@dataclass(frozen=True, eq=False)
class Coordination:
    """Two sentences joined with *and* or *but*."""

    first: "Clause | Subordinate"
    conjunction: tuple[str, str]
    second: "Clause | Subordinate"


Body = Clause | Subordinate | Coordination


@dataclass(frozen=True, eq=False)
class Sentence:
    """A whole sentence with its final mark: a full stop or, for a question, a question mark."""

    body: Body
    question: bool = False
