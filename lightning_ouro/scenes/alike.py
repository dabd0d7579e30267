"""Names of which one person's choice may be another's, in two strengths, by hand.

Most things have several names, and who annotated a room chose one. Where a couch stands beside what is called the
sofa, "the sofa" is not clear, and the sofas are not counted: `means` is for that. It has true synonyms and names
that are more general than others without ending like them, a cactus being a plant; what everybody keeps apart, a
stool and a chair, is not in it. Whether a room has *none* of a thing asks for more, since one annotator's stool is
another one's chair: `alike_to` is for that alone.
"""

from __future__ import annotations

from functools import lru_cache


def _names(listed: str) -> tuple[str, ...]:
    return tuple(" ".join(name.split()) for name in listed.split(","))


# Each line: names for the same thing.
_SAME = """
sofa, settee, loveseat, divan, davenport, chesterfield
rug, carpet
picture, painting, picture frame, photo, photograph, poster, artwork, drawing
monitor, computer screen
backpack, rucksack, knapsack
suitcase, luggage
cushion, pillow
cup, mug
blanket, comforter, duvet, quilt, throw
nightstand, bedside table, bedside cabinet, night table
side table, end table
trash bin, wastebasket, waste basket, waste paper basket, paper bin, rubbish bin
printer, copier, copy machine, photocopier
closet, wardrobe, armoire
cabinet, cupboard
sideboard, buffet, credenza, hutch
dresser, chest of drawers, bureau
shelf, shelving unit, shelving
bookshelf, shelving unit
lamp, light, light fixture, chandelier, lantern, sconce
stove, cooktop, hob, stovetop, cooker
oven, range, cooker
telephone, phone
computer tower, pc, desktop computer, computer case
blackboard, chalkboard
whiteboard, dry erase board
bulletin board, notice board, pinboard
curtain, drape, drapery
blind, window shade, roller shade, shutter
counter, countertop, worktop
bathtub, tub, bath
toilet, lavatory, wc, commode
sink, basin, washbasin
faucet, tap
ottoman, pouf, footstool
clothes, clothing, laundry
vacuum cleaner, vacuum, hoover
air conditioner, air conditioning, ac, ac unit
remote, remote control
socket, outlet, power outlet
headphones, headset, earphones
speaker, loudspeaker
bike, bicycle
stairs, staircase, stairway
stuffed animal, plush, plushie, teddy bear
cart, trolley
bucket, pail
jug, pitcher
pan, skillet
"""
# Each line: a name, and names of what it is said of as well.
_BROADER = """
plant: cactus, flower, tree, bush, bonsai, succulent, fern, palm, ivy, orchid, bouquet
bag: backpack, suitcase, luggage, rucksack, knapsack, satchel, briefcase, purse
chair: recliner, rocker
bed: cot, crib, futon, bunk, cradle
window: skylight
screen: tv, monitor, laptop
display: tv, monitor
computer: laptop, computer tower, pc
board: whiteboard, blackboard
box: carton, crate
bin: trash can, trash bin
basket: hamper
pot: planter
table: workbench, kitchen island
shelf: ledge
light: bulb
door: gate
cabinet: locker, vanity, sideboard
clock: watch
bottle: flask
toy: doll, teddy bear, stuffed animal
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
    """The names behind each colon, by the name before it."""
    lines = (line.split(": ") for line in table.strip().splitlines())
    return {name: frozenset(_names(listed)) for name, listed in lines}


_GROUPS = tuple(map(_names, _SAME.strip().splitlines()))
_MEANS = _by_name(_BROADER)
for _group in _GROUPS:
    for _name in _group:
        _MEANS[_name] = _MEANS.get(_name, frozenset()) | (frozenset(_group) - {_name})
_ALONE = _by_name(_BARE)


def means(name: str) -> frozenset[str]:
    """Other names of things, and of what are kinds of these, that a name in lower case is said of as well."""
    return _MEANS.get(name, frozenset())


def means_alone(name: str) -> frozenset[str]:
    """General names that may stand for what a name is said of, as their kinds don't: "bin", not "storage bin"."""
    return _ALONE.get(name, frozenset())


@lru_cache(maxsize=10_000)
def alike_to(name: str) -> frozenset[str]:
    """All names that one may take for this one where it is a question of whether there is any; with its own."""
    return frozenset[str]().union(*(group for group in ALIKE if name in group))
