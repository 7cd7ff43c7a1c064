"""German: a tree in, marked words out.

A clause is front field, finite verb, middle field, right bracket (participle, infinitive, separated prefix), end
field. In a subordinate clause the finite verb closes the right bracket and the front field holds at most a relative
pronoun. Noun phrases agree in gender, number and case.
"""

from nmt.data.sample import german_forms
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
    Token,
    Tokens,
    tidy,
    token,
)  # fmt: skip

COMMA = token(",")


def realize(sentence: Sentence) -> Tokens:
    """The words of a sentence, without its capital letter."""
    end = token("?" if sentence.question else ".", (sentence, "end"))
    if not sentence.question:
        return tidy([*_body(sentence.body), end])
    assert isinstance(sentence.body, Clause)
    first, *rest = clause(sentence.body, "second" if sentence.body.lead else "first")
    return tidy([_labelled(first, "question"), *rest, end])


def _labelled(word: Token, *constructs: str) -> Token:
    return word._replace(constructs=word.constructs | frozenset(constructs))


def _body(body: Body) -> Tokens:
    if isinstance(body, Coordination):
        comma = [token(",", (body, "comma"))] if body.conjunction[0] == "but" else []
        joint = token(body.conjunction[1], (body, "conjunction"), constructs=("coordination",))
        return [*_body(body.first), *comma, joint, *_body(body.second)]
    if isinstance(body, Subordinate):
        between = token(",", (body, "comma")) if body.first or body.commas else COMMA
        joint = token(body.conjunction[1], (body, "conjunction"), constructs=("subordinate clause",))
        joined = [joint, *clause(body.clause, "last")]
        if body.first:
            return [*joined, between, *clause(body.main, "first", True)]
        return [*clause(body.main, "second"), between, *joined, COMMA]
    return clause(body, "second")


def clause(node: Clause, order: str, inverted: bool = False) -> Tokens:
    """A clause, its finite verb `first`, `second` or `last`; inverted: an adverbial clause stands in front of it."""
    finite, bracket = _verbs(node)
    lead = node.lead or (node.subject if order == "second" else None)
    fields, extraposed = _middle(node, lead, order)
    after = [*extraposed, *_said(node)]
    if order == "last":
        return [*_front(node, lead), *fields, *_final(node, bracket, finite), *after]
    if node.verb.prefix and any(word.text == node.verb.prefix for word in bracket):
        bracket = [_labelled(word, "separated prefix") for word in bracket]
    if inverted or (lead is not None and lead is not node.subject):
        finite = _labelled(finite, "inversion")
    return [*_front(node, lead), finite, *fields, *bracket, *after]


def _front(node: Clause, lead: object | None) -> Tokens:
    if lead is None:
        return []
    if lead is node.subject:
        return phrase(node.subject, "nominative")
    assert isinstance(lead, Complement | Fixed)
    return argument(lead)


def _verbs(node: Clause) -> tuple[Token, Tokens]:
    """The finite verb, and the words of the right bracket in the order of a main clause."""
    verb, person = node.verb, node.subject.person
    aux, head = (node, "auxiliary"), (node, "verb")
    whole = (head, (node, "particle"))
    if node.passive:
        finite = token(german_forms.past("wurde", person), aux, constructs=("passive",))
        return finite, [token(verb.participle, *whole)]
    if node.tense == "perfect":
        name, third = ("sein", "ist") if verb.sein else ("haben", "hat")
        finite = token(german_forms.present(name, third, person), aux, constructs=("perfect",))
        return finite, [token(verb.participle, *whole)]
    if node.tense in ("future", "modal"):
        return _modal(node, aux), [token(verb.prefix + verb.infinitive, *whole)]
    if node.tense == "infinitive":
        return token(""), _infinitive_with_zu(node)
    past = node.tense == "past"
    form = german_forms.past(verb.past, person) if past else german_forms.present(verb.infinitive, verb.third, person)
    prefix = token(verb.prefix, (node, "particle") if verb.particle else head)
    marks = (head, (node, "do")) if verb.prefix else (*whole, (node, "do"))
    return token(form, *marks, constructs=("past",) if past else ()), [prefix] if verb.prefix else []


