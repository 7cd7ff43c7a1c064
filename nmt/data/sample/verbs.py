"""The verbs, by the frame in which they stand: who does it, and what to.

A frame begins with `> subject classes: slots`; classes are joined with `+`, slots with commas. A slot is a case with
classes (`dative person`), a preposition in both languages with its case (`for auf accusative person`; `-` where English
has none), a place (`where`, `home`), the goal of a motion (`whither`, `jump`, `travel`) or the goal of putting
something somewhere (`onto`).
"""

from dataclasses import dataclass

from nmt.data.sample.lexicon import Verb, entries, read_verb


@dataclass(frozen=True)
class Slot:
    """What a verb asks for beside its subject. english and german are "" for a bare case, case is "" for a place."""

    kind: str
    english: str = ""
    german: str = ""
    case: str = ""
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Frame:
    """Verbs with the same subject classes and slots."""

    subjects: tuple[str, ...]
    slots: tuple[Slot, ...]
    verbs: tuple[Verb, ...]


# english [past participle] = German [third past participle]; + perfect with sein, ~ reflexive, | separable prefix.
_TABLE = """
> person:
sleep slept slept = schlafen schläft schlief geschlafen; laugh = lachen; cry = weinen; work = arbeiten; dance = tanzen;
sing sang sung = singen singt sang gesungen; smile = lächeln; wait = warten; cough = husten; snore = schnarchen;
swim swam swum = +schwimmen schwimmt schwamm geschwommen; arrive = +an|kommen kommt kam gekommen;
shout = schreien schreit schrie geschrien; disappear = +verschwinden verschwindet verschwand verschwunden;
go_away went gone = +weg|gehen geht ging gegangen; come_back came come = +zurück|kommen kommt kam gekommen;
stay = +bleiben bleibt blieb geblieben; get_up got got = +auf|stehen steht stand gestanden;
wake_up woke woken = +auf|wachen; fall_asleep fell fallen = +ein|schlafen schläft schlief geschlafen;
sit_down sat sat = ~hin|setzen; lie_down lay lain = ~hin|legen; rest = ~aus|ruhen; hurry = ~beeilen;
relax = ~entspannen; apologise = ~entschuldigen; turn_around = ~um|drehen;
win won won = gewinnen gewinnt gewann gewonnen; pay paid paid = zahlen; cook = kochen;
fall_over fell fallen = +um|fallen fällt fiel gefallen;
go_out went gone = +aus|gehen geht ging gegangen; smoke = rauchen; pray = beten betet betete gebetet;
> animal:
sleep slept slept = schlafen schläft schlief geschlafen; wait = warten; wake_up woke woken = +auf|wachen;
disappear = +verschwinden verschwindet verschwand verschwunden; move = ~bewegen;
jump_up = +auf|springen springt sprang gesprungen; drown = +ertrinken ertrinkt ertrank ertrunken;
hide hid hidden = ~verstecken; come_back came come = +zurück|kommen kommt kam gekommen;
run_away ran run = +weg|laufen läuft lief gelaufen; fall_asleep fell fallen = +ein|schlafen schläft schlief geschlafen;
> vehicle:
arrive = +an|kommen kommt kam gekommen; stop stopped stopped = an|halten hält hielt gehalten;
disappear = +verschwinden verschwindet verschwand verschwunden; burn = brennen brennt brannte gebrannt;
come_back came come = +zurück|kommen kommt kam gekommen;
> person: accusative food
eat ate eaten = essen isst aß gegessen; buy bought bought = kaufen; try = probieren; share = teilen; need = brauchen;
bring_along brought brought = mit|bringen bringt brachte gebracht; like = mögen mag mochte gemocht; order = bestellen;
cut_up cut cut = auf|schneiden schneidet schnitt geschnitten;
> person: accusative drink
drink drank drunk = trinken trinkt trank getrunken; order = bestellen; like = mögen mag mochte gemocht;
pour_out = aus|gießen gießt goss gegossen; buy bought bought = kaufen; need = brauchen;
> animal: accusative food
devour = fressen frisst fraß gefressen; like = mögen mag mochte gemocht;
find found found = finden findet fand gefunden;
> animal: accusative animal+person
bite bit bitten = beißen beißt biss gebissen; see saw seen = sehen sieht sah gesehen; chase = jagen;
> person: accusative readable
read read read = lesen liest las gelesen; write wrote written = schreiben schreibt schrieb geschrieben;
print = drucken; translate = übersetzen übersetzt übersetzte übersetzt; publish = veröffentlichen; quote = zitieren;
sign = unterschreiben unterschreibt unterschrieb unterschrieben; read_out read read = vor|lesen liest las gelesen;
tear_up tore torn = zerreißen zerreißt zerriss zerrissen; burn = verbrennen verbrennt verbrannte verbrannt;
> person: accusative thing+container+clothes+readable
buy bought bought = kaufen; sell sold sold = verkaufen; find found found = finden findet fand gefunden;
lose lost lost = verlieren verliert verlor verloren; carry = tragen trägt trug getragen; need = brauchen;
steal stole stolen = stehlen stiehlt stahl gestohlen; throw_away threw thrown = weg|werfen wirft warf geworfen;
take_along took taken = mit|nehmen nimmt nahm genommen; hide hid hidden = verstecken; pack = ein|packen;
bring_along brought brought = mit|bringen bringt brachte gebracht; pick_up = auf|heben hebt hob gehoben;
clear_away = weg|räumen; collect = sammeln; forget forgot forgotten = vergessen vergisst vergaß vergessen;
have had had = haben hat hatte gehabt; order = bestellen;
> person: accusative thing+vehicle+device+instrument+building
draw drew drawn = zeichnen; paint = malen; clean = putzen; sell sold sold = verkaufen; destroy = zerstören;
photograph = fotografieren; describe = beschreiben beschreibt beschrieb beschrieben;
> person: accusative vehicle+device+instrument
repair = reparieren; use = benutzen; test = testen; have had had = haben hat hatte gehabt;
> person: accusative vehicle
park = parken; rent = mieten; wash = waschen wäscht wusch gewaschen; miss = verpassen;
> person: accusative device
turn_on = ein|schalten; turn_off = aus|schalten;
plug_in plugged plugged = an|schließen schließt schloss geschlossen;
> person: accusative instrument
play = spielen; tune = stimmen; hear heard heard = hören;
> person: accusative opening+container
open = öffnen; close = zu|machen; lock = ab|schließen schließt schloss geschlossen; paint = malen;
unlock = auf|schließen schließt schloss geschlossen;
> person: accusative clothes
wear wore worn = tragen trägt trug getragen; put_on put put = an|ziehen zieht zog gezogen; sew sewed sewn = nähen;
take_off took taken = aus|ziehen zieht zog gezogen; try_on = an|probieren; iron = bügeln;
wash = waschen wäscht wusch gewaschen; hang_up hung hung = auf|hängen;
> person: accusative person
see saw seen = sehen sieht sah gesehen; visit = besuchen; meet met met = treffen trifft traf getroffen; love = lieben;
hate = hassen; know knew known = kennen kennt kannte gekannt; call = an|rufen ruft rief gerufen; greet = begrüßen;
invite = ein|laden lädt lud geladen; ask = fragen; kiss = küssen; hug hugged hugged = umarmen;
wake woke woken = wecken; understand understood understood = verstehen versteht verstand verstanden; pick_up = ab|holen;
admire = bewundern; comfort = trösten; accompany = begleiten; praise = loben; punish = bestrafen; disturb = stören;
surprise = überraschen überrascht überraschte überrascht; warn = warnen; hear heard heard = hören;
introduce = vor|stellen; look_at = an|sehen sieht sah gesehen; laugh_at = aus|lachen; insult = beleidigen;
recognise = erkennen erkennt erkannte erkannt; need = brauchen; save = retten; let_in let let = herein|lassen lässt ließ
gelassen;
> person: accusative animal
feed fed fed = füttern; stroke = streicheln; see saw seen = sehen sieht sah gesehen; photograph = fotografieren;
catch caught caught = fangen fängt fing gefangen; love = lieben; look_at = an|sehen sieht sah gesehen;
draw drew drawn = zeichnen; wake woke woken = wecken; hear heard heard = hören;
let_out let let = heraus|lassen lässt ließ gelassen;
> person: accusative abstract
understand understood understood = verstehen versteht verstand verstanden; explain = erklären; mention = erwähnen;
forget forgot forgotten = vergessen vergisst vergaß vergessen; discuss = besprechen bespricht besprach besprochen;
write_down wrote written = auf|schreiben schreibt schrieb geschrieben;
> person: accusative query
answer = beantworten; repeat = wiederholen; print = drucken;
> person: accusative phrase
learn = lernen; repeat = wiederholen; forget forgot forgotten = vergessen vergisst vergaß vergessen;
translate = übersetzen übersetzt übersetzte übersetzt;
> person: accusative exercise
check = prüfen; repeat = wiederholen; explain = erklären;
> person: accusative proposal
accept = an|nehmen nimmt nahm genommen; reject = ab|lehnen; check = prüfen; introduce = vor|stellen;
> person: accusative finding
find found found = finden findet fand gefunden; describe = beschreiben beschreibt beschrieb beschrieben;
> person: accusative event
prepare = vor|bereiten bereitet bereitete bereitet; plan planned planned = planen;
cancel cancelled cancelled = ab|sagen; organise = organisieren; film = filmen;
forget forgot forgotten = vergessen vergisst vergaß vergessen; miss = verpassen;
> person: accusative event+media
enjoy = genießen genießt genoss genossen; praise = loben;
> person: accusative cookable
cook = kochen;
> person: accusative building
build built built = bauen; leave left left = verlassen verlässt verließ verlassen; visit = besuchen;
enter = betreten betritt betrat betreten; find found found = finden findet fand gefunden;
look_at = an|sehen sieht sah gesehen;
> person: accusative plant+furniture
buy bought bought = kaufen; paint = malen; sell sold sold = verkaufen; see saw seen = sehen sieht sah gesehen;
photograph = fotografieren; need = brauchen;
> person: accusative plant
water = gießen gießt goss gegossen; plant = pflanzen; look_after = pflegen;
> person: dative person, accusative thing+readable+clothes+instrument
give gave given = geben gibt gab gegeben; show showed shown = zeigen; send sent sent = schicken;
bring brought brought = bringen bringt brachte gebracht; lend lent lent = leihen leiht lieh geliehen;
offer = an|bieten bietet bot geboten; promise = versprechen verspricht versprach versprochen; hand = reichen;
> person: dative person, accusative food+drink
give gave given = geben gibt gab gegeben; bring brought brought = bringen bringt brachte gebracht;
offer = an|bieten bietet bot geboten;
> person: dative person
help = helfen hilft half geholfen; thank = danken; follow = +folgen; trust = vertrauen; serve = dienen;
obey = gehorchen gehorcht gehorchte gehorcht; congratulate = gratulieren;
forgive forgave forgiven = verzeihen verzeiht verzieh verziehen; believe = glauben; listen_to = zu|hören;
threaten = drohen;
> person: for auf accusative person+vehicle
wait = warten;
> person: for für accusative person
work = arbeiten; cook = kochen; fight fought fought = kämpfen; sing sang sung = singen singt sang gesungen;
> person: about über accusative abstract+event+person
talk = reden; complain = ~beschweren; laugh = lachen; argue = streiten streitet stritt gestritten;
> person: of an accusative person+abstract+event
think thought thought = denken denkt dachte gedacht;
> person: in an accusative proposal
believe = glauben;
> person: of von dative person+animal+vehicle
dream = träumen;
> person: to auf accusative event
look_forward = ~freuen;
> person: with mit dative person
play = spielen; dance = tanzen; talk = reden; argue = streiten streitet stritt gestritten; work = arbeiten;
> person: in an dative event
take_part took taken = teil|nehmen nimmt nahm genommen;
> person: - an accusative person+event+abstract
remember = ~erinnern;
> person+animal: whither
go went gone = +gehen geht ging gegangen; come came come = +kommen kommt kam gekommen; hurry = +eilen;
run ran run = +laufen läuft lief gelaufen;
> person+animal: jump
jump = +springen springt sprang gesprungen;
> person: onto auf accusative surface+plant+furniture
climb = +klettern;
> person+animal: through durch accusative shore
swim swam swum = +schwimmen schwimmt schwamm geschwommen;
> person: travel
travel travelled travelled = +reisen; drive drove driven = +fahren fährt fuhr gefahren;
fly flew flown = +fliegen fliegt flog geflogen;
> vehicle: travel
drive drove driven = +fahren fährt fuhr gefahren; come came come = +kommen kommt kam gekommen;
> person: home
live = wohnen;
> person: where
sit sat sat = sitzen sitzt saß gesessen; stand stood stood = stehen steht stand gestanden;
> animal: where
lie lay lain = liegen liegt lag gelegen; sit sat sat = sitzen sitzt saß gesessen;
stand stood stood = stehen steht stand gestanden;
> readable+clothes+thing: where
lie lay lain = liegen liegt lag gelegen;
> furniture+vehicle+plant+container+device: where
stand stood stood = stehen steht stand gestanden;
> person: accusative readable+clothes+thing, onto
put put put = legen; throw threw thrown = werfen wirft warf geworfen; carry = tragen trägt trug getragen;
> person: accusative container+device, onto
place = stellen; carry = tragen trägt trug getragen;
> person: accusative furniture+vehicle, whither
push = schieben schiebt schob geschoben; bring brought brought = bringen bringt brachte gebracht;
"""

