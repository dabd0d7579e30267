"""The stops of a route and the angles through which a walker turns at them."""

from __future__ import annotations

from collections.abc import Set
from itertools import pairwise

import numpy as np

from lightning_ouro.programs.families.forms import Roles
from lightning_ouro.programs.geometry import Floats, direction_degrees, footprints
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


def turns_on_reaching(geometry: SceneGeometry, roles: Roles) -> list[float]:
    """The same turns for who stops where a leg meets a stop's outline; without that at the start."""
    indices = [geometry.indices(name)[0] for name in stops_of(roles)]
    places = geometry.centers[indices, :2]
    outlines = footprints(
        *(boxes[indices] for boxes in (geometry.centers, geometry.sizes, geometry.rotations))
    )
    return [
        float(direction_degrees(met, met + (there - here), places[step + 2]))
        for step, (here, there) in enumerate(pairwise(places[:-1]))
        for met in [_met(here, there, outlines[step + 1])]
    ]


def _met(start: Floats, end: Floats, outline: Floats) -> Floats:
    """Where the way from one point to another one, inside of a convex outline, first meets it; all on the floor."""
    edges = np.roll(outline, -1, axis=0) - outline
    outward = np.stack([edges[:, 1], -edges[:, 0]], axis=1)
    apart, speeds = ((outline - start) * outward).sum(axis=1), outward @ (end - start)
    entering = speeds < 0
    share = np.max(apart[entering] / speeds[entering], initial=0.0)
    return np.asarray(start + min(share, 1.0) * (end - start))


def turn_name(angle: float) -> str:
    """What a turn by some degrees in [0, 360) is called."""
    return "left" if angle < 135 else "back" if angle < 225 else "right"


def turn_slack(angle: float, margins: Margins) -> float:
    """The smallest ratio of a turn's distance from a boundary to what is required there."""
    from_back = min(abs(angle - 135), abs(angle - 225))
    return min(min(angle, 360 - angle) / margins.straight, from_back / margins.back)
