"""The straight-line distance between the camera's positions at two timestamps, in metres."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.families.timestamps import FIRST, SECOND, frames_at, pairs_of_times
from lightning_ouro.programs.scene_geometry import SceneGeometry

LEAST, MOST = 0.2, 10.0  # metres, as in VLM-3R's generator


@final
class CameraDisplacement(Family):
    """Kept only if frames are shown at both times and the positions are 0.2 to 10 m apart."""

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
        if frames_at(geometry, roles["times"]) is None:
            return f"no frames are shown at {' and '.join(roles['times'])} s"
        moved = _moved(geometry, roles)
        return (
            None if LEAST <= moved <= MOST else f"the camera moved {moved:.2f} m, not {LEAST} to {MOST:.0f} m"
        )

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return frozenset()

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        moved = _moved(geometry, roles)
        return min(moved / LEAST, MOST / moved)


def _moved(geometry: SceneGeometry, roles: Roles) -> float:
    frames = frames_at(geometry, roles["times"])
    assert geometry.views is not None and frames is not None, "times were checked"
    first, second = geometry.views.poses[frames, :3, 3]
    return float(np.linalg.norm(second - first))


FAMILY = CameraDisplacement()
