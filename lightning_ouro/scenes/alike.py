"""Names of which one person's choice may be another's, in two strengths.

Most things have several names, and who annotated a room chose one. Where a couch stands beside what is called the
sofa, "the sofa" is not clear, and the sofas are not counted: `is_called_as_well` is for that. It asks a lexicon
(`lexicon.things`) for true synonyms and for kinds, a rose being a plant; here by hand is what the lexicon lacks
(`_SAME`, `_BROADER`, `means`), and what it says that we don't (`_APART`). What everybody keeps apart, a stool and a
chair, is in neither. Whether a room has *none* of a thing asks for more, since one annotator's stool is another one's
chair: `alike_to` is for that alone.
"""

from __future__ import annotations

import re
from functools import lru_cache

from lightning_ouro.scenes.lexicon import things

SHORTEST = 3  # letters: a shorter name ends too many words that mean something else; chosen by hand


def _names(listed: str) -> tuple[str, ...]:
    return tuple(" ".join(name.split()) for name in listed.split(","))


# Each line: names for the same thing, of which the lexicon does not say so.
_SAME = """
sofa, settee, davenport, sectional, canapé
picture, picture frame, poster, artwork, drawing
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
sideboard, hutch
shelf, shelving unit, shelving
bookshelf, shelving unit
lamp, light, light fixture, chandelier, lantern, sconce
stove, cooktop, hob, stovetop, cooker
oven, range, cooker
computer tower, pc, desktop, computer case
whiteboard, dry erase board
bulletin board, pinboard
blind, roller shade, shutter
counter, countertop, worktop
bathtub, bath
toilet, wc, loo
clothes, laundry
vacuum cleaner, hoover
air conditioner, ac
socket, outlet
headphones, headset, earphones
stuffed animal, plush, plushie, teddy bear
cart, trolley
jug, pitcher
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
credenza, sideboard
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
# Each line: a name, and what is there where it is, though neither the name nor the lexicon's definition says so.
_SIGNS = """
faucet, tap, plughole, drainpipe: sink, bathtub
armrest: chair, sofa
bulb, light bulb: lamp
lid: pot
cooker hood, range hood, hotplate: stove
placemat: table
coaster: cup
keyhole: door
remote, remote control: tv
bath mat: bathtub
cistern, toilet brush, plunger: toilet
piano bench, pianist bench, piano stool, pianist stool: piano
pillowcase: pillow
valance, pelmet: curtain
headboard, footboard, bedspread, bed frame: bed
tablecloth: table
flowerpot, flower pot, watering can, trellis: plant
banister, bannister, handrail, newel: stairs
mantelpiece, hearth, grate, poker: fireplace
"""
# A group begins at the margin: names of things that one annotator or another may take for each other.
_ALIKE = """
tv, monitor, laptop, screen, projector screen, display, computer screen, television
keyboard, piano, laptop, typewriter, notebook
stove, oven, range, cooktop, kitchen counter, hob, cooker, stovetop
microwave, oven, toaster oven, toaster
counter, kitchen cabinet, kitchen cabinets, cabinet, sink, vanity
counter, table, kitchen island, bar, worktop, countertop
closet, cabinet, wardrobe, closet door, closet doors, dresser, cupboard, storage cabinet, shelf,
    armoire, locker, built in closet, cloakroom
bookshelf, shelf, rack, cabinet, books, book, shelving unit, shelving, bookcase, wall unit
nightstand, cabinet, side table, end table, drawer, dresser, table, stool, bedside table, bedside
    cabinet, night table, chest
chair, stool, bench, sofa, seat, ottoman, seating, beanbag chair, armchair, recliner, rocker, pouf,
    footstool, loveseat, couch, throne
table, stand, bench, side table, counter, nightstand, furniture, desk, workbench, island
sofa, bench, bed, loveseat, futon, seat, chair, daybed, settee, sectional, chaise, recliner, divan
bed, mattress, futon, crib, bunk bed, sofa, daybed, cot, cradle
pillow, cushion, blanket, bedding, comforter, bolster, duvet
lamp, light, ceiling light, light fixture, wall lamp, candle, sconce, chandelier, lantern, spotlight,
    pendant
