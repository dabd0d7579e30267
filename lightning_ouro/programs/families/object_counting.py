"""How many objects of a category there are, by the source's corrected counts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family, quote
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.families.ordering import random_order
from lightning_ouro.programs.families.uniqueness import all_indices, not_complete
from lightning_ouro.programs.geometry import Floats, point_distances
from lightning_ouro.programs.scene_geometry import SceneGeometry

MOST_SHARED = 0.5  # of a box that lies inside another one of its category; chosen by hand
_GRID = (np.indices((6, 6, 6)).reshape(3, -1).T + 0.5) / 6 - 0.5  # (216, 3) points of a box of 1 m


@final
class ObjectCounting(Family):
    """How many objects of a category there are.

    What the rules guard:

    - annotated completely, each counted object with a box, no other category's name fits: guards that what is
      counted is all that the name fits;
    - no box lies by half in another one of its category: guards that no object is counted twice;
    - each is seen (0.3 % of a frame): guards that the frames show all that are counted;
    - at least two (`strict`: one): leaves out what is right of most categories.
    """

    name = "object_counting"
    forms = (
        Form("How many {object[0]}(s) are in this room?"),
        Form("How many {object[0]}(s) can be seen in the video?"),
        Form("Count the {object[0]}(s) in this room. How many are there?"),
        Form("What is the number of {object[0]}(s) in the room?"),
    )
    main_role = "object"

    @override
    def program(self, roles: Roles) -> str:
        (category,) = roles["object"]
        return f"def answer(scene):\n    return count(scene.count({quote(category)}))\n"

    @override
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        categories = [
            name for name in geometry.categories() if self.check(geometry, {"object": (name,)}) is None
        ]
        return ({"object": (categories[i],)} for i in random_order(len(categories), rng))

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        (category,) = roles["object"]
        problem = not_complete(geometry, category)
        if problem is not None:
            return problem
        number, least = geometry.count(category), self.margins(geometry).least_count
        if number < least:
            return f"{number} {category}; at least {least} are needed"
        return f"two boxes of a {category} may be one" if _may_repeat(geometry, category) else None

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return all_indices(geometry, roles["object"])

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        return math.inf


def _may_repeat(geometry: SceneGeometry, category: str) -> bool:
    """Whether a box of the category lies by more than half inside another one."""
    indices = geometry.indices(category)
    touching = [(a, b) for a in indices for b in indices if a != b and geometry.distances[a, b] == 0]
    return any(_share_inside(geometry, a, b) > MOST_SHARED for a, b in touching)


def _share_inside(geometry: SceneGeometry, inner: int, outer: int) -> float:
    """The share of a box's volume, on a grid, that lies inside another one."""
    turned = _GRID * geometry.sizes[inner] @ geometry.rotations[inner].T
    box = [outer]
    apart: Floats = point_distances(
        geometry.centers[inner] + turned, geometry.centers[box], geometry.sizes[box], geometry.rotations[box]
    )
    return float((apart == 0).mean())


FAMILY = ObjectCounting()
