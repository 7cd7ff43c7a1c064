"""The nouns, by what they are: the classes from which verbs choose their subjects and objects."""

from nmt.data.sample.lexicon import Noun, entries, read_compound, read_noun

# english[/plural] article German genitive-ending plural; "-" for no ending and for no plural.
_TABLES = {
    "person": """
man/men der Mann -es Männer; woman/women die Frau - Frauen; child/children das Kind -es Kinder;
girl das Mädchen -s Mädchen; boy der Junge -n Jungen; teacher der Lehrer -s Lehrer; doctor der Arzt -es Ärzte;
student der Student -en Studenten; pupil der Schüler -s Schüler; neighbour der Nachbar -n Nachbarn;
friend der Freund -es Freunde; baker der Bäcker -s Bäcker; butcher der Metzger -s Metzger;
farmer der Bauer -n Bauern; gardener der Gärtner -s Gärtner; driver der Fahrer -s Fahrer;
waiter der Kellner -s Kellner; waitress die Kellnerin - Kellnerinnen; actor der Schauspieler -s Schauspieler;
actress die Schauspielerin - Schauspielerinnen; singer der Sänger -s Sänger;
writer der Schriftsteller -s Schriftsteller; painter der Maler -s Maler; musician der Musiker -s Musiker;
artist der Künstler -s Künstler; lawyer der Anwalt -s Anwälte; judge der Richter -s Richter;
policeman/policemen der Polizist -en Polizisten; soldier der Soldat -en Soldaten; king der König -s Könige;
queen die Königin - Königinnen; prince der Prinz -en Prinzen; princess die Prinzessin - Prinzessinnen;
tourist der Tourist -en Touristen; journalist der Journalist -en Journalisten;
engineer der Ingenieur -s Ingenieure; scientist der Wissenschaftler -s Wissenschaftler;
politician der Politiker -s Politiker; president der Präsident -en Präsidenten;
mayor der Bürgermeister -s Bürgermeister; nurse die Krankenschwester - Krankenschwestern;
dentist der Zahnarzt -es Zahnärzte; hairdresser der Friseur -s Friseure; tailor der Schneider -s Schneider;
carpenter der Tischler -s Tischler; fisherman/fishermen der Fischer -s Fischer; hunter der Jäger -s Jäger;
pilot der Pilot -en Piloten; captain der Kapitän -s Kapitäne; sailor der Matrose -n Matrosen;
thief/thieves der Dieb -es Diebe; guest der Gast -es Gäste; customer der Kunde -n Kunden;
colleague der Kollege -n Kollegen; boss der Chef -s Chefs; secretary die Sekretärin - Sekretärinnen;
lady die Dame - Damen; gentleman/gentlemen der Herr -n Herren; player der Spieler -s Spieler;
mother die Mutter - Mütter; father der Vater -s Väter; brother der Bruder -s Brüder;
sister die Schwester - Schwestern; son der Sohn -es Söhne; daughter die Tochter - Töchter;
uncle der Onkel -s Onkel; aunt die Tante - Tanten; grandmother die Großmutter - Großmütter;
grandfather der Großvater -s Großväter; grandson der Enkel -s Enkel; granddaughter die Enkelin - Enkelinnen;
nephew der Neffe -n Neffen; niece die Nichte - Nichten; wife/wives die Ehefrau - Ehefrauen;
husband der Ehemann -es Ehemänner; witch die Hexe - Hexen; pirate der Pirat -en Piraten;
""",
    "animal": """
dog der Hund -es Hunde; cat die Katze - Katzen; horse das Pferd -es Pferde; cow die Kuh - Kühe;
pig das Schwein -s Schweine; goat die Ziege - Ziegen; bird der Vogel -s Vögel; mouse/mice die Maus - Mäuse;
bear der Bär -en Bären; wolf/wolves der Wolf -es Wölfe; fox der Fuchs -es Füchse;
rabbit das Kaninchen -s Kaninchen; lion der Löwe -n Löwen; tiger der Tiger -s Tiger;
elephant der Elefant -en Elefanten; monkey der Affe -n Affen; snake die Schlange - Schlangen;
frog der Frosch -es Frösche; duck die Ente - Enten; chicken das Huhn -es Hühner; goose/geese die Gans - Gänse;
donkey der Esel -s Esel; camel das Kamel -s Kamele; parrot der Papagei -s Papageien;
penguin der Pinguin -s Pinguine; turtle die Schildkröte - Schildkröten; owl die Eule - Eulen;
squirrel das Eichhörnchen -s Eichhörnchen; crocodile das Krokodil -s Krokodile; swan der Schwan -s Schwäne;
hedgehog der Igel -s Igel; puppy der Welpe -n Welpen; calf/calves das Kalb -es Kälber; lamb das Lamm -es Lämmer;
""",
    "food": """
apple der Apfel -s Äpfel; pear die Birne - Birnen; banana die Banane - Bananen; orange die Orange - Orangen;
lemon die Zitrone - Zitronen; cherry die Kirsche - Kirschen; strawberry die Erdbeere - Erdbeeren;
tomato/tomatoes die Tomate - Tomaten; potato/potatoes die Kartoffel - Kartoffeln; carrot die Karotte - Karotten;
onion die Zwiebel - Zwiebeln; egg das Ei -s Eier; cake der Kuchen -s Kuchen; sausage die Wurst - Würste;
soup die Suppe - Suppen; biscuit der Keks -es Kekse; bun das Brötchen -s Brötchen; salad der Salat -s Salate;
mushroom der Pilz -es Pilze; cucumber die Gurke - Gurken; peach der Pfirsich -s Pfirsiche;
plum die Pflaume - Pflaumen; grape die Traube - Trauben; nut die Nuss - Nüsse;
pancake der Pfannkuchen -s Pfannkuchen; bread das Brot -es -; cheese der Käse -s -; meat das Fleisch -es -;
butter die Butter - -; rice der Reis -es -; honey der Honig -s -; chocolate die Schokolade - -;
ham der Schinken -s -; fruit das Obst -es -;
""",
    "drink": """
water das Wasser -s -; milk die Milch - -; coffee der Kaffee -s -; tea der Tee -s -; juice der Saft -es -;
wine der Wein -s -; beer das Bier -s -; lemonade die Limonade - -; cocoa der Kakao -s -;
""",
    "readable": """
book das Buch -es Bücher; newspaper die Zeitung - Zeitungen; letter der Brief -es Briefe;
magazine die Zeitschrift - Zeitschriften; novel der Roman -s Romane; poem das Gedicht -s Gedichte;
text der Text -es Texte; story die Geschichte - Geschichten; report der Bericht -s Berichte;
message die Nachricht - Nachrichten; article der Artikel -s Artikel; card die Karte - Karten;
contract der Vertrag -s Verträge; dictionary das Wörterbuch -s Wörterbücher; diary das Tagebuch -s Tagebücher;
""",
    "thing": """
key der Schlüssel -s Schlüssel; bag die Tasche - Taschen; cup die Tasse - Tassen; plate der Teller -s Teller;
glass das Glas -es Gläser; bottle die Flasche - Flaschen; knife/knives das Messer -s Messer;
fork die Gabel - Gabeln; spoon der Löffel -s Löffel; pot der Topf -es Töpfe; pan die Pfanne - Pfannen;
clock die Uhr - Uhren; picture das Bild -es Bilder; mirror der Spiegel -s Spiegel;
umbrella der Regenschirm -s Regenschirme; ball der Ball -s Bälle; doll die Puppe - Puppen;
pencil der Bleistift -s Bleistifte; candle die Kerze - Kerzen; basket der Korb -es Körbe;
blanket die Decke - Decken; pillow das Kissen -s Kissen; towel das Handtuch -s Handtücher;
ring der Ring -s Ringe; camera die Kamera - Kameras; gift das Geschenk -s Geschenke; flower die Blume - Blumen;
vase die Vase - Vasen; hammer der Hammer -s Hämmer; rope das Seil -s Seile; broom der Besen -s Besen;
coin die Münze - Münzen; stamp die Briefmarke - Briefmarken; bucket der Eimer -s Eimer;
brush die Bürste - Bürsten; needle die Nadel - Nadeln; tool das Werkzeug -s Werkzeuge;
""",
    "container": """
box die Kiste - Kisten; suitcase der Koffer -s Koffer; parcel das Paket -s Pakete; drawer die Schublade - Schubladen;
""",
    "device": """
lamp die Lampe - Lampen; radio das Radio -s Radios; computer der Computer -s Computer;
television der Fernseher -s Fernseher; machine die Maschine - Maschinen; oven der Ofen -s Öfen;
""",
    "instrument": """
guitar die Gitarre - Gitarren; piano das Klavier -s Klaviere; violin die Geige - Geigen;
trumpet die Trompete - Trompeten; flute die Flöte - Flöten;
""",
    "clothes": """
shirt das Hemd -es Hemden; coat der Mantel -s Mäntel; jacket die Jacke - Jacken; dress das Kleid -es Kleider;
skirt der Rock -s Röcke; hat der Hut -es Hüte; shoe der Schuh -s Schuhe; sock die Socke - Socken;
scarf/scarves der Schal -s Schals; glove der Handschuh -s Handschuhe; sweater der Pullover -s Pullover;
suit der Anzug -s Anzüge; cap die Mütze - Mützen; boot der Stiefel -s Stiefel; blouse die Bluse - Blusen;
""",
    "furniture": """
table der Tisch -es Tische; chair der Stuhl -s Stühle; bed das Bett -es Betten; cupboard der Schrank -s Schränke;
shelf/shelves das Regal -s Regale; sofa das Sofa -s Sofas; desk der Schreibtisch -es Schreibtische;
bench die Bank - Bänke; carpet der Teppich -s Teppiche;
""",
    "opening": "door die Tür - Türen; window das Fenster -s Fenster; gate das Tor -s Tore;",
    "wall": "wall die Wand - Wände;",
    "vehicle": """
car das Auto -s Autos; train der Zug -es Züge; bus der Bus -ses Busse; bicycle das Fahrrad -s Fahrräder;
ship das Schiff -es Schiffe; boat das Boot -es Boote; plane das Flugzeug -s Flugzeuge;
tram die Straßenbahn - Straßenbahnen; taxi das Taxi -s Taxis; truck der Lastwagen -s Lastwagen;
motorcycle das Motorrad -s Motorräder;
""",
    "building": """
house das Haus -es Häuser; school die Schule - Schulen; church die Kirche - Kirchen;
hospital das Krankenhaus -es Krankenhäuser; museum das Museum -s Museen; library die Bibliothek - Bibliotheken;
restaurant das Restaurant -s Restaurants; hotel das Hotel -s Hotels; theatre das Theater -s Theater;
cinema das Kino -s Kinos; office das Büro -s Büros; factory die Fabrik - Fabriken; shop der Laden -s Läden;
supermarket der Supermarkt -s Supermärkte; bakery die Bäckerei - Bäckereien; castle das Schloss -es Schlösser;
hut die Hütte - Hütten; station der Bahnhof -s Bahnhöfe; university die Universität - Universitäten;
stadium das Stadion -s Stadien; prison das Gefängnis -ses Gefängnisse; tower der Turm -s Türme;
pharmacy die Apotheke - Apotheken; flat die Wohnung - Wohnungen;
""",
    "room": """
kitchen die Küche - Küchen; room das Zimmer -s Zimmer; bathroom das Badezimmer -s Badezimmer;
bedroom das Schlafzimmer -s Schlafzimmer; cellar der Keller -s Keller; garage die Garage - Garagen;
""",
    "outdoors": """
garden der Garten -s Gärten; park der Park -s Parks; village das Dorf -es Dörfer; city die Stadt - Städte;
forest der Wald -es Wälder; zoo der Zoo -s Zoos; valley das Tal -s Täler; desert die Wüste - Wüsten;
cave die Höhle - Höhlen;
""",
    "surface": """
bridge die Brücke - Brücken; market der Markt -es Märkte; mountain der Berg -es Berge; island die Insel - Inseln;
square der Platz -es Plätze; roof das Dach -es Dächer; hill der Hügel -s Hügel; meadow die Wiese - Wiesen;
""",
    "shore": "lake der See -s Seen; river der Fluss -es Flüsse; beach der Strand -es Strände; sea das Meer -es Meere;",
    "plant": "tree der Baum -es Bäume; bush der Busch -es Büsche; rose die Rose - Rosen; tulip die Tulpe - Tulpen;",
    "abstract": """
question die Frage - Fragen; problem das Problem -s Probleme; idea die Idee - Ideen; plan der Plan -es Pläne;
mistake der Fehler -s Fehler; word das Wort -es Wörter; sentence der Satz -es Sätze; rule die Regel - Regeln;
decision die Entscheidung - Entscheidungen; secret das Geheimnis -ses Geheimnisse; solution die Lösung - Lösungen;
example das Beispiel -s Beispiele; dream der Traum -es Träume; name der Name -ns Namen; exercise die Übung - Übungen;
""",
    "event": """
party die Feier - Feiern; concert das Konzert -s Konzerte; wedding die Hochzeit - Hochzeiten;
meeting die Sitzung - Sitzungen; exam die Prüfung - Prüfungen; trip die Reise - Reisen; game das Spiel -s Spiele;
festival das Fest -es Feste;
""",
    "media": "film der Film -s Filme; song das Lied -es Lieder;",
    "weather": """
rain der Regen -s -; snow der Schnee -s -; storm der Sturm -es Stürme; heat die Hitze - -; cold die Kälte - -;
noise der Lärm -s -; wind der Wind -es Winde; fog der Nebel -s -;
""",
}

