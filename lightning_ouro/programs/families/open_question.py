"""Any question that no other family asks, with a program that returns a typed answer.

The answer of an open question is derived twice (`verification`). A text of one of the forms below is derived
from the form, like any family's. Any other text needs programs that were written from the text alone, of which
the majority gives the same answer; `open_text` says what such a text may not be.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family, quote
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.families.uniqueness import all_indices, not_unique
from lightning_ouro.programs.scene_geometry import SceneGeometry

# What one of two objects has more of. The wording of `higher` and `longest`, and `tall`, is what the shipped
# weights were taught.
_MEASURES = {
    "higher": "scene.unique(name).center[2] + scene.unique(name).height / 2",
    "longer": "scene.unique(name).longest_side",
    "taller": "scene.unique(name).height",
}


@final
class OpenQuestion(Family):
    """Kept only if all it names is shown, and a count does not exceed the number of objects it names."""

    name = "open"
    forms = (
        Form("Which one reaches {kind[0]:higher} above the floor, the {objects[0]} or the {objects[1]}?"),
        Form("Which one has the {kind[0]:longer} longest side, the {objects[0]} or the {objects[1]}?"),
        Form("How {kind[0]:tall} is the {objects[0]} from its bottom to its top, in centimeters?"),
        Form("Which is {kind[0]:taller}, the {objects[0]} or the {objects[1]}?"),
    )
    main_role = "objects"
    symmetric = frozenset({"objects"})

    @override
    def program(self, roles: Roles) -> str:
        """The program of a question that follows a form; any other question brings its own."""
        ((kind,), names) = roles["kind"], roles["objects"]
        if kind == "tall":
            return (
                f"def answer(scene):\n    return centimetres(100 * scene.unique({quote(names[0])}).height)\n"
            )
        return (
            "def answer(scene):\n"
            f"    names = [{', '.join(map(quote, names))}]\n"
            f"    most = max(names, key=lambda name: {_MEASURES[kind]})\n"
            "    return choice(most, among=names)\n"
        )

    @override
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        return iter(())  # only a model thinks of these

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        names = roles["objects"]
        if "kind" in roles:
            return not_unique(geometry, *names)
        missing = [name for name in names if not geometry.count(name)]
        if missing:
            return f"there is no {missing[0]}"
        if answer is None or answer.kind != "count" or not isinstance(answer.value, int):
            return None
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
