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
from lightning_ouro.programs.families.uniqueness import all_indices
from lightning_ouro.programs.scene_geometry import SceneGeometry


@final
class ObjectCounting(Family):
    """Kept only if the category is completely annotated and has at least two objects, each with a box."""

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
        if category not in geometry.scene.complete:
            return f"not every {category} is annotated"
        number, boxes = geometry.count(category), len(geometry.indices(category))
        if number != boxes:
            return f"{number} {category} are counted but {boxes} have a box: that the frames show all can't be checked"
        return None if number >= 2 else f"{number} {category}; at least 2 are needed"

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return all_indices(geometry, roles["object"])

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        return math.inf


FAMILY = ObjectCounting()
