"""German inflection: articles, adjectives, nouns, verbs, numbers in words.

gender: m, f, n, or p for the plural, which has one declension for all; case: nominative, accusative, dative, genitive.
person: 1s, 3s, 1p, 3p.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nmt.data.sample.lexicon import Noun, Verb

CASES = ("nominative", "accusative", "dative", "genitive")

# One row a gender, one column a case, in the order of CASES.
_DEFINITE = {"m": "der den dem des", "f": "die die der der", "n": "das das dem des", "p": "die die den der"}
_STRONG = {"m": "er en em es", "f": "e e er er", "n": "es es em es", "p": "e e en er"}
_EIN = {"m": "- en em es", "f": "e e er er", "n": "- - em es", "p": "e e en er"}
_ADJECTIVE = {
    "strong": {"m": "er en em en", "f": "e e er er", "n": "es es em en", "p": "e e en er"},
    "weak": {"m": "e en en en", "f": "e e en en", "n": "e e en en", "p": "en en en en"},
    "mixed": {"m": "er en en en", "f": "e e en en", "n": "es es en en", "p": "en en en en"},
}
_RELATIVE = {"m": "der den dem dessen", "f": "die die der deren", "n": "das das dem dessen", "p": "die die denen deren"}
_PRONOUNS = {
    "I": "ich mich mir", "he": "er ihn ihm", "she": "sie sie ihr", "we": "wir uns uns", "they": "sie sie ihnen",
    "it": "es es ihm", "who": "wer wen wem", "what": "was was -",
}  # fmt: skip
_REFLEXIVE = {"1s": "mich", "3s": "sich", "1p": "uns", "3p": "sich"}
_CONTRACTIONS = {
    "an dem": "am", "in dem": "im", "bei dem": "beim", "von dem": "vom", "zu dem": "zum", "zu der": "zur",
    "in das": "ins", "an das": "ans",
}  # fmt: skip
_PRESENT = {
    "sein": "bin ist sind", "werden": "werde wird werden", "haben": "habe hat haben", "wissen": "weiß weiß wissen",
    "können": "kann kann können", "müssen": "muss muss müssen", "wollen": "will will wollen",
    "dürfen": "darf darf dürfen", "mögen": "mag mag mögen", "sollen": "sollte sollte sollten",
}  # fmt: skip
_INSEPARABLE = ("be", "ver", "er", "ent", "zer", "ge", "über", "wieder", "um", "unter")
_SMALL = """null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn
siebzehn achtzehn neunzehn"""
_LARGE = "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig"
_UNITS, _TENS = _SMALL.split(), _LARGE.split()


def _cell(table: dict[str, str], row: str, case: str) -> str:
    form = table[row].split()[CASES.index(case)]
    return "" if form == "-" else form


def definite_article(gender: str, case: str) -> str:
    """*der, die, das*."""
    return _cell(_DEFINITE, gender, case)


def article_like(stem: str, gender: str, case: str) -> str:
    """Words that decline like the definite article: *dies-er, jed-er, viel-e*."""
    return stem + _cell(_STRONG, gender, case)


def ein_like(stem: str, gender: str, case: str) -> str:
    """Words that decline like *ein*: *kein, mein, unser*."""
    return stem + _cell(_EIN, gender, case)


def adjective(stem: str, declension: str, gender: str, case: str) -> str:
    """An attributive adjective; declension: strong (nothing before it), weak (der …) or mixed (ein …)."""
    joined = stem[:-1] if stem.endswith("e") else stem
    return joined + _cell(_ADJECTIVE[declension], gender, case)


def relative_pronoun(gender: str, case: str) -> str:
    """*der, den, dem, dessen*."""
    return _cell(_RELATIVE, gender, case)


def pronoun(english: str, case: str) -> str:
    """The personal or interrogative pronoun that translates the English subject form; there is no genitive."""
    return _cell(_PRONOUNS, english, case)


def reflexive_pronoun(person: str) -> str:
    """*mich, sich, uns* (accusative)."""
    return _REFLEXIVE[person]


def contraction(preposition: str, article: str) -> str:
    """*im* for *in dem*; "" where German does not contract."""
    return _CONTRACTIONS.get(f"{preposition} {article}", "")


def noun(entry: "Noun", plural: bool, case: str) -> str:
    """The noun in its case: *den Kindern, des Mannes, dem Jungen, dem Namen*."""
    if plural:
        adds_n = case == "dative" and not entry.plural.endswith(("n", "s"))
        return entry.plural + ("n" if adds_n else "")
    if case == "genitive":
        return entry.genitive
    ending = entry.genitive[len(entry.german) :]
    weak = entry.gender == "m" and ending in ("n", "en", "ns")
    return entry.german + ending.rstrip("s") if weak and case != "nominative" else entry.german


def _stem(infinitive: str) -> str:
    return infinitive[:-2] if infinitive.endswith("en") else infinitive[:-1]


def _joined(stem: str, ending: str) -> str:
    """The stem with -t, -te or -en of a weak verb: *arbeit-e-t, zeichn-e-te*, but *lern-t, wohn-t*."""
    after_vowel = stem[-2] in "aeiouäöülrmn" or (stem[-2] == "h" and stem[-3] != "c")
    cluster = stem[-1] in "mn" and not after_vowel
    return stem + ("e" if stem[-1] in "td" or cluster else "") + ending


def weak_parts(infinitive: str) -> tuple[str, str, str]:
    """Third person, past and participle of a weak verb: *kocht, kochte, gekocht*."""
    stem = _stem(infinitive)
    prefix = "" if infinitive.endswith("ieren") or infinitive.startswith(_INSEPARABLE) else "ge"
    return _joined(stem, "t"), _joined(stem, "te"), prefix + _joined(stem, "t")


def _first(infinitive: str) -> str:
    if infinitive.endswith("eln"):
        return infinitive[:-3] + "le"
    return infinitive[:-1] + ("e" if infinitive.endswith("ern") else "")


def present(infinitive: str, third: str, person: str) -> str:
    """The present of a verb with the given infinitive (no separable prefix) and third person singular."""
    if infinitive in _PRESENT:
        return _PRESENT[infinitive].split()[{"1s": 0, "3s": 1}.get(person, 2)]
    return {"1s": _first(infinitive), "3s": third}.get(person, infinitive)


def past(singular: str, person: str) -> str:
    """The past from its singular: *las, lasen; kochte, kochten*."""
    if person.endswith("s"):
        return singular
    return singular + ("n" if singular.endswith("e") else "en")


def infinitive_with_zu(verb: "Verb") -> str:
    """*zu lesen* in two words, *aufzustehen* in one."""
    return f"{verb.prefix}zu{verb.infinitive}" if verb.prefix else f"zu {verb.infinitive}"


def cardinal(number: int) -> str:
    """A number from 0 to 99 in words, the unit before the ten: *einundzwanzig*."""
    if number < 20:
        return "eins" if number == 1 else _UNITS[number]
    ten, unit = _TENS[number // 10 - 2], number % 10
    return f"{_UNITS[unit]}und{ten}" if unit else ten
