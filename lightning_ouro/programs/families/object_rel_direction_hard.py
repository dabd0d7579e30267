"""In which of the four quadrants around someone an object lies."""

from __future__ import annotations

from lightning_ouro.programs.families.rel_direction import RelDirection
from lightning_ouro.programs.families.sectors import Sectors

FAMILY = RelDirection(
    name="object_rel_direction_hard",
    sectors=Sectors(ends=(90, 180, 270, 360), names=("front-left", "back-left", "back-right", "front-right")),
    source=(
        '    sides = ["front-left", "back-left", "back-right", "front-right"]\n'
        "    return choice(sides[int(angle // 90)], among=sides)\n"
    ),
    forms=(
        "If I am standing by the {standing[0]} and facing the {facing[0]}, is the {target[0]} to my front-left, "
        "front-right, back-left, or back-right?\nThe directions refer to the quadrants of a Cartesian plane (if I am "
        "standing at the origin and facing along the positive y-axis).",
        "Standing by the {standing[0]} and looking at the {facing[0]}, in which quadrant around me is the {target[0]}: "
        "front-left, front-right, back-left, or back-right?",
        "I stand next to the {standing[0]} and face the {facing[0]}. Is the {target[0]} at my front-left, front-right, "
        "back-left, or back-right?",
    ),
    away=(
        "If I am standing by the {standing[0]} and facing in the opposite direction of the {away[0]}, is the "
        "{target[0]} to my front-left, front-right, back-left, or back-right?",
        "Standing by the {standing[0]} with my back turned to the {away[0]}, in which quadrant around me is the "
        "{target[0]}: front-left, front-right, back-left, or back-right?",
        "I stand next to the {standing[0]} and the {away[0]} is straight behind me. Is the {target[0]} at my "
        "front-left, front-right, back-left, or back-right?",
    ),
)
