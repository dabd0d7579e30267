"""Any question that no other family asks, with a program that returns a typed answer.

Nothing can verify that text and program agree here. So a text that asks in other words what a family asks is
rejected: its answer would be taken on trust although the family's own program could have checked it. An open
question has to name the objects it is about in its text, and the frames have to show all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family
from lightning_ouro.programs.families.forms import Roles
from lightning_ouro.programs.families.uniqueness import all_indices
from lightning_ouro.programs.scene_geometry import SceneGeometry


@final
class OpenQuestion(Family):
    """Kept only if all it names is shown, and a count does not exceed the number of objects it names."""

    name = "open"
    forms = ()
    main_role = "objects"
    symmetric = frozenset({"objects"})

    @override
    def program(self, roles: Roles) -> str:
        raise NotImplementedError("an open question brings its own program")

    @override
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        return iter(())  # only a model thinks of these

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        if answer is None or answer.kind != "count" or not isinstance(answer.value, int):
            return None
        names = roles["objects"]
        most = sum(map(geometry.count, names)) if names else len(geometry.scene.objects)
        if answer.value <= most:
            return None
        return f"{answer.value} of {most} {' and '.join(names) or 'objects'}: more than there are"

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        names = roles["objects"]
        return all_indices(geometry, names) if names else frozenset(range(len(geometry.scene.objects)))

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        return math.inf


FAMILY = OpenQuestion()
