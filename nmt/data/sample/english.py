"""English word order: a tree in, marked words out."""

from nmt.data.sample import english_forms
from nmt.data.sample.syntax import (
    Argument,
    Body,
    Clause,
    Complement,
    Coordination,
    Fixed,
    Mark,
    Name,
    NounPhrase,
    Pair,
    Phrase,
    Predicate,
    Pronoun,
    RelativePronoun,
    Sentence,
    Subordinate,
    Tokens,
    tidy,
    token,
)  # fmt: skip

_OBJECT_FORMS = {"I": "me", "he": "him", "she": "her", "we": "us", "they": "them"}
_BE = {"present": {"1s": "am", "3s": "is"}, "past": {"1s": "was", "3s": "was"}}
# Particles that stay before a pronoun: *listens to him*, but *picks him up*.
_PREPOSITIONS = ("to", "at", "after", "forward")


def realize(sentence: Sentence) -> Tokens:
    """The words of a sentence, without its capital letter."""
    mark = "?" if sentence.question else "."
    return tidy([*_body(sentence.body, sentence.question), token(mark, (sentence, "end"))])


def _body(body: Body, question: bool = False) -> Tokens:
    if isinstance(body, Coordination):
        comma = [token(",", (body, "comma"))] if body.conjunction[0] == "but" else []
        joint = token(body.conjunction[0], (body, "conjunction"))
        return [*_body(body.first), *comma, joint, *_body(body.second)]
    if isinstance(body, Subordinate):
        comma = [token(",", (body, "comma"))] if body.first or body.commas else []
        joined = [token(body.conjunction[0], (body, "conjunction")), *clause(body.clause)]
        main = clause(body.main)
        return [*joined, *comma, *main] if body.first else [*main, *comma, *joined]
    return clause(body, question)


def phrase(node: Phrase, is_object: bool = False) -> Tokens:
    """A noun phrase as subject or object."""
    if isinstance(node, Pronoun):
        return [token(_OBJECT_FORMS.get(node.english, node.english) if is_object else node.english, (node, "head"))]
    if isinstance(node, Name):
        return [token(node.text, (node, "head")), *_relative(node.relative, True)]
    if isinstance(node, Pair):
        return [*phrase(node.first, is_object), token("and", (node, "and")), *phrase(node.second, is_object)]
    if isinstance(node, RelativePronoun):
        return [token(node.english, (node, "head"))]
    return _noun_phrase(node)


def _noun_phrase(node: NounPhrase) -> Tokens:
    noun = node.noun
    words = [token(adjective.english, (node, place)) for place, adjective in enumerate(node.adjectives)]
    words += [token(noun.modifier, (node, "noun"))] if noun.modifier else []
    words += [token(noun.english_plural if node.plural else noun.english, (node, "noun"))]
    opening = _opening(node, words[0].text)
    owned = [token("of", (node.genitive, "of")), *phrase(node.genitive)] if node.genitive else []
    return [*([token(opening, (node, "opening"))] if opening else []), *words, *owned,
            *_relative(node.relative, node.commas)]  # fmt: skip


def _opening(node: NounPhrase, following: str) -> str:
    if node.owner:
        return f"{node.owner}'s"
    if node.number:
        return english_forms.cardinal(node.number)
    if node.determiner.english == "a":
        return english_forms.article(following)
    return node.determiner.english_plural if node.plural else node.determiner.english


def _relative(node: Clause | None, commas: bool) -> Tokens:
    if node is None:
        return []
    words = clause(node)
    return [token(",", (node, "open")), *words, token(",", (node, "close"))] if commas else words


def _argument(node: Argument) -> Tokens:
    if isinstance(node, Fixed):
        return [token(text, *node.marks(0, place)) for place, text in enumerate(node.english.split())]
    if isinstance(node, Predicate):
        measure = _argument(node.measure) if node.measure else []
        than = [token("than", (node, "than")), *phrase(node.than, True)] if node.than else []
        return [*measure, token(node.adjective.english, (node, "adjective")), *than]
    words = node.preposition.english.split() if node.preposition else []
    return [*(token(word, (node, "preposition")) for word in words), *phrase(node.phrase, True)]


