"""Whether a name of one category also fits the objects of another: "the table" may be the coffee table.

Two questions, of which the first is the narrower one:

- `is_kind_of`: is every object of a category called by the other's name as well? English names end with what a
  thing is: a tv stand is a stand and no tv. So a coffee table is a table, and a bookshelf a shelf: an ending of a
  word counts if the lexicon calls the word a kind of it, or does not know the word but knows what precedes the ending
  as the front of compounds. Letters alone say nothing, since a vegetable is no table.
- `may_be_called`: could somebody call one of them so? If so, the name is not clear. Besides kinds, that are words
  for the same thing or for what it is a kind of (`synonyms`, and the vocabulary's), what a name holds or joins
  ("stack of chairs", "table and chairs"), and what stands in front: a sofa bed is a sofa, too. Most nouns in front
  say what a thing is for, or part of: in front of `_PARTS` (tv stand, door handle) and of furniture that is not
  alike (desk chair) they name nothing that is there, nor do animals in front of a thing (cat tree). Any other
  compound leaves it open.

A name that is more general than another one is not clear beside it, while the other is: of a plant and a rose, whoever
named them so kept the rose apart, but "the plant" may be either.

Number, hyphens and blanks do not matter.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import product

from lightning_ouro.scenes.alike import SHORTEST, alike_to
from lightning_ouro.scenes.lexicon import things
from lightning_ouro.scenes.synonyms import is_called_as_well, means, means_alone
from lightning_ouro.scenes.vocabulary import category_of, is_class, is_form_word, is_narrower, spellings
from lightning_ouro.scenes.words import Words, listed, words_of

# Names that are no kind of what they end with, though the lexicon does not know better. By hand.
_OTHERS = listed("earphone headphone skateboard surfboard")
_OTHER_THINGS = frozenset(
    (
        "bench press",
        "license plate",
        "number plate",
        "magnifying glass",
        "rocking horse",
        "sea horse",
        "snow globe",
        "stained glass",
    )
)
# Endings that say what a thing is where the lexicon says what it is for: to it, a bookcase is furniture. By hand.
_HEADS = listed("basket box case coat dish mat screen stand")
# What things have, or what is for them: a noun in front says of which. By hand.
_PARTS = listed(
    """
    arm armrest bag base basket bin blind board bottle box bracket brush bulb button cable can case
    charger cleaner clip cloth clothes container control controller cord cover curtain cushion cutter
    detergent dispenser door drape drawer edge eraser fan floor foot footrest freshener glove hamper handle hanger head
    headboard holder hood hook jar key knob lamp latch leg lever lid light lock machine magnet marker mat
    mitt mount opener organiser organizer outlet pad paint panel paper part pedal pillow pillowcase pipe
    plug pole polish post pot protector rack rail railing remote rinse rod roll runner screw seal seat
    shade sheet shelf shutter sill skirt socket spray spread stain stand sticker stopper strap string
    switch tank tile topper towel track tray trim valance valve vase vent wall wheel wire
    """
)
_FURNITURE = listed(
    """
    bed bench bookshelf cabinet chair clock closet counter cupboard desk dresser dryer keyboard lamp
    mirror monitor mouse nightstand ottoman picture plant projector rug screen sink sofa stool table
    wardrobe window
    """
)
# Compounds whose first noun says nothing, but would of others with this last word.
_NO_MEMBERS = frozenset((("door", "frame"), ("window", "frame"), ("mirror", "frame")))
# Parts and pictures of things are not where these are.
_WITHOUT_CONTENTS = (_PARTS - listed("bag basket bin bottle box can case jar shelf")) | listed(
    "back drawing image map model painting photo picture piece poster side top"
)
# Said of any amount: the number of boxes is not how many there are. The lexicon knows stuff (wood, firewood) and
# collections (signage), and these endings make more of them.
_OF_AMOUNTS = re.compile(r"\w+(?:wear|ware|ery)|\w*[aeiouy]\w*ing")
_MASSES = listed(
    """
    apparel art artwork attire baggage bedlinen bread bricabrac bubblewrap carpet cash cheese circuitry
    clothes coffee confetti cordage decor detergent drywall fabric fish foliage food fruit gear grass hair
    hay insulation jewelry junk knitwear laundry linen lingerie luggage lumber machinery mail makeup
    medicine memorabilia merchandise milk money moss paper paperwork paraphernalia pasta produce rice
    scenery shampoo snow soap soil stationery straw stuff tackle tape tea tinsel weaponry wood yarn
    """
)
# With such an ending, or the name of stuff, and yet one thing each.
_SINGLE = listed(
    """
    awning bakery battery bearing building carving casing casting ceiling covering drawing dwelling earring engraving
    etching fitting gallery grocery hanging landing lining moulding nursery opening pad painting plaything
    pudding railing recording setting sibling stocking topping tile wrapping
    """
)
# Plurals of which one is meant.
_ONE_IN_PLURAL = listed("binocular earphone headphone plier scissor tong tweezer")


@lru_cache(maxsize=100_000)
def is_kind_of(category: str, general: str) -> bool:
    """Whether the objects of a category can also be called by the name of a more general one.

    Two spellings of one name are kinds of each other; a category is no kind of itself.
    """
    if category == general:
        return False
    special, wide = words_of(category), words_of(general)
    if wide.contents and wide.contents != special.contents:
        return False  # a stack of books is no stack of chairs
    if wide.is_joined:
        return special.things == wide.things
    return any(_ends_with(*pair) for pair in product(special.things, wide.things))


@lru_cache(maxsize=100_000)
def may_be_called(category: str, name: str) -> bool:
    """Whether somebody could call an object of a category by a name: its own, or one that is unclear then."""
    if is_class(name):
        return True
    if spellings(category) == spellings(name):  # an armchair is no office chair, though both are chairs
        return not (is_narrower(category) and is_narrower(name)) or is_kind_of(category, name)
    called = {one for one in spellings(category) if one == category or not is_narrower(one)}
    wide = (
        {name} if is_narrower(name) else spellings(name)
    )  # a coffee table is no desk, though desks are tables
    return any(_may_be(one, other) for one, other in product(called, wide))


@lru_cache(maxsize=256)  # draws of a scene share their names
def unclear_among(names: tuple[str, ...]) -> dict[str, list[str]]:
    """The names of a scene that others of them could be called by too, each with these, in their order.

    A name that a question says itself (camera) could stand for any of them.
    """
    found = {
        name: [
            other for other in names if other != name and (is_form_word(name) or may_be_called(other, name))
        ]
        for name in names
    }
    return {name: others for name, others in found.items() if others}


@lru_cache(maxsize=100_000)
def could_be_one(first: str, second: str) -> bool:
    """Whether an object of either category could also be called by the other's name, however that is spelled.

    Of a scene with a coffee table or a desk one can't say that it has no table, and hardly, of one with a table,
    that it has no coffee table.
    """
    return may_be_called(first, second) or may_be_called(second, first)


@lru_cache(maxsize=100_000)
def seems_alike(first: str, second: str) -> bool:
    """Whether one annotator may have taken objects of one category for the other's.

    Names that the table of such names doesn't know stand for what they are kinds of: a desk light for a light.
    """
    return bool(_known(first) & frozenset[str]().union(*map(alike_to, _known(second))))


@lru_cache(maxsize=10_000)
def is_any_kind(category: str, names: frozenset[str]) -> bool:
    """Whether one of these names is that of the category, or of a more general one."""
    return any(
        category == name or is_kind_of(category, name) or _is_known_as(category, name) for name in names
    )


def is_countable(name: str) -> bool:
    """Whether one box stands for one of what a name says: not for clothes, or books in a plural."""
    named = words_of(name)
    heads = {thing[-1] for thing in named.things}
    amounts = not named.contents and any(map(_is_of_amounts, heads | set(map("".join, named.things))))
    return not is_class(name) and not amounts and (not named.is_plural or heads <= _ONE_IN_PLURAL)


def _is_of_amounts(word: str) -> bool:
    """Whether a word is said of any amount of what it names."""
    if word in _SINGLE:
        return False
    return word in _MASSES or things.is_mass(word) or _OF_AMOUNTS.fullmatch(word) is not None


def _may_be(category: str, name: str) -> bool:
    """The same of these two names as they are."""
    if category == name or is_kind_of(category, name) or _mentions(category, name):
        return True
    own = dict.fromkeys((name, *map(" ".join, words_of(name).things)))
    alone = [general for one in own for general in means_alone(one)]
    if any(words_of(category) == words_of(general) for general in alone):
        return True
    meant = [other for one in own for other in means(one)]
    return _is_known_as(category, name) or any(
        category == other
        or is_kind_of(category, other)
        or _mentions(category, other)
        # Of two words for one thing the lexicon's may be ours for another: a stove is a range, as ovens are.
        or _is_known_as(category, other, as_kind=True)
        for other in meant
    )


def _is_known_as(category: str, name: str, *, as_kind: bool = False) -> bool:
    """Whether the lexicon says that the objects of a category, perhaps as a kind of others, are called by a name."""
    wide = words_of(name)
    if wide.contents or wide.is_joined or category in _OTHER_THINGS:
        return False
    pairs = product(_as_in_lexicon(category), _as_in_lexicon(name))
    return any(is_called_as_well(*pair, as_kind=as_kind) for pair in pairs)


def _as_in_lexicon(name: str) -> tuple[Words, ...]:
    """The words of what is named; those of a plural that the lexicon knows, as they are: glasses are not a glass."""
    named = words_of(name)
    return (
        (*named.things, tuple(name.split())) if named.is_plural and things.has_entry(name) else named.things
    )


def _mentions(category: str, name: str) -> bool:
    """Whether what a category joins or holds may be called by a name."""
    said, wide = words_of(category), words_of(name).things
    if words_of(name).is_joined:
        return False
    holds = said.things[0][-1] not in _WITHOUT_CONTENTS
    contents = said.contents if holds else ()
    if any(_ends_with(*pair) for pair in product(contents, wide)):
        return True
    return any(_stands_in_front(*pair) for pair in product((*said.things, *contents), wide))


def _stands_in_front(special: Words, wide: Words) -> bool:
    """Whether words stand in front of a name's last one, and that leaves it open whether they name it, too."""
    starts = range(len(special) - len(wide))
    is_other = " ".join(special) in _OTHER_THINGS
    if is_other or not any(special[start : start + len(wide)] == wide for start in starts):
        return False
    head, front = special[-1], " ".join(wide)
    if head in _PARTS or (wide[-1], head) in _NO_MEMBERS or _is_for_animals(wide, head):
        return False
    return head not in _FURNITURE or head in alike_to(front)


