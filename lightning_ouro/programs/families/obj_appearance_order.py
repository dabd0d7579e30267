"""The order in which four categories are first seen in the shown frames."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family, quote
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.families.ordering import random_order
from lightning_ouro.programs.families.uniqueness import not_complete
from lightning_ouro.programs.scene_geometry import SceneGeometry

_FOUR = "{objects[0]}, {objects[1]}, {objects[2]}, {objects[3]}"


@final
class ObjAppearanceOrder(Family):
    """The order in which four categories are first seen.

    What the rules guard:

    - annotated completely, with clear names: guards that no unknown object of one is seen earlier;
    - first seen with 0.3 % of a frame, no earlier frame with a trace of any of its objects (0.05 %): guards in
      which frame that is;
    - more than 1 s apart (`strict`: 2 s): guards their order.
    """

    name = "obj_appearance_order"
    forms = (
        Form(
            f"What will be the first-time appearance order of the following categories in the video: {_FOUR}?"
        ),
        Form(f"In which order do these objects first appear in the video: {_FOUR}?"),
        Form(f"Watching the video from the start, in what order does one first see {_FOUR}?"),
    )
    main_role = "objects"
    symmetric = frozenset({"objects"})
    most_options = 4

    @override
    def program(self, roles: Roles) -> str:
        listed = ", ".join(quote(name) for name in roles["objects"])
        return (
            "from itertools import permutations\n\n"
            "def answer(scene):\n"
            f"    names = [{listed}]\n"
            '    seen = ", ".join(sorted(names, key=scene.first_sight))\n'
            '    return choice(seen, among=[", ".join(order) for order in permutations(names)])\n'
        )

    @override
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        names = [name for name in geometry.categories() if doubt_of(geometry, name) is None]
        fours = list(combinations(range(len(names)), 4))
        for i in random_order(len(fours), rng):
            roles = {"objects": tuple(names[j] for j in rng.permutation(fours[i]))}
            if self.check(geometry, roles) is None:
                yield roles

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        names = roles["objects"]
        if len(set(names)) < len(names):
            return f"not four different categories: {', '.join(names)}"
        doubts = [doubt for name in names if (doubt := doubt_of(geometry, name)) is not None]
        if doubts:
            return doubts[0]
        gap, least = _least_gap(geometry, names), self.margins(geometry).first_seen
        return (
            None if gap > least else f"two are first seen {gap:.1f} s apart; more than {least:.0f} s needed"
        )

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return frozenset()  # `check` already demands that each category is seen

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        clearness = min(geometry.first_seen[name].clearness for name in roles["objects"])
        return min(clearness, _least_gap(geometry, roles["objects"]) / self.margins(geometry).first_seen)


def doubt_of(geometry: SceneGeometry, category: str) -> str | None:
    """Why it is unclear when a category is first seen, or None."""
    if category not in geometry.first_seen:
        return f"no frame shows a {category}"
    if geometry.first_seen[category].clearness < 1:
        return f"a trace of a {category} stands in a frame before it is seen"
    return not_complete(geometry, category)


def _least_gap(geometry: SceneGeometry, categories: tuple[str, ...]) -> float:
    """Seconds between the two first appearances that are closest in time."""
    assert geometry.views is not None, "only filmed scenes have first appearances"
    frames = [geometry.first_seen[category].frame for category in categories]
    return float(np.diff(np.sort(geometry.views.prompt_times[frames])).min())


FAMILY = ObjAppearanceOrder()
