"""What people call things: each label with all names that somebody might use for such an object, by hand.

Nothing here knows how names are composed. A name is clear if no other object's label lists it.
"""

_CALLED = """
sofa: couch, settee
couch: sofa, settee
settee: sofa, couch
sofa bed: sofa, couch, settee, bed
bed:
bunk bed: bed
nightstand: bedside table, stand
bedside table: nightstand, table, table/desk
table: desk, table/desk
desk: table, table/desk
coffee table: table, table/desk
computer desk: desk, table, table/desk
table/desk: table, desk
table and chairs: table, chair, chair 2, table/desk
chair: chair 2
chair 2: chair
stack of chairs: chair, chair 2
desk chair: chair, chair 2
stool:
bench:
piano:
piano bench: bench
pew: bench
torch: flashlight, light, lamp
flashlight: torch, light, lamp
pram: stroller
stroller: pram
pillar: column
column: pillar
statue: sculpture
sculpture: statue
rose: plant
deckchair: chair, chair 2
tv: television, screen
television: tv, screen
tv screen: tv, television, screen
tv stand: stand
screen: tv, television, monitor, computer screen
monitor: screen, computer screen
computer screen: screen, monitor
keyboard:
laptop: computer, screen
laptop computer: laptop, computer, screen
computer: laptop
lamp: light
light: lamp
table lamp: lamp, light
desk light: lamp, light
ceiling light: lamp, light
skylight: window, window left
window: window left
window sill:
window left: window
door:
door handle:
closet door: door
closet: wardrobe
wardrobe: closet
vegetable:
clamp:
phone: telephone
telephone: phone
headphones:
plant:
cactus: plant, cacti
cacti: plant, cactus
plant pot: pot
pot:
trash bin: trash can, wastebasket, bin
trash can: trash bin, wastebasket, bin
wastebasket: trash bin, trash can, basket
bin: trash bin, trash can, wastebasket
laundry basket: basket
basket:
bag:
backpack: bag
rug: carpet
carpet: rug
picture: painting
painting: picture
cushion: pillow
pillow: cushion
cup: mug
mug: cup
washer:
dryer:
washer dryer: washer, dryer
dishwasher:
refrigerator: fridge
fridge: refrigerator
fridge freezer: fridge, refrigerator, freezer
freezer:
bookshelf: shelf, bookcase
bookcase: shelf, bookshelf
shelf:
box:
box of books: box, book
book:
towel:
towel rack: rack
rack:
scarf: scarves
scarves: scarf
"""
CALLED = {
    label.strip(): {name.strip() for name in names.split(",")} - {""}
    for label, names in (line.split(":") for line in _CALLED.strip().splitlines())
}


def not_clear(name, labels):
    """The labels, other than the name itself, of which the name might be said."""
    return {label for label in labels if label != name and name in CALLED.get(label, ())}


# Of what one person calls by the first name, another one may say the second: there may be none, or some.
TAKEN = {
    frozenset(pair.strip().split(", "))
    for pair in """
    chair, stool; stool, ottoman; sofa, bench; bed, mattress; tv, monitor; stove, oven; oven, microwave
    closet, wardrobe; closet, cabinet; nightstand, cabinet; counter, cabinet; table, counter; bookshelf, shelf
    backpack, suitcase; trash bin, bucket; pillow, blanket; printer, scanner; window, curtain; bathtub, shower
    plant, vase; cup, glass; kettle, teapot; mirror, picture; radiator, heater; clock, thermostat
    """.strip()
    .replace("\n", ";")
    .split(";")
}
