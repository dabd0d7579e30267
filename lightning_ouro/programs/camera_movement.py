"""How the camera moves and turns on its way from one shown frame to another.

Two poses do not say which way the camera went from one to the other: who turns left by 300 degrees ends as if
turned right by 60. So turns are accumulated over the camera's whole path, pose by pose, and so are movements, as
the camera sees each of them.

Where a pose does not say in which direction the camera looks on the floor, or the next one does not say by which
way it was reached, or no hand moves that fast, the path is cut. The parts between two cuts are called stretches;
nothing is known about what lies between frames of different stretches.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.scenes.types import CameraPath, Views

# All chosen by hand. In more time than that, or from one pose to the next by more, a camera in a hand may have turned
# the other way round; where it looks up or down more steeply, its direction on the floor is vague.
LONGEST_GAP = 1.0  # seconds between two poses
WIDEST_STEP = 90.0  # degrees between the headings of two poses
STEEPEST = 60.0  # degrees up or down
MOST_ROLLED = (
    45.0  # degrees by which a picture is turned; beyond, what moves to its left does not move to the left
)
# What is faster is a jump of the tracking, or a cut, and no hand.
FASTEST, FASTEST_TURN, TICK = (
    5.0,
    360.0,
    0.1,
)  # metres and degrees a second, and seconds at least between two poses
# A hand that shakes neither turns nor walks.
SHAKE = 5.0  # degrees; a smaller turn back does not count
STRIDE = 0.05  # metres in which the length of a path is measured
_ROUNDING = 1e-6  # seconds or degrees by which a gap or step may seem too large

Floats = NDArray[np.float64]
Pair = tuple[int, int]
"""Indices of two shown frames, the earlier one first."""


@dataclass(frozen=True)
class Turn:
    """How the camera turns between two shown frames, in degrees.

    Attributes:
        left: All turns to the left together, without those of a shaking hand.
        right: The same to the right.
        net: To the left, less those to the right; a full circle is 360.
        widest: The largest turn, in either direction, between two successive shown frames.
    """

    left: float
    right: float
    net: float
    widest: float


@dataclass(frozen=True)
class Move:
    """How the camera moves between two shown frames, in metres to the right, forward and up.

    Attributes:
        net: From the first position to the second, as seen from the first.
        walked: The sum of all steps, each as the camera sees it at that moment.
        length: Of the path.
    """

    net: tuple[float, float, float]
    walked: tuple[float, float, float]
    length: float


@final
class CameraMovement:
    """What a video's camera path tells about moves and turns between the shown frames.

    Args:
        views: The shown frames, with the camera's path where it is known.

    Attributes:
        headings: `(T,)` degrees to the left of the direction in which the camera looks at the start of its
            path, accumulated, so that they go on beyond a full circle.
        stretches: `(T,)` numbers of the stretches in which the frames lie.
    """

    def __init__(self, views: Views) -> None:
        path = CameraPath(views.timestamps, views.poses) if views.path is None else views.path
        axes, sideless = path.poses[:, :3, 2], face_no_side(path.poses)
        self._directions = np.arctan2(axes[:, 1], axes[:, 0])
        turns = (np.diff(self._directions) + math.pi) % (2 * math.pi) - math.pi
        self._positions = path.poses[:, :3, 3]
        gaps, steps = np.diff(path.times), np.linalg.norm(np.diff(self._positions, axis=0), axis=1)
        is_cut = (gaps > LONGEST_GAP + _ROUNDING) | sideless[1:] | sideless[:-1]
        is_cut |= np.abs(turns) > math.radians(WIDEST_STEP + _ROUNDING)
        is_cut |= np.abs(turns) > np.radians(FASTEST_TURN * np.maximum(gaps, TICK) + _ROUNDING)
        is_cut |= steps > FASTEST * np.maximum(gaps, TICK) + _ROUNDING
        self._headings = np.degrees(np.concatenate([[0.0], np.cumsum(turns)]))
        self._walked = _walked(self._positions, self._directions[:-1] + turns / 2)
        self._frames = path.indices(views.timestamps)
        self.headings = self._headings[self._frames]
        self.stretches = np.concatenate([[0], np.cumsum(is_cut)])[self._frames]

    @cached_property
    def turns(self) -> Mapping[Pair, Turn]:
        """For each pair of frames of one stretch."""
        turns: dict[Pair, Turn] = {}
        for first, others in self._pairs():
            start, stop = self._frames[first], self._frames[others[-1]] + 1
            sides = _sides(self._headings[start:stop].tolist(), SHAKE)
            widest = np.maximum.accumulate(np.abs(np.diff(self.headings[[first, *others]]))).tolist()
            for second, most in zip(others, widest, strict=True):
                left, right = sides[self._frames[second] - start]
                net = float(self.headings[second] - self.headings[first])
                turns[first, second] = Turn(left, right, net, most)
        return turns

    @cached_property
    def moves(self) -> Mapping[Pair, Move]:
        """For each pair of frames of one stretch."""
        moves: dict[Pair, Move] = {}
        for first, others in self._pairs():
            start, stop = self._frames[first], self._frames[others[-1]] + 1
            lengths = _lengths(self._positions[start:stop].tolist())
            for second in others:
                end = self._frames[second]
                x, y, up = (self._positions[end] - self._positions[start]).tolist()
                ahead_x, ahead_y = math.cos(self._directions[start]), math.sin(self._directions[start])
                net = (x * ahead_y - y * ahead_x, x * ahead_x + y * ahead_y, up)
                right, forward, up = (self._walked[end] - self._walked[start]).tolist()
                moves[first, second] = Move(net, (right, forward, up), lengths[end - start])
        return moves

    def _pairs(self) -> Iterator[tuple[int, list[int]]]:
        """Each frame with the later ones of its stretch, where there are any."""
        for first, stretch in enumerate(self.stretches):
            others = first + 1 + np.flatnonzero(self.stretches[first + 1 :] == stretch)
            if len(others):
                yield first, others.tolist()


def face_no_side(poses: Floats) -> NDArray[np.bool_]:
    """Which cameras `(P, 4, 4)` look up or down steeply, or have their pictures on the side or upside down."""
    up, tops = poses[:, 2, 2], -poses[:, 2, 1]  # of the optical axis, and of the way to the picture's top
    level = np.sqrt(np.maximum(1 - up**2, 0))
    is_steep = np.abs(up) > math.sin(math.radians(STEEPEST))
    return np.asarray(is_steep | (tops < math.cos(math.radians(MOST_ROLLED)) * level))


def _walked(positions: Floats, directions: Floats) -> Floats:
    """`(P, 3)` metres to the right, forward and up since the start, for directions `(P - 1,)` of the steps."""
    x, y, up = np.diff(positions, axis=0).T
    cos, sin = np.cos(directions), np.sin(directions)
    steps = np.stack([x * sin - y * cos, x * cos + y * sin, up], axis=1)
    return np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])


def _sides(values: Sequence[float], shake: float) -> list[tuple[float, float]]:
    """How far a value has risen and fallen up to each of its samples, without reversals up to `shake`.

    A reversal counts from the extreme value on, as soon as it exceeds `shake`.
    """
    rise, fall, way = 0.0, 0.0, 0
    low = high = values[0]  # since the last reversal
    sums: list[tuple[float, float]] = []
    for value in values:
        if way > 0 and value > high:
            rise, high = rise + value - high, value
        elif way < 0 and value < low:
            fall, low = fall + low - value, value
        elif way <= 0 and value - low > shake:
            rise, high, way = rise + value - low, value, 1
        elif way >= 0 and high - value > shake:
            fall, low, way = fall + high - value, value, -1
        elif way == 0:
            low, high = min(low, value), max(high, value)
        sums.append((rise, fall))
    return sums


def _lengths(positions: Sequence[Sequence[float]]) -> list[float]:
    """The length of the path up to each of its positions, in strides and the rest."""
    length, last = 0.0, positions[0]
    lengths: list[float] = []
    for position in positions:
        stride = math.dist(last, position)
        lengths.append(length + stride)
        if stride >= STRIDE:
            length, last = length + stride, position
    return lengths
