"""Which turns a walker takes on a route from object to object.

VSI-Bench's routes go "forward until" an object, turn, and go on, so every leg has to be straight and free of
obstacles. Turns are left, back or right as the walker sees them: back from 135 to 225 degrees, as in
`object_rel_direction_medium`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family, quote
from lightning_ouro.programs.families.forms import Roles
from lightning_ouro.programs.families.route_forms import FORMS, SHAPES
from lightning_ouro.programs.families.route_turns import random_walk, stops_of, turn_angles, turn_slack
from lightning_ouro.programs.families.uniqueness import all_indices, not_unique
from lightning_ouro.programs.scene_geometry import SceneGeometry

SHORTEST = 0.3  # metres between the boxes at both ends of a leg, as for relative directions
TRIES = 200  # random walks per list of candidates; chosen by hand


@final
class RoutePlanning(Family):
    """Kept only if all objects are unique, every leg is straight and free, and every turn is unambiguous."""

    name = "route_planning"
    forms = FORMS
    main_role = "end"
    most_options = 4

    @override
    def program(self, roles: Roles) -> str:
        stops = ", ".join(quote(name) for name in stops_of(roles))
        facing = [quote(name) for name in roles.get("facing", ())]
        first = f"scene.direction(stops[0], scene.unique({facing[0]}), stops[1])" if facing else ""
        return (
            "from itertools import product\n\n"
            "def turn(angle):\n"
            '    return "Turn Left" if angle < 135 else "Turn Back" if angle < 225 else "Turn Right"\n\n'
            "def answer(scene):\n"
            f"    stops = [scene.unique(name) for name in [{stops}]]\n"
            "    if not all(scene.is_straight(here, there) for here, there in zip(stops, stops[1:])):\n"
            '        raise ValueError("one of the ways is not straight")\n'
            f"    angles = [{first}]\n"
            "    for before, here, after in zip(stops, stops[1:], stops[2:]):\n"
            "        angles.append((scene.direction(here, before, after) + 180) % 360)\n"
            '    turns = ", ".join(turn(angle) for angle in angles)\n'
            '    every = product(["Turn Back", "Turn Left", "Turn Right"], repeat=len(angles))\n'
            '    return choice(turns, among=[", ".join(some) for some in every])\n'
        )

    @override
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        names = {geometry.indices(name)[0]: name for name in geometry.unique_categories()}
        seen: set[str] = set()
        for i in rng.integers(len(SHAPES), size=TRIES).tolist():
            route = random_walk(geometry.walkable, list(names), SHAPES[i].stops, rng)
            if route is None:
                continue
            start, *via, end = (names[index] for index in route)
            roles: dict[str, tuple[str, ...]] = {"start": (start,), "end": (end,)}
            if via:
                roles["via"] = tuple(via)
            if not SHAPES[i].faces_first:
                roles["facing"] = (list(names.values())[int(rng.integers(len(names)))],)
            if str(roles) not in seen and self.check(geometry, roles) is None:
                seen.add(str(roles))
                yield roles

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        stops = stops_of(roles)
        problem = not_unique(geometry, *stops) or not_unique(
            geometry, *roles["start"], *roles.get("facing", ())
        )
        if problem is not None:
            return problem
        indices = [geometry.indices(name)[0] for name in stops]
        for (start, end), leg in zip(pairwise(stops), pairwise(indices), strict=True):
            if geometry.distances[leg] < SHORTEST:
                return f"{start} and {end} are less than {SHORTEST} m apart"
            if leg not in geometry.walkable:
                return f"one cannot walk straight from {start} to {end}"
        for angle in turn_angles(geometry, roles):
            if turn_slack(angle) < 1:
                return f"a turn of {angle:.0f} degrees is too close to a boundary"
        return None

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        return min(map(turn_slack, turn_angles(geometry, roles)))

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return all_indices(geometry, *roles.values())


FAMILY = RoutePlanning()
