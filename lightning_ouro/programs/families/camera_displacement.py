"""How far the camera is moved between two timestamps, in a straight line, in metres."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import Answer
from lightning_ouro.programs.families.base import Family, frames_at, pairs_of_times
from lightning_ouro.programs.families.forms import SECONDS, Form, Roles
from lightning_ouro.programs.scene_geometry import World

LEAST, MOST = 0.2, 10.0  # metres
_TIMES = f"{{times[0]:{SECONDS}}}", f"{{times[1]:{SECONDS}}}"


@final
class CameraDisplacement(Family):
    """Kept only if frames are shown at both times and the camera moved by 0.2 to 10 m."""

    name = "camera_displacement"
    forms = (
        Form(
            f"What is the straight-line distance between the camera's positions at {_TIMES[0]} seconds and at "
            f"{_TIMES[1]} seconds (in meters)?"
        ),
        Form(f"Between {_TIMES[0]} and {_TIMES[1]} seconds, by how many meters does the camera's position change?"),
        Form(f"How many meters is the camera at {_TIMES[1]} seconds away from where it was at {_TIMES[0]} seconds?"),
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
    def candidates(self, world: World, rng: np.random.Generator) -> Iterator[Roles]:
        for times in pairs_of_times(world, rng):
            if self.check(world, {"times": times}) is None:
                yield {"times": times}

    @override
    def check(self, world: World, roles: Roles, answer: Answer | None = None) -> str | None:
        if frames_at(world, roles["times"]) is None:
            return f"no frames are shown at {' and '.join(roles['times'])} s"
        moved = _moved(world, roles)
        return None if LEAST <= moved <= MOST else f"the camera moved {moved:.2f} m, not {LEAST} to {MOST:.0f} m"

    @override
    def must_show(self, world: World, roles: Roles) -> frozenset[int]:
        return frozenset()

    @override
    def slack(self, world: World, roles: Roles) -> float:
        moved = _moved(world, roles)
        return min(moved / LEAST, MOST / moved)


def _moved(world: World, roles: Roles) -> float:
    frames = frames_at(world, roles["times"])
    assert world.views is not None and frames is not None, "times were checked"
    first, second = world.views.poses[frames, :3, 3]
    return float(np.linalg.norm(second - first))
