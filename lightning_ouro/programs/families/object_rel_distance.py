"""Which of four categories has the instance nearest to a target, by the distance between oriented boxes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family, not_unique, only, quote, shuffled
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.scene_geometry import SceneGeometry

LEAST = 0.15  # metres from the target to the nearest option, and between any two options' distances
LEAST_IN_HALLS = 0.30  # the latter where the floor exceeds HALL
HALL = 40.0  # m2
MOST_CATEGORIES = 30  # per list of candidates, which otherwise grows with the fifth power

_OPTIONS = "{options[0]}, {options[1]}, {options[2]}, {options[3]}"


@final
class ObjectRelDistance(Family):
    """Kept only if the target is unique, the nearest option 0.15 m away, and all options' distances clearly differ."""

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
        for i in shuffled(len(targets) * len(fours), rng):
            target = targets[i // len(fours)]
            others = [category for category in categories if category != target]
            options = tuple(others[place] for place in rng.permutation(fours[i % len(fours)]))
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
        distances = self._distances(geometry, roles)
        if distances[0] < LEAST:
            return f"the nearest option is {distances[0]:.2f} m away; at least {LEAST} m needed"
        least, gap = float(np.diff(distances).min()), _gap(geometry)
        return None if least > gap else f"two options differ by {least:.2f} m; more than {gap} m needed"

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        distances = self._distances(geometry, roles)
        return min(distances[0] / LEAST, float(np.diff(distances).min()) / _gap(geometry))

    def _distances(self, geometry: SceneGeometry, roles: Roles) -> list[float]:
        """From the target to the nearest object of each option, sorted."""
        (target,) = roles["target"]
        here = geometry.indices(target)[0]
        return sorted(
            float(geometry.distances[here, self._nearest(geometry, target, name)])
            for name in roles["options"]
        )

    def _nearest(self, geometry: SceneGeometry, target: str, category: str) -> int:
        (here,) = geometry.indices(target)
        return min(geometry.indices(category), key=lambda place: geometry.distances[here, place])

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        (target,) = roles["target"]
        nearest = {self._nearest(geometry, target, category) for category in roles["options"]}
        return only(geometry, roles["target"]) | nearest


def _gap(geometry: SceneGeometry) -> float:
    return LEAST_IN_HALLS if geometry.scene.floor_area > HALL else LEAST
