"""The floor area of the whole scene, in square metres."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np
from scipy.spatial import ConvexHull, QhullError
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.families.room import LEAST_SHOWN, is_below, shown_floor, something_hides
from lightning_ouro.programs.geometry import footprints
from lightning_ouro.programs.occlusion import AT_WALL
from lightning_ouro.programs.scene_geometry import SceneGeometry
from lightning_ouro.scenes.floor_area import polygon_area

DEVIATION = 0.1  # of the floor area, by which an answer may be off as well


@final
class RoomSizeEstimation(Family):
    """The floor area of the whole scene.

    What the rules guard:

    - the outline, where there is one, has this area up to a tenth, and what the objects cover of the floor does not
      spread over more: guards that the area is that of the room which the frames and boxes are of;
    - no object that is shown stands outside of the outline by more than 0.5 m, or below the floor: guards that no other
      room is shown;
    - no object is seen nowhere that should be: guards that nothing without a box hides a part of the room;
    - no more than a tenth of it is behind walls, wherever the camera is: guards that no arm or second room is missed,
      which can't be told from the rest;
    - of rooms that a door joins (`necks`) only the sentence that says how: guards which of them are meant;
    - half of the floor lies inside the pictures of linked frames (`shown_room`), up to 10 m away, not behind walls, nor
      behind boxes that are higher than the camera: guards that the room's extent can be seen.
    """

    name = "room_size_estimation"
    forms = (
        Form(
            "What is the size of this room (in square meters)? \n"
            "If multiple rooms are shown, estimate the size of the combined space."
        ),
        Form("How many square meters of floor does this room have?", of_one_room=True),
        Form("Estimate the floor area of the space in the video in square meters.", of_one_room=True),
        Form("In square meters, how large is this room?", of_one_room=True),
    )
    main_role = ""

    @override
    def program(self, roles: Roles) -> str:
        return "def answer(scene):\n    return square_metres(scene.floor_area)\n"

    @override
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        if self.check(geometry, {}) is None:
            yield {}

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        area = geometry.scene.floor_area
        outlined = area if geometry.scene.floor is None else polygon_area(geometry.scene.floor)
        if abs(outlined - area) > DEVIATION * area:
            return f"the floor is said to have {area:.1f} m², its outline has {outlined:.1f} m²"
        spread = _spread(geometry)
        if spread > (1 + DEVIATION) * area:
            return f"the floor is said to have {area:.1f} m², the objects spread over {spread:.1f} m²"
        for index in sorted(geometry.seen):
            if geometry.outside[index] > AT_WALL or is_below(geometry, index):
                return f"the {geometry.scene.objects[index].category} is shown, but not in this room"
        if (problem := something_hides(geometry)) is not None:
            return problem
        behind = 0.0 if geometry.shown_room is None else geometry.shown_room.walled_off
        if behind > DEVIATION:
            return f"walls hide {behind:.0%} of the floor from every camera"
        shown = shown_floor(geometry)
        return None if shown >= LEAST_SHOWN else f"only {shown:.0%} of the floor is in the pictures"

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return frozenset()

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        return shown_floor(geometry) / LEAST_SHOWN


def _spread(geometry: SceneGeometry) -> float:
    """The area of the convex hull of what the objects cover of the floor, square metres."""
    shapes = footprints(geometry.centers, geometry.sizes, geometry.rotations)
    try:
        return float(ConvexHull(shapes.reshape(-1, 2)).volume)
    except (QhullError, ValueError):  # there is no object, or all are without width
        return 0.0


FAMILY = RoomSizeEstimation()