def _modal(node: Clause, mark: Mark) -> Token:
    person = node.subject.person
    if node.modal is None:
        return token(german_forms.present("werden", "wird", person), mark, constructs=("future",))
    if node.modal.past:
        return token(german_forms.past(node.modal.past, person), mark, constructs=("modal",))
    return token(german_forms.present(node.modal.infinitive, "", person), mark, constructs=("modal",))


def _infinitive_with_zu(node: Clause) -> Tokens:
    head, to, label = (node, "verb"), (node, "to"), ("infinitive with zu",)
    words = german_forms.infinitive_with_zu(node.verb).split()
    if len(words) == 1:
        return [token(words[0], to, head, (node, "particle"), constructs=label)]
    return [token(words[0], to, constructs=label), token(words[1], head, (node, "particle"))]


def _final(node: Clause, bracket: Tokens, finite: Token) -> Tokens:
    """The right bracket of a subordinate clause: *gelesen hat*, *aufsteht*, *zu lesen*."""
    if node.tense == "infinitive":
        return bracket
    if node.verb.prefix and bracket and bracket[0].text == node.verb.prefix:
        joined = Token(node.verb.prefix + finite.text, finite.marks | bracket[0].marks, finite.constructs)
        return [_labelled(joined, "verb last")]
    return [*bracket, _labelled(finite, "verb last")]


def _middle(node: Clause, lead: object | None, order: str) -> tuple[Tokens, Tokens]:
    """The middle field, and the relative clause of its last phrase, which German moves behind the verb."""
    reflexive = _reflexive(node)
    subject: list[Argument | Tokens] = []
    if node.subject is not lead and node.tense != "infinitive":
        subject = [Complement(node.subject, "nominative")]
    before = order != "last" and not isinstance(node.subject, Pronoun)
    start = [reflexive, *subject] if before else [*subject, reflexive]
    parts = [*start, *(part for part in _ordered(node) if part is not lead)]
    filled = [part for part in parts if part]
    words: Tokens = []
    for place, part in enumerate(filled):
        if isinstance(part, list):
            words += part
            continue
        own, added = split_relative(part)
        if place + 1 == len(filled):
            return [*words, *own], added
        words += [*own, *added]
    return words, []


def _reflexive(node: Clause) -> Tokens:
    if not node.verb.reflexive:
        return []
    return [token(german_forms.reflexive_pronoun(node.subject.person), (node, "verb"), constructs=("reflexive",))]


def _ordered(node: Clause) -> list[Argument | Tokens]:
    """Everything but the subject: pronouns, time, frequency, dative, accusative, negation, manner, the rest."""
    bare = [part for part in node.arguments if isinstance(part, Complement) and not part.preposition]
    rest = [part for part in node.arguments if part not in bare]
    pronouns = [part for part in bare if isinstance(part.phrase, Pronoun)]
    nouns = [part for part in bare if part not in pronouns]
    predicate = [part for part in nouns if part.case == "nominative"]
    negation = [token("nicht", (node, "not"), constructs=("negation",))] if node.negated else []
    adverbs = [part for part in (node.time, node.frequency) if part]
    places = [part for part in (node.manner, node.place) if part]
    kept = [part for part in nouns if part not in predicate]
    accusative_first = sorted(pronouns, key=lambda part: part.case)
    dative_first = sorted(kept, key=lambda part: part.case != "dative")
    return [*accusative_first, *adverbs, *dative_first, negation, *places, *rest, *predicate]


def _said(node: Clause) -> Tokens:
    if node.said is None:
        return []
    if node.conjunction is None:
        return [COMMA, *clause(node.said, "last"), COMMA]
    joint = token(node.conjunction[1], (node, "conjunction"), constructs=("subordinate clause",))
    return [COMMA, joint, *clause(node.said, "last"), COMMA]


def phrase(node: Phrase, case: str) -> Tokens:
    """A noun phrase in a case, its relative clause between commas behind it."""
    own, added = split_phrase(node, case)
    return [*own, *added]


