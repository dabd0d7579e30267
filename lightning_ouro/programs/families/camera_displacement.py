"""The straight-line distance between the camera's positions at two timestamps, in metres."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.families.timestamps import (
    FIRST,
    SECOND,
    frames_at,
    not_linked_by_views,
    not_one_frame,
    nothing_shown,
    pairs_of_times,
)
from lightning_ouro.programs.scene_geometry import SceneGeometry


@final
class CameraDisplacement(Family):
    """The straight line between two positions of the camera.

    What the rules guard:

    - times that one frame has each: guards between which two positions it is measured;
    - each of the two frames shows an object, and they are linked by what frames show (`shown_room`): guards that they
      tell where the camera is at the one time, seen from the other;
    - 0.2 to 10 m (`strict`: from 1 m): guards the distance itself; beyond 10 m an error of a tenth is a metre.
    """

    name = "camera_displacement"
    forms = (
        Form(
            f"What is the straight-line distance between the camera's positions at {FIRST} seconds and at "
            f"{SECOND} seconds (in meters)?"
        ),
        Form(f"Between {FIRST} and {SECOND} seconds, by how many meters does the camera's position change?"),
        Form(f"How many meters is the camera at {SECOND} seconds away from where it was at {FIRST} seconds?"),
    )
    main_role = "times"
    symmetric = frozenset({"times"})

    @override
    def program(self, roles: Roles) -> str:
        first, second = roles["times"]
        return (
            "import math\n\n"
            "def answer(scene):\n"
            f"    first, second = scene.camera({first}), scene.camera({second})\n"
            "    return metres(math.dist(first.position, second.position))\n"
        )

    @override
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        for times in pairs_of_times(geometry, rng):
            if self.check(geometry, {"times": times}) is None:
                yield {"times": times}

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        problem = not_one_frame(geometry, *roles["times"])
        if problem is not None:
            return problem
        moved, margins = _moved(geometry, roles), self.margins(geometry)
        if margins.least_metres <= moved <= margins.most_metres:
            return nothing_shown(geometry, roles["times"]) or not_linked_by_views(geometry, roles["times"])
        return f"the camera moved {moved:.2f} m, not {margins.least_metres} to {margins.most_metres:.0f} m"

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return frozenset()

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        moved, margins = _moved(geometry, roles), self.margins(geometry)
        return min(moved / margins.least_metres, margins.most_metres / moved)


def _moved(geometry: SceneGeometry, roles: Roles) -> float:
    frames = frames_at(geometry, roles["times"])
    assert geometry.views is not None and frames is not None, "times were checked"
    first, second = geometry.views.poses[frames, :3, 3]
    return float(np.linalg.norm(second - first))


FAMILY = CameraDisplacement()
