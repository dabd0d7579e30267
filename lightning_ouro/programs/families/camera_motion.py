"""In which direction the camera mainly moves between two timestamps, or to which side it turns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family
from lightning_ouro.programs.families.camera_change import camera_change
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.families.ordering import balanced_order
from lightning_ouro.programs.families.timestamps import FIRST, SECOND, frames_at, pairs_of_times
from lightning_ouro.programs.scene_geometry import SceneGeometry

LEAST = 0.5  # metres along the main axis, as in VLM-3R's generator
TIMES_NEXT = 2.0  # ratio of the main axis to the next, which may be up and down; chosen by hand
TURN = 15.0  # degrees from straight ahead, and from straight back; chosen by hand
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
    """Kept only if it moved 0.5 m and twice as far as along the next axis, or turned by 15 to 165 degrees."""

    name = "camera_motion"
    forms = (
        Form(f"Between {FIRST} seconds and {SECOND} seconds, which way does the camera mainly {_MOTION}?"),
        Form(
            f"Seen from the camera at {FIRST} seconds, which way does it {_MOTION} for the most part until "
            f"{SECOND} seconds?"
        ),
        Form(f"From {FIRST} s to {SECOND} s, in which direction does the camera {_MOTION} most?"),
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
        possible = (
            {"times": times, "motion": (str(motion),)}
            for times in pairs_of_times(geometry, rng)
            for motion in rng.permutation(["move", "turn"])
        )
        kept = [roles for roles in possible if self.check(geometry, roles) is None]
        # Who walks around a room moves sideways: unless balanced, few answers are "forward" or "back".
        labels = [camera_change(geometry, roles["times"]).label(_is_turn(roles)) for roles in kept]
        yield from balanced_order(kept, labels, rng)

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        if frames_at(geometry, roles["times"]) is None:
            return f"no frames are shown at {' and '.join(roles['times'])} s"
        if float(roles["times"][0]) >= float(roles["times"][1]):
            return f"{roles['times'][0]} s is not before {roles['times'][1]} s"
        if self.slack(geometry, roles) >= 1:
            return None
        if _is_turn(roles):
            return f"it turns by less than {TURN:.0f} degrees, or by nearly half a circle"
        return (
            f"it moves less than {LEAST} m, or less than {TIMES_NEXT:.0f} times as far as along the next axis"
        )

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return frozenset()

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        change = camera_change(geometry, roles["times"])
        if _is_turn(roles):
            return min(abs(change.left_turn), 180 - abs(change.left_turn)) / TURN
        *_, second, most = sorted((abs(change.right), abs(change.forward), abs(change.up)))
        if most == abs(change.up):
            return 0.0  # it mainly goes up or down, which is not among the options
        return min(most / LEAST, most / max(second, 1e-9) / TIMES_NEXT)


def _is_turn(roles: Roles) -> bool:
    return roles["motion"] == ("turn",)


FAMILY = CameraMotion()
