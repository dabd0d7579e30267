"""The distance between the camera and the nearest point of an object's box at a timestamp, in metres."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family, quote
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.families.framing import nearest_not_seen, nearest_slack
from lightning_ouro.programs.families.ordering import random_order
from lightning_ouro.programs.families.timestamps import TIME, clear_times, not_in_picture
from lightning_ouro.programs.families.uniqueness import all_indices, not_unique
from lightning_ouro.programs.first_seen import PLACED
from lightning_ouro.programs.scene_geometry import SceneGeometry


@final
class CameraObjDistance(Family):
    """The distance from the camera to the nearest point of a box.

    What the rules guard:

    - one object that the name fits, a time that one frame has: guards between what it is measured;
    - seen in that frame with 0.5 % of it (`PLACED`), its nearest point inside the picture and not behind another
      box: guards that the end of the distance can be seen;
    - 0.2 to 10 m (`strict`: from 1 m): guards the distance itself; beyond 10 m an error of a tenth is a metre.
    """

    name = "camera_obj_distance"
    forms = (
        Form(
            f"At {TIME} seconds, what is the distance between the camera and the closest point of the {{object[0]}} "
            "(in meters)?"
        ),
        Form(
            f"How many meters is the camera away from the nearest point of the {{object[0]}} at {TIME} seconds?"
        ),
        Form(f"In meters, how far from the camera is the closest part of the {{object[0]}} at {TIME} s?"),
    )
    main_role = "object"
    share = PLACED

    @override
    def program(self, roles: Roles) -> str:
        (category,), (seconds,) = roles["object"], roles["times"]
        return (
            "def answer(scene):\n"
            f"    thing = scene.unique({quote(category)})\n"
            f"    return metres(scene.camera_distance(scene.camera({seconds}), thing))\n"
        )

    @override
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        pairs = list(product(geometry.unique_categories(), clear_times(geometry)))
        for i in random_order(len(pairs), rng):
            roles = {"object": pairs[i][:1], "times": pairs[i][1:]}
            if self.check(geometry, roles) is None:
                yield roles

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        (category,), (seconds,) = roles["object"], roles["times"]
        problem = not_unique(geometry, category) or not_in_picture(geometry, seconds, self.share, category)
        if problem is not None:
            return problem
        distance, margins = _distance(geometry, roles), self.margins(geometry)
        if margins.least_metres <= distance <= margins.most_metres:
            return nearest_not_seen(geometry, seconds, category)
        limits = f"{margins.least_metres} to {margins.most_metres:.0f} m"
        return f"the {category} is {distance:.2f} m from the camera, not {limits}"

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return all_indices(geometry, roles["object"])

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        distance, margins = _distance(geometry, roles), self.margins(geometry)
        limits = min(distance / margins.least_metres, margins.most_metres / distance)
        return min(limits, nearest_slack(geometry, roles["times"][0], *roles["object"]))


def _distance(geometry: SceneGeometry, roles: Roles) -> float:
    (category,), (seconds,) = roles["object"], roles["times"]
    return float(geometry.camera_distances[geometry.frame(seconds), geometry.indices(category)[0]])


FAMILY = CameraObjDistance()
