"""A few questions that belong to no family, with programs: all that the tiny proposer learns about `open`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lightning_ouro.programs.families import OPEN
from lightning_ouro.programs.families.base import quote
from lightning_ouro.programs.scene_geometry import SceneGeometry
from lightning_ouro.proposer.short_names import ShortNames

TextAndProgram = tuple[str, str]


def _taller(first: str, second: str) -> TextAndProgram:
    return (
        f"Which one reaches higher above the floor, the {first} or the {second}?",
        "def answer(scene):\n"
        f"    names = [{quote(first)}, {quote(second)}]\n"
        "    top = max(names, key=lambda name: scene.unique(name).center[2] + scene.unique(name).height / 2)\n"
        "    return choice(top, among=names)\n",
    )


def _longer(first: str, second: str) -> TextAndProgram:
    return (
        f"Which one has the longer longest side, the {first} or the {second}?",
        "def answer(scene):\n"
        f"    names = [{quote(first)}, {quote(second)}]\n"
        "    return choice(max(names, key=lambda name: scene.unique(name).longest_side), among=names)\n",
    )


def _height(first: str, second: str) -> TextAndProgram:
    return (
        f"How tall is the {first} from its bottom to its top, in centimeters?",
        f"def answer(scene):\n    return centimetres(100 * scene.unique({quote(first)}).height)\n",
    )


KINDS: dict[str, Callable[[str, str], TextAndProgram]] = {
    "higher": _taller,
    "longer": _longer,
    "tall": _height,
}
_TRIES = 20  # pairs of objects, of which most differ enough to be compared


def draw(geometry: SceneGeometry, short: ShortNames, rng: np.random.Generator) -> TextAndProgram | None:
    """One of them that holds in the scene; None if none is found soon."""
    shown = geometry.shown(OPEN.share)
    names = [name for name in geometry.unique_categories() if geometry.indices(name)[0] in shown]
    if len(names) < 2:
        return None
    kind = list(KINDS)[int(rng.integers(len(KINDS)))]
    for _ in range(_TRIES):
        pair = [names[index] for index in rng.choice(len(names), 2, replace=False)]
        asked = tuple(pair[:1] if kind == "tall" else pair)
        if OPEN.check(geometry, {"kind": (kind,), "objects": asked}) is None:
            first, second = (short.categories.get(name, name) for name in pair)
            return KINDS[kind](first, second)
    return None
