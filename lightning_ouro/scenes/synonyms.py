"""Names that are said of the same things, or of more than one would think from their words.

Most things have several names, and who annotated a room chose one. Where a couch stands beside what is called the
sofa, "the sofa" is not clear, and the sofas are not counted. A lexicon (`lexicon.things`) knows true synonyms and
kinds, a rose being a plant; here by hand is what it lacks (`_SAME`, `_BROADER`), and what it says that we don't
(`_APART`). What everybody keeps apart, a stool and a chair, is in neither: see `alike`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from lightning_ouro.scenes.lexicon import things


def names_in(listed: str) -> tuple[str, ...]:
    """The names between commas."""
    return tuple(" ".join(name.split()) for name in listed.split(","))


# Each line: names for the same thing, of some of which the lexicon does not say so.
_SAME = """
sofa, settee, loveseat, divan, davenport, chesterfield, sectional, canapé
picture, painting, picture frame, photo, photograph, poster, artwork, drawing
monitor, computer screen, flat screen, flat panel
tv, flat screen, flat panel
cup, mug
blanket, comforter, duvet, quilt, throw
nightstand, bedside table, bedside cabinet, night table
side table, end table
trash bin, wastebasket, waste basket, waste paper basket, paper bin, rubbish bin
printer, copier, copy machine, photocopier
closet, wardrobe, armoire
cushion, pillow
suitcase, luggage
cabinet, cupboard, credenza
sideboard, buffet, credenza, hutch
dresser, chest of drawers, bureau
shelf, shelving unit, shelving
bookshelf, shelving unit
lamp, light, light fixture, chandelier, lantern, sconce
stove, cooktop, hob, stovetop, cooker
oven, range, cooker
computer tower, pc, desktop computer, computer case
whiteboard, dry erase board
bulletin board, notice board, pinboard
blind, window shade, roller shade, shutter
counter, countertop, worktop
bathtub, tub, bath
sink, basin, washbasin
faucet, tap
ottoman, pouf, footstool
toilet, lavatory, wc, loo, commode
clothes, clothing, laundry
vacuum cleaner, vacuum, hoover
air conditioner, air conditioning, ac, ac unit
socket, outlet, power outlet
headphones, headset, earphones
stuffed animal, plush, plushie, teddy bear
cart, trolley
jug, pitcher
pan, skillet
umbrella, parasol
box, parcel, package
bag, sack, pouch
lectern, podium
coat rack, coat stand, hat stand, hat rack, clothes rack
stroller, buggy
elevator, lift
dog, pup, puppy, doggy
cat, kitten, kitty
radio, stereo, hi-fi, boombox
sweater, jumper, pullover
notebook, laptop
modem, router
ornament, figurine, figure, statuette, knickknack
statue, sculpture
clock, timepiece
vase, urn
stairs, staircase, stairway
glasses, spectacles, eyeglasses
sunglasses, shades
trousers, pants, jeans, slacks
bathrobe, dressing gown, robe, housecoat
treadmill, running machine
exercise bike, stationary bike
extension cord, power strip, extension lead
pacifier, dummy
sign, placard, signboard
crib, cradle
magazine, journal
fan, ventilator
chest, trunk
"""
# Each line: a name, and names of what it is said of as well, though the lexicon does not say so.
_BROADER = """
plant: bouquet, ficus, monstera, pothos, philodendron, dracaena
flower: rose, tulip, lily, daffodil, daisy, sunflower, carnation, hydrangea, chrysanthemum, poinsettia
bag: luggage, satchel, briefcase, duffel
bed: cot, crib, futon, bunk, cradle, bassinet
screen: tv, monitor, laptop
display: tv, monitor
computer: laptop, computer tower, pc
board: whiteboard, blackboard
bin: trash bin
basket: hamper
book: notebook
table: kitchen island
shelf: ledge
light: bulb
door: gate
cabinet: vanity, sideboard
clock: watch
toy: stuffed animal, lego
statue: figurine, statuette, bust
counter: kitchen island
person: man, woman, child, baby, boy, girl
speaker: subwoofer, soundbar
bottle: thermos
rug: mat
coat: jacket
picture: print, etching, canvas
painting: canvas
shoe: boot, slipper, loafer, clog
hat: cap, beret, beanie
weight: dumbbell, barbell, kettlebell
plate: saucer
pot: saucepan
cup: beaker
lamp: torchiere
bell: gong
cart: wagon
fence: railing
coat rack: coat tree
"""
# What the lexicon calls a kind of, or another word for, a thing that our own vocabulary and VSI-Bench's annotators keep
# apart. Each line: names, and what they are not called; behind it the reason.
_APART = """
counter: table  # VSI-Bench counts both
stand: table  # a stand holds one thing
ladder: stair, stairs, staircase, stairway  # which goes up, too
bidet: basin
settee: bench  # one is upholstered
freezer: refrigerator, fridge, icebox  # VSI-Bench counts refrigerators
vegetable: plant  # it is food
candle: lamp  # nobody counts candles as lamps
curtain, shower curtain: blind, blinds  # ScanNet++ has both; hung cloth, and slats
bulletin board: machine  # not the one on a computer
board: dining table  # nobody sets a board for dinner today
dining table: board
plate: bag, base, home  # of baseball
bag: suitcase, base  # who calls it a bag saw no suitcase
can, pot, stool, throne, john, closet: toilet, wc, loo  # not said of what a camera shows
toilet: can
column: tube  # not of chemistry
headphone, headphones: phone  # the phone of old
phone: headphone, headphones
paper: newspaper  # stands for any
scissor, scissors: bar  # they are levers
helmet: scale  # of armour
vanity: dresser, table  # the one in a bathroom has a sink
"""
# Each line: a name, and more general ones that may stand for the same thing if they stand alone.
_BARE = """
tv: screen, display
monitor: screen, display
computer screen: screen, display
laptop: computer, notebook
computer tower: computer, desktop
trash bin: bin, trash, garbage
wastebasket: bin, trash, garbage
rubbish bin: bin, trash, garbage
whiteboard: board
purse: bag
stove: range
picture: frame
"""


def by_name(table: str) -> dict[str, frozenset[str]]:
    """The names behind each colon, up to the reason, by each of the names before it."""
    lines = (re.sub(r"  #.*", "", line).split(": ") for line in table.strip().splitlines())
    return {name: frozenset(names_in(listed)) for before, listed in lines for name in names_in(before)}


_GROUPS = tuple(map(names_in, _SAME.strip().splitlines()))
_MEANS = by_name(_BROADER)
for _group in _GROUPS:
    for _name in _group:
        _MEANS[_name] = _MEANS.get(_name, frozenset()) | (frozenset(_group) - {_name})
_ALONE = by_name(_BARE)
_NEVER = by_name(_APART)


def means(name: str) -> frozenset[str]:
    """Other names of things, and of what are kinds of these, that a name in lower case is said of as well."""
    return _MEANS.get(name, frozenset())


@lru_cache(maxsize=100_000)
def is_called_as_well(words: tuple[str, ...], general: tuple[str, ...], *, as_kind: bool = False) -> bool:
    """Whether what a name stands for is called by another one's words too, as a kind of that or else the same thing.

    A name that the lexicon doesn't know stands for what it ends with: a garden bench for a bench.
    """
    wide = " ".join(general)
    for start in range(len(words)):
        name = " ".join(words[start:])
        if name == wide:
            return False  # which its ending decides
        if things.is_word(name):
            known = things.is_thing_of_kind(name, wide)
            known = known or (not as_kind and things.are_same(name, wide, whole=start == 0))
            return known and wide not in _NEVER.get(name, ())
    return False


def means_alone(name: str) -> frozenset[str]:
    """General names that may stand for what a name is said of, as their kinds don't: "bin", not "storage bin"."""
    return _ALONE.get(name, frozenset())
