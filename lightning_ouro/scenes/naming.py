"""Whether a name of one category also fits the objects of another: "the table" may be the coffee table.

Two questions, of which the first is the narrower one:

- `is_kind_of`: is every object of a category called by the other's name as well? English names end with what a
  thing is: a tv stand is a stand and no tv. So a coffee table is a table, and a bookshelf a shelf: an ending of a
  word counts if what precedes it is a word that things are named by (`_FIRST_PARTS`). Letters alone say nothing, since
  a vegetable is no table.
- `may_be_called`: could somebody call one of them so? If so, the name is not clear. Besides kinds, that are words
  for the same thing (`alike.means`, the vocabulary's synonyms), what a name holds or joins ("stack of chairs",
  "table and chairs"), and what stands in front: a sofa bed is a sofa, too. Most nouns in front say what a thing is
  for, or part of: in front of `_PARTS` (tv stand, door handle) and of furniture that is not alike (desk chair) they
  name nothing that is there. Any other compound leaves it open.

Number, hyphens and blanks do not matter.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product

from lightning_ouro.scenes.alike import alike_to, means, means_alone
from lightning_ouro.scenes.vocabulary import category_of, is_class, is_narrower, spellings
from lightning_ouro.scenes.words import Words, listed, words_of

SHORTEST = 3  # letters: a shorter name ends too many words that mean something else; chosen by hand
# First parts of words for things, such as "book" of "bookshelf". By hand.
_FIRST_PARTS = listed(
    """
    arm back bar barbecue base bath bathroom beach bean bed bedside bench billiard bird black book bottle
    bread brief butter cake candle cell chair clothes coat coffee computer cook cooking corner cup day
    dining dish dog door drawer dust eye feather file fire fish flash flat flip floor flower food foot
    fruit game garbage garden gas grand guest hair hand hat hay high home hot house ice ink kitchen knife
    laundry lawn letter light loud love lunch mail medicine milk mini news night note notice office oil
    over paint paper party pay pen pencil photo piano picture pill pillow pin plant play pocket pool pot
    power rice roll rubbish safe salt sauce sea shoe shop show shower side sink slot smart snow soap sofa
    spice spot stair step stock stone stool storage store stove street suit sun table tea tele tissue
    toilet tool tooth towel toy trash tv under video wall wash waste watch water wheel white wind wine
    wood work wrist writing
    """
)
# Words that are no kind of what they end with.
_OTHERS = listed("cardboard cupboard dashboard dishwasher keyboard sideboard skateboard surfboard")
# What things have, or what is for them: a noun in front says of which. By hand.
_PARTS = listed(
    """
    arm armrest bag base basket bin blind board bottle box bracket brush bulb button cable can case
    charger cleaner clip cloth clothes container control controller cord cover curtain cushion cutter
    dispenser door drape drawer edge eraser fan floor foot footrest freshener glove handle hanger head
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
# Said of any amount: the number of boxes is not how many there are.
_MASSES = listed(
    """
    artwork bedding bedlinen cardboard carpeting cash clothing crockery cutlery dirt dishware dust fabric
    flooring foam food fruit garbage glassware grass laundry linen litter luggage mail money paper
    paperwork plumbing rubbish shampoo silverware soap stationery stuff tableware trash underwear water
    wiring wood
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
    """The names of a scene that others of them could be called by too, each with these, in their order."""
    found = {
        name: [other for other in names if other != name and may_be_called(other, name)] for name in names
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
    return any(category == name or is_kind_of(category, name) for name in names)


def is_countable(name: str) -> bool:
    """Whether one box stands for one of what a name says: not for clothes, or books in a plural."""
    named = words_of(name)
    heads = {thing[-1] for thing in named.things}
    return not is_class(name) and not heads & _MASSES and (not named.is_plural or heads <= _ONE_IN_PLURAL)


def _may_be(category: str, name: str) -> bool:
    """The same of these two names as they are."""
    if category == name or is_kind_of(category, name) or _mentions(category, name):
        return True
    own = list(map(" ".join, words_of(name).things))
    alone = [general for one in own for general in means_alone(one)]
    if any(words_of(category) == words_of(general) for general in alone):
        return True
    meant = [other for one in own for other in means(one)]
    return any(
        category == other or is_kind_of(category, other) or _mentions(category, other) for other in meant
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
    if not any(special[start : start + len(wide)] == wide for start in starts):
        return False
    head, front = special[-1], " ".join(wide)
    if head in _PARTS or (wide[-1], head) in _NO_MEMBERS:
        return False
    return head not in _FURNITURE or head in alike_to(front)


def _ends_with(special: Words, wide: Words) -> bool:
    """Whether a name ends with another one's words, or with a word that is composed of them."""
    ending = "".join(wide)
    for length in range(1, len(special) + 1):
        last = "".join(special[-length:])
        if last == ending:
            return True
        is_composed = last.endswith(ending) and last[: -len(ending)] in _FIRST_PARTS
        if is_composed and len(ending) >= SHORTEST and special[-1] not in _OTHERS:
            return True
    return False


def _known(name: str) -> frozenset[str]:
    """The names in the table of what is alike that stand for a name: its own, or else those it is a kind of."""
    named = words_of(name)
    own = {name, category_of(name) or name, *map(" ".join, named.things)}
    if known := frozenset(one for one in own if alike_to(one)):
        return known
    ends = (words[start:] for words in named.things for start in range(1, len(words)))
    return next((frozenset({end}) for end in map(" ".join, ends) if alike_to(end)), frozenset())
