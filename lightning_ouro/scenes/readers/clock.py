"""Times of frames as seconds from the start, whatever clock wrote them; broken stamps are told from good ones.

Cameras write seconds since 1970 or since they were switched on, in seconds or parts of them, and now and then a
stamp that is missing or out of order. Which unit it is, is told by the time between frames.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.scenes.readers.left_out import MOST_BROKEN

Stamp = int | float

# Chosen by hand:
_UNITS = {"seconds": 1.0, "milliseconds": 1e-3, "microseconds": 1e-6, "nanoseconds": 1e-9}
_USUAL_GAP = 1 / 30  # seconds between frames
_LONGEST_GAP = 100.0  # seconds between most frames: above it, the unit is a smaller one
_LONG_GAP = 5.0  # seconds between most frames: above it, the unit is a smaller one if the camera hardly moves
_LEAP = 20.0  # times as long as the time between most frames
_NUMBERED = 8  # frames; of fewer, whole seconds are no surprise; chosen by hand
_SPARSE_GAP = 20.0  # seconds between most frames: above it, one had better look
_FIRST_YEAR, _LAST_YEAR = 9.4e8, 4.2e9  # seconds since 1970: 2000 to 2100
_LONE_GAP = 600.0  # seconds by which a stamp at either end is off
_SLOWEST, _FASTEST = 0.1, 60.0  # as fast as another clock of the same recording
_MANY = 30  # frames; fewer may have been kept of a long recording
_INSTANT = 1e-9  # seconds, in place of 0
_LONGEST_PAUSE = 60.0  # seconds between two frames, more than by another clock
_LATE = 60.0  # seconds: a recording that starts later than that, and than it lasts, has another clock


def is_stamp(value: Any) -> TypeGuard[Stamp]:
    """Whether a value from a JSON file is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e20


def rising(stamps: Sequence[Stamp]) -> list[int]:
    """The places of the most stamps that rise strictly, without those far off at either end.

    One that falls back or leaps ahead costs itself, not what follows. By patience sorting.
    """
    ends: list[Stamp] = []  # by length, the lowest stamp at which a rising row of that length ends
    last: list[int] = []  # and its place
    before: list[int] = []
    for place, stamp in enumerate(stamps):
        length = bisect_left(ends, stamp)
        before.append(last[length - 1] if length else -1)
        if length == len(ends):
            ends.append(stamp)
            last.append(place)
        elif stamp != ends[length]:  # of equal ones the first counts
            ends[length], last[length] = stamp, place
    row: list[int] = []
    place = last[-1] if last else -1
    while place >= 0:
        row.append(place)
        place = before[place]
    return row[::-1]


def usual_gap(stamps: Sequence[Stamp]) -> float:
    """The time between most neighbours of some rising stamps, 0 if there are none."""
    return float(median(after - first for first, after in pairwise(stamps))) if len(stamps) > 1 else 0.0


def unit_of(stamps: Sequence[Stamp], is_smooth: bool) -> tuple[str, float]:
    """The name and seconds of the unit of some rising stamps.

    Args:
        stamps: Of a recording's frames.
        is_smooth: Whether the camera hardly moves from frame to frame, as it does within parts of a second.
    """
    gap = usual_gap(stamps)
    for unit in _UNITS.items():
        if stamps and _FIRST_YEAR <= stamps[0] * unit[1] <= _LAST_YEAR and gap * unit[1] <= _LONGEST_GAP:
            return unit
    if gap <= (_LONG_GAP if is_smooth else _LONGEST_GAP):
        return "seconds", 1.0
    return min(_UNITS.items(), key=lambda unit: abs(math.log(gap * unit[1] / _USUAL_GAP)))


