"""The longest side of an object's box, in centimetres."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family, quote
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.families.framing import end_not_framed
from lightning_ouro.programs.families.ordering import random_order
from lightning_ouro.programs.families.uniqueness import all_indices, not_unique
from lightning_ouro.programs.first_seen import SIZED
from lightning_ouro.programs.scene_geometry import SceneGeometry
from lightning_ouro.scenes.naming import is_any_kind


@final
class ObjectSizeEstimation(Family):
    """The longest side of an object's box.

    What the rules guard:

    - one object that the name fits: guards whose size it is;
    - seen with 1 % of a frame (`SIZED`), both ends of its longest side framed: guards that the length can be
      seen, whose ends are its quantity;
    - `strict`: not of a size that is the same everywhere, nor without clear ends (`Margins.no_sizes`).
    """

    name = "object_size_estimation"
    forms = (
        Form(
            "What is the length of the longest dimension (length, width, or height) of the {object[0]}, "
            "measured in centimeters?"
        ),
        Form("How long is the longest side of the {object[0]} in centimeters?"),
        Form("In centimeters, how large is the {object[0]} along its longest dimension?"),
        Form("Estimate the longest dimension of the {object[0]} in centimeters."),
    )
    main_role = "object"
    share = SIZED

    @override
    def program(self, roles: Roles) -> str:
        (category,) = roles["object"]
        return f"def answer(scene):\n    return centimetres(100 * scene.unique({quote(category)}).longest_side)\n"

    @override
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        asked = [{"object": (category,)} for category in geometry.unique_categories()]
        kept = [roles for roles in asked if self.check(geometry, roles) is None]
        return (kept[i] for i in random_order(len(kept), rng))

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        (category,) = roles["object"]
        problem = not_unique(geometry, category)
        if problem is not None:
            return problem
        if is_any_kind(category, self.margins(geometry).no_sizes):
            return f"a {category} is about as large in every room, or has no clear ends"
        return end_not_framed(geometry, category)

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return all_indices(geometry, roles["object"])

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        return math.inf


FAMILY = ObjectSizeEstimation()
