"""Everything that is neither noun nor verb: adjectives, adverbs, prepositions, determiners, names, times."""

from dataclasses import dataclass

from nmt.data.sample.lexicon import entries, read_adjective


@dataclass(frozen=True)
class Determiner:
    """What opens a noun phrase. pattern: definite, der, ein or fixed; adjectives follow it in `declension`.

    number: s only with a singular, p only with a plural, sp with both.
    """

    english: str
    english_plural: str
    german: str
    pattern: str
    declension: str
    number: str


@dataclass(frozen=True)
class Modal:
    """A modal verb: English third person, English plural, German infinitive, singular and plural-safe past form."""

    english: str
    english_plural: str
    infinitive: str
    past: str = ""


@dataclass(frozen=True)
class Preposition:
    """A preposition in both languages and the case that German asks for."""

    english: str
    german: str
    case: str


def _determiners(table: str) -> dict[str, Determiner]:
    rows = (entry.split() for entry in entries(table))
    made = (Determiner(a, b.strip("-") or a, *rest) for a, b, *rest in rows)
    return {determiner.english: determiner for determiner in made}


# english plural German pattern declension number
DETERMINERS = _determiners("""
the - d definite weak sp; this these dies der weak s; these - dies der weak p; every - jed der weak s;
all - all der weak p; many - viel der strong p; several - mehrer der strong p; few - wenig der strong p;
a - ein ein mixed s; no - kein ein mixed sp; my - mein ein mixed sp; his - sein ein mixed sp; her - ihr ein mixed sp;
our - unser ein mixed sp; their - ihr ein mixed sp;
""")
BARE = Determiner("", "", "", "fixed", "strong", "sp")
POSSESSIVES = ("my", "his", "her", "our", "their")

_ADJECTIVES = """
> person+animal+thing+container+furniture+vehicle+building+room+outdoors+clothes+plant+instrument+device+readable
old older oldest = alt älter ältest; small smaller smallest = klein kleiner kleinst; beautiful = schön;
> animal+thing+container+furniture+vehicle+building+room+outdoors+clothes+plant+instrument+device+opening
big bigger biggest = groß größer größt; strange stranger strangest = seltsam seltsamer seltsamst; ugly uglier ugliest =
hässlich hässlicher hässlichst;
> person+animal
young younger youngest = jung jünger jüngst; strong stronger strongest = stark stärker stärkst; tired = müde;
weak weaker weakest = schwach schwächer schwächst; clever cleverer cleverest = klug klüger klügst; sick = krank;
hungry hungrier hungriest = hungrig hungriger hungrigst; healthy healthier healthiest = gesund gesünder gesündest;
happy happier happiest = glücklich glücklicher glücklichst; lazy lazier laziest = faul fauler faulst;
brave braver bravest = mutig mutiger mutigst; thirsty = durstig; nervous = nervös; careful = vorsichtig;
> person
friendly friendlier friendliest = freundlich freundlicher freundlichst; sad sadder
saddest = traurig trauriger traurigst;
rich richer richest = reich reicher reichst; poor poorer poorest = arm ärmer ärmst; famous = berühmt; polite = höflich;
strict stricter strictest = streng strenger strengst; shy shyer shyest = schüchtern schüchterner schüchternst;
funny funnier funniest = lustig lustiger lustigst; proud prouder proudest = stolz stolzer stolzest; honest = ehrlich;
lonely lonelier loneliest = einsam einsamer einsamst; curious = neugierig; patient = geduldig; angry = wütend;
blind = blind; diligent = fleißig; elegant = elegant;
> animal
wild wilder wildest = wild wilder wildest; tame = zahm; dangerous = gefährlich; hungry = hungrig;
> thing+container+clothes+vehicle+furniture+device+instrument+opening
new newer newest = neu neuer neuest; expensive = teuer/teur; cheap cheaper cheapest = billig billiger billigst;
heavy heavier heaviest = schwer schwerer schwerst; light lighter lightest = leicht leichter leichtest;
broken = kaputt; clean cleaner cleanest = sauber sauberer sauberst; dirty dirtier dirtiest = schmutzig schmutziger
schmutzigst; red = rot; blue = blau; green = grün; yellow = gelb; black = schwarz; white = weiß; brown = braun; grey =
grau; modern = modern; wet = nass; dry = trocken; useful = nützlich; valuable = wertvoll;
> container
empty emptier emptiest = leer leerer leerst; full fuller fullest = voll voller vollst;
> vehicle
fast faster fastest = schnell schneller schnellst; slow slower slowest = langsam langsamer langsamst; full = voll;
> food
fresh fresher freshest = frisch frischer frischest; sweet sweeter sweetest = süß süßer süßest; sour = sauer/saur;
cheap cheaper cheapest = billig billiger billigst; delicious = lecker; big bigger biggest = groß größer größt;
> drink
fresh fresher freshest = frisch frischer frischest; cold colder coldest = kalt kälter kältest; hot hotter hottest =
heiß heißer heißest; warm warmer warmest = warm wärmer wärmst; sweet sweeter sweetest = süß süßer süßest;
expensive = teuer/teur; bitter = bitter;
> building+room+outdoors+opening+wall+surface
high higher highest = hoch/hoh höher höchst; wide wider widest = breit breiter breitest; grey = grau;
narrow narrower narrowest = eng enger engst; new newer newest = neu neuer neuest; beautiful = schön;
> building+room+outdoors
quiet quieter quietest = ruhig ruhiger ruhigst; bright brighter brightest = hell heller hellst; famous = berühmt;
dark darker darkest = dunkel/dunkl dunkler dunkelst; cold colder coldest = kalt kälter kältest; empty = leer;
> shore
long longer longest = lang länger längst; deep deeper deepest = tief tiefer tiefst; beautiful = schön;
cold colder coldest = kalt kälter kältest; quiet quieter quietest = ruhig ruhiger ruhigst;
> readable+abstract+event
long longer longest = lang länger längst; short shorter shortest = kurz kürzer kürzest; interesting = interessant;
boring = langweilig; good better best = gut besser best; bad worse worst = schlecht schlechter schlechtest;
important = wichtig; funny funnier funniest = lustig lustiger lustigst; strange stranger strangest = seltsam seltsamer
seltsamst; simple simpler simplest = einfach einfacher einfachst; new newer newest = neu neuer neuest;
> abstract
difficult = schwierig; wrong = falsch; excellent = ausgezeichnet; clear clearer
clearest = klar klarer klarst;
> weather
strong stronger strongest = stark stärker stärkst; terrible = schrecklich;
"""


