"""The floor area of the whole scene, in square metres."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.scene_geometry import SceneGeometry


@final
class RoomSizeEstimation(Family):
    """Always kept: every scene has a floor area, and no object has to be shown."""

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
        yield {}

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        return None

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return frozenset()

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        return math.inf


FAMILY = RoomSizeEstimation()
