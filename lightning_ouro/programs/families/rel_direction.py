"""Where an object is for someone who stands by a second object and faces a third.

The angle runs counter-clockwise on the floor from (facing - standing) to (target - standing), between
centroids. The three difficulties differ in how they divide the circle and in their sentences. The limits are
those of VLM-3R's generator, which for `hard` only keeps clear of the boundary ahead of the angle; here all
boundaries count.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, permutations
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family, quote
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.families.ordering import balanced_order, random_order
from lightning_ouro.programs.families.sectors import Sectors
from lightning_ouro.programs.families.uniqueness import all_indices, not_unique
from lightning_ouro.programs.geometry import direction_degrees
from lightning_ouro.programs.scene_geometry import SceneGeometry

NEAREST, FARTHEST = 0.3, 5.0  # metres between the boxes of each pair
SLACK = 10.0  # degrees to the nearest boundary
STRAY_CORNERS = 2  # maximum number of the target's eight corners in another sector

_ROLES = ("standing", "facing", "target")


@final
class RelDirection(Family):
    """Kept only if all three are unique and 0.3 to 5 m apart, and the target lies clearly in one sector.

    Args:
        name: The family's name.
        sectors: How the circle is divided.
        source: Last lines of the program, from `angle` to the answer.
        forms: The sentences' templates.
    """

    main_role = "target"

    def __init__(self, name: str, sectors: Sectors, source: str, forms: tuple[str, ...]) -> None:
        self.name = name
        self.forms = tuple(map(Form, forms))
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
        order = random_order(len(triples), rng)
        sectors = np.searchsorted(self._sectors.ends, angles, side="right")[order]
        # Objects stand along the walls: unless balanced, few answers lie behind.
        for i in balanced_order(order, sectors.tolist(), rng):
            roles = {role: (names[j],) for role, j in zip(_ROLES, triples[i], strict=True)}
            if self.check(geometry, roles) is None:
                yield roles

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        names = [roles[role][0] for role in _ROLES]
        problem = not_unique(geometry, *names)
        if problem is not None:
            return problem
        indices = [geometry.indices(name)[0] for name in names]
        for a, b in combinations(range(3), 2):
            distance = geometry.distances[indices[a], indices[b]]
            if not NEAREST <= distance <= FARTHEST:
                return f"{names[a]} and {names[b]} are {distance:.2f} m apart, not {NEAREST} to {FARTHEST} m"
        return self._ambiguous(geometry, *indices)

    def _ambiguous(self, geometry: SceneGeometry, standing: int, facing: int, target: int) -> str | None:
        here, ahead = geometry.centers[standing], geometry.centers[facing]
        angle = float(direction_degrees(here, ahead, geometry.centers[target]))
        slack = self._sectors.boundary_distance(angle)
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
        return self._sectors.boundary_distance(float(direction_degrees(*centers))) / SLACK

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return all_indices(geometry, *(roles[role] for role in _ROLES))
