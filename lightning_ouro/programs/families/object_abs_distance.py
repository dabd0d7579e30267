"""The least distance between the oriented boxes of two objects, in metres.

The distance between centroids would reproduce VSI-Bench's official answers with an MRA of only 34 %.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family, quote
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.families.ordering import random_order
from lightning_ouro.programs.families.uniqueness import all_indices, not_unique
from lightning_ouro.programs.scene_geometry import SceneGeometry

LEAST = 0.2  # metres; VLM-3R's generator drops closer pairs too


@final
class ObjectAbsDistance(Family):
    """Kept only if each category names exactly one object and the two are at least 0.2 m apart."""

    name = "object_abs_distance"
    forms = (
        Form(
            "Measuring from the closest point of each object, what is the distance between the {pair[0]} and the "
            "{pair[1]} (in meters)?"
        ),
        Form("How many meters apart are the {pair[0]} and the {pair[1]} at their closest points?"),
        Form(
            "In meters, how far is it from the {pair[0]} to the {pair[1]}, measured between their closest points?"
        ),
        Form("What is the shortest distance in meters between the {pair[0]} and the {pair[1]}?"),
    )
    main_role = "pair"
    symmetric = frozenset({"pair"})

    @override
    def program(self, roles: Roles) -> str:
        first, second = roles["pair"]
        return (
            "def answer(scene):\n"
            f"    first = scene.unique({quote(first)})\n"
            f"    second = scene.unique({quote(second)})\n"
            "    return metres(scene.distance(first, second))\n"
        )

    @override
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        pairs = list(combinations(geometry.unique_categories(), 2))
        for i in random_order(len(pairs), rng):
            first, second = pairs[i] if rng.random() < 0.5 else pairs[i][::-1]
            if geometry.distances[geometry.indices(first)[0], geometry.indices(second)[0]] >= LEAST:
                yield {"pair": (first, second)}

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        first, second = roles["pair"]
        problem = not_unique(geometry, first, second)
        if problem is not None:
            return problem
        distance = _distance(geometry, roles)
        if distance >= LEAST:
            return None
        return f"{first} and {second} are {distance:.2f} m apart; at least {LEAST} m needed"

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return all_indices(geometry, roles["pair"])

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        return _distance(geometry, roles) / LEAST


def _distance(geometry: SceneGeometry, roles: Roles) -> float:
    first, second = (geometry.indices(category)[0] for category in roles["pair"])
    return float(geometry.distances[first, second])


FAMILY = ObjectAbsDistance()
