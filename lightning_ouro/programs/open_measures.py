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
from itertools import pairwise

import numpy as np

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.object_counting import not_one_each
from lightning_ouro.programs.families.open_question import leaning_box
from lightning_ouro.programs.families.route_planning import unknown_obstacles
from lightning_ouro.programs.families.wording import mention
from lightning_ouro.programs.scene_geometry import SceneGeometry

# Words that say between which points a distance or a way is meant. "The closest" alone asks for an object.
SAYS_BETWEEN = re.compile(
    r"\b(?:(?:closest|nearest) (?:points?|parts?|sides?)|edges?|gaps?|surfaces?|touch\w*|outlines?|cent(?:er|re)s?|"
    r"middles?|midpoints?)\b"
)
LEAST_METRES = 0.2  # as the families ask; metres, or square metres, may change by 0.1 under noise
_WALKS = re.compile(
    r"\b(?:walk\w*|com(?:e|es|ing) from|(?:go|goes|going|mov(?:e|es|ing)|head\w*) (?:on )?(?:from|to))\b"
)


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
    is_coarse = answer.kind in ("metres", "square_metres")
    if is_coarse and isinstance(answer.value, int | float) and answer.value < LEAST_METRES:
        return f"{answer.value:.2f} {answer.unit}; at least {LEAST_METRES} needed"
    if answer.kind == "metres" and ".path(" in program and not says_between(text):
        return "the text does not say that the way leads from middle to middle"
    if "height" in program and (leaning := leaning_box(geometry, names)) is not None:
        return leaning
    return _several(program, names, geometry) or _way(text.casefold(), program, names, geometry)


def says_between(text: str) -> bool:
    """Whether a text says between which points distances are meant."""
    return SAYS_BETWEEN.search(text.casefold()) is not None


def between_middles(exact: SceneGeometry) -> SceneGeometry:
    """The scene with distances between the middles of boxes, as somebody may mean who does not say."""
    steps = exact.centers[:, None] - exact.centers
    return replace(exact, distances=np.linalg.norm(steps, axis=-1))


def _several(program: str, names: Sequence[str], geometry: SceneGeometry) -> str | None:
    """That the boxes of a category which is counted, or of which there are several, need not be one each; or None."""
    are_counted = ".count(" in program
    some = [name for name in names if are_counted or len(geometry.indices(name)) > 1]
    return next(filter(None, (not_one_each(geometry, name) for name in some)), None)


def _way(text: str, program: str, names: Sequence[str], geometry: SceneGeometry) -> str | None:
    """That a way may be blocked, or need not be the straight one that the program takes; or None."""
    if ".is_straight(" in program or ".path(" in program:
        is_said = ".is_straight(" not in program or "straight" in text
        return unknown_obstacles(geometry) if is_said else "the text does not say that the way is straight"
    if ".direction(" not in program or not _WALKS.search(text):
        return None
    places = sorted((found.start(), name) for name in names for found in mention(name).finditer(text))
    # To which side the last one lies does not depend on how one goes on to it.
    for (_, start), (_, end) in pairwise(places[:-1] if len(places) > 2 else places):
        legs = [(a, b) for a in geometry.indices(start) for b in geometry.indices(end)]
        if start != end and not geometry.walkable.issuperset(legs):
            return f"who walks from the {start} to the {end} may come from another side"
    return unknown_obstacles(geometry)