plant, flower, flowers, tree, vase, pot, flower pot, bush, cactus, bonsai, succulent, fern, palm, ivy,
    orchid, planter, bouquet, houseplant, shrub
towel, cloth, blanket, clothes, bath mat, rag, robe, mat, washcloth, linen, bathrobe
trash bin, bucket, basket, box, bin, laundry basket, laundry hamper, container, wastebasket, waste
    basket, waste paper basket, trash, rubbish bin, hamper, pail, garbage
backpack, bag, bags, suitcase, luggage, purse, handbag, duffel bag, rucksack, knapsack, satchel, tote
fan, ceiling fan, air conditioner, ventilator, exhaust fan, vent, ventilation, blower, cooler
printer, copier, scanner, fax machine, photocopier, copy machine, copying machine, multifunction device,
    fax
telephone, phone, cell phone, intercom, handset, smartphone, cellphone, mobile
computer tower, pc, computer, tower, server, box, desktop, desktop computer, computer case, system unit,
    workstation
whiteboard, blackboard, board, bulletin board, projector screen, screen, poster, chalkboard, flip chart,
    flipchart, white board
window, curtain, curtains, blinds, blind, shutters, windowsill, skylight, drapes, glass, roller blind,
    shade, window shade, pane, shutter
washer, dryer, laundry, clothes dryer, dishwasher, washing machine, laundry machine
dishwasher, washer, kitchen cabinet, kitchen cabinets, oven
bathtub, shower, tub, shower curtain, jacuzzi, bath, hot tub, basin
radiator, heater, air conditioner, vent, heating, convector, heating unit
cup, mug, glass, bottle, bowl, coffee cup, tumbler, beaker, goblet
kettle, pot, teapot, coffee maker, pitcher, jug, boiler, thermos, coffee machine
mirror, window, picture, painting, glass, medicine cabinet, picture frame, frame
guitar, guitar case, violin, instrument, ukulele, bass, banjo
clock, alarm, thermostat, alarm clock, wall clock, watch, timer
fireplace, stove, heater, mantle, wood stove, chimney, hearth, mantel
toilet, urinal, bidet, commode, toilet seat, lavatory
refrigerator, freezer, mini fridge, cabinet, vending machine, fridge, icebox, cooler, wine cooler
computer mouse, mouse pad, mouse
piano, keyboard, organ, synthesizer, harpsichord
"""
ALIKE = tuple(frozenset(_names(group)) for group in _ALIKE.strip().replace("\n    ", " ").splitlines())


def _by_name(table: str) -> dict[str, frozenset[str]]:
    """The names behind each colon, up to the reason, by each of the names before it."""
    lines = (re.sub(r"  #.*", "", line).split(": ") for line in table.strip().splitlines())
    return {name: frozenset(_names(listed)) for before, listed in lines for name in _names(before)}


_GROUPS = tuple(map(_names, _SAME.strip().splitlines()))
_MEANS = _by_name(_BROADER)
for _group in _GROUPS:
    for _name in _group:
        _MEANS[_name] = _MEANS.get(_name, frozenset()) | (frozenset(_group) - {_name})
_ALONE = _by_name(_BARE)
_NEVER = _by_name(_APART)
_SIGNS_OF = _by_name(_SIGNS)


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


@lru_cache(maxsize=10_000)
def alike_to(name: str) -> frozenset[str]:
    """All names that one may take for this one where it is a question of whether there is any; with its own."""
    return frozenset[str]().union(*(group for group in ALIKE if name in group))


@lru_cache(maxsize=10_000)
def told_by(name: str) -> frozenset[str]:
    """Names of things that are there where one of a name is: the table of a tablecloth, the lamp of a lampshade.

    What the lexicon mentions where it says what such a thing is, what the name is composed of, and what is listed here.
    """
    words = name.split()
    ends = (" ".join(words[start:]) for start in range(len(words)))
    known = next((end for end in ends if things.is_word(end)), "")
    return things.told_by(known).union(_fronts(words[-1]), _SIGNS_OF.get(name, ()))


def _fronts(word: str) -> list[str]:
    """The words that a word may be composed with: "flower" in "flowerpot"."""
    ends = range(SHORTEST, len(word) - SHORTEST + 1)
    return [word[:end] for end in ends if things.is_word(word[:end]) and things.is_front(word[end:])]
