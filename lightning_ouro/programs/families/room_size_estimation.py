"""The floor area of the whole scene, in square metres."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import final

import numpy as np
from scipy.spatial import ConvexHull, QhullError
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.scene_geometry import SceneGeometry
from lightning_ouro.scenes.floor import floor_outline, grid_on_floor
from lightning_ouro.scenes.floor_area import polygon_area

DEVIATION = 0.1  # of the floor area, by which an answer may be off as well
LEAST_SHOWN = 0.5  # of the floor, inside the frames' pictures; chosen by hand


@final
class RoomSizeEstimation(Family):
    """The floor area of the whole scene.

    What the rules guard:

    - the outline, where there is one, has this area up to a tenth, and the objects' centres do not spread over
      more: guards that the area is that of the room which the frames and boxes are of;
    - half of the floor lies inside the pictures of some frames: guards that the room's extent can be seen.
    """

    name = "room_size_estimation"
    forms = (
        Form(
            "What is the size of this room (in square meters)? \n"
            "If multiple rooms are shown, estimate the size of the combined space."
        ),
        Form("How many square meters of floor does this room have?"),
        Form("Estimate the floor area of the space in the video in square meters."),
        Form("In square meters, how large is this room?"),
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
        shown = _share_shown(geometry)
        return None if shown >= LEAST_SHOWN else f"only {shown:.0%} of the floor is in the pictures"

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return frozenset()

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        return _share_shown(geometry) / LEAST_SHOWN


def _spread(geometry: SceneGeometry) -> float:
    """The area of the convex hull of the objects' centres on the floor, square metres."""
    try:
        return float(ConvexHull(geometry.centers[:, :2]).volume)
    except (QhullError, ValueError):  # fewer than three centres, or all on a line
        return 0.0


def _share_shown(geometry: SceneGeometry) -> float:
    """The share of the floor that lies inside the picture of some frame; infinite if that is unknown."""
    pictures, outline = geometry.pictures, floor_outline(geometry.scene)
    if pictures is None or len(outline) < 3:
        return math.inf
    ground = geometry.corners[..., 2].min(initial=np.inf)
    points = grid_on_floor(outline)
    height = np.full((len(points), 1), ground if math.isfinite(ground) else 0.0)
    return float((pictures.inside(np.hstack([points, height])[None]) >= 0).any(axis=0).mean())


FAMILY = RoomSizeEstimation()
