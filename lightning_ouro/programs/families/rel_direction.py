"""Where an object is for someone who stands by a second object and faces a third, or away from it.

The angle runs counter-clockwise on the floor from (facing - standing) to (target - standing), between
centroids; from the opposite direction for one who faces away, as in ReVSI's backward directions. The three
difficulties differ in how they divide the circle and in their sentences. The limits of `vsi_bench` are those of
VLM-3R's generator, which for `hard` only keeps clear of the boundary ahead of the angle, measures how far the
objects are apart in space, and looks at the target's corners alone; here all boundaries count, the distance on
the floor, and the corners of all three.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family, quote
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.families.framing import centre_not_framed
from lightning_ouro.programs.families.headings import heading_slack, no_heading, out_of_reach
from lightning_ouro.programs.families.ordering import balanced_order, in_turns, random_order
from lightning_ouro.programs.families.sectors import Sectors
from lightning_ouro.programs.families.uniqueness import all_indices, not_unique
from lightning_ouro.programs.first_seen import PLACED
from lightning_ouro.programs.geometry import Floats, direction_degrees
from lightning_ouro.programs.scene_geometry import SceneGeometry

STRAY_CORNERS = 2  # maximum number of an object's eight corners that would change the answer

_BACK = 180.0  # degrees from the direction to what one faces away from to the one in which one faces


@final
class RelDirection(Family):
    """The sector of the angle on the floor between centroids.

    What the rules guard:

    - one object that each name fits: guards between which three the angle is;
    - one can stand by the first, which does not begin above 1.8 m over a floor on which several boxes stand: guards
      that there is such a place;
    - outlines on the floor 0.3 m and centres 0.5 m from the first object's (`strict`: 1.5 m): guards that both
      sides of the angle are directions, which noise does not turn;
    - boxes 0.3 to 5 m apart in pairs (`strict`: from 1.5 m, none longer than 1.4 m): VLM-3R's filter; it guards
      that the three are different places in one room;
    - 10 degrees from every boundary (`strict`: 35): guards the angle's sector;
    - at most 2 of the 8 corners of each object, in place of its centre, in another sector: guards that the answer
      holds wherever one stands by the first and whatever part of the others is meant;
    - each seen with 0.5 % of a frame (`PLACED`), its centre framed: guards that the angle's ends can be seen.

    Args:
        name: The family's name.
        sectors: How the circle is divided.
        source: Last lines of the program, from `angle` to the answer.
        forms: The sentences' templates about facing an object.
        away: Those about facing away from it.
    """

    main_role = "target"
    share = PLACED

    def __init__(
        self, name: str, sectors: Sectors, source: str, forms: tuple[str, ...], away: tuple[str, ...]
    ) -> None:
        self.name = name
        self.forms = (*map(Form, forms), *(Form(template, is_extra=True) for template in away))
        self._sectors = sectors
        self._source = source

    @override
    def program(self, roles: Roles) -> str:
        ahead = _ahead(roles)
        named = ("standing", ahead, "target")
        lines = [f"    {role} = scene.unique({quote(roles[role][0])})\n" for role in named]
        angle = f"scene.direction(standing, {ahead}, target)"
        lines.append(f"    angle = {angle if ahead == 'facing' else f'({angle} + 180) % 360'}\n")
        return f"def answer(scene):\n{''.join(lines)}{self._source}"

    @override
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        return in_turns([self._candidates(geometry, ahead, rng) for ahead in ("facing", "away")], rng)

    def _candidates(self, geometry: SceneGeometry, ahead: str, rng: np.random.Generator) -> Iterator[Roles]:
        """Those in which one faces the second object, or faces away from it."""
        names = geometry.unique_categories()
        triples = np.array(list(permutations(range(len(names)), 3)), dtype=int).reshape(-1, 3)
        centers = geometry.centers[[geometry.indices(name)[0] for name in names]].reshape(-1, 3)
        angles = _turned(direction_degrees(*(centers[triples[:, role]] for role in range(3))), ahead)
        order = random_order(len(triples), rng)
        sectors = np.searchsorted(self._sectors.ends, angles, side="right")[order]
        # Objects stand along the walls: unless balanced, few answers lie behind.
        for i in balanced_order(order, sectors.tolist(), rng):
            named = zip(("standing", ahead, "target"), triples[i], strict=True)
            roles = {role: (names[j],) for role, j in named}
            if self.check(geometry, roles) is None:
                yield roles

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        names, margins = _names(roles), self.margins(geometry)
        problem = not_unique(geometry, *names) or out_of_reach(geometry, names[0])
        if problem is not None:
            return problem
        standing, facing, target = indices = [geometry.indices(name)[0] for name in names]
        return (
            self._unsuitable(geometry, indices)
            or no_heading(geometry, margins, ((standing, facing), (standing, target)))
            or self._ambiguous(geometry, indices, _ahead(roles))
            or centre_not_framed(geometry, *names)
        )

    def _unsuitable(self, geometry: SceneGeometry, indices: Sequence[int]) -> str | None:
        """Which objects are too close to each other, too far, or too large; or None."""
        margins, objects = self.margins(geometry), geometry.scene.objects
        for index in indices:
            if geometry.sizes[index].max() > margins.longest_side:
                return f"{objects[index].category} is longer than {margins.longest_side} m"
        for pair in combinations(indices, 2):
            distance = geometry.distances[pair]
            if not margins.beside <= distance <= margins.farthest:
                names = " and ".join(objects[index].category for index in pair)
                return f"{names} are {distance:.2f} m apart, not {margins.beside} to {margins.farthest} m"
        return None

    def _ambiguous(self, geometry: SceneGeometry, indices: Sequence[int], ahead: str) -> str | None:
        """Why the sector is not clear, or None."""
        ends = np.repeat(geometry.centers[indices][:, None], 3 * 8 + 1, axis=1)
        for place, index in enumerate(indices):  # each of its corners in place of its centre
            ends[place, 8 * place : 8 * place + 8] = geometry.corners[index]
        angles = _turned(direction_degrees(*ends), ahead)
        angle, least = float(angles[-1]), self.margins(geometry).boundary
        slack = self._sectors.boundary_distance(angle)
        if slack < least:
            return (
                f"{angle:.0f} degrees lies {slack:.1f} degrees from a boundary; at least {least:.0f} needed"
            )
        sectors = np.searchsorted(self._sectors.ends, angles, side="right")
        strays = (sectors[:-1] != sectors[-1]).reshape(3, 8).sum(axis=1).tolist()
        for role, stray in zip(("standing", ahead, "target"), strays, strict=True):
            if stray > STRAY_CORNERS:
                return f"{stray} of the 8 corners of the {role} object lie in another sector"
        return None

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        standing, facing, target = indices = [geometry.indices(name)[0] for name in _names(roles)]
        angle = float(_turned(direction_degrees(*geometry.centers[indices]), _ahead(roles)))
        margins = self.margins(geometry)
        pairs = ((standing, facing), (standing, target))
        clear = self._sectors.boundary_distance(angle) / margins.boundary
        return min(clear, heading_slack(geometry, margins, pairs))

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return all_indices(geometry, _names(roles))


def _ahead(roles: Roles) -> str:
    """The role of the object that tells which way one looks: towards it, or away from it."""
    return "away" if "away" in roles else "facing"


def _names(roles: Roles) -> tuple[str, ...]:
    """What one stands by, what one faces or faces away from, and the target."""
    return tuple(roles[role][0] for role in ("standing", _ahead(roles), "target"))


def _turned(angles: Floats, ahead: str) -> Floats:
    """Angles from the direction to that object, `(...)` degrees, as angles from where one looks."""
    return angles if ahead == "facing" else (angles + _BACK) % 360