def split_phrase(node: Phrase, case: str) -> tuple[Tokens, Tokens]:
    """A noun phrase, and apart from it its relative clause, which may have to move."""
    if isinstance(node, Pronoun):
        return [token(german_forms.pronoun(node.english, case), (node, "head"))], []
    if isinstance(node, RelativePronoun):
        text = german_forms.relative_pronoun(node.gender, case)
        return [token(text, (node, "head"), constructs=("relative clause",))], []
    if isinstance(node, Pair):
        joint = token("und", (node, "and"), constructs=("coordination",))
        return [*phrase(node.first, case), joint, *phrase(node.second, case)], []
    if isinstance(node, Name):
        return [token(node.text, (node, "head"))], _relative(node.relative)
    return _noun_phrase(node, case), _relative(node.relative)


def _relative(node: Clause | None) -> Tokens:
    if node is None:
        return []
    return [token(",", (node, "open")), *clause(node, "last"), token(",", (node, "close"))]


def _noun_phrase(node: NounPhrase, case: str) -> Tokens:
    opening = _opening(node, case)
    declension = "strong" if node.owner or node.number else node.determiner.declension
    adjectives = [
        token(german_forms.adjective(word.stem, declension, node.gender, case), (node, place))
        for place, word in enumerate(node.adjectives)
    ]
    constructs = ("compound",) if node.noun.modifier else ()
    head = token(german_forms.noun(node.noun, node.plural, case), (node, "noun"), constructs=constructs)
    owned = phrase(node.genitive, "genitive") if node.genitive else []
    if owned:
        owned[0] = owned[0]._replace(marks=owned[0].marks | {(node.genitive, "of")})
    return [*opening, *adjectives, head, *owned]


def _opening(node: NounPhrase, case: str) -> Tokens:
    mark = (node, "opening")
    if node.owner:
        return [token(f"{node.owner}s", mark)]
    if node.number:
        return [token(german_forms.cardinal(node.number), mark, constructs=("number",))]
    text = _determiner(node, case)
    return [token(text, mark, constructs=(f"{case} article",))] if text else []


def _determiner(node: NounPhrase, case: str) -> str:
    pattern, stem = node.determiner.pattern, node.determiner.german
    if pattern == "definite":
        return german_forms.definite_article(node.gender, case)
    if pattern == "der":
        return german_forms.article_like(stem, node.gender, case)
    return german_forms.ein_like(stem, node.gender, case) if pattern == "ein" else ""


def argument(node: Argument) -> Tokens:
    """An object, a prepositional phrase, a fixed expression or a predicate."""
    own, added = split_relative(node)
    return [*own, *added]


def split_relative(node: Argument) -> tuple[Tokens, Tokens]:
    """An argument, and apart from it the relative clause of its noun phrase."""
    if isinstance(node, Fixed):
        return _fixed(node), []
    if isinstance(node, Predicate):
        return _predicate(node), []
    own, added = split_phrase(node.phrase, node.case)
    return (_after_preposition(node, own) if node.preposition else own), added


def _fixed(node: Fixed) -> Tokens:
    places = enumerate(node.german.split())
    return [token(text, *node.marks(1, place), constructs=node.constructs) for place, text in places]


def _predicate(node: Predicate) -> Tokens:
    measure = _fixed(node.measure) if node.measure else []
    constructs = ("comparison",) if node.than else ()
    than = [token("als", (node, "than")), *phrase(node.than, "nominative")] if node.than else []
    return [*measure, token(node.adjective.german, (node, "adjective"), constructs=constructs), *than]


def _after_preposition(node: Complement, own: Tokens) -> Tokens:
    """The preposition, run together with a definite article where German does so: *im, zum*."""
    assert node.preposition is not None
    constructs = (node.construct,) if node.construct else ()
    head = token(node.preposition.german, (node, "preposition"), constructs=constructs)
    joined = german_forms.contraction(head.text, own[0].text) if _contracts(node) else ""
    if not joined:
        return [head, *own]
    return [Token(joined, head.marks | own[0].marks, head.constructs | own[0].constructs), *own[1:]]


def _contracts(node: Complement) -> bool:
    """Only a plain *the* runs together; before a relative clause that picks one out it stays: *in dem Haus, das …*."""
    noun = node.phrase
    return isinstance(noun, NounPhrase) and noun.determiner.english == "the" and not noun.owner and (
        noun.relative is None
    )  # fmt: skip
