"""What a question about the camera's movement between two timestamps may be asked about, and its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from lightning_ouro.programs.camera_movement import Move, Turn
from lightning_ouro.programs.families.timestamps import frames_at
from lightning_ouro.programs.first_seen import VISIBLE
from lightning_ouro.programs.scene_geometry import SceneGeometry

# All but the first chosen by hand. From one shown frame to the next, half a circle would look alike on both sides.
LEAST = 0.5  # metres along the main axis, as in VLM-3R's generator
LEAST_TURN = 15.0  # degrees in all, and degrees short of half a circle between two successive frames
TIMES_NEXT = 2.0  # ratio of the main axis to the next, or of one side's turns to the other's
STRAIGHT = 0.5  # ratio of the displacement to the length of the path

Way = Literal["left", "right", "forward", "back"]


def move_between(geometry: SceneGeometry, times: Sequence[str]) -> Move | None:
    """How the camera moves between two times, each of which has a frame; None if that is not known."""
    return geometry.movement.moves.get(_pair(geometry, times))


def turn_between(geometry: SceneGeometry, times: Sequence[str]) -> Turn | None:
    """How the camera turns between two times, each of which has a frame; None if that is not known."""
    return geometry.movement.turns.get(_pair(geometry, times))


def widest_unseen(geometry: SceneGeometry, times: Sequence[str]) -> float:
    """Degrees, in either direction, of the largest turn between two times from a frame with an object to the next.

    Both times have such a frame.
    """
    first, second = _pair(geometry, times)
    assert geometry.views is not None, "times were checked"
    shows = (geometry.views.visibility[first : second + 1] >= VISIBLE).any(axis=1)
    headings = geometry.movement.headings[first : second + 1][shows]
    return float(np.abs(np.diff(headings)).max(initial=0.0))


def _pair(geometry: SceneGeometry, times: Sequence[str]) -> tuple[int, int]:
    frames = frames_at(geometry, tuple(times))
    assert frames is not None, "times were checked"
    first, second = frames
    return first, second


def turn_slack(turn: Turn) -> float:
    """1 where it is just clear that a turn goes to the side of its net, and that the frames show it."""
    to_side, to_other = (turn.left, turn.right) if turn.net > 0 else (turn.right, turn.left)
    return min(
        abs(turn.net) / LEAST_TURN,
        to_side / max(to_other, 1e-9) / TIMES_NEXT,
        (180 - turn.widest) / LEAST_TURN,
    )


def move_slack(move: Move) -> float:
    """1 where it is just clear where a move goes: its net, its steps and its path have to agree."""
    if main_way(move.net) != main_way(move.walked):
        return 0.0
    straightness = float(np.linalg.norm(move.net)) / max(move.length, 1e-9)
    return min(_dominance(move.net), _dominance(move.walked), straightness / STRAIGHT)


def main_way(metres: tuple[float, float, float]) -> Way:
    """The way in which one moves farthest, up and down aside, by metres to the right, forward and up."""
    right, forward, _ = metres
    if abs(right) >= abs(forward):
        return "right" if right > 0 else "left"
    return "forward" if forward > 0 else "back"


def _dominance(metres: tuple[float, float, float]) -> float:
    """How far a movement to the right, forward and up is from being too short or too oblique; 1 at the limit."""
    *_, second, most = sorted(map(abs, metres))
    if most == abs(metres[2]):
        return 0.0  # it mainly goes up or down, which is not among the options
    return min(most / LEAST, most / max(second, 1e-9) / TIMES_NEXT)
