"""Whether an object is to the left or to the right of the line in which someone looks."""

from __future__ import annotations

from lightning_ouro.programs.families.rel_direction import RelDirection
from lightning_ouro.programs.families.sectors import Sectors

FAMILY = RelDirection(
    name="object_rel_direction_easy",
    sectors=Sectors(ends=(180, 360), names=("left", "right")),
    source='    side = "left" if angle < 180 else "right"\n    return choice(side, among=["left", "right"])\n',
    forms=(
        "If I am standing by the {standing[0]} and facing the {facing[0]}, is the {target[0]} to the left or the right "
        "of the {facing[0]}?",
        "Standing by the {standing[0]} and looking at the {facing[0]}, do I have the {target[0]} on my left or on my "
        "right?",
        "I stand next to the {standing[0]} and face the {facing[0]}. Is the {target[0]} on the left or on the right?",
    ),
    away=(
        "If I am standing by the {standing[0]} and facing in the opposite direction of the {away[0]}, is the "
        "{target[0]} to my left or to my right?",
        "Standing by the {standing[0]} with my back turned to the {away[0]}, do I have the {target[0]} on my left or "
        "on my right?",
        "I stand next to the {standing[0]} and the {away[0]} is straight behind me. Is the {target[0]} on the left or "
        "on the right?",
    ),
)
