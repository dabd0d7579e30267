"""Where the camera mainly moves between two timestamps, as it sees it at the first; or to which side it turns."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family, frames_at, in_turns, pairs_of_times
from lightning_ouro.programs.families.forms import SECONDS, Form, Roles
from lightning_ouro.programs.scene_geometry import SceneGeometry

LEAST = 0.5  # metres along the main axis
TIMES_NEXT = 2.0  # the main axis to the next, up and down included
TURN = 15.0  # degrees from straight ahead, and from straight back
_TIMES = f"{{times[0]:{SECONDS}}}", f"{{times[1]:{SECONDS}}}"
_MOTION = "{motion[0]:move|turn}"
_PROGRAMS = {
    "move": (
        "    right, forward, up = scene.motion(first, second)\n"
        "    if abs(forward) > abs(right):\n"
        '        way = "forward" if forward > 0 else "back"\n'
        "    else:\n"
        '        way = "right" if right > 0 else "left"\n'
        '    return choice(way, among=["left", "right", "forward", "back"])\n'
    ),
    "turn": (
        '    side = "left" if scene.turn(first, second) > 0 else "right"\n'
        '    return choice(side, among=["left", "right"])\n'
    ),
}


@final
class CameraMotion(Family):
    """Kept only if it moved by 0.5 m and twice as far as along the next axis; or turned by 15 to 165 degrees."""

    name = "camera_motion"
    forms = (
        Form(
            f"Between {_TIMES[0]} seconds and {_TIMES[1]} seconds, which way does the camera mainly {_MOTION}?"
        ),
        Form(
            f"Seen from the camera at {_TIMES[0]} seconds, which way does it {_MOTION} for the most part until "
            f"{_TIMES[1]} seconds?"
        ),
        Form(f"From {_TIMES[0]} s to {_TIMES[1]} s, in which direction does the camera {_MOTION} most?"),
    )
    main_role = "motion"

    @override
    def program(self, roles: Roles) -> str:
        (first, second), (motion,) = roles["times"], roles["motion"]
        return (
            "def answer(scene):\n"
            f"    first, second = scene.camera({first}), scene.camera({second})\n"
            f"{_PROGRAMS[motion.casefold()]}"
        )

    @override
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        every = (
            {"times": times, "motion": (str(motion),)}
            for times in pairs_of_times(geometry, rng)
            for motion in rng.permutation(["move", "turn"])
        )
        kept = [roles for roles in every if self.check(geometry, roles) is None]
        # Who walks round a room moves sideways: without equal turns, few answers would be forward or back.
        yield from in_turns(kept, [_direction(geometry, roles) for roles in kept], rng)

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        if frames_at(geometry, roles["times"]) is None:
            return f"no frames are shown at {' and '.join(roles['times'])} s"
        if float(roles["times"][0]) >= float(roles["times"][1]):
            return f"{roles['times'][0]} s is not before {roles['times'][1]} s"
        slack = _slack(geometry, roles)
        if slack >= 1:
            return None
        if roles["motion"] == ("turn",):
            return f"it turns by less than {TURN:.0f} degrees, or by nearly half a circle"
        return (
            f"it moves less than {LEAST} m, or less than {TIMES_NEXT:.0f} times as far as along the next axis"
        )

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return frozenset()

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        return _slack(geometry, roles)


def _slack(geometry: SceneGeometry, roles: Roles) -> float:
    """How many times over the rules hold; below 1 they don't."""
    rightward, onward, upward, angle = _change(geometry, roles)
    if roles["motion"] == ("turn",):
        return min(abs(angle), 180 - abs(angle)) / TURN
    *_, second, most = sorted((abs(rightward), abs(onward), abs(upward)))
    if most == abs(upward):
        return 0.0  # it mainly goes up or down, which is none of the options
    return min(most / LEAST, most / max(second, 1e-9) / TIMES_NEXT)


def _direction(geometry: SceneGeometry, roles: Roles) -> tuple[str, bool, bool]:
    """Tells one answer from another."""
    rightward, onward, _, angle = _change(geometry, roles)
    if roles["motion"] == ("turn",):
        return "turn", angle > 0, False
    sideways = abs(rightward) >= abs(onward)
    return "move", sideways, (rightward if sideways else onward) > 0


def _change(geometry: SceneGeometry, roles: Roles) -> tuple[float, float, float, float]:
    """Metres to the right, forward and up as the first camera sees it; degrees turned to the left, -180 to 180."""
    frames = frames_at(geometry, roles["times"])
    assert geometry.views is not None and frames is not None, "times were checked"
    (x, y, z), (ahead, then) = (
        np.diff(geometry.views.poses[frames, :3, 3], axis=0)[0].tolist(),
        geometry.forwards[frames].tolist(),
    )
    angle = math.atan2(ahead[0] * then[1] - ahead[1] * then[0], ahead[0] * then[0] + ahead[1] * then[1])
    return x * ahead[1] - y * ahead[0], x * ahead[0] + y * ahead[1], z, math.degrees(angle)
