"""Whether an open question says what its quantities are measured by, where that decides the answer.

Two programs that were written from one text share the API's conventions, so they agree on answers that a person
would call one of two: `scene.distance` is between closest points, `scene.path` from middle to middle, `height` of a
box that leans is not that of the chair in it. Of 168 answers that had been derived twice, judged by hand, 6 of 16
that were wrong or one of two had such a reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.scene_geometry import SceneGeometry

# Words that say between which points a distance or a way is meant. "The closest" alone asks for an object.
SAYS_BETWEEN = re.compile(
    r"\b(?:(?:closest|nearest) (?:points?|parts?|sides?)|edges?|gaps?|surfaces?|touch\w*|outlines?|cent(?:er|re)s?|"
    r"middles?|midpoints?)\b"
)
LEAST_METRES = 0.2  # as the families ask; metres may change by 0.1 under noise
MOST_LEANING = 10.0  # degrees from the vertical; chosen by hand


def unclear(
    text: str, program: str, answer: TypedAnswer, names: Sequence[str], geometry: SceneGeometry
) -> str | None:
    """Which quantity of a question is too small or could be another one, or None.

    Args:
        text: The question.
        program: Its program, which says what the API is asked for.
        answer: What that returned.
        names: The categories that the text names.
        geometry: The scene.
    """
    if answer.kind == "metres" and isinstance(answer.value, int | float) and answer.value < LEAST_METRES:
        return f"{answer.value:.2f} m; at least {LEAST_METRES} m needed"
    if answer.kind == "metres" and ".path(" in program and not says_between(text):
        return "the text does not say that the way leads from middle to middle"
    if "height" in program and (leaning := _leaning(geometry, names)) is not None:
        return f"the box of a {leaning} leans, so its height is not clear"
    return None


def says_between(text: str) -> bool:
    """Whether a text says between which points distances are meant."""
    return SAYS_BETWEEN.search(text.casefold()) is not None


def between_middles(exact: SceneGeometry) -> SceneGeometry:
    """The scene with distances between the middles of boxes, as somebody may mean who does not say."""
    steps = exact.centers[:, None] - exact.centers
    return replace(exact, distances=np.linalg.norm(steps, axis=-1))


def _leaning(geometry: SceneGeometry, names: Sequence[str]) -> str | None:
    """The first of these categories that has a box without an upright axis."""
    upright = np.abs(geometry.rotations[:, 2]).max(axis=1, initial=0.0)
    leans = np.degrees(np.arccos(np.clip(upright, 0, 1))) > MOST_LEANING
    return next((name for name in names if any(leans[index] for index in geometry.indices(name))), None)
