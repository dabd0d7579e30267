"""Which turns a walker takes who goes from object to object, each way being the shortest over the free floor.

VSI-Bench's routes go "forward until" an object, turn, and go on; so each way has to be straight and free of obstacles.
A turn is left, back or right as seen by the walker: back from 135 to 225 degrees, as in `object_rel_direction_medium`.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from itertools import pairwise
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family, not_unique, only, quote
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.geometry import direction_degrees
from lightning_ouro.programs.scene_geometry import SceneGeometry

SHORTEST = 0.3  # metres between the boxes at both ends of a way
SLACK = 10.0  # degrees from 135 and 225
STRAIGHT = 30.0  # degrees: below, a walker would call it going on, so 10 as for the others is too few
MOST_TURNS = 3
TRIES = 200  # at a route, per list of candidates


def _form(stops: int, faces_first: bool, style: int) -> Form:
    """A route to so many stops after the start; facing the first, its first turn is not asked for."""
    names = ["{start[0]}", *(f"{{via[{i}]}}" for i in range(stops - 1)), "{end[0]}"]
    faced = names[1] if faces_first else "{facing[0]}"
    blank = ("[please fill in]", "[turn]", "[which way?]")[style]
    steps = [step for name in names[1:] for step in (blank, f"Go forward until the {name}")][
        1 if faces_first else 0 :
    ]
    listed = " ".join(f"{number}. {step}" for number, step in enumerate(steps, 1))
    return Form(
        (
            f"You are a robot beginning at the {names[0]} and facing the {faced}. You want to navigate to the "
            f"{names[-1]}. You will perform the following actions (Note: for each {blank}, choose either 'turn back,' "
            f"'turn left,' or 'turn right.'): {listed}. You have reached the final destination.",
            f"I stand at the {names[0]}, face the {faced} and want to walk to the {names[-1]}. Which turns complete my "
            f"route? {listed}.",
            f"A robot at the {names[0]} looks at the {faced} and has to reach the {names[-1]}. Fill in its turns: "
            f"{listed}.",
        )[style]
    )


_SHAPES = [(turns + faces, faces) for turns in range(1, MOST_TURNS + 1) for faces in (False, True)]


@final
class RoutePlanning(Family):
    """Kept only if all objects are unique, each way is straight and free, and each turn is far from its boundaries."""

    name = "route_planning"
    forms = tuple(_form(stops, faces, style) for style in range(3) for stops, faces in _SHAPES)
    main_role = "end"
    most_options = 4

    @override
    def program(self, roles: Roles) -> str:
        stops = ", ".join(quote(name) for name in _stops(roles))
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
        given: set[str] = set()
        for i in rng.integers(len(_SHAPES), size=TRIES).tolist():
            stops, faces = _SHAPES[i]
            route = _draw(geometry.walkable, list(names), stops, rng)
            if route is None:
                continue
            chosen = [names[place] for place in route]
            roles = {"start": (chosen[0],), "end": (chosen[-1],)} | (
                {"via": tuple(chosen[1:-1])} if stops > 1 else {}
            )
            if not faces:
                roles["facing"] = (list(names.values())[int(rng.integers(len(names)))],)
            if str(roles) not in given and self.check(geometry, roles) is None:
                given.add(str(roles))
                yield roles

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        stops = _stops(roles)
        problem = not_unique(geometry, *stops) or not_unique(
            geometry, *roles["start"], *roles.get("facing", ())
        )
        if problem is not None:
            return problem
        places = [geometry.indices(name)[0] for name in stops]
        for (one, other), way in zip(pairwise(stops), pairwise(places), strict=True):
            if geometry.distances[way] < SHORTEST:
                return f"{one} and {other} are less than {SHORTEST} m apart"
            if way not in geometry.walkable:
                return f"one cannot walk straight from {one} to {other}"
        for angle in _turns(geometry, roles):
            if _clearness(angle) < 1:
                return f"a turn of {angle:.0f} degrees is too close to a boundary"
        return None

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        return min(map(_clearness, _turns(geometry, roles)))

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return only(geometry, *roles.values())


def _stops(roles: Roles) -> tuple[str, ...]:
    return (*roles["start"], *roles.get("via", ()), *roles["end"])


def _draw(
    walkable: Set[tuple[int, int]], places: list[int], stops: int, rng: np.random.Generator
) -> list[int] | None:
    """A random walk over different objects, or None where it gets stuck."""
    route: list[int] = []
    while len(route) <= stops:
        left = [
            place for place in places if place not in route and (not route or (route[-1], place) in walkable)
        ]
        if not left:
            return None
        route.append(left[int(rng.integers(len(left)))])
    return route


def _turns(geometry: SceneGeometry, roles: Roles) -> list[float]:
    """Degrees counter-clockwise of the turns that are asked for."""
    stops = geometry.centers[[geometry.indices(name)[0] for name in _stops(roles)]]
    ahead = 2 * stops[:-1] - np.concatenate(
        [stops[:1], stops[:-2]]
    )  # what one looks at who has just come there
    if "facing" in roles:
        ahead[0] = geometry.centers[geometry.indices(roles["facing"][0])[0]]
    angles = direction_degrees(stops[:-1], ahead, stops[1:])
    return [float(angle) for angle in angles[0 if "facing" in roles else 1 :]]


def _clearness(angle: float) -> float:
    """How many times over a turn is as far from its boundaries as it has to be."""
    return min(min(angle, 360 - angle) / STRAIGHT, min(abs(angle - 135), abs(angle - 225)) / SLACK)
