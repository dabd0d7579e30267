"""How clear an answer has to be: the limits of the families' rules, in two named sets.

`vsi_bench` has the limits of VSI-Bench's public re-creation (VLM-3R's generator), and our own where that has
none. `strict` has those of ReVSI (arXiv 2604.24300, as listed in its paper): distances from 1 m, gaps of 0.3
m, 35 degrees from every boundary, 1.5 m between the objects of a direction and none above 1.4 m, two categories
counted together, no sizes of things that are as large everywhere. It counts from 0, ReVSI from 1: models trained
on VSI-style questions never say 0. Where ReVSI has no such family, its limit for the same quantity is taken, or
none is tightened; each field says which.

A run picks a set for all families, or one for each. Its default, `mixed`, is the strictest that leaves every
family at least a third of its due in small and large rooms (benchmarks/README.md, "What do strict margins
leave?"): `strict` where that does, `vsi_bench` for the others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lightning_ouro.errors import InputError

MarginsName = Literal["vsi_bench", "strict"]
MarginsOption = Literal["mixed", "vsi_bench", "strict"] | dict[str, MarginsName]

# What ReVSI's generator (3dlg-hcvc/revsi @9299454, qa_generation/obj_size_qa.py) leaves out, in singular.
_REVSI_LEAVES_OUT = """
window, door, blinds, shoe, slipper, clothes, towel, jacket, curtain, pot, mirror, scissors, sink, comforter, backpack,
dog, bed, bed frame, mattress, toilet, bidet, laptop, smoke detector, remote, remote control, remote controller,
football, toilet paper, toilet paper roll, paper towel, paper towel roll, mouse, intercom, toothpaste, iron, range hood,
toilet brush, washer, washing machine, dryer, monitor, fireplace, cup, mug, dryer sheets box, ceiling light, downlight,
wall light, shower seat, power strip, keyboard, computer tower, microwave, dishwasher, apron, potted plant, wall clock,
tissue box, telephone, yoga mat, yoga mat roll, range oven, water filter pitcher, headphones, exhaust fan, smartphone,
projector, thermostat
"""
# More of the kind, chosen by hand; the first of them ReVSI asks about rarely.
_AS_LARGE_EVERYWHERE = """
basketball, bathtub, bicycle, blender, book, bottle, bowl, can, cd player, chair, coat hanger, coffee maker,
cutting board, dish rack, doorknob, dvd player, faucet, fire alarm, fire extinguisher, folder, fork, frying pan, glass,
guitar, hand dryer, hat, helmet, ironing board, kettle, knife, light switch, magazine, mouse pad, newspaper, notebook,
oven, paper towel dispenser, pen, pencil, phone, piano, pillow, plate, plunger, power outlet, refrigerator, rice cooker,
router, scale, shower head, soap, soap dispenser, soccer ball, spoon, stapler, stove, suitcase, tablet, teapot, toaster,
toilet seat, toothbrush, trash bin, trash can, umbrella, urinal, vacuum cleaner, violin, water cooler, wheelchair
"""
# What lies or hangs as it was left, and moves. Chosen by hand; the lexicon knows their kinds, a scarf being a garment.
_WITHOUT_CLEAR_ENDS = """
garment, clothing, bedclothes, table linen, tablecloth, cloth, hosiery, apron, scarf, line, rope, cord, cable, wire,
string, string lights, fairy lights, lights, thread, yarn, chain, ribbon, streamer, tinsel, garland, wreath, bunting,
hose, leash, lead, strap, belt, net, hammock, tape, bag, beanbag, person, animal
"""


@dataclass(frozen=True)
class Margins:
    """The limits of one set; the defaults are those of `vsi_bench`.

    Attributes:
        least_count: Smallest number of objects that is asked for. ReVSI asks for 1 as well, and shows that 0 is what
            models never say.
        together: Whether two categories may be counted together. It is not derived from `least_count`: that says
            how many there have to be, this which questions there are.
        no_sizes: Categories whose size is not asked for, nor that of their kinds: they are about as large in
            every room, so that habit knows it, or have no clear ends (curtains, clothes).
        apart: Metres between two boxes whose distance is asked for.
        nearest: Metres between the target and the nearest option.
        gap: Metres by which two distances that are compared have to differ.
        gap_in_halls: The same between options, where the floor exceeds `hall`.
        hall: Square metres.
        beside: Metres on the floor between the outlines of what one stands by and what one faces or looks for.
        heading: Metres on the floor between their centres: the noise in the metadata, 3 cm for each coordinate
            of both, turns a heading of 0.5 m by up to 9.7 degrees (two standard deviations), just below
            `boundary`.
        farthest: Metres between the boxes of the objects of a direction, at most.
        longest_side: Metres of each of their boxes, at most.
        boundary: Degrees between a direction and the nearest boundary of its sector.
        straight: Degrees by which a turn of a route differs from going straight on. Chosen by hand.
        back: Degrees between a turn of a route and 135 or 225. ReVSI's routes were written by people; 35 would
            leave 20 degrees to turning back, so `strict` has twice 10.
        first_seen: Seconds between the first appearances of two categories. ReVSI has none.
        least_metres: From the camera, or between two of its positions; ReVSI's limit for distances in `strict`.
        most_metres: The same, at most.
    """

    least_count: int = 2
    together: bool = False
    no_sizes: frozenset[str] = frozenset()
    apart: float = 0.2
    nearest: float = 0.15
    gap: float = 0.15
    gap_in_halls: float = 0.3
    hall: float = 40.0
    beside: float = 0.3
    heading: float = 0.5
    farthest: float = 5.0
    longest_side: float = math.inf
    boundary: float = 10.0
    straight: float = 30.0
    back: float = 10.0
    first_seen: float = 1.0
    least_metres: float = 0.2
    most_metres: float = 10.0


VSI_BENCH = Margins()
STRICT = Margins(
    least_count=0,
    together=True,
    no_sizes=frozenset(
        " ".join(name.split())
        for listed in (_REVSI_LEAVES_OUT, _AS_LARGE_EVERYWHERE, _WITHOUT_CLEAR_ENDS)
        for name in listed.split(",")
    ),
    apart=1.0,
    nearest=1.0,
    gap=0.3,
    beside=1.5,
    heading=1.5,
    longest_side=1.4,
    boundary=35.0,
    straight=35.0,
    back=20.0,
    first_seen=2.0,
    least_metres=1.0,
)
MARGINS: Mapping[MarginsName, Margins] = {"vsi_bench": VSI_BENCH, "strict": STRICT}
# Families to which `strict` leaves a third of their due; measured by benchmarks/margins.py.
STRICT_IF_MIXED = frozenset(
    (
        "object_counting",
        "object_size_estimation",
        "room_size_estimation",
        "object_abs_distance",
        "camera_motion",
        "camera_obj_distance",
        "depth_order",
        "camera_displacement",
    )
)


@dataclass(frozen=True)
class FamilyMargins:
    """Which margins each family keeps.

    Attributes:
        default: Those of the families that are not named below.
        by_family: Those of the others.
    """

    default: Margins = VSI_BENCH
    by_family: Mapping[str, Margins] = field(default_factory=dict)

    @classmethod
    def named(cls, option: MarginsOption, families: Mapping[str, object]) -> FamilyMargins:
        """The margins of an option: a set's name, or a set's name for some of the families.

        Args:
            option: The families that a dictionary leaves out are mixed.
            families: All families by name.

        Raises:
            InputError: there is no such set or family.
        """
        names = (*MARGINS, "mixed")
        if not isinstance(option, dict) and option not in names:
            raise InputError(f"loop.margins: {option!r} is none of {', '.join(names)}")
        if not isinstance(option, dict) and option != "mixed":
            return cls(MARGINS[option])
        chosen = option if isinstance(option, dict) else {}
        for family, name in chosen.items():
            if name not in MARGINS:
                raise InputError(f"loop.margins.{family}: {name!r} is none of {', '.join(MARGINS)}")
            if family not in families:
                raise InputError(
                    f"loop.margins: there is no family {family!r}; there are {', '.join(families)}"
                )
        mixed = dict.fromkeys(STRICT_IF_MIXED, STRICT)
        return cls(VSI_BENCH, mixed | {family: MARGINS[name] for family, name in chosen.items()})

    def of(self, family: str) -> Margins:
        """The margins that a family keeps."""
        return self.by_family.get(family, self.default)


FOR_ALL = FamilyMargins()
"""`vsi_bench` for every family."""
