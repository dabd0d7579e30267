"""Where an object is for someone who stands by a second and faces a third: easy, medium and hard.

The angle runs from (facing - standing) to (target - standing), centroids on the floor, counter-clockwise. The three
differ in how they cut the circle, and how they ask.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family, in_turns, not_unique, only, quote, shuffled
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.geometry import direction_degrees
from lightning_ouro.programs.scene_geometry import SceneGeometry

NEAREST, FARTHEST = 0.3, 5.0  # metres between the boxes of each pair
SLACK = 10.0  # degrees from every boundary
STRAY_CORNERS = 2  # of the target's eight, in another sector

_ROLES = ("standing", "facing", "target")


@dataclass(frozen=True)
class Sectors:
    """How a circle is cut, counter-clockwise from straight ahead.

    Attributes:
        ends: Degrees where each sector ends; the last is 360.
        names: What each is called.
    """

    ends: tuple[int, ...]
    names: tuple[str, ...]

    def name(self, angle: float) -> str:
        """The sector of an angle in [0, 360); a boundary belongs to the sector that it begins."""
        return next(name for end, name in zip(self.ends, self.names, strict=True) if angle < end)

    def slack(self, angle: float) -> float:
        """Degrees to the closest boundary, straight ahead included."""
        return min(abs((angle - end + 180) % 360 - 180) for end in self.ends)


@final
class ObjectRelDirection(Family):
    """Kept only if all three are unique, 0.3 to 5 m apart, and target and most of its corners clearly in one sector."""

    main_role = "target"

    def __init__(self, level: str, sectors: Sectors, source: str, forms: tuple[str, ...]) -> None:
        self.name = f"object_rel_direction_{level}"
        self.forms = tuple(Form(form) for form in forms)
        self._sectors = sectors
        self._source = source

    @override
    def program(self, roles: Roles) -> str:
        lines = [f"    {role} = scene.unique({quote(roles[role][0])})\n" for role in _ROLES]
        lines.append("    angle = scene.direction(standing, facing, target)\n")
        return f"def answer(scene):\n{''.join(lines)}{self._source}"

    @override
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        names = geometry.unique_categories()
        triples = np.array(list(permutations(range(len(names)), 3)), dtype=int).reshape(-1, 3)
        centers = geometry.centers[[geometry.indices(name)[0] for name in names]].reshape(-1, 3)
        angles = direction_degrees(*(centers[triples[:, role]] for role in range(3)))
        order = shuffled(len(triples), rng)
        sectors = np.searchsorted(self._sectors.ends, angles, side="right")[order]
        # Objects stand along walls: without equal turns, few answers would lie behind.
        for i in in_turns(order, sectors.tolist(), rng):
            roles = {role: (names[place],) for role, place in zip(_ROLES, triples[i], strict=True)}
            if self.check(geometry, roles) is None:
                yield roles

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        names = [roles[role][0] for role in _ROLES]
        problem = not_unique(geometry, *names)
        if problem is not None:
            return problem
        places = [geometry.indices(name)[0] for name in names]
        for one, other in combinations(range(3), 2):
            distance = geometry.distances[places[one], places[other]]
            if not NEAREST <= distance <= FARTHEST:
                return f"{names[one]} and {names[other]} are {distance:.2f} m apart, not {NEAREST} to {FARTHEST} m"
        return self._ambiguous(geometry, *places)

    def _ambiguous(self, geometry: SceneGeometry, standing: int, facing: int, target: int) -> str | None:
        here, ahead = geometry.centers[standing], geometry.centers[facing]
        angle = float(direction_degrees(here, ahead, geometry.centers[target]))
        slack = self._sectors.slack(angle)
        if slack < SLACK:
            return (
                f"{angle:.0f} degrees lies {slack:.1f} degrees from a boundary; at least {SLACK:.0f} needed"
            )
        corners = direction_degrees(here, ahead, geometry.corners[target])
        stray = sum(self._sectors.name(float(corner)) != self._sectors.name(angle) for corner in corners)
        return None if stray <= STRAY_CORNERS else f"{stray} of the target's 8 corners lie in another sector"

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        centers = (geometry.centers[geometry.indices(roles[role][0])[0]] for role in _ROLES)
        return self._sectors.slack(float(direction_degrees(*centers))) / SLACK

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return only(geometry, *(roles[role] for role in _ROLES))


EASY = ObjectRelDirection(
    "easy",
    Sectors((180, 360), ("left", "right")),
    '    side = "left" if angle < 180 else "right"\n    return choice(side, among=["left", "right"])\n',
    (
        "If I am standing by the {standing[0]} and facing the {facing[0]}, is the {target[0]} to the left or the right "
        "of the {facing[0]}?",
        "Standing by the {standing[0]} and looking at the {facing[0]}, do I have the {target[0]} on my left or on my "
        "right?",
        "I stand next to the {standing[0]} and face the {facing[0]}. Is the {target[0]} on the left or on the right?",
    ),
)
MEDIUM = ObjectRelDirection(
    "medium",
    Sectors((135, 225, 360), ("left", "back", "right")),
    '    side = "left" if angle < 135 else "back" if angle < 225 else "right"\n'
    '    return choice(side, among=["left", "right", "back"])\n',
    (
        "If I am standing by the {standing[0]} and facing the {facing[0]}, is the {target[0]} to my left, right, or "
        "back?\nAn object is to my back if I would have to turn at least 135 degrees in order to face it.",
        "Standing by the {standing[0]} and looking at the {facing[0]}, do I have to turn left, right, or back (by at "
        "least 135 degrees) to face the {target[0]}?",
        "I stand next to the {standing[0]} and face the {facing[0]}. Is the {target[0]} to my left, to my right, or at "
        "least 135 degrees behind me (back)?",
    ),
)
HARD = ObjectRelDirection(
    "hard",
    Sectors((90, 180, 270, 360), ("front-left", "back-left", "back-right", "front-right")),
    '    sides = ["front-left", "back-left", "back-right", "front-right"]\n'
    "    return choice(sides[int(angle // 90)], among=sides)\n",
    (
        "If I am standing by the {standing[0]} and facing the {facing[0]}, is the {target[0]} to my front-left, "
        "front-right, back-left, or back-right?\nThe directions refer to the quadrants of a Cartesian plane (if I am "
        "standing at the origin and facing along the positive y-axis).",
        "Standing by the {standing[0]} and looking at the {facing[0]}, in which quadrant around me is the {target[0]}: "
        "front-left, front-right, back-left, or back-right?",
        "I stand next to the {standing[0]} and face the {facing[0]}. Is the {target[0]} at my front-left, front-right, "
        "back-left, or back-right?",
    ),
)
