"""The stops of a route and the angles through which a walker turns at them."""

from __future__ import annotations

from collections.abc import Set
from itertools import pairwise

import numpy as np

from lightning_ouro.programs.families.forms import Roles
from lightning_ouro.programs.geometry import direction_degrees
from lightning_ouro.programs.margins import Margins
from lightning_ouro.programs.scene_geometry import SceneGeometry


def stops_of(roles: Roles) -> tuple[str, ...]:
    """The categories that a route passes, from start to end."""
    return (*roles["start"], *roles.get("via", ()), *roles["end"])


def headings_of(geometry: SceneGeometry, roles: Roles) -> list[tuple[int, int]]:
    """The pairs of objects between which a walker looks or goes: first at what is faced, then leg by leg."""
    legs = list(pairwise(stops_of(roles)))
    faced = [(roles["start"][0], name) for name in roles.get("facing", ())]
    return [(geometry.indices(here)[0], geometry.indices(there)[0]) for here, there in faced + legs]


def random_walk(
    walkable: Set[tuple[int, int]], indices: list[int], stops: int, rng: np.random.Generator
) -> list[int] | None:
    """A random walk over `stops` + 1 different objects, or None if it gets stuck."""
    route: list[int] = []
    while len(route) <= stops:
        reachable = [
            index for index in indices if index not in route and (not route or (route[-1], index) in walkable)
        ]
        if not reachable:
            return None
        route.append(reachable[int(rng.integers(len(reachable)))])
    return route


def turn_angles(geometry: SceneGeometry, roles: Roles) -> list[float]:
    """Degrees counter-clockwise of the turns that are asked for, in [0, 360)."""
    stops = geometry.centers[[geometry.indices(name)[0] for name in stops_of(roles)]]
    previous = np.concatenate([stops[:1], stops[:-2]])
    ahead = 2 * stops[:-1] - previous  # a point straight ahead of someone who has just arrived
    if "facing" in roles:
        ahead[0] = geometry.centers[geometry.indices(roles["facing"][0])[0]]
    angles = direction_degrees(stops[:-1], ahead, stops[1:])
    return [float(angle) for angle in angles[0 if "facing" in roles else 1 :]]


def turn_slack(angle: float, margins: Margins) -> float:
    """The smallest ratio of a turn's distance from a boundary to what is required there."""
    from_back = min(abs(angle - 135), abs(angle - 225))
    return min(min(angle, 360 - angle) / margins.straight, from_back / margins.back)
