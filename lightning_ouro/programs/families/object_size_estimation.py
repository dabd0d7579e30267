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
from lightning_ouro.programs.families.ordering import random_order
from lightning_ouro.programs.families.uniqueness import all_indices, not_unique
from lightning_ouro.programs.scene_geometry import SceneGeometry


@final
class ObjectSizeEstimation(Family):
    """Kept only if the category names exactly one object."""

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

    @override
    def program(self, roles: Roles) -> str:
        (category,) = roles["object"]
        return f"def answer(scene):\n    return centimetres(100 * scene.unique({quote(category)}).longest_side)\n"

    @override
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        categories = geometry.unique_categories()
        return ({"object": (categories[i],)} for i in random_order(len(categories), rng))

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        return not_unique(geometry, *roles["object"])

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return all_indices(geometry, roles["object"])

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        return math.inf


FAMILY = ObjectSizeEstimation()
