"""A few questions that no family asks, with programs: what the tiny proposer learns of `open`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lightning_ouro.programs.families.base import quote
from lightning_ouro.programs.scene_geometry import SceneGeometry
from lightning_ouro.proposer.metadata import References

Written = tuple[str, str]  # text and program


def _taller(one: str, other: str) -> Written:
    return (
        f"Which one reaches higher above the floor, the {one} or the {other}?",
        "def answer(scene):\n"
        f"    names = [{quote(one)}, {quote(other)}]\n"
        "    top = max(names, key=lambda name: scene.unique(name).center[2] + scene.unique(name).height / 2)\n"
        "    return choice(top, among=names)\n",
    )


def _wider(one: str, other: str) -> Written:
    return (
        f"Which one has the longer longest side, the {one} or the {other}?",
        "def answer(scene):\n"
        f"    names = [{quote(one)}, {quote(other)}]\n"
        "    return choice(max(names, key=lambda name: scene.unique(name).longest_side), among=names)\n",
    )


def _height(one: str, other: str) -> Written:
    return (
        f"How tall is the {one} from its bottom to its top, in centimeters?",
        f"def answer(scene):\n    return centimetres(100 * scene.unique({quote(one)}).height)\n",
    )


KINDS: tuple[Callable[[str, str], Written], ...] = (_taller, _wider, _height)


def draw(room: SceneGeometry, short: References, rng: np.random.Generator) -> Written | None:
    """One of them about objects that the frames show; None where fewer than two names are unique."""
    names = [name for name in room.unique_categories() if room.indices(name)[0] in room.seen]
    if len(names) < 2:
        return None
    one, other = (
        short.names.get(names[place], names[place]) for place in rng.choice(len(names), 2, replace=False)
    )
    return KINDS[int(rng.integers(len(KINDS)))](one, other)
