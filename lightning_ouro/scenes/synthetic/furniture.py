"""The furniture of synthetic rooms: size, location and look of each category, under VSI-Bench's names.

Sizes are full extents in metres as in the catalogues of furniture shops and appliance makers (a 60 cm kitchen
grid, 2 m beds, 2.0 m door leaves), rounded by hand. `look_of` knows a look for every name: `LOOKS` lists
those of all names in VSI-Bench's ScanNet and ARKitScenes files, chosen by hand; any other name gets one from
its hash, so that it looks the same in every process.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

Range = tuple[float, float]
Place = Literal["wall", "floor", "hung", "surface"]
Texture = Literal["plain", "stripes", "bars", "checker", "grid", "dots"]
TEXTURES: tuple[Texture, ...] = Texture.__args__  # type: ignore[attr-defined]
RoomKind = Literal["living room", "bedroom", "office", "kitchen", "washroom"]
ROOM_KINDS: tuple[RoomKind, ...] = RoomKind.__args__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Furniture:
    """How large objects of a category are, where they stand and how often they occur.

    Attributes:
        width: Extent along the wall, metres.
        depth: Extent away from the wall, metres.
        height: Metres.
        place: `wall`: on the floor with its back to a wall; `floor`: anywhere on the floor; `hung`: on a wall
            at the height `bottom`; `surface`: on top of an object of one of the categories `supports`.
        rooms: First letters of the `ROOM_KINDS` in which it occurs.
        most: Maximum number in one room.
        bottom: Height of the lower edge if `place` is `hung`, metres; 0 for doors.
        supports: Categories that it may stand on if `place` is `surface`.
    """

    width: Range
    depth: Range
    height: Range
    place: Place
    rooms: str
    most: int = 1
    bottom: Range = (0.0, 0.0)
    supports: tuple[str, ...] = ()


FURNITURE: dict[str, Furniture] = {
    "door": Furniture((0.75, 0.95), (0.04, 0.08), (1.98, 2.10), "hung", "lbokw", 2),
    "window": Furniture((0.80, 1.80), (0.06, 0.12), (0.90, 1.40), "hung", "lbokw", 4, (0.80, 1.00)),
    "table": Furniture((0.80, 1.80), (0.60, 1.00), (0.70, 0.78), "floor", "lok", 3),
    "chair": Furniture((0.42, 0.60), (0.42, 0.60), (0.75, 1.05), "floor", "lbok", 8),
    "stool": Furniture((0.30, 0.45), (0.30, 0.45), (0.45, 0.75), "floor", "lkw", 5),
    "sofa": Furniture((1.40, 2.40), (0.80, 1.00), (0.70, 0.95), "wall", "lo", 3),
    "bed": Furniture((0.90, 1.80), (1.90, 2.10), (0.45, 0.65), "wall", "b", 2),
    "bookshelf": Furniture((0.60, 1.20), (0.28, 0.40), (1.00, 2.00), "wall", "lbo", 4),
    "closet": Furniture((0.80, 1.80), (0.55, 0.65), (1.90, 2.30), "wall", "b"),
    "nightstand": Furniture((0.40, 0.55), (0.35, 0.45), (0.45, 0.60), "wall", "b", 2),
    "counter": Furniture((1.20, 2.40), (0.60, 0.65), (0.86, 0.94), "wall", "kw"),
    "refrigerator": Furniture((0.60, 0.90), (0.60, 0.75), (1.50, 1.85), "wall", "k"),
    "stove": Furniture((0.55, 0.76), (0.60, 0.65), (0.85, 0.95), "wall", "k"),
    "oven": Furniture((0.56, 0.60), (0.55, 0.60), (0.58, 0.62), "wall", "k"),
    "dishwasher": Furniture((0.45, 0.60), (0.57, 0.62), (0.81, 0.88), "wall", "k"),
    "washer": Furniture((0.58, 0.68), (0.55, 0.65), (0.83, 0.90), "wall", "kw"),
    "toilet": Furniture((0.36, 0.42), (0.62, 0.72), (0.72, 0.80), "wall", "w"),
    "bathtub": Furniture((1.50, 1.80), (0.70, 0.80), (0.50, 0.60), "wall", "w"),
    "piano": Furniture((1.40, 1.55), (0.55, 0.65), (1.05, 1.30), "wall", "l"),
    "fireplace": Furniture((1.00, 1.50), (0.30, 0.45), (0.95, 1.20), "wall", "l"),
    "guitar": Furniture((0.36, 0.42), (0.10, 0.14), (0.98, 1.05), "wall", "lb"),
    "lamp": Furniture((0.30, 0.45), (0.30, 0.45), (1.30, 1.70), "wall", "lbo", 4),
    "fan": Furniture((0.38, 0.45), (0.38, 0.45), (0.90, 1.30), "wall", "lbo"),
    "plant": Furniture((0.30, 0.60), (0.30, 0.60), (0.50, 1.50), "wall", "lbo", 5),
    "trash bin": Furniture((0.25, 0.40), (0.25, 0.40), (0.30, 0.65), "wall", "lbokw", 3),
    "computer tower": Furniture((0.18, 0.22), (0.40, 0.50), (0.40, 0.48), "floor", "o", 4),
    "backpack": Furniture((0.30, 0.36), (0.20, 0.28), (0.42, 0.52), "floor", "lbo", 4),
    "radiator": Furniture((0.60, 1.40), (0.08, 0.14), (0.50, 0.65), "hung", "lbokw", 3, (0.08, 0.15)),
    "tv": Furniture((0.90, 1.50), (0.05, 0.10), (0.52, 0.86), "hung", "lb", 1, (0.80, 1.20)),
    "mirror": Furniture((0.40, 0.90), (0.02, 0.05), (0.60, 1.50), "hung", "bw", 3, (0.50, 0.80)),
    "whiteboard": Furniture((1.20, 1.80), (0.02, 0.05), (0.90, 1.20), "hung", "o", 1, (0.80, 1.00)),
    "clock": Furniture((0.28, 0.40), (0.03, 0.06), (0.28, 0.40), "hung", "lko", 1, (1.50, 1.80)),
    "towel": Furniture((0.40, 0.70), (0.04, 0.08), (0.60, 1.20), "hung", "kw", 4, (0.60, 1.00)),
    "pillow": Furniture(
        (0.45, 0.65), (0.35, 0.45), (0.10, 0.18), "surface", "lbo", 6, supports=("bed", "sofa")
    ),
    "monitor": Furniture((0.50, 0.70), (0.18, 0.25), (0.40, 0.52), "surface", "o", 5, supports=("table",)),
    "keyboard": Furniture((0.42, 0.46), (0.13, 0.16), (0.02, 0.04), "surface", "o", 3, supports=("table",)),
    "telephone": Furniture((0.18, 0.22), (0.20, 0.24), (0.08, 0.12), "surface", "o", 1, supports=("table",)),
    "printer": Furniture((0.40, 0.50), (0.35, 0.45), (0.25, 0.40), "surface", "o", 1, supports=("table",)),
    "microwave": Furniture(
        (0.45, 0.55), (0.33, 0.42), (0.26, 0.32), "surface", "k", 1, supports=("counter", "table")
    ),
}


@dataclass(frozen=True)
class Look:
    """How objects of a category are drawn.

    Attributes:
        colour: RGB, 0 to 255, before shading.
        texture: Pattern on every face.
    """

    colour: tuple[int, int, int]
    texture: Texture


LOOKS: dict[str, Look] = {
    "backpack": Look((190, 40, 110), "checker"),
    "bathtub": Look((170, 225, 235), "plain"),
    "bed": Look((70, 110, 200), "plain"),
    "bicycle": Look((20, 160, 60), "bars"),
    "bookshelf": Look((130, 80, 35), "stripes"),
    "bucket": Look((90, 200, 220), "dots"),
    "ceiling light": Look((255, 250, 190), "plain"),
    "chair": Look((215, 60, 45), "plain"),
    "clock": Look((250, 120, 20), "dots"),
    "closet": Look((160, 115, 75), "bars"),
    "computer mouse": Look((90, 90, 110), "dots"),
    "computer tower": Look((60, 60, 75), "stripes"),
    "counter": Look((150, 160, 130), "grid"),
    "cup": Look((245, 90, 150), "plain"),
    "dishwasher": Look((150, 190, 190), "bars"),
    "door": Look((120, 60, 20), "plain"),
    "fan": Look((120, 220, 200), "bars"),
    "fireplace": Look((165, 60, 30), "grid"),
    "guitar": Look((235, 150, 50), "stripes"),
    "headphones": Look((110, 20, 60), "dots"),
    "heater": Look((235, 205, 170), "bars"),
    "kettle": Look((200, 50, 60), "stripes"),
    "keyboard": Look((45, 45, 50), "grid"),
    "lamp": Look((250, 225, 70), "plain"),
    "laptop": Look((100, 110, 140), "plain"),
    "mattress": Look((150, 165, 225), "grid"),
    "microwave": Look((95, 75, 95), "bars"),
    "mirror": Look((190, 215, 250), "bars"),
    "monitor": Look((25, 25, 45), "plain"),
    "nightstand": Look((205, 150, 95), "checker"),
    "oven": Look((85, 85, 85), "checker"),
    "piano": Look((20, 20, 20), "bars"),
    "pillow": Look((245, 190, 210), "plain"),
    "plant": Look((40, 140, 50), "dots"),
    "power strip": Look((225, 225, 120), "dots"),
    "printer": Look((200, 200, 215), "stripes"),
    "radiator": Look((235, 205, 170), "bars"),
    "refrigerator": Look((205, 225, 225), "plain"),
    "shoes": Look((100, 50, 90), "stripes"),
    "sofa": Look((120, 70, 160), "plain"),
    "stool": Look((240, 140, 20), "plain"),
    "stove": Look((70, 75, 70), "dots"),
    "suitcase": Look((30, 90, 120), "bars"),
    "table": Look((200, 145, 60), "plain"),
    "telephone": Look((20, 120, 120), "checker"),
    "toilet": Look((235, 240, 250), "checker"),
    "towel": Look((40, 190, 160), "stripes"),
    "trash bin": Look((90, 110, 30), "bars"),
    "trash can": Look((90, 110, 30), "bars"),
    "tv": Look((15, 30, 90), "grid"),
    "washer": Look((110, 150, 230), "dots"),
    "washing machine": Look((110, 150, 230), "dots"),
    "whiteboard": Look((250, 250, 255), "grid"),
    "window": Look((120, 200, 250), "grid"),
}


def look_of(category: str) -> Look:
    """The look of any category; names that are not in `LOOKS` get one from their SHA-256."""
    if category in LOOKS:
        return LOOKS[category]
    digest = hashlib.sha256(category.encode()).digest()
    red, green, blue = (40 + value * 200 // 255 for value in digest[:3])
    return Look((red, green, blue), TEXTURES[digest[3] % len(TEXTURES)])
