"""Whether someone has to turn left, right, or back (by at least 135 degrees) to face an object."""

from __future__ import annotations

from lightning_ouro.programs.families.rel_direction import RelDirection
from lightning_ouro.programs.families.sectors import Sectors

FAMILY = RelDirection(
    name="object_rel_direction_medium",
    sectors=Sectors(ends=(135, 225, 360), names=("left", "back", "right")),
    source=(
        '    side = "left" if angle < 135 else "back" if angle < 225 else "right"\n'
        '    return choice(side, among=["left", "right", "back"])\n'
    ),
    forms=(
        "If I am standing by the {standing[0]} and facing the {facing[0]}, is the {target[0]} to my left, right, or "
        "back?\nAn object is to my back if I would have to turn at least 135 degrees in order to face it.",
        "Standing by the {standing[0]} and looking at the {facing[0]}, do I have to turn left, right, or back (by at "
        "least 135 degrees) to face the {target[0]}?",
        "I stand next to the {standing[0]} and face the {facing[0]}. Is the {target[0]} to my left, to my right, or at "
        "least 135 degrees behind me (back)?",
    ),
    away=(
        "If I am standing by the {standing[0]} and facing in the opposite direction of the {away[0]}, is the "
        "{target[0]} to my left, right, or back?\nAn object is to my back if I would have to turn at least 135 "
        "degrees in order to face it.",
        "Standing by the {standing[0]} with my back turned to the {away[0]}, do I have to turn left, right, or back "
        "(by at least 135 degrees) to face the {target[0]}?",
        "I stand next to the {standing[0]} and the {away[0]} is straight behind me. Is the {target[0]} to my left, to "
        "my right, or at least 135 degrees behind me (back)?",
    ),
)
