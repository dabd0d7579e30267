"""Which of four categories has the object nearest to a target, by the distance between oriented boxes.

The limits are those of VLM-3R's generator, which computes the wider gap for large floors but never applies
it.
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
from lightning_ouro.programs.families.uniqueness import not_unique
from lightning_ouro.programs.scene_geometry import SceneGeometry

LEAST = 0.15  # metres between the target and the nearest option, and between the distances of any two options
LEAST_IN_HALLS = 0.30  # metres between the distances of any two options where the floor exceeds HALL
HALL = 40.0  # square metres
MOST_CATEGORIES = 30  # per list of candidates, whose length grows with the fifth power; chosen by hand

_OPTIONS = "{options[0]}, {options[1]}, {options[2]}, {options[3]}"


@final
class ObjectRelDistance(Family):
    """Kept only if the target is unique, no option is closer than 0.15 m, and all distances clearly differ."""

    name = "object_rel_distance"
    forms = (
        Form(
            f"Measuring from the closest point of each object, which of these objects ({_OPTIONS}) is the closest to "
            "the {target[0]}?"
        ),
        Form(f"Which of these objects ({_OPTIONS}) is nearest to the {{target[0]}}?"),
        Form(f"Among {_OPTIONS}, which one has the smallest distance to the {{target[0]}}?"),
        Form(f"Of the following objects, which is closest to the {{target[0]}}: {_OPTIONS}?"),
    )
    main_role = "target"
    symmetric = frozenset({"options"})

    @override
    def program(self, roles: Roles) -> str:
        (target,) = roles["target"]
        listed = ", ".join(quote(name) for name in roles["options"])
        return (
            "def answer(scene):\n"
            f"    target = scene.unique({quote(target)})\n"
            f"    names = [{listed}]\n"
            "    nearest = min(names, key=lambda name: min(scene.distance(target, it) for it in scene.all(name)))\n"
            "    return choice(nearest, among=names)\n"
        )

    @override
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        targets = geometry.unique_categories()
        categories = [str(name) for name in rng.permutation(geometry.categories())[:MOST_CATEGORIES]]
        fours = list(combinations(range(len(categories) - 1), 4))
        for i in random_order(len(targets) * len(fours), rng):
            target = targets[i // len(fours)]
            others = [category for category in categories if category != target]
            options = tuple(others[j] for j in rng.permutation(fours[i % len(fours)]))
            roles = {"target": (target,), "options": options}
            if self.check(geometry, roles) is None:
                yield roles

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        (target,), options = roles["target"], roles["options"]
        problem = not_unique(geometry, target)
        if problem is not None:
            return problem
        if len({target, *options}) < 5:
            return f"not four different options beside the {target}: {', '.join(options)}"
        distances = _distances(geometry, roles)
        if distances[0] < LEAST:
            return f"the nearest option is {distances[0]:.2f} m away; at least {LEAST} m needed"
        least, gap = float(np.diff(distances).min()), _gap(geometry)
        return None if least > gap else f"two options differ by {least:.2f} m; more than {gap} m needed"

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        distances = _distances(geometry, roles)
        return min(distances[0] / LEAST, float(np.diff(distances).min()) / _gap(geometry))

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        (target,) = geometry.indices(roles["target"][0])
        return frozenset({target, *(geometry.nearest(target, name) for name in roles["options"])})


def _distances(geometry: SceneGeometry, roles: Roles) -> list[float]:
    """Metres from the target to the nearest object of each option, sorted."""
    (target,) = geometry.indices(roles["target"][0])
    nearest = [geometry.nearest(target, name) for name in roles["options"]]
    return sorted(geometry.distances[target, nearest].tolist())


def _gap(geometry: SceneGeometry) -> float:
    """Metres by which the distances of any two options have to differ."""
    return LEAST_IN_HALLS if geometry.scene.floor_area > HALL else LEAST


FAMILY = ObjectRelDistance()
