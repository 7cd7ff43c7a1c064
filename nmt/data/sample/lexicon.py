"""The entries of the lexicon, and how the tables of `nouns`, `verbs` and `words` are read into them.

A table is text: entries end with a semicolon and may be spread over lines as one likes. Only what a rule does not
give is written down, so that a table can be checked beside a dictionary.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from nmt.data.sample import english_forms, german_forms


@dataclass(frozen=True)
class Noun:
    """A noun in both languages. `modifier` is the first word of an English noun-noun phrase, "" for a plain noun.

    gender: m, f or n; plural: "" for what is not counted; genitive and plural are whole words.
    """

    english: str
    english_plural: str
    german: str
    gender: str
    genitive: str
    plural: str
    modifier: str = ""


@dataclass(frozen=True)
class Verb:
    """A verb in both languages with its principal parts.

    `particle` is what follows the English verb (get *up*), `prefix` what German separates (steht … *auf*). The German
    parts are those of the verb without its prefix, save the participle, which is whole.
    """

    english: str
    english_past: str
    english_participle: str
    particle: str
    infinitive: str
    third: str
    past: str
    participle: str
    prefix: str
    sein: bool
    reflexive: bool

    @property
    def has_past(self) -> bool:
        """False for *put, read, cut*: the English past looks like the present and would leave the German open."""
        return self.english != self.english_past


@dataclass(frozen=True)
class Adjective:
    """An adjective. `stem` takes the endings (*teuer*, *teur-*); the compared forms are "" where there are none."""

    english: str
    german: str
    stem: str
    comparative: tuple[str, str] = ("", "")
    superlative: tuple[str, str] = ("", "")

    def compared(self, degree: str) -> "Adjective":
        """The comparative or superlative as an adjective of its own: *older, älter*."""
        english, german = self.comparative if degree == "comparative" else self.superlative
        return Adjective(english, german, german)


def entries(table: str) -> Iterator[str]:
    """The entries of a table, white space inside them reduced to single spaces."""
    return (" ".join(entry.split()) for entry in table.split(";") if entry.strip())


def read_noun(entry: str) -> Noun:
    """`man/men der Mann -es Männer`: the plural after the slash where it is irregular, `-` for none."""
    english, article, german, genitive, plural = entry.split()
    singular, _, english_plural = english.partition("/")
    return Noun(
        singular,
        english_plural or english_forms.plural(singular),
        german,
        {"der": "m", "die": "f", "das": "n"}[article],
        german + genitive.lstrip("-"),
        "" if plural == "-" else plural,
    )


def read_compound(head: Noun, entry: str) -> Noun:
    """`apple Apfel` with the head *juice, Saft*: *apple juice, Apfelsaft*, which has the gender of its head."""
    modifier, stem = entry.split()
    german, genitive = stem + head.german.lower(), stem + head.genitive.lower()
    plural = head.plural and stem + head.plural.lower()
    return Noun(head.english, head.english_plural, german, head.gender, genitive, plural, modifier)


def read_verb(entry: str) -> Verb:
    """`get_up got got = +auf|stehen steht stand gestanden`: `+` perfect with sein, `~` reflexive, `|` separable."""
    left, right = (side.split() for side in entry.split("="))
    base, _, particle = left[0].partition("_")
    past, participle = left[1:] or [english_forms.past(base)] * 2
    marked, *parts = right
    prefix, _, infinitive = marked.lstrip("+~").rpartition("|")
    third, german_past, german_participle = parts or german_forms.weak_parts(infinitive)
    return Verb(
        base, past, participle, particle.replace("_", " "), infinitive, third, german_past,
        prefix + german_participle, prefix, "+" in marked, "~" in marked,
    )  # fmt: skip


def read_adjective(entry: str) -> Adjective:
    """`old older oldest = alt älter ältest`, `expensive = teuer/teur`: the stem after the slash."""
    left, right = (side.split() for side in entry.split("="))
    german, _, stem = right[0].partition("/")
    degrees = list(zip(left[1:], right[1:], strict=True)) or [("", "")] * 2
    return Adjective(left[0], german, stem or german, *degrees)