def _head(node: Clause) -> list[Mark]:
    """What the main verb stands for: itself, and a preposition that only German has (*remember, sich erinnern an*)."""
    only_german = [
        (part, "preposition") for part in node.arguments
        if isinstance(part, Complement) and part.preposition and not part.preposition.english
    ]  # fmt: skip
    return [(node, "verb"), *only_german]


def _finite(node: Clause) -> tuple[Tokens, Tokens]:
    """The auxiliary with what clings to it (empty if there is none), and the words of the main verb."""
    verb, person, third = node.verb, node.subject.person, node.subject.person == "3s"
    head, aux = _head(node), (node, "auxiliary")
    if node.passive:
        return [token(_BE["past"].get(person, "were"), aux)], [token(verb.english_participle, *head)]
    if node.tense == "perfect":
        return [token("has" if third else "have", aux)], [token(verb.english_participle, *head)]
    if node.tense == "future":
        return [token("will", aux)], [token(verb.english, *head)]
    if node.modal:
        text = node.modal.english if third else node.modal.english_plural
        return [token(word, aux) for word in text.split()], [token(verb.english, *head)]
    if verb.english == "be":
        return [token(_BE[node.tense].get(person, {"present": "are", "past": "were"}[node.tense]), *head)], []
    if node.tense == "past":
        return [], [token(verb.english_past, *head)]
    return [], [token(english_forms.third_person(verb.english) if third else verb.english, *head)]


def _supported(node: Clause) -> tuple[Tokens, Tokens]:
    """As `_finite`, with *do* where negation or a question needs an auxiliary and there is none."""
    auxiliary, main = _finite(node)
    if auxiliary:
        return auxiliary, main
    do = "did" if node.tense == "past" else "does" if node.subject.person == "3s" else "do"
    return [token(do, (node, "do"))], [token(node.verb.english, *_head(node))]


def clause(node: Clause, question: bool = False) -> Tokens:
    """A clause: statement, question, relative clause or infinitive clause."""
    if node.tense == "infinitive":
        return [token("to", (node, "to")), token(node.verb.english, *_head(node)), *_rest(node)]
    lead = _lead(node)
    inverted = question and node.lead is not node.subject
    auxiliary, main = _supported(node) if inverted or node.negated else _finite(node)
    negation = [token("not", (node, "not"))] if node.negated else []
    frequency = _argument(node.frequency) if node.frequency else []
    subject = [] if node.lead is node.subject else phrase(node.subject)
    opening = [*lead, *auxiliary[:1], *subject, *auxiliary[1:]] if inverted else [*lead, *subject, *auxiliary]
    if opening[-1].text == "can" and negation:
        opening, negation = [*opening[:-1], token("cannot", *opening[-1].marks, *negation[0].marks)], []
    return [*opening, *negation, *frequency, *main, *_rest(node), *_said(node)]


def _lead(node: Clause) -> Tokens:
    if node.lead is None:
        return []
    if node.lead is node.subject:
        return phrase(node.subject)
    assert isinstance(node.lead, Complement | Fixed)
    return _argument(node.lead)


def _rest(node: Clause) -> Tokens:
    """Objects, manner, place, time, with the particle of the verb before or after the first object."""
    mark = (node, "particle" if node.verb.prefix else "verb")
    particle = [token(word, mark) for word in node.verb.particle.split()]
    objects = [_argument(part) for part in node.arguments if part is not node.lead]
    pronoun = next((isinstance(p, Complement) and isinstance(p.phrase, Pronoun) for p in node.arguments), False)
    late = pronoun and objects and node.verb.particle not in _PREPOSITIONS
    parts = [*objects[:1], particle, *objects[1:]] if late else [particle, *objects]
    adverbials = (part for part in (node.manner, node.place, node.time) if part and part is not node.lead)
    parts += [_argument(part) for part in adverbials]
    return [word for part in parts for word in part]


def _said(node: Clause) -> Tokens:
    if node.said is None:
        return []
    joint = [token(node.conjunction[0], (node, "conjunction"))] if node.conjunction else []
    return [*joint, *clause(node.said)]
