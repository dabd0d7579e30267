"""Where one can stand, and in which direction one then looks: what directions and routes have in common.

Both are angles on the floor, between the centres of objects. So what counts is how far two objects are from
each other on the floor: the distance in space of a lamp on the ceiling and the table below says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from lightning_ouro.programs.families.room import is_below
from lightning_ouro.programs.margins import Margins
from lightning_ouro.programs.scene_geometry import SceneGeometry
from lightning_ouro.programs.walking import HIGHEST

Pair = tuple[int, int]


def out_of_reach(geometry: SceneGeometry, *categories: str) -> str | None:
    """Which unique category one cannot stand by: it begins above a walker's head, or lies a storey below; else None.

    It is not known where the height of the floor is not.
    """
    if geometry.ground is None:
        return "how high the floor is can't be told from the boxes and cameras"
    for category in categories:
        (index,) = geometry.indices(category)
        if is_below(geometry, index):
            return f"one cannot stand by the {category}, which lies below the floor"
        height = float(geometry.bottoms[index]) - geometry.ground
        if height >= HIGHEST:
            return f"one cannot stand by the {category}, {height:.1f} m above the floor"
    return None


def no_heading(geometry: SceneGeometry, margins: Margins, pairs: Iterable[Pair]) -> str | None:
    """Between which two objects there is hardly a direction on the floor, or None."""
    for pair in pairs:
        names = " and ".join(geometry.scene.objects[index].category for index in pair)
        gap, apart = geometry.floor_gaps[pair], geometry.floor_distances[pair]
        if gap < margins.beside:
            return f"{names} are {gap:.2f} m apart on the floor; at least {margins.beside} m needed"
        if apart < margins.heading:
            return f"the middles of {names} are {apart:.2f} m apart on the floor; {margins.heading} m needed"
    return None


def heading_slack(geometry: SceneGeometry, margins: Margins, pairs: Iterable[Pair]) -> float:
    """The smallest ratio of these distances on the floor to what is needed; infinite without pairs."""
    ratios = (
        min(geometry.floor_gaps[pair] / margins.beside, geometry.floor_distances[pair] / margins.heading)
        for pair in pairs
    )
    return float(min(ratios, default=math.inf))