PLACES = ("where", "home", "whither", "jump", "travel", "onto")


def _read_slot(text: str) -> Slot:
    if text in PLACES:
        return Slot(text)
    *prepositions, case, classes = text.split()
    english, german = prepositions or ("", "")
    kind = "prepositional" if prepositions else "bare"
    return Slot(kind, english.strip("-"), german, case, tuple(classes.split("+")))


def _read_frame(block: str) -> Frame:
    head, _, table = block.partition("\n")
    subjects, _, slots = head.partition(":")
    return Frame(
        tuple(subjects.strip().split("+")),
        tuple(_read_slot(slot.strip()) for slot in slots.split(",") if slot.strip()),
        tuple(map(read_verb, entries(table))),
    )


FRAMES = tuple(map(_read_frame, _TABLE.split("\n> ")[1:]))

BE = read_verb("be was been = +sein ist war gewesen")
COST = read_verb("cost cost cost = kosten kostet kostete gekostet")
BEAR = read_verb("bear bore born = gebären gebärt gebar geboren")


def _listed(table: str) -> tuple[Verb, ...]:
    return tuple(map(read_verb, entries(table)))


WEATHER = _listed("rain = regnen; snow = schneien;")
SAYING = _listed("""
say said said = sagen; know knew known = wissen weiß wusste gewusst; believe = glauben; hope = hoffen;
think thought thought = denken denkt dachte gedacht; fear = befürchten; notice = bemerken; claim = behaupten;
""")
ASKING = _listed("ask = fragen; wonder = ~fragen;")
WISHING = _listed("""
try = versuchen; hope = hoffen; begin began begun = beginnen beginnt begann begonnen; refuse = ~weigern;
forget forgot forgotten = vergessen vergisst vergaß vergessen; plan planned planned = planen;
decide = beschließen beschließt beschloss beschlossen;
promise = versprechen verspricht versprach versprochen;
""")
# No passive is made of these.
STATIVE = ("have", "like", "need", "miss", "know", "hate", "meet", "understand", "wear")
# Nobody does these slowly, loudly or politely.
INSTANT = (
    *STATIVE, "love", "see", "hear", "forget", "lose", "find", "believe", "trust", "surprise", "recognise", "disappear",
    "admire", "drown", "fall", "win", "stay", "rest", "understand", "steal", "destroy", "mention", "burn",
)  # fmt: skip
