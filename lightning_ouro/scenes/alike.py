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
sofa, settee, loveseat
rug, carpet
picture, painting, picture frame, photo, photograph, poster, artwork, drawing
monitor, computer screen, screen, display
tv, screen
bag, purse, tote
backpack, rucksack, knapsack
suitcase, luggage
cushion, pillow
cup, mug
blanket, comforter, duvet, quilt, throw
nightstand, bedside table, bedside cabinet, night table
side table, end table
trash bin, trash, bin, wastebasket, waste basket, waste paper basket, rubbish bin
printer, copier, copy machine, photocopier
closet, wardrobe, armoire
cabinet, cupboard
dresser, chest of drawers, bureau
shelf, shelving unit, shelving
bookshelf, shelving unit
lamp, light, light fixture, chandelier, lantern, sconce
stove, cooktop, hob, range, stovetop, cooker
oven, range, cooker
telephone, phone, cell phone
computer tower, pc, computer, desktop, computer case
laptop, notebook, computer
whiteboard, white board, dry erase board
blackboard, chalkboard
curtain, drape, drapery
blind, shade, shutter
counter, countertop, worktop
bathtub, tub, bath
sink, basin, washbasin
faucet, tap
ottoman, pouf, footstool
clothes, clothing, laundry
"""
# Each line: a name, and names of what it is said of as well.
_BROADER = """
plant: cactus, flower, tree, bush, bonsai, succulent, fern, palm, ivy, orchid, bouquet
bag: backpack, suitcase, luggage, rucksack, satchel, briefcase
chair: recliner, rocker, rocking chair
bed: cot, crib, futon, bunk, cradle, sleeper
window: skylight
screen: tv, monitor, laptop
board: whiteboard, blackboard
box: carton, crate
bin: trash can, trash bin
basket: hamper, wastebasket
pot: planter
table: workbench, kitchen island
shelf: rack, ledge
light: bulb
computer: laptop, computer tower
door: gate
cabinet: locker, vanity, sideboard
clock: watch
bottle: flask
toy: doll, teddy bear
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


def _meanings() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    groups = map(_names, _SAME.strip().splitlines())
    said = [(name, group) for group in groups for name in group]
    broader = (line.split(": ") for line in _BROADER.strip().splitlines())
    said += [(name, _names(listed)) for name, listed in broader]
    for name, meant in said:
        found[name] = found.get(name, frozenset()) | (frozenset(meant) - {name})
    return found


_MEANS = _meanings()


def means(name: str) -> frozenset[str]:
    """Other names of things that a name in lower case is said of as well."""
    return _MEANS.get(name, frozenset())


@lru_cache(maxsize=10_000)
def alike_to(name: str) -> frozenset[str]:
    """All names that one may take for this one where it is a question of whether there is any; with its own."""
    return frozenset[str]().union(*(group for group in ALIKE if name in group))
