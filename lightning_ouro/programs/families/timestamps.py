"""From timestamps to frames, for families whose questions name times of the video."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lightning_ouro.programs.families.forms import SECONDS
from lightning_ouro.programs.families.ordering import random_order
from lightning_ouro.programs.first_seen import VISIBLE
from lightning_ouro.programs.scene_geometry import SceneGeometry

TIME = FIRST = f"{{times[0]:{SECONDS}}}"  # fields of a form's template
SECOND = f"{{times[1]:{SECONDS}}}"


def clear_times(geometry: SceneGeometry) -> list[str]:
    """The times of shown frames that name one frame each, in order."""
    return [time for time in geometry.times if geometry.times.count(time) == 1]


def pairs_of_times(geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """All pairs of shown frames' times, the earlier one first, in random order."""
    times = clear_times(geometry)
    firsts, seconds = np.triu_indices(len(times), k=1)
    return ((times[firsts[i]], times[seconds[i]]) for i in random_order(len(firsts), rng))


def frames_at(geometry: SceneGeometry, times: tuple[str, ...]) -> list[int] | None:
    """The indices of the frames shown at these times, or None if a time has no frame."""
    frames = [frame for seconds in times if (frame := geometry.frame(seconds)) is not None]
    return frames if len(frames) == len(times) else None


def not_one_frame(geometry: SceneGeometry, *times: str) -> str | None:
    """At which time there is no shown frame, or more than one to a tenth of a second; else None."""
    for seconds in times:
        frame = geometry.frame(seconds)
        if frame is None:
            return f"no frame is shown at {seconds} s"
        if geometry.times.count(geometry.times[frame]) > 1:
            return f"more than one frame is shown at {seconds} s"
    return None


def nothing_shown(geometry: SceneGeometry, times: tuple[str, ...]) -> str | None:
    """At which of some times, each of which has a frame, that shows no object and so tells nothing; or None."""
    frames = frames_at(geometry, times)
    assert geometry.views is not None and frames is not None, "times were checked"
    for frame in frames:
        if (geometry.views.visibility[frame] < VISIBLE).all():
            return f"the frame at {geometry.times[frame]} s shows no object"
    return None


def not_linked_by_views(geometry: SceneGeometry, times: tuple[str, ...], is_all: bool = False) -> str | None:
    """That nothing which frames show links those at two times, each of which has a frame and shows an object; or None.

    Args:
        geometry: Of a scene that was filmed.
        times: Of two frames.
        is_all: Whether all frames between that show an object have to be linked with them.
    """
    frames = frames_at(geometry, times)
    assert geometry.views is not None and frames is not None, "times were checked"
    if geometry.shown_room is None:
        return None
    first, last = min(frames), max(frames)
    told = [
        frame
        for frame in (range(first, last + 1) if is_all else (first, last))
        if (geometry.views.visibility[frame] >= VISIBLE).any()
    ]
    if len(set(geometry.shown_room.groups[told].tolist())) <= 1:
        return None
    between = " and those between" if is_all else ""
    return f"nothing links the views at {times[0]} s and {times[1]} s{between}"


def not_in_picture(geometry: SceneGeometry, seconds: str, share: float, *categories: str) -> str | None:
    """Which unique category does not fill this share of the frame at a time, or what is wrong with the time."""
    problem, frame = not_one_frame(geometry, seconds), geometry.frame(seconds)
    if problem is not None or geometry.views is None or frame is None:
        return problem or f"no frame is shown at {seconds} s"
    for category in categories:
        if geometry.views.visibility[frame, geometry.indices(category)[0]] < share:
            return f"the {category} is not in the picture at {seconds} s"
    return None
