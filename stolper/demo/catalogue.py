"""What the shop sells, and how it is searched. Pictures are drawn by templates/pictures.html.j2."""

from __future__ import annotations

from dataclasses import dataclass

from .i18n import Language, Words


@dataclass(frozen=True)
class Category:
    slug: str
    name: Words


@dataclass(frozen=True)
class Product:
    """One article. *price* is in cents; *colours* are main, dark and accent of its picture."""

    slug: str
    category: str
    picture: str
    name: str
    kind: Words
    text: Words
    facts: tuple[Words, ...]
    price: int
    colours: tuple[str, str, str]
    rating: float
    sizes: tuple[str, ...] = ()


CATEGORIES = (
    Category("packs", Words("Rucksäcke", "Packs")),
    Category("footwear", Words("Schuhe", "Footwear")),
    Category("jackets", Words("Jacken", "Jackets")),
    Category("camp", Words("Zelt & Lager", "Camp")),
    Category("gear", Words("Ausrüstung", "Gear")),
)

_SHOE_SIZES = ("38", "39", "40", "41", "42", "43", "44", "45")
_CLOTH_SIZES = ("XS", "S", "M", "L", "XL")

PRODUCTS = (
    Product(
        "kar-28",
        "packs",
        "pack",
        "Kar 28",
        Words("Tagesrucksack", "Day pack"),
        Words(
            "Für lange Tage ohne Übernachtung: leicht, belüftet und mit einem Deckelfach, "
            "in das wirklich alles passt.",
            "For long days without a night out: light, ventilated, and with a lid pocket "
            "that truly holds everything.",
        ),
        (
            Words("28 Liter, 940 g", "28 litres, 940 g"),
            Words("Regenhülle eingebaut", "Rain cover built in"),
            Words("Rückenlänge verstellbar", "Adjustable back length"),
        ),
        11900,
        ("#c8553d", "#7d2f22", "#f2c078"),
        4.7,
    ),
    Product(
        "joch-48",
        "packs",
        "pack",
        "Joch 48",
        Words("Tourenrucksack", "Trekking pack"),
        Words(
            "Trägt Zelt, Kocher und Vorräte für vier Tage und sitzt dabei wie ein kleiner.",
            "Carries tent, stove and food for four days and still sits like a small one.",
        ),
        (
            Words("48 Liter, 1,6 kg", "48 litres, 1.6 kg"),
            Words("Hüftgurt aus einem Stück", "One-piece hip belt"),
            Words("Zugang von vorn", "Front access"),
        ),
        18900,
        ("#3f6c51", "#23422f", "#e9c46a"),
        4.8,
    ),
    Product(
        "grat-mid",
        "footwear",
        "boot",
        "Grat Mid",
        Words("Wanderstiefel", "Hiking boot"),
        Words(
            "Griffig auf nassem Fels, weich genug für die Forststraße danach.",
            "Grips wet rock, soft enough for the forest road afterwards.",
        ),
        (
            Words("Leder, gewachst", "Waxed leather"),
            Words("Neu besohlbar", "Can be resoled"),
            Words("620 g je Stiefel", "620 g each"),
        ),
        19995,
        ("#8a5a34", "#4a2f1b", "#d9a441"),
        4.6,
        _SHOE_SIZES,
    ),
    Product(
        "alm-low",
        "footwear",
        "shoe",
        "Alm Low",
        Words("Zustiegsschuh", "Approach shoe"),
        Words(
            "Vom Parkplatz bis zum Einstieg und abends ins Wirtshaus.",
            "From the car park to the first pitch, and to the inn at night.",
        ),
        (
            Words("Wasserabweisend", "Water repellent"),
            Words("Sohle bis zur Spitze", "Sole up to the toe"),
            Words("390 g je Schuh", "390 g each"),
        ),
        13995,
        ("#4f6d7a", "#2b3d47", "#e07a5f"),
        4.4,
        _SHOE_SIZES,
    ),
    Product(
        "wetterstein",
        "jackets",
        "jacket",
        "Wetterstein",
        Words("Regenjacke", "Rain jacket"),
        Words(
            "Drei Lagen, die dicht halten, und Reißverschlüsse, die man mit Handschuhen findet.",
            "Three layers that keep the rain out, and zips you find with gloves on.",
        ),
        (
            Words("Wassersäule 20 000 mm", "20,000 mm water column"),
            Words("Kapuze passt über den Helm", "Hood fits over a helmet"),
            Words("Ohne Fluorchemie", "Free of fluorochemicals"),
        ),
        24900,
        ("#2a6f97", "#143d57", "#f4a259"),
        4.8,
        _CLOTH_SIZES,
    ),
    Product(
        "firn",
        "jackets",
        "jacket",
        "Firn",
        Words("Daunenjacke", "Down jacket"),
        Words(
            "Wärmt auf dem Gipfel und verschwindet im Tal in ihrer eigenen Tasche.",
            "Warm on the summit, and in the valley it vanishes into its own pocket.",
        ),
        (
            Words("800 cuin, recycelt", "800 fill power, recycled"),
            Words("310 g", "310 g"),
            Words("Packt so klein wie eine Flasche", "Packs to the size of a bottle"),
        ),
        27900,
        ("#e09f3e", "#9a6a1c", "#335c67"),
        4.9,
        _CLOTH_SIZES,
    ),
    Product(
        "biwak-2",
        "camp",
        "tent",
        "Biwak 2",
        Words("Zelt für zwei", "Tent for two"),
        Words(
            "In vier Minuten aufgebaut, auch wenn der Wind schon da ist.",
            "Up in four minutes, even when the wind is there already.",
        ),
        (
            Words("1,9 kg", "1.9 kg"),
            Words("Zwei Eingänge, zwei Apsiden", "Two doors, two vestibules"),
            Words("Steht frei", "Freestanding"),
        ),
        42900,
        ("#6a994e", "#386641", "#f2e8cf"),
        4.5,
    ),
    Product(
        "nacht",
        "camp",
        "bag",
        "Nacht −5°",
        Words("Schlafsack", "Sleeping bag"),
        Words(
            "Für Nächte, in denen die Flasche außen gefriert.",
            "For nights that freeze the bottle outside.",
        ),
        (
            Words("Komfort bis −5 °C", "Comfort to −5 °C"),
            Words("980 g", "980 g"),
            Words("Reißverschluss von beiden Seiten", "Two-way zip"),
        ),
        21900,
        ("#5f4b8b", "#362a55", "#e6a4b4"),
        4.6,
    ),
    Product(
        "glut",
        "camp",
        "stove",
        "Glut",
        Words("Gaskocher", "Gas stove"),
        Words(
            "Kocht den halben Liter in drei Minuten und passt in den Topf.",
            "Boils half a litre in three minutes and fits into the pot.",
        ),
        (
            Words("82 g", "82 g"),
            Words("Zündung eingebaut", "Built-in lighter"),
            Words("2 600 Watt", "2,600 watts"),
        ),
        6490,
        ("#b23a48", "#6d1f2a", "#8d99ae"),
        4.3,
    ),
    Product(
        "daemmer-400",
        "gear",
        "lamp",
        "Dämmer 400",
        Words("Stirnlampe", "Head lamp"),
        Words(
            "Hell genug für den Abstieg, dunkel genug für die Hütte.",
            "Bright enough for the descent, dim enough for the hut.",
        ),
        (
            Words("400 Lumen", "400 lumens"),
            Words("Lädt über USB-C", "Charges by USB-C"),
            Words("Rotlicht", "Red light"),
        ),
        5490,
        ("#264653", "#152a33", "#f4d35e"),
        4.5,
    ),
    Product(
        "quell",
        "gear",
        "bottle",
        "Quell 0,75",
        Words("Trinkflasche", "Bottle"),
        Words(
            "Edelstahl, doppelwandig, und der Deckel quietscht nicht.",
            "Stainless steel, double wall, and the lid does not squeak.",
        ),
        (
            Words("0,75 Liter", "0.75 litres"),
            Words("24 Stunden kalt, 12 warm", "24 hours cold, 12 warm"),
            Words("Spülmaschinenfest", "Dishwasher safe"),
        ),
        2790,
        ("#2a9d8f", "#17645b", "#e9c46a"),
        4.7,
    ),
    Product(
        "tritt",
        "gear",
        "poles",
        "Tritt",
        Words("Wanderstöcke", "Trekking poles"),
        Words(
            "Faltbar, aus Carbon, mit Griffen aus Kork.",
            "Folding, carbon, with cork grips.",
        ),
        (
            Words("390 g das Paar", "390 g a pair"),
            Words("110 bis 130 cm", "110 to 130 cm"),
            Words("Teller für Sommer und Winter", "Baskets for summer and winter"),
        ),
        8990,
        ("#3d405b", "#222437", "#c98b5b"),
        4.2,
    ),
)

