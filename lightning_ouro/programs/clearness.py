"""How clear an accepted question is: what the frames have to show of it, and how stable its answer is."""

from __future__ import annotations

import numpy as np

from lightning_ouro.programs.families.base import Family
from lightning_ouro.programs.families.forms import Roles
from lightning_ouro.programs.necks import has_neck
from lightning_ouro.programs.sandbox import Outcome
from lightning_ouro.programs.scene_geometry import SceneGeometry

LEAST_MARGIN = 0.5  # chosen by hand
# Share of the draws that agree on an open answer, chosen by hand: all of eight where noise decides between options or
# numbers of things, since no limit keeps them apart as the families' do; seven where it only moves a length.
LEAST_DECIDED, LEAST_MEASURED = 0.9, 0.85


def unseen(geometry: SceneGeometry, family: Family, roles: Roles) -> str | None:
    """That no frame shows enough of an object that has to be shown, or None."""
    share = family.least_share(roles)
    hidden = sorted(family.must_show(geometry, roles) - geometry.shown(share))
    if not hidden:
        return None
    names = ", ".join(f"{geometry.scene.objects[index].category} {index}" for index in hidden)
    enough = "" if not geometry.seen.issuperset(hidden) else f" with {share:.1%} of its pixels"
    return f"no frame shows {names}{enough}"


def which_room(geometry: SceneGeometry, family: Family, text: str) -> str | None:
    """That a sentence asks what one room has as a whole, and the floor is that of several; or None."""
    of_one = any(form.of_one_room and form.read(text) is not None for form in family.forms)
    if not of_one or geometry.scene.floor is None or not has_neck(geometry.scene.floor):
        return None
    return "the floor is that of several rooms, joined by doors: which of them is meant?"


def unstable(outcome: Outcome, margin: float, is_free: bool) -> str | None:
    """That too few draws under noise agree, or None.

    Args:
        outcome: The answers on the exact metadata and on every draw.
        margin: The question's margin.
        is_free: Whether the question is open and follows no form, so that no family's limit is kept.
    """
    answer = outcome.answers[0]
    is_decided = answer is not None and answer.kind in ("choice", "count")
    least = LEAST_DECIDED if is_decided else LEAST_MEASURED
    if is_free and (share := _agreeing(outcome)) < least:
        return f"only {share:.0%} of jittered metadata give this answer, and an open one needs {least:.0%}"
    return None if margin >= LEAST_MARGIN else f"only {margin:.0%} of jittered metadata give this answer"


def margin(geometry: SceneGeometry, family: Family, roles: Roles, outcome: Outcome) -> float:
    """The share of draws under noise that agree, capped where a condition or visibility is near its limit.

    Noise of a few centimetres does not move an answer across boundaries that the conditions keep 10 degrees
    away, though a person would call it close: at a limit the cap is 0.5, and it rises to 1 at twice the
    limit.
    """
    assert geometry.views is not None
    shares = (geometry.views.largest[index] for index in family.must_show(geometry, roles))
    least = np.float32(family.least_share(roles))
    visible = float(min(shares, default=np.float32(np.inf)) / least)  # at the limit exactly 1
    return min(_agreeing(outcome), family.slack(geometry, roles) / 2, visible / 2)


def _agreeing(outcome: Outcome) -> float:
    answer, *noisy = outcome.answers
    assert answer is not None, "the first answer of a success is in range"
    return sum(answer.agrees(other) for other in noisy) / len(noisy) if noisy else 1.0
