"""A scene's metadata as text for a proposer: what the frames show, within a bound on the number of objects.

Two formats: `full` for a model that follows instructions, `compact` for the tiny one that ships with the
package.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.programs.first_seen import VISIBLE
from lightning_ouro.programs.scene_geometry import SceneGeometry
from lightning_ouro.proposer.described_categories import (
    DescribedCategory,
    described_categories,
    is_plain,
)
from lightning_ouro.proposer.short_names import ShortNames

# Grid of compact positions, metres; chosen by hand. The tiny tokenizer has tokens for 128 steps, 25.6 m.
STEP = 0.2


def compact(geometry: SceneGeometry, short: ShortNames, max_objects: int) -> list[str]:
    """For a small model: `x6y3#0#2;x4y8#1^#0@m3 2 chair`.

    These are two chairs, the position of each and the frames that show it. What is known of a category
    precedes its short name, so that a model that reads from left to right knows it when it reads the name.
    `^#0` is the frame in which the category is first seen, if that is clear. The camera comes first,
    `x4y9d27#3`, with its viewing direction `d` in tens of degrees unless it looks up or down steeply. Positions
    are in steps of 0.2 m from the lowest coordinate on each axis.
    """
    assert geometry.views is not None, "prompts are about scenes that were filmed"
    described = described_categories(geometry, max_objects)
    objects, cameras = geometry.centers[:, :2], geometry.views.poses[:, :2, 3]
    described_ids = [index for entry in described for index in entry.objects]
    origin = np.concatenate([cameras, objects[described_ids]]).min(axis=0)
    lines = [f"floor {geometry.floor_area:.1f}"]
    for frame, forward in enumerate(geometry.forwards):
        lines.append(f"{_grid_position(cameras[frame] - origin)}{_direction(forward)}#{frame}")
    for entry in described:
        positions = [
            _grid_position(objects[index] - origin)
            + "".join(f"#{frame}" for frame in _frames_that_show(geometry, index))
            for index in entry.objects
        ]
        short_name = short.categories[entry.category]
        lines.append(
            f"{';'.join(positions)}{_first_frame(geometry, entry)}{short_name} {entry.count} {entry.category}"
        )
    return lines


def full(geometry: SceneGeometry, max_objects: int) -> list[str]:
    """For a full-size model: `chair: 2`, then one line per object with centre, size (metres) and frames."""
    times = ", ".join(f"{frame} at {seconds}" for frame, seconds in enumerate(geometry.times))
    lines = [f"Floor area: {geometry.floor_area:.1f} m2.", f"Frames, by number and seconds: {times}."]
    absent = [name for name in geometry.absent if is_plain(name)]
    if absent and geometry.margins.of("object_counting").least_count == 0:
        lines.append(
            f"Not here, so that only their number may be asked for, which is 0: {', '.join(absent)}."
        )
    floor = np.array([0, 0, geometry.ground or 0.0])  # as programs see it
    for entry in described_categories(geometry, max_objects):
        remark = "" if entry.is_countable else ", not all shown or annotated"
        ambiguous = ", a name that fits other things here too" if geometry.kinds(entry.category) else ""
        lines.append(f"{entry.category}: {entry.count}{remark}{ambiguous}")
        for index in entry.objects:
            center, size = (
                " ".join(f"{float(value):.1f}" for value in values)
                for values in (geometry.centers[index] - floor, geometry.sizes[index])
            )
            frames = _ranges(_frames_that_show(geometry, index))
            lines.append(f"- center {center} size {size} frames {frames}")
    return lines


def _frames_that_show(geometry: SceneGeometry, index: int) -> list[int]:
    assert geometry.views is not None, "prompts are about scenes that were filmed"
    return [int(frame) for frame in np.flatnonzero(geometry.views.visibility[:, index] >= VISIBLE)]


def _first_frame(geometry: SceneGeometry, entry: DescribedCategory) -> str:
    """`^#0`, the frame in which the category is first seen; empty where that is doubtful."""
    first_seen = geometry.first_seen.get(entry.category)
    return f"^#{first_seen.frame}" if first_seen is not None and first_seen.clearness >= 1 else ""


def _direction(forward: NDArray[np.float64]) -> str:
    """`d27`, the direction on the floor in tens of degrees; empty for a camera that faces no side."""
    x, y = forward.tolist()
    return "" if math.isnan(x) else f"d{round(math.degrees(math.atan2(y, x)) / 10) % 36}"


def _grid_position(from_origin: NDArray[np.float64]) -> str:
    x, y = (round(float(value) / STEP) for value in from_origin)
    return f"x{x}y{y}"


def _ranges(numbers: list[int]) -> str:
    """`0-3 7` for 0, 1, 2, 3, 7."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return " ".join("-".join(map(str, run)) for run in runs)
