"""Any question that no other family asks, with a program that returns a typed answer.

The answer of an open question is derived twice (`verification`). A text of one of the forms below is derived
from the form, like any family's. Any other text needs programs that were written from the text alone, of which
the majority gives the same answer; `open_text` says what such a text may not be, and `open_law` what such an
answer may not depend on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family, quote
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.families.framing import end_not_framed, upper_and_lower_ends_framed
from lightning_ouro.programs.families.uniqueness import all_indices, not_complete, not_unique
from lightning_ouro.programs.first_seen import SIZED
from lightning_ouro.programs.geometry import Floats
from lightning_ouro.programs.scene_geometry import SceneGeometry

# What one of two objects has more of. The wording of `higher` and `longest`, and `tall`, is what the shipped
# weights were taught.
_MEASURES = {
    "higher": "scene.unique(name).center[2] + scene.unique(name).height / 2",
    "longer": "scene.unique(name).longest_side",
    "taller": "scene.unique(name).height",
}
# By how much two sizes that are compared differ, of the larger and in metres; chosen by hand. Noise of 3 % in each of
# them makes their difference 4 %, of 3 cm and 3 % in a height of 2 m each that of their tops 6 cm.
_APART, _LEAST_APART, _TOPS_APART = 0.1, 0.05, 0.1
MOST_LEANING = 10.0  # degrees from the vertical; chosen by hand


@final
class OpenQuestion(Family):
    """Kept only if all it names is shown, and every category that it names is known completely.

    What the rules of the forms guard:

    - one object that each name fits: guards what is measured;
    - each seen with 1 % of a frame (`SIZED`), and framed both ends of what is measured, or for what reaches higher
      the top: guards that the length can be seen;
    - no box leans by more than 10 degrees whose height is asked for: guards that it is that of the thing;
    - two lengths that differ by more than 10 % and 5 cm, two tops by more than 10 cm: guards which is the larger, also
      of two things that stand upright in boxes that lean.
    """

    name = "open"
    forms = (
        Form("Which one reaches {kind[0]:higher} above the floor, the {objects[0]} or the {objects[1]}?"),
        Form("Which one has the {kind[0]:longer} longest side, the {objects[0]} or the {objects[1]}?"),
        Form("How {kind[0]:tall} is the {objects[0]} from its bottom to its top, in centimeters?"),
        Form("Which is {kind[0]:taller}, the {objects[0]} or the {objects[1]}?"),
    )
    main_role = "objects"
    symmetric = frozenset({"objects"})
    share = SIZED

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
        if "kind" not in roles:
            return not_complete(geometry, *names)
        (kind,) = roles["kind"]
        return (
            not_unique(geometry, *names)
            or (leaning_box(geometry, names) if kind == "tall" else None)
            or next(filter(None, (_not_framed(geometry, kind, name) for name in names)), None)
            or _alike(geometry, kind, names)
        )

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        names = roles["objects"]
        return all_indices(geometry, names) if names else frozenset(range(len(geometry.scene.objects)))

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        return _clearness(geometry, roles["kind"][0], roles["objects"]) if "kind" in roles else math.inf


def leaning_box(geometry: SceneGeometry, names: Sequence[str]) -> str | None:
    """That one of these categories has a box without an upright axis, or None."""
    leans = _lean(geometry)
    for name in names:
        if any(leans[index] for index in geometry.indices(name)):
            return f"the box of a {name} leans, so its height is not clear"
    return None


def _lean(geometry: SceneGeometry) -> NDArray[np.bool_]:
    """Which boxes have no upright axis, `(n,)`."""
    upright = np.abs(geometry.rotations[:, 2]).max(axis=1, initial=0.0)
    return np.asarray(np.degrees(np.arccos(np.clip(upright, 0, 1))) > MOST_LEANING)


def _not_framed(geometry: SceneGeometry, kind: str, name: str) -> str | None:
    """That no frame has in its picture what a form measures of an object, or None."""
    if kind == "longer":
        return end_not_framed(geometry, name)
    (index,) = geometry.indices(name)
    framed = upper_and_lower_ends_framed(geometry)[index]
    ends = ("top",) if kind == "higher" else ("top", "bottom")
    missing = [end for end, is_framed in zip(ends, framed.tolist(), strict=False) if not is_framed]
    return f"no frame that shows the {name} has its {missing[0]} in the picture" if missing else None


def _measured(geometry: SceneGeometry, kind: str, names: Sequence[str]) -> Floats:
    """What a form compares of unique objects, at least and at most, `(names, 2)` metres.

    In a box that leans, a thing may stand upright: then it is as tall as the box's most upright side reaches.
    """
    indices = [geometry.indices(name)[0] for name in names]
    if kind == "longer":
        return np.repeat(geometry.sizes[indices].max(axis=1, keepdims=True), 2, axis=1)
    most = np.ptp(geometry.corners[indices][..., 2], axis=1)
    upright = (np.abs(geometry.rotations[indices, 2]) * geometry.sizes[indices])[
        np.arange(len(indices)), np.abs(geometry.rotations[indices, 2]).argmax(axis=1)
    ]
    heights = np.stack([np.where(_lean(geometry)[indices], upright, most), most], axis=1)
    return geometry.centers[indices, 2, None] + heights / 2 if kind == "higher" else heights


def _apart(geometry: SceneGeometry, kind: str, names: Sequence[str]) -> float:
    """By how much one of two objects has more of what a form compares, at least; below 0 if either may have, metres."""
    (least, most), (other_least, other_most) = _measured(geometry, kind, names).tolist()
    return float(max(least - other_most, other_least - most))


def _clearness(geometry: SceneGeometry, kind: str, names: Sequence[str]) -> float:
    """The difference between what is compared, as a ratio to the least one; infinite where nothing is compared."""
    if kind == "tall":
        return math.inf
    most = float(_measured(geometry, kind, names).max())
    return _apart(geometry, kind, names) / (
        _TOPS_APART if kind == "higher" else max(_LEAST_APART, _APART * most)
    )


def _alike(geometry: SceneGeometry, kind: str, names: Sequence[str]) -> str | None:
    """That what a form compares is nearly the same, or None."""
    if _clearness(geometry, kind, names) > 1:
        return None
    difference = 100 * max(_apart(geometry, kind, names), 0.0)
    return f"a difference of {difference:.0f} cm is too small to tell which is {kind}"


FAMILY = OpenQuestion()
