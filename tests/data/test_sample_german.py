"""Inflection of the sample grammar against tables as a school grammar prints them, written by hand."""

import pytest

from nmt.data.sample import english_forms, german_forms
from nmt.data.sample.german import phrase
from nmt.data.sample.nouns import COMPOUNDS, NOUNS
from nmt.data.sample.syntax import NounPhrase
from nmt.data.sample.verbs import BE, FRAMES, SAYING
from nmt.data.sample.words import ADJECTIVES, BARE, DETERMINERS

_NOUNS = {noun.english: noun for nouns in NOUNS.values() for noun in nouns}
_ADJECTIVES = {adjective.english: adjective for words in ADJECTIVES.values() for adjective in words}
_VERBS = {verb.prefix + verb.infinitive: verb for frame in FRAMES for verb in frame.verbs} | {
    verb.infinitive: verb for verb in (*SAYING, BE)
}


def _declined(noun: str, determiner: str, adjective: str, plural: bool = False) -> list[str]:
    chosen = DETERMINERS.get(determiner, BARE)
    node = NounPhrase(_NOUNS[noun], chosen, plural, (_ADJECTIVES[adjective],))
    return [" ".join(word.text for word in phrase(node, case)) for case in german_forms.CASES]


@pytest.mark.parametrize(
    ("noun", "determiner", "adjective", "plural", "table"),
    [
        # Weak declension: after der, dieser, jeder.
        ("man", "the", "old", False, "der alte Mann|den alten Mann|dem alten Mann|des alten Mannes"),
        ("woman", "the", "old", False, "die alte Frau|die alte Frau|der alten Frau|der alten Frau"),
        ("child", "the", "small", False, "das kleine Kind|das kleine Kind|dem kleinen Kind|des kleinen Kindes"),
        ("child", "the", "small", True, "die kleinen Kinder|die kleinen Kinder|den kleinen Kindern|der kleinen Kinder"),
        ("dog", "this", "big", False, "dieser große Hund|diesen großen Hund|diesem großen Hund|dieses großen Hundes"),
        ("cup", "every", "new", False, "jede neue Tasse|jede neue Tasse|jeder neuen Tasse|jeder neuen Tasse"),
        ("guest", "all", "poor", True, "alle armen Gäste|alle armen Gäste|allen armen Gästen|aller armen Gäste"),
        # Mixed declension: after ein, kein, mein.
        ("man", "a", "old", False, "ein alter Mann|einen alten Mann|einem alten Mann|eines alten Mannes"),
        (
            "cat",
            "a",
            "black",
            False,
            "eine schwarze Katze|eine schwarze Katze|einer schwarzen Katze|einer schwarzen Katze",
        ),
        ("book", "my", "new", False, "mein neues Buch|mein neues Buch|meinem neuen Buch|meines neuen Buches"),
        (
            "book",
            "our",
            "good",
            True,
            "unsere guten Bücher|unsere guten Bücher|unseren guten Büchern|unserer guten Bücher",
        ),
        (
            "brother",
            "no",
            "rich",
            False,
            "kein reicher Bruder|keinen reichen Bruder|keinem reichen Bruder|keines reichen Bruders",
        ),
        # Strong declension: without an article, and after viele, mehrere, wenige.
        ("wine", "", "expensive", False, "teurer Wein|teuren Wein|teurem Wein|teuren Weins"),
        ("milk", "", "fresh", False, "frische Milch|frische Milch|frischer Milch|frischer Milch"),
        ("bread", "", "fresh", False, "frisches Brot|frisches Brot|frischem Brot|frischen Brotes"),
        ("shoe", "", "red", True, "rote Schuhe|rote Schuhe|roten Schuhen|roter Schuhe"),
        ("tree", "many", "old", True, "viele alte Bäume|viele alte Bäume|vielen alten Bäumen|vieler alter Bäume"),
        # Weak nouns (n-declension), and der Name.
        ("boy", "the", "young", False, "der junge Junge|den jungen Jungen|dem jungen Jungen|des jungen Jungen"),
        ("bear", "a", "big", False, "ein großer Bär|einen großen Bären|einem großen Bären|eines großen Bären"),
        ("gentleman", "the", "old", False, "der alte Herr|den alten Herrn|dem alten Herrn|des alten Herrn"),
        ("name", "the", "long", False, "der lange Name|den langen Namen|dem langen Namen|des langen Namens"),
        # Stems that change: hoch, dunkel, sauer; plurals in -s.
        ("tower", "a", "high", False, "ein hoher Turm|einen hohen Turm|einem hohen Turm|eines hohen Turms"),
        ("cellar", "the", "dark", False, "der dunkle Keller|den dunklen Keller|dem dunklen Keller|des dunklen Kellers"),
        ("car", "the", "red", True, "die roten Autos|die roten Autos|den roten Autos|der roten Autos"),
    ],
)
def test_a_noun_phrase_declines_as_in_the_grammar_book(
    noun: str, determiner: str, adjective: str, plural: bool, table: str
) -> None:
    assert _declined(noun, determiner, adjective, plural) == table.split("|")


