"""Which of two objects is nearer to the camera at a timestamp, by the nearest points of their boxes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family, quote
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.families.ordering import random_order
from lightning_ouro.programs.families.timestamps import TIME, not_in_picture
from lightning_ouro.programs.families.uniqueness import all_indices, not_unique
from lightning_ouro.programs.scene_geometry import SceneGeometry

LEAST = 0.15  # metres between the two distances, as for two options of `object_rel_distance`


@final
class DepthOrder(Family):
    """Kept only if both are unique and visible at that time and their distances differ by over 0.15 m."""

    name = "depth_order"
    forms = (
        Form(f"At {TIME} seconds, which is nearer to the camera: the {{pair[0]}} or the {{pair[1]}}?"),
        Form(f"Of the {{pair[0]}} and the {{pair[1]}}, which one is closer to the camera at {TIME} seconds?"),
        Form(
            f"Looking at the video at {TIME} s, is the {{pair[0]}} or the {{pair[1]}} closer to the camera?"
        ),
    )
    main_role = "pair"
    symmetric = frozenset({"pair"})

    @override
    def program(self, roles: Roles) -> str:
        (first, second), (seconds,) = roles["pair"], roles["times"]
        return (
            "def answer(scene):\n"
            f"    camera = scene.camera({seconds})\n"
            f"    names = [{quote(first)}, {quote(second)}]\n"
            "    nearer = min(names, key=lambda name: scene.camera_distance(camera, scene.unique(name)))\n"
            "    return choice(nearer, among=names)\n"
        )

    @override
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        choices = list(product(combinations(geometry.unique_categories(), 2), dict.fromkeys(geometry.times)))
        for i in random_order(len(choices), rng):
            pair, seconds = choices[i]
            roles = {"pair": pair if rng.random() < 0.5 else pair[::-1], "times": (seconds,)}
            if self.check(geometry, roles) is None:
                yield roles

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        (seconds,), pair = roles["times"], roles["pair"]
        problem = not_unique(geometry, *pair) or not_in_picture(geometry, seconds, *pair)
        if problem is not None:
            return problem
        gap = _gap(geometry, roles)
        return None if gap > LEAST else f"their distances differ by {gap:.2f} m; more than {LEAST} m needed"

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return all_indices(geometry, roles["pair"])

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        return _gap(geometry, roles) / LEAST


def _gap(geometry: SceneGeometry, roles: Roles) -> float:
    """Metres by which the two objects' distances from the camera differ."""
    frame = geometry.frame(roles["times"][0])
    first, second = (geometry.camera_distances[frame, geometry.indices(name)[0]] for name in roles["pair"])
    return float(abs(first - second))


FAMILY = DepthOrder()
