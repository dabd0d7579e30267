"""Names of which one may be taken for the other, or tell of it, where it is a question of whether there is any.

`synonyms` has names that are said of the same things. Whether a room has *none* of a thing asks for more, since one
annotator's stool is another one's chair, and where there is a lampshade there is a lamp.
"""

from __future__ import annotations

from functools import lru_cache

from lightning_ouro.scenes.lexicon import things
from lightning_ouro.scenes.synonyms import by_name, names_in

SHORTEST = 3  # letters: a shorter name ends too many words that mean something else; chosen by hand
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
ALIKE = tuple(frozenset(names_in(group)) for group in _ALIKE.strip().replace("\n    ", " ").splitlines())
_SIGNS_OF = by_name(_SIGNS)


@lru_cache(maxsize=10_000)
def alike_to(name: str) -> frozenset[str]:
    """All names that one may take for this one where it is a question of whether there is any; with its own."""
    return frozenset[str]().union(*(group for group in ALIKE if name in group))


@lru_cache(maxsize=10_000)
def told_by(name: str) -> frozenset[str]:
    """Names of things that are there where one of a name is: the table of a tablecloth, the lamp of a lampshade.

    What the lexicon mentions where it says what such a thing is, what the name is composed of, and `_SIGNS`.
    """
    words = name.split() or [""]
    ends = [" ".join(words[start:]) for start in range(len(words))]
    known = next((end for end in ends if things.is_word(end)), "")
    return things.told_by(known).union(_fronts(words[-1]), *(_SIGNS_OF.get(end, ()) for end in ends))


def _fronts(word: str) -> list[str]:
    """The words that a word may be composed with: "flower" in "flowerpot"."""
    ends = range(SHORTEST, len(word) - SHORTEST + 1)
    return [word[:end] for end in ends if things.is_word(word[:end]) and things.is_front(word[end:])]