@pytest.mark.parametrize(
    ("verb", "present", "past"),
    [
        ("kochen", "koche kocht kochen kochen", "kochte kochte kochten kochten"),
        ("arbeiten", "arbeite arbeitet arbeiten arbeiten", "arbeitete arbeitete arbeiteten arbeiteten"),
        ("öffnen", "öffne öffnet öffnen öffnen", "öffnete öffnete öffneten öffneten"),
        ("sammeln", "sammle sammelt sammeln sammeln", "sammelte sammelte sammelten sammelten"),
        ("füttern", "füttere füttert füttern füttern", "fütterte fütterte fütterten fütterten"),
        ("lesen", "lese liest lesen lesen", "las las lasen lasen"),
        ("geben", "gebe gibt geben geben", "gab gab gaben gaben"),
        ("fahren", "fahre fährt fahren fahren", "fuhr fuhr fuhren fuhren"),
        ("mitnehmen", "nehme nimmt nehmen nehmen", "nahm nahm nahmen nahmen"),
        ("mitbringen", "bringe bringt bringen bringen", "brachte brachte brachten brachten"),
        ("wissen", "weiß weiß wissen wissen", "wusste wusste wussten wussten"),
        ("haben", "habe hat haben haben", "hatte hatte hatten hatten"),
        ("sein", "bin ist sind sind", "war war waren waren"),
        ("mögen", "mag mag mögen mögen", "mochte mochte mochten mochten"),
    ],
)
def test_a_verb_conjugates_as_in_the_grammar_book(verb: str, present: str, past: str) -> None:
    entry, persons = _VERBS[verb], ("1s", "3s", "1p", "3p")
    assert [german_forms.present(entry.infinitive, entry.third, person) for person in persons] == present.split()
    assert [german_forms.past(entry.past, person) for person in persons] == past.split()


@pytest.mark.parametrize(
    ("verb", "participle", "with_zu"),
    [
        ("kaufen", "gekauft", "zu kaufen"),
        ("lesen", "gelesen", "zu lesen"),
        ("aufstehen", "aufgestanden", "aufzustehen"),
        ("einschalten", "eingeschaltet", "einzuschalten"),
        ("besuchen", "besucht", "zu besuchen"),
        ("reparieren", "repariert", "zu reparieren"),
        ("übersetzen", "übersetzt", "zu übersetzen"),
        ("anrufen", "angerufen", "anzurufen"),
        ("vorbereiten", "vorbereitet", "vorzubereiten"),
        ("anprobieren", "anprobiert", "anzuprobieren"),
        ("zeichnen", "gezeichnet", "zu zeichnen"),
    ],
)
def test_participles_and_infinitives_with_zu(verb: str, participle: str, with_zu: str) -> None:
    assert _VERBS[verb].participle == participle
    assert german_forms.infinitive_with_zu(_VERBS[verb]) == with_zu


@pytest.mark.parametrize(
    ("number", "english", "german"),
    [
        (2, "two", "zwei"),
        (11, "eleven", "elf"),
        (12, "twelve", "zwölf"),
        (16, "sixteen", "sechzehn"),
        (17, "seventeen", "siebzehn"),
        (20, "twenty", "zwanzig"),
        (21, "twenty-one", "einundzwanzig"),
        (30, "thirty", "dreißig"),
        (46, "forty-six", "sechsundvierzig"),
        (67, "sixty-seven", "siebenundsechzig"),
        (70, "seventy", "siebzig"),
        (99, "ninety-nine", "neunundneunzig"),
    ],
)
def test_numbers_in_words(number: int, english: str, german: str) -> None:
    assert english_forms.cardinal(number) == english
    assert german_forms.cardinal(number) == german


@pytest.mark.parametrize(
    ("english", "german", "genitive", "plural"),
    [
        ("apple juice", "Apfelsaft", "Apfelsaftes", ""),
        ("kitchen table", "Küchentisch", "Küchentisches", "Küchentische"),
        ("station clock", "Bahnhofsuhr", "Bahnhofsuhr", "Bahnhofsuhren"),
        ("winter coat", "Wintermantel", "Wintermantels", "Wintermäntel"),
        ("school bus", "Schulbus", "Schulbusses", "Schulbusse"),
        ("flower garden", "Blumengarten", "Blumengartens", "Blumengärten"),
    ],
)
def test_a_compound_takes_gender_and_endings_of_its_head(english: str, german: str, genitive: str, plural: str) -> None:
    compounds = {f"{noun.modifier} {noun.english}": noun for nouns in COMPOUNDS.values() for noun in nouns}
    noun = compounds[english]
    assert (noun.german, noun.genitive, noun.plural) == (german, genitive, plural)
    assert noun.gender == _NOUNS[noun.english].gender


@pytest.mark.parametrize(
    ("word", "article"),
    [
        ("apple", "an"),
        ("hour", "an"),
        ("university", "a"),
        ("useful", "a"),
        ("ugly", "an"),
        ("dog", "a"),
        ("umbrella", "an"),
    ],
)
def test_the_english_article_follows_the_sound(word: str, article: str) -> None:
    assert english_forms.article(word) == article


@pytest.mark.parametrize(
    ("verb", "third", "past"),
    [
        ("cry", "cries", "cried"),
        ("kiss", "kisses", "kissed"),
        ("play", "plays", "played"),
        ("love", "loves", "loved"),
        ("wash", "washes", "washed"),
        ("go", "goes", ""),
    ],
)
def test_regular_english_spelling(verb: str, third: str, past: str) -> None:
    assert english_forms.third_person(verb) == third
    assert not past or english_forms.past(verb) == past


def test_one_english_noun_has_one_german_noun() -> None:
    listed = {(noun.modifier, noun.english, noun.german) for nouns in NOUNS.values() for noun in nouns}
    listed |= {(noun.modifier, noun.english, noun.german) for nouns in COMPOUNDS.values() for noun in nouns}
    assert len(listed) == len({(modifier, english) for modifier, english, _ in listed})


def test_no_english_plural_looks_like_its_singular() -> None:
    assert [noun.english for noun in _NOUNS.values() if noun.plural and noun.english_plural == noun.english] == []