# Of two adjectives the first is one of these and the second is none of them: *a small red box*, not *a small big box*.
OPENING_ADJECTIVES = (
    "big",
    "small",
    "old",
    "new",
    "young",
    "beautiful",
    "ugly",
    "strange",
    "long",
    "short",
    "good",
    "bad",
)


def _read_adjectives() -> dict[str, tuple[str, ...]]:
    table: dict[str, dict[str, str]] = {}
    for block in _ADJECTIVES.split("\n> ")[1:]:
        head, _, text = block.partition("\n")
        for name in head.split("+"):
            table.setdefault(name, {}).update({entry.split()[0]: entry for entry in entries(text)})
    return {name: tuple(words.values()) for name, words in table.items()}


ADJECTIVES = {name: tuple(map(read_adjective, words)) for name, words in _read_adjectives().items()}


def _pairs(table: str) -> tuple[tuple[str, str], ...]:
    """`english = german` entries."""
    sides = (entry.split("=") for entry in entries(table))
    return tuple((english.strip(), german.strip()) for english, german in sides)


_MEN = """Peter Paul Karl Martin Stefan Anton Emil Oskar Jan Tom Daniel David Simon Robert Michael Walter Georg Leon
Hugo Erik Jakob Kurt Otto Ben"""
_WOMEN = """Anna Maria Eva Laura Julia Sabine Petra Monika Helga Lena Sara Nina Klara Emma Sophie Martha Lisa Paula Ida
Hanna Greta Ursula Karin Ella"""
MEN, WOMEN = tuple(_MEN.split()), tuple(_WOMEN.split())
CITIES = _pairs("""
Berlin=Berlin; Hamburg=Hamburg; Munich=München; Cologne=Köln; Vienna=Wien; Zurich=Zürich; Paris=Paris; London=London;
Rome=Rom; Moscow=Moskau; Prague=Prag; Warsaw=Warschau; Brussels=Brüssel; Madrid=Madrid; Lisbon=Lissabon; Tokyo=Tokio;
Athens=Athen; Geneva=Genf; Copenhagen=Kopenhagen; Nuremberg=Nürnberg; Dresden=Dresden; Leipzig=Leipzig;
Germany=Deutschland; France=Frankreich; Italy=Italien; Spain=Spanien; Austria=Österreich; Poland=Polen; Sweden=Schweden;
Norway=Norwegen; Greece=Griechenland; Japan=Japan; China=China; Canada=Kanada;
""")
MONTHS = _pairs("""
January=Januar; February=Februar; March=März; April=April; May=Mai; June=Juni; July=Juli; August=August;
September=September; October=Oktober; November=November; December=Dezember;
""")
DAYS = _pairs("""
Monday=Montag; Tuesday=Dienstag; Wednesday=Mittwoch; Thursday=Donnerstag; Friday=Freitag; Saturday=Samstag;
Sunday=Sonntag;
""")
SEASONS = _pairs("spring=Frühling; summer=Sommer; autumn=Herbst; winter=Winter;")
# Counted units of time: singular-safe dative plural for *ago* and *in*, and the accusative plural for *for*.
UNITS = (
    ("minutes", "Minuten", "Minuten"), ("hours", "Stunden", "Stunden"), ("days", "Tagen", "Tage"),
    ("weeks", "Wochen", "Wochen"), ("months", "Monaten", "Monate"), ("years", "Jahren", "Jahre"),
)  # fmt: skip
PAST_TIMES = _pairs("""
yesterday=gestern; last week=letzte Woche; last month=letzten Monat; last year=letztes Jahr; last night=letzte Nacht;
last summer=letzten Sommer; last winter=letzten Winter; last Monday=letzten Montag; last Friday=letzten Freitag;
last Sunday=letzten Sonntag; back then=damals;
""")
PRESENT_TIMES = _pairs("""
today=heute; now=jetzt; every day=jeden Tag; every morning=jeden Morgen; every evening=jeden Abend;
every week=jede Woche; every year=jedes Jahr; every Sunday=jeden Sonntag; every Saturday=jeden Samstag;
every summer=jeden Sommer; at night=nachts; these days=heutzutage;
""")
PERFECT_TIMES = _pairs("""
today=heute; this week=diese Woche; this month=diesen Monat; this year=dieses Jahr; this summer=diesen Sommer;
this morning=heute Morgen; this evening=heute Abend;
""")
FUTURE_TIMES = _pairs("""
tomorrow=morgen; soon=bald; next week=nächste Woche; next month=nächsten Monat; next year=nächstes Jahr;
next summer=nächsten Sommer; next Tuesday=nächsten Dienstag; next Thursday=nächsten Donnerstag; later=später;
""")
FREQUENCY = _pairs("often=oft; always=immer; never=nie; sometimes=manchmal; rarely=selten; usually=meistens;")
DONE = _pairs("already=schon; often=oft; never=nie; just=gerade; finally=endlich; sometimes=manchmal;")
MANNER = _pairs("""
slowly=langsam; quickly=schnell; quietly=leise; loudly=laut; carefully=vorsichtig; happily=fröhlich; badly=schlecht;
secretly=heimlich; patiently=geduldig; alone=allein; nervously=nervös; politely=höflich; angrily=wütend;
""")
HERE = _pairs("here=hier; there=dort; outside=draußen; everywhere=überall; at home=zu Hause; upstairs=oben;")
MODALS = (
    Modal("can", "can", "können"), Modal("must", "must", "müssen"), Modal("should", "should", "sollen"),
    Modal("may", "may", "dürfen"), Modal("wants to", "want to", "wollen"),
    Modal("wanted to", "wanted to", "", "wollte"),
)  # fmt: skip
PAST_MODALS, PRESENT_MODALS = MODALS[-1:], MODALS[:-1]
AND, BUT = ("and", "und"), ("but", "aber")
# Subordinating conjunctions, and whether English puts a comma before them too.
PRESENT_CONJUNCTIONS = (
    ("because", "weil", False), ("if", "wenn", False), ("although", "obwohl", True), ("until", "bis", False),
    ("while", "während", True), ("before", "bevor", False),
)  # fmt: skip
PAST_CONJUNCTIONS = (
    ("because", "weil", False), ("when", "als", False), ("although", "obwohl", True), ("while", "während", True),
    ("before", "bevor", False),
)  # fmt: skip
