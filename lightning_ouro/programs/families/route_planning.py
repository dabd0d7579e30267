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
from lightning_ouro.programs.families.framing import centre_not_framed
from lightning_ouro.programs.families.headings import heading_slack, no_heading, out_of_reach
from lightning_ouro.programs.families.route_forms import FORMS, SHAPES
from lightning_ouro.programs.families.route_turns import (
    headings_of,
    random_walk,
    stops_of,
    turn_angles,
    turn_name,
    turn_slack,
    turns_on_reaching,
)
from lightning_ouro.programs.families.uniqueness import all_indices, not_unique
from lightning_ouro.programs.first_seen import PLACED
from lightning_ouro.programs.scene_geometry import SceneGeometry

TRIES = 200  # random walks per list of candidates; chosen by hand


@final
class RoutePlanning(Family):
    """The turns between the legs of a walk, angles on the floor between centroids.

    What the rules guard:

    - one object that each name fits: guards which way is walked;
    - one can stand by every stop, none begins above 1.8 m over a floor on which several boxes stand: guards that there
      is such a place;
    - outlines on the floor 0.3 m and centres 0.5 m apart, at both ends of a leg and from the start to what is
      faced (`strict`: 1.5 m): guards that legs and first look are directions, which noise does not turn;
    - every leg straight and free for a walker, with at most 0.5 m over or under what a stop stands on or under, and
      no object counted that has no box: guards that "go forward" leads there;
    - every turn 30 degrees from straight on and 10 from 135 and 225 (`strict`: 35 and 20), and called the same where
      the leg meets the stop's outline, at the near end of a long counter: guards what it is called;
    - each seen with 0.5 % of a frame (`PLACED`), its centre framed: guards that the legs' ends can be seen.
    """

    name = "route_planning"
    forms = FORMS
    main_role = "end"
    most_options = 4
    share = PLACED

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
        stops, faced = stops_of(roles), roles.get("facing", ())
        problem = not_unique(geometry, *stops) or not_unique(geometry, *roles["start"], *faced)
        if problem is not None:
            return problem
        margins = self.margins(geometry)
        return (
            unknown_obstacles(geometry)
            or out_of_reach(geometry, *stops)
            or no_heading(geometry, margins, headings_of(geometry, roles))
            or _blocked(geometry, stops)
            or self._ambiguous(geometry, roles)
            or centre_not_framed(geometry, *stops, *faced)
        )

    def _ambiguous(self, geometry: SceneGeometry, roles: Roles) -> str | None:
        """Which turn could be called otherwise, or None."""
        for angle in turn_angles(geometry, roles):
            if turn_slack(angle, self.margins(geometry)) < 1:
                return f"a turn of {angle:.0f} degrees is too close to a boundary"
        angles = turn_angles(geometry, roles)
        for angle, reaching in zip(angles[::-1], turns_on_reaching(geometry, roles)[::-1], strict=False):
            if turn_name(angle) != turn_name(reaching):
                return f"a turn of {angle:.0f} degrees is one of {reaching:.0f} where one reaches the stop"
        return None

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        margins = self.margins(geometry)
        turns = min(turn_slack(angle, margins) for angle in turn_angles(geometry, roles))
        return min(turns, heading_slack(geometry, margins, headings_of(geometry, roles)))

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return all_indices(geometry, *roles.values())


def unknown_obstacles(geometry: SceneGeometry) -> str | None:
    """That objects are counted which have no box and may stand in the way, or None."""
    for category, number in geometry.scene.counts.items():
        boxes = len(geometry.indices(category))
        if number > boxes:
            return f"{number} {category} are counted but {boxes} have a box: others may stand in the way"
    return None


def _blocked(geometry: SceneGeometry, stops: tuple[str, ...]) -> str | None:
    """Between which two stops one cannot walk straight, or None."""
    for start, end in pairwise(stops):
        if (geometry.indices(start)[0], geometry.indices(end)[0]) not in geometry.walkable:
            return f"one cannot walk straight from {start} to {end}"
    return None


FAMILY = RoutePlanning()
