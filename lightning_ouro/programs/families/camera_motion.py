"""In which direction the camera mainly moves between two timestamps, or to which side it turns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family
from lightning_ouro.programs.families.camera_change import (
    LEAST,
    LEAST_TURN,
    STRAIGHT,
    TIMES_NEXT,
    main_way,
    move_between,
    move_slack,
    turn_between,
    turn_slack,
    widest_unseen,
)
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.families.ordering import balanced_order
from lightning_ouro.programs.families.timestamps import (
    FIRST,
    SECOND,
    not_linked_by_views,
    not_one_frame,
    nothing_shown,
    pairs_of_times,
)
from lightning_ouro.programs.scene_geometry import SceneGeometry

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
    """Kept only if the whole way from one time to the other has one clear answer.

    A move: 0.5 m and twice as far as along the next axis, by the displacement as seen at the first time and by
    the steps as the camera sees each, and half as far as the path is long. A turn: 15 degrees, and twice as far
    as to the other side, but not by half a circle from one shown frame to the next, which would look alike to both
    sides. Both only where the camera was tracked all the way, without jumps, and is not held steeply or askew, and
    where the frames at both times show an object. For a turn, frames on the way that show none are as if not shown:
    what is told by blank walls? A move is told by where it starts and ends. The frames that tell have to be linked
    by what they show (`shown_room`): for a turn all on the way, for a move both ends.
    """

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
        yield from balanced_order(kept, [_label(geometry, roles) for roles in kept], rng)

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        first, second = roles["times"]
        problem = not_one_frame(geometry, first, second)
        if problem is not None:
            return problem
        if float(first) >= float(second):
            return f"{first} s is not before {second} s"
        between = turn_between if _is_turn(roles) else move_between
        if between(geometry, roles["times"]) is None:
            return f"the camera was not tracked, jumps, or is held steeply or askew, between {first} and {second} s"
        if self.slack(geometry, roles) >= 1:
            return (
                nothing_shown(geometry, roles["times"])
                or _turns_unseen(geometry, roles)
                or not_linked_by_views(geometry, roles["times"], _is_turn(roles))
            )
        if _is_turn(roles):
            return (
                f"it turns by less than {LEAST_TURN:.0f} degrees, less than {TIMES_NEXT:.0f} times as far as to the "
                "other side, or by half a circle from one frame to the next"
            )
        return (
            f"it moves less than {LEAST} m, less than {TIMES_NEXT:.0f} times as far as along the next axis, or less "
            f"than {STRAIGHT} times the length of its path"
        )

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return frozenset()

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        if _is_turn(roles):
            turn = turn_between(geometry, roles["times"])
            return 0.0 if turn is None else turn_slack(turn)
        move = move_between(geometry, roles["times"])
        return 0.0 if move is None else move_slack(move)


def _is_turn(roles: Roles) -> bool:
    return roles["motion"] == ("turn",)


def _turns_unseen(geometry: SceneGeometry, roles: Roles) -> str | None:
    """That the camera turns by about half a circle while no frame shows an object, or None."""
    if not _is_turn(roles) or widest_unseen(geometry, roles["times"]) <= 180 - LEAST_TURN:
        return None
    return "it turns by half a circle from one frame that shows an object to the next"


def _label(geometry: SceneGeometry, roles: Roles) -> tuple[str, object]:
    """Distinguishes the answers to questions that can be asked."""
    turn, move = turn_between(geometry, roles["times"]), move_between(geometry, roles["times"])
    assert turn is not None and move is not None, "roles were checked"
    return ("turn", turn.net > 0) if _is_turn(roles) else ("move", main_way(move.net))


FAMILY = CameraMotion()