# head: English modifier and the stem that German puts before the head, linking letters included.
_COMPOUNDS = """
juice: apple Apfel, orange Orangen, tomato Tomaten, cherry Kirsch, grape Trauben;
soup: tomato Tomaten, potato Kartoffel, onion Zwiebel, chicken Hühner, mushroom Pilz, fish Fisch;
cake: apple Apfel, cherry Kirsch, chocolate Schokoladen, plum Pflaumen, nut Nuss, birthday Geburtstags;
salad: potato Kartoffel, tomato Tomaten, fruit Obst, cucumber Gurken;
door: kitchen Küchen, garden Garten, cellar Keller, church Kirchen, glass Glas;
window: kitchen Küchen, church Kirchen, cellar Keller, castle Schloss;
table: kitchen Küchen, garden Garten, glass Glas;
chair: garden Garten, kitchen Küchen, office Büro;
cupboard: kitchen Küchen, shoe Schuh; shelf: kitchen Küchen, wine Wein;
key: house Haus, car Auto, room Zimmer, cellar Keller, garage Garagen;
bag: school Schul, travel Reise, leather Leder; suitcase: leather Leder;
teacher: music Musik, sport Sport, language Sprach, history Geschichts, piano Klavier;
driver: bus Bus, taxi Taxi; player: football Fußball, tennis Tennis, chess Schach;
clock: kitchen Küchen, station Bahnhofs, church Kirchen;
bottle: water Wasser, wine Wein, beer Bier, milk Milch; glass: wine Wein, water Wasser, beer Bier;
cup: coffee Kaffee, tea Tee; plate: soup Suppen, cake Kuchen;
shop: flower Blumen, toy Spielzeug, book Buch, shoe Schuh, music Musik;
shoe: sport Sport, leather Leder, summer Sommer; jacket: leather Leder, rain Regen, winter Winter;
coat: winter Winter, rain Regen, leather Leder; dress: summer Sommer, wedding Hochzeits, evening Abend;
hat: sun Sonnen, straw Stroh; boot: winter Winter, rubber Gummi, leather Leder;
house: stone Stein, country Land, garden Garten; city: port Hafen, university Universitäts, world Welt;
book: school Schul, history Geschichts, picture Bilder; letter: love Liebes; story: love Liebes, animal Tier;
card: birthday Geburtstags, Christmas Weihnachts; report: weather Wetter, travel Reise;
tree: apple Apfel, cherry Kirsch, pear Birn, plum Pflaumen, Christmas Weihnachts;
dog: police Polizei, guard Wach; horse: race Renn, police Polizei; cat: house Haus; bird: water Wasser, sea Meeres;
ship: war Kriegs, pirate Piraten; boat: motor Motor, rubber Gummi; train: night Nacht;
bus: school Schul, city Stadt, tourist Touristen; museum: art Kunst, city Stadt, toy Spielzeug, car Auto;
ball: tennis Tennis, golf Golf, rubber Gummi; ring: gold Gold, silver Silber; coin: gold Gold, silver Silber;
bench: park Park, garden Garten, church Kirchen; lamp: table Tisch, street Straßen, kitchen Küchen;
party: birthday Geburtstags, Christmas Weihnachts; song: Christmas Weihnachts, love Liebes;
game: computer Computer, card Karten, football Fußball; film: animal Tier, love Liebes;
exam: language Sprach, history Geschichts, music Musik; concert: piano Klavier, rock Rock, summer Sommer;
knife: kitchen Küchen, bread Brot, pocket Taschen; spoon: coffee Kaffee, soup Suppen;
room: hotel Hotel, guest Gäste; restaurant: fish Fisch, hotel Hotel;
garden: flower Blumen, rose Rosen, beer Bier, school Schul; park: city Stadt, castle Schloss;
picture: family Familien, wedding Hochzeits; wall: kitchen Küchen, house Haus; rule: traffic Verkehrs, game Spiel;
"""