def _is_for_animals(front: Words, head: str) -> bool:
    """Whether an animal stands in front of what is none: a cat tree holds no cat, and a fish tank no known fish."""
    animal, other = (things.is_thing_of_kind(name, "animal") for name in (" ".join(front), head))
    return animal and not other


def _ends_with(special: Words, wide: Words) -> bool:
    """Whether a name ends with another one's words, or with a word that is composed of them."""
    ending = "".join(wide)
    if len(special) > len(wide) and " ".join(special) in _OTHER_THINGS:
        return False
    for length in range(1, len(special) + 1):
        last = "".join(special[-length:])
        if last == ending:
            return True
        if last.endswith(ending) and len(ending) >= SHORTEST and _is_composed(last, ending):
            return special[-1] not in _OTHERS
    return False


def _is_composed(word: str, ending: str) -> bool:
    """Whether a word is composed of another one, which it ends with, and what that is."""
    if ending not in _HEADS and things.is_word(word):
        return things.is_thing_of_kind(word, ending) or things.are_same(word, ending)
    return things.is_front(word[: -len(ending)])


def _known(name: str) -> frozenset[str]:
    """The names in the table of what is alike that stand for a name: its own, or else those it is a kind of."""
    named = words_of(name)
    own = {name, category_of(name) or name, *map(" ".join, named.things)}
    if known := frozenset(one for one in own if alike_to(one)):
        return known
    ends = (words[start:] for words in named.things for start in range(1, len(words)))
    return next((frozenset({end}) for end in map(" ".join, ends) if alike_to(end)), frozenset())