_BY_SLUG = {product.slug: product for product in PRODUCTS}


@dataclass(frozen=True)
class Review:
    author: str
    stars: int
    text: Words


REVIEWS = (
    Review(
        "Miriam K.",
        5,
        Words(
            "Drei Wochen Alpenüberquerung, kein einziger Grund zur Klage.",
            "Three weeks across the Alps and not one reason to complain.",
        ),
    ),
    Review(
        "Jonas R.",
        4,
        Words(
            "Gut verarbeitet. Kam einen Tag später als versprochen.",
            "Well made. Arrived a day later than promised.",
        ),
    ),
    Review(
        "Svenja T.",
        5,
        Words("Sieht aus wie auf dem Bild und hält.", "Looks like the picture, and it lasts."),
    ),
    Review(
        "Peter W.",
        4,
        Words("Würde ich wieder kaufen.", "Would buy it again."),
    ),
    Review(
        "Aylin D.",
        5,
        Words(
            "Der Kundendienst hat mich am Telefon bestens beraten.",
            "Customer service gave me excellent advice on the phone.",
        ),
    ),
)


def product(slug: str) -> Product | None:
    return _BY_SLUG.get(slug)


def in_category(slug: str) -> list[Product]:
    """Return the products of category *slug*; of all categories if it is empty."""
    return [item for item in PRODUCTS if not slug or item.category == slug]


def companions(item: Product) -> list[Product]:
    """Return the best rated product of each of the other categories."""
    others = [entry.slug for entry in CATEGORIES if entry.slug != item.category]
    return [ordered(in_category(slug), "rating")[0] for slug in others]


def ordered(items: list[Product], sort: str) -> list[Product]:
    """Sort by *sort*: 'up' and 'down' by price, 'rating' best first, else as the shop likes it."""
    if sort == "rating":
        return sorted(items, key=lambda item: -item.rating)
    if sort in ("up", "down"):
        return sorted(items, key=lambda item: item.price, reverse=sort == "down")
    return items


def search(query: str, language: Language) -> list[Product]:
    """Return the products whose words hold every word of *query*, in *language*."""
    wanted = query.casefold().split()
    if not wanted:
        return []
    return [item for item in PRODUCTS if all(word in _words(item, language) for word in wanted)]


def _words(item: Product, language: Language) -> str:
    category = next(entry for entry in CATEGORIES if entry.slug == item.category)
    parts = [item.name, item.kind.text(language), category.name.text(language)]
    return " ".join([*parts, item.text.text(language)]).casefold()