_SELECTIONS = {
    "query": "question message letter",
    "phrase": "word sentence name rule poem song",
    "proposal": "idea plan decision solution",
    "finding": "mistake example word solution secret",
    "exercise": "exercise example sentence question",
    "cookable": "egg soup potato meat rice sausage carrot mushroom pancake",
}


def _read_plain() -> dict[str, tuple[Noun, ...]]:
    return {name: tuple(map(read_noun, entries(table))) for name, table in _TABLES.items()}


def _read_compounds(plain: dict[str, tuple[Noun, ...]]) -> dict[str, tuple[Noun, ...]]:
    home = {noun.english: (name, noun) for name, nouns in plain.items() for noun in nouns}
    compounds: dict[str, list[Noun]] = {name: [] for name in plain}
    for entry in entries(_COMPOUNDS):
        head, modifiers = entry.split(":")
        name, noun = home[head]
        compounds[name] += [read_compound(noun, modifier) for modifier in modifiers.split(",")]
    return {name: tuple(nouns) for name, nouns in compounds.items()}


def _subset(table: dict[str, tuple[Noun, ...]], members: str) -> tuple[Noun, ...]:
    return tuple(noun for nouns in table.values() for noun in nouns if noun.english in members.split())


_PLAIN = _read_plain()
_COMPOUND = _read_compounds(_PLAIN)

# The class of each noun; a class of NOUNS or a selection from one, with which some verbs content themselves.
CLASS_OF = {noun: name for table in (_PLAIN, _COMPOUND) for name, nouns in table.items() for noun in nouns}
NOUNS = _PLAIN | {name: _subset(_PLAIN, members) for name, members in _SELECTIONS.items()}
COMPOUNDS = _COMPOUND | {name: _subset(_COMPOUND, members) for name, members in _SELECTIONS.items()}