def without_lone_ends(stamps: Sequence[Stamp], unit: float) -> slice:
    """The part of some rising stamps that a clock wrote, without a few far off at either end, such as a first 0."""
    limit = max(_LONE_GAP, 100 * usual_gap(stamps) * unit) / unit
    gaps = [after - first for first, after in pairwise(stamps)]
    most = max(1, len(stamps) // 5) if len(stamps) > 2 else 0
    first = next(
        (place for place in range(most, 0, -1) if gaps[place - 1 : place] and gaps[place - 1] > limit), 0
    )
    end = next(
        (place for place in range(len(gaps) - most, len(gaps)) if place >= first and gaps[place] > limit),
        None,
    )
    return slice(first, None if end is None else end + 1)


def start_of(first: Stamp, last: Stamp, unit: float) -> Stamp:
    """What is to be taken off the stamps of a recording, so that they count from its start; 0 if they do."""
    is_late = first * unit > max(_LATE, (last - first) * unit)
    return first if first < 0 or is_late else 0


def remark(stamps: Sequence[Stamp], unit: tuple[str, float], start: Stamp) -> str | None:
    """What there is to say of a clock, if anything."""
    gap, said = usual_gap(stamps), list[str]()
    if unit[0] != "seconds":
        said.append(f"times are taken for {unit[0]}, because frames would be {gap:g} s apart")
    elif gap > _SPARSE_GAP:
        said.append(f"frames are {gap:g} s apart; are their times in seconds?")
    elif len(stamps) >= _NUMBERED and all(isinstance(stamp, int) for stamp in stamps):
        said.append("times are written as whole numbers; are they numbers of frames? expected seconds")
    longest = max((after - first for first, after in pairwise(stamps)), default=0)
    if longest * unit[1] > _LONGEST_PAUSE and longest > _LEAP * gap:
        said.append(f"{longest * unit[1]:.4g} s pass between two frames; was the clock set meanwhile?")
    if start:
        said.append(
            f"times begin at {start:.15g}, and are counted from there; expected seconds from the start"
        )
    return "; ".join(said) or None


def frame_times(
    stamps: Sequence[Stamp | None], expected: NDArray[np.float64], unit: float, source: str
) -> tuple[NDArray[np.float64], str | None]:
    """The times of frames by their stamps, or by another clock where these cannot be a clock's.

    Args:
        stamps: One per frame, in order; None where one is missing. Two frames may have the same.
        expected: `(F,)` seconds by the other clock, rising.
        unit: Seconds of one unit of the stamps.
        source: What the other clock is, for people.

    Returns:
        `(F,)` seconds, never falling, that begin where `expected` does, and what there is to say, if anything.
    """
    known = [place for place, stamp in enumerate(stamps) if stamp is not None and is_stamp(stamp)]
    values = [stamp for stamp in stamps if stamp is not None and is_stamp(stamp)]
    places = rising(values)
    kept = places[without_lone_ends([values[place] for place in places], unit)]
    same = {values[place] for place in kept}
    good = [
        place for place in range(len(values)) if values[place] in same and _is_between(place, kept, values)
    ]
    at = np.array([known[place] for place in good], dtype=np.int64)
    times = np.array([(values[place] - values[kept[0]]) * unit for place in good]) if kept else np.zeros(0)
    number = len(stamps) - len(good)
    if len(kept) < 2 or number > max(1, MOST_BROKEN * len(stamps)) or not _is_clock(times, expected[at]):
        said = f"its timestamps are missing or not those of a clock; times are {source}"
        return expected, said if len(stamps) > 1 else None
    said = f"{number} of {len(stamps)} timestamps are broken, and were interpolated"
    return _filled(times, at, expected), said if number else None


def _filled(
    times: NDArray[np.float64], at: NDArray[np.int64], expected: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The times of all frames, from those of the frames `at` some places; beyond these by the other clock's pace."""
    pace = (times[-1] - times[0]) / max(expected[at[-1]] - expected[at[0]], _INSTANT)
    all_times = np.interp(np.arange(len(expected)), at, times)
    before, after = slice(None, at[0]), slice(at[-1] + 1, None)
    all_times[before] = times[0] + pace * (expected[before] - expected[at[0]])
    all_times[after] = times[-1] + pace * (expected[after] - expected[at[-1]])
    return all_times + expected[0] - all_times[0]


def _is_between(place: int, kept: Sequence[int], values: Sequence[Stamp]) -> bool:
    """Whether a stamp stands among its equals: not before the last smaller one, nor behind the next larger one."""
    at = bisect_left(kept, place)
    before = values[kept[at - 1]] if at else values[place]
    after = values[kept[at]] if at < len(kept) else values[place]
    return before <= values[place] <= after


def _is_clock(times: NDArray[np.float64], expected: NDArray[np.float64]) -> bool:
    """Whether times pass as another clock's do, if more slowly, as where only every n-th frame was kept."""
    pace = (times[-1] - times[0]) / max(expected[-1] - expected[0], _INSTANT)
    pauses = np.diff(times) - np.diff(expected)
    is_slow = pace > _FASTEST and len(times) >= _MANY
    return bool(pace >= _SLOWEST and not is_slow and pauses.max(initial=0) <= _LONGEST_PAUSE)
