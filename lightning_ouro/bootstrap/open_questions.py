"""A few questions that belong to no family, with programs: all that the tiny proposer learns about `open`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

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


KINDS: tuple[Callable[[str, str], TextAndProgram], ...] = (_taller, _longer, _height)


def draw(geometry: SceneGeometry, short: ShortNames, rng: np.random.Generator) -> TextAndProgram | None:
    """One of them about visible objects; None if fewer than two categories have a single, visible object."""
    names = [name for name in geometry.unique_categories() if geometry.indices(name)[0] in geometry.seen]
    if len(names) < 2:
        return None
    first, second = (
        short.categories.get(names[index], names[index]) for index in rng.choice(len(names), 2, replace=False)
    )
    return KINDS[int(rng.integers(len(KINDS)))](first, second)
