"""English spelling: plurals, verb forms, the article, numbers in words."""

_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen"""
_LARGE = "twenty thirty forty fifty sixty seventy eighty ninety"
_UNITS, _TENS = _SMALL.split(), _LARGE.split()
_SILENT = ("hour", "honest", "heir")
_GLIDE = ("uni", "use", "euro", "one")


def _with_s(word: str) -> str:
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "z", "ch", "sh", "go", "do")) else "s")


def plural(noun: str) -> str:
    """The regular plural: *box, boxes; city, cities*."""
    return _with_s(noun)


def third_person(verb: str) -> str:
    """The present with he, she and it."""
    return {"be": "is", "have": "has"}.get(verb) or _with_s(verb)


def past(verb: str) -> str:
    """The regular past: *cry, cried; love, loved; cook, cooked*."""
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ied"
    return verb + ("d" if verb.endswith("e") else "ed")


def article(following: str) -> str:
    """*a* or *an*, by the sound of the word that follows."""
    vowel = following[0].lower() in "aeiou" and not following.lower().startswith(_GLIDE)
    return "an" if vowel or following.lower().startswith(_SILENT) else "a"


def cardinal(number: int) -> str:
    """A number from 0 to 99 in words: *twenty-one*."""
    if number < 20:
        return _UNITS[number]
    unit = number % 10
    return _TENS[number // 10 - 2] + (f"-{_UNITS[unit]}" if unit else "")
