"""How many objects of a category, or of two, there are, by the source's corrected counts.

Models that were trained to count what is there say "2" of things that are not. So with `strict` margins this family
asks for 0 and 1 as well, and for two categories together, whose sum nobody knows by heart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family, quote
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.families.ordering import in_turns, random_order
from lightning_ouro.programs.families.room import LEAST_SHOWN, not_in_room, shown_floor, something_hides
from lightning_ouro.programs.families.uniqueness import all_indices, not_complete
from lightning_ouro.programs.geometry import Floats, point_distances
from lightning_ouro.programs.scene_geometry import SceneGeometry
from lightning_ouro.scenes.naming import is_countable

MOST_SHARED = 0.5  # of a box that lies inside another one of its category; chosen by hand
_MANY = 3  # objects, from which on numbers count as one answer where answers are balanced; chosen by hand
_GRID = (np.indices((6, 6, 6)).reshape(3, -1).T + 0.5) / 6 - 0.5  # (216, 3) points of a box of 1 m


@final
class ObjectCounting(Family):
    """How many objects of a category there are, or of two categories together.

    What the rules guard:

    - annotated completely, each counted object with a box, nothing else could be called so: guards that what is
      counted is all that the name fits, and that of two categories no object is counted twice;
    - not a plural (books) or any amount (clothing, furniture): guards that each box stands for one;
    - of a category without objects, that it is known to be absent, and that no object of the scene could be called so:
      guards that 0 is not only what was annotated;
    - of a category without objects, that the frames show half of the floor, as for `room_size_estimation`: guards that
      they show what is denied;
    - none stands outside of the floor's outline by more than 0.5 m: guards that all are in this room;
    - no box lies by half in another one of its category: guards the same;
    - each is seen (0.3 % of a frame): guards that the frames show all that are counted. What they don't show is not
      denied either: a category with a hidden object is not asked about;
    - at least two (`strict`: none): leaves out what is right of most categories;
    - two together only with `strict` margins, and at least one of them there: no set of limits that stands for
      VSI-Bench should let in what it doesn't ask.
    """

    name = "object_counting"
    forms = (
        Form("How many {object[0]}(s) are in this room?"),
        Form("How many {object[0]}(s) can be seen in the video?"),
        Form("Count the {object[0]}(s) in this room. How many are there?"),
        Form("What is the number of {object[0]}(s) in the room?"),
        Form("How many {object[0]}(s) and {object[1]}(s) are in the scene in total?", is_extra=True),
        Form(
            "Count the {object[0]}(s) and the {object[1]}(s). How many are there altogether?", is_extra=True
        ),
        Form("What is the total number of {object[0]}(s) and {object[1]}(s) in the room?", is_extra=True),
    )
    main_role = "object"
    symmetric = frozenset({"object"})

    @override
    def program(self, roles: Roles) -> str:
        total = " + ".join(f"scene.count({quote(category)})" for category in roles["object"])
        return f"def answer(scene):\n    return count({total})\n"

    @override
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        named = [(name,) for name in sorted({*geometry.categories(), *geometry.absent})]
        single = [names for names in named if self.check(geometry, {"object": names}) is None]
        pairs = [(*first, *second) for first, second in combinations(single, 2)]
        together = [names for names in pairs if self.check(geometry, {"object": names}) is None]
        # Equally many of each answer and, among those, of one category and of two. Most answers are 0 or 1 else.
        by_answer = (
            in_turns([_with_total(geometry, kind, total, rng) for kind in (single, together)], rng)
            for total in range(_MANY + 1)
        )
        return ({"object": names} for names in in_turns(list(by_answer), rng))

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        names, margins = roles["object"], self.margins(geometry)
        for category in names:
            problem = self._not_countable(geometry, category)
            if problem is not None:
                return problem
        if len(names) == 1:
            return None
        if not margins.together:
            return "two categories are counted together only with strict margins"
        if len(set(names)) < len(names):
            return f"not two different categories: {', '.join(names)}"
        return None if any(map(geometry.indices, names)) else f"there is neither a {' nor a '.join(names)}"

    def _not_countable(self, geometry: SceneGeometry, category: str) -> str | None:
        """Why a category cannot be counted, alone or beside another one; or None."""
        if not is_countable(category):
            return _no_unit(category)
        problem = None if category in geometry.absent else not_complete(geometry, category)
        if problem is not None:
            return problem
        number, least = geometry.count(category), self.margins(geometry).least_count
        if number < least:
            return f"{number} {category}; at least {least} are needed"
        if number == 0 and shown_floor(geometry) < LEAST_SHOWN:
            return f"only {shown_floor(geometry):.0%} of the floor is shown: there may be a {category}"
        if number == 0 and (problem := something_hides(geometry)) is not None:
            return problem
        return not_one_each(geometry, category)

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return all_indices(geometry, roles["object"])

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        return math.inf


def _with_total(
    geometry: SceneGeometry, named: Sequence[tuple[str, ...]], total: int, rng: np.random.Generator
) -> Iterator[tuple[str, ...]]:
    """The categories, or pairs, of which there are so many (`_MANY`: so many or more), in random order."""
    chosen = [names for names in named if min(_MANY, sum(map(geometry.count, names))) == total]
    return (chosen[i] for i in random_order(len(chosen), rng))


def _no_unit(category: str) -> str:
    return f"a box of {category} need not be one of them"


def not_one_each(geometry: SceneGeometry, category: str) -> str | None:
    """That a box of a category need not stand for one object in this room, or None."""
    if not is_countable(category):
        return _no_unit(category)
    if _may_repeat(geometry, category):
        return f"two boxes of a {category} may be one"
    return not_in_room(geometry, category)


def _may_repeat(geometry: SceneGeometry, category: str) -> bool:
    """Whether a box of the category lies by more than half inside another one, or around its centre."""
    indices = geometry.indices(category)
    touching = [(a, b) for a in indices for b in indices if a != b and geometry.distances[a, b] == 0]
    return any(
        _holds_centre(geometry, a, b) or _share_inside(geometry, a, b) > MOST_SHARED for a, b in touching
    )


def _holds_centre(geometry: SceneGeometry, inner: int, outer: int) -> bool:
    """Whether the centre of a box lies inside another one."""
    offset = (geometry.centers[inner] - geometry.centers[outer]) @ geometry.rotations[outer]
    return bool((np.abs(offset) <= geometry.sizes[outer] / 2).all())


def _share_inside(geometry: SceneGeometry, inner: int, outer: int) -> float:
    """The share of a box's volume, on a grid, that lies inside another one."""
    turned = _GRID * geometry.sizes[inner] @ geometry.rotations[inner].T
    box = [outer]
    apart: Floats = point_distances(
        geometry.centers[inner] + turned, geometry.centers[box], geometry.sizes[box], geometry.rotations[box]
    )
    return float((apart == 0).mean())


FAMILY = ObjectCounting()
