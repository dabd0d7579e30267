"""A scene as its frames show it, told by other means than the package's: shapely, least squares, the renderer's map.

What is seen is read from the map of objects, one number a pixel; what lies inside a picture, from the pixel that it is
projected on; what hides a point, from small steps along the way to it.
"""

import cmath
import math
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from scipy.optimize import lsq_linear
from shapely import MultiPoint, Point, Polygon, contains_xy

STEP = 0.004  # metres between two points of a way of sight
PRESENT, PLACED, SIZED = 0.003, 0.005, 0.01  # shares of a frame's pixels


@dataclass(frozen=True, eq=False)
class Film:
    """A scene, its views, and the object on each pixel `(frames, height, width)`, -1 for none."""

    scene: object
    views: object
    ids: np.ndarray

    def only(self, category):
        """The only object of a category of which all are annotated."""
        (obj,) = (obj for obj in self.scene.objects if obj.category == category)
        assert self.scene.counts[category] == 1
        return obj

    @cached_property
    def shares(self):
        return np.array([[(frame == obj.id).mean() for obj in self.scene.objects] for frame in self.ids])

    def share(self, obj):
        return self.shares[:, obj.id].max()

    def frame(self, seconds):
        (frame,) = np.flatnonzero(np.abs(self.views.timestamps - float(seconds)) <= 0.0501)
        return int(frame)

    def eye(self, frame):
        return self.views.poses[frame] @ (0, 0, 0, 1)

    def pixel(self, frame, point):
        """Column and row on which a point falls, or None outside the picture."""
        seen = np.linalg.solve(self.views.poses[frame], np.append(point, 1.0))[:3]
        if seen[2] <= 0:
            return None
        column, row = (self.views.intrinsics[frame] @ seen)[:2] / seen[2]
        height, width = self.ids[frame].shape
        return (column, row) if 0 <= column <= width and 0 <= row <= height else None

    @cached_property
    def tellings(self):
        """The frames that show an object."""
        return [frame for frame, shares in enumerate(self.shares) if shares.max() >= PRESENT]

    @cached_property
    def parts(self):
        """Sets of frames that common objects link, each as a set; what links by the floor alone is left out."""
        parts = [{frame} for frame in range(len(self.ids))]
        for of_one in (set(np.flatnonzero(shares >= PRESENT)) for shares in self.shares.T):
            met = [part for part in parts if part & of_one]
            parts = [part for part in parts if not part & of_one] + ([set().union(*met)] if met else [])
        return parts

    def linked(self, frames):
        """Whether all of some frames are linked by what they show."""
        return any(set(frames) <= part for part in self.parts)

    def is_framed(self, share, obj, point, instead=None):
        """Whether a frame with enough of an object has one of its points in the picture, and one of others in sight."""
        if (
            point[2] < (floor_of(self) or -math.inf) - 0.2
            or Polygon(self.scene.floor).distance(Point(point)) > 0.5
        ):
            return False
        for frame in map(int, np.flatnonzero(self.shares[:, obj.id] >= share)):
            others = [point] if instead is None else instead
            if self.pixel(frame, point) is not None and any(
                self.pixel(frame, other) is not None and self.in_sight(frame, other, obj) for other in others
            ):
                return True
        return False

    def in_sight(self, frame, point, obj=None, boxes=None):
        """Whether no other box lies on the way from the camera to a point of an object; by small steps."""
        eye = self.eye(frame)[:3]
        metres = math.dist(eye, point)
        steps = eye + np.linspace(0, 1, int(metres / STEP) + 2)[:, None] * (point - eye)
        if obj is not None:
            inside = within(steps, obj)
            start = int(inside.argmax()) if inside.any() else len(steps) - 1
            steps = steps[: max(0, start - round(0.02 / STEP))]
        for other in self.scene.objects if boxes is None else boxes:
            met = within(steps, other)
            if other is not obj and met.any() and not met[0]:
                return False
        out = ~contains_xy(Polygon(self.scene.floor), *steps[:, :2].T)
        comes_back = out & (np.cumsum(~out[::-1])[::-1] > 0) & (np.cumsum(~out) > 0)
        return comes_back.sum() * STEP <= 0.1


def corners(obj):
    signs = np.array(list(product((-0.5, 0.5), repeat=3)))
    return obj.center + np.einsum("ij,cj->ci", obj.rotation, signs * obj.size)


def outline(obj):
    """What the object covers of the floor."""
    return MultiPoint(corners(obj)[:, :2]).convex_hull


def within(points, obj):
    return (np.abs((points - obj.center) @ obj.rotation) <= obj.size / 2).all(axis=1)


def middles(obj):
    """Its centre, and points near its top and bottom above and below it; boxes of procedural rooms stand upright."""
    return obj.center + np.outer((0, 0.475, -0.475), (0, 0, obj.size[2]))


def floor_of(film):
    """The lowest height at which boxes stand together; more than elsewhere if others are lower."""
    lowest = sorted(corners(obj)[:, 2].min() for obj in film.scene.objects)
    few = 2 if len(lowest) <= 5 else max(3, math.ceil(len(lowest) / 10))
    eye = np.median([film.eye(frame)[2] for frame in range(len(film.ids))])
    for lower, height in enumerate(lowest):
        beside = sum(height <= other <= height + 0.15 for other in lowest)
        if beside >= few and (not lower or beside > max(2, 2 * lower)) and 0.8 <= eye - height <= 2.2:
            return height
    return None


def apart(a, b):
    """Metres between two boxes: least squares over points of both, given in their own axes."""
    limits = np.concatenate([a.size, b.size]) / 2
    found = lsq_linear(
        np.hstack([a.rotation, -b.rotation]), b.center - a.center, (-limits, limits), tol=1e-14
    )
    return math.sqrt(2 * found.cost)


def nearest_point(obj, eye):
    """The point of a box nearest to an eye."""
    along = lsq_linear(obj.rotation, eye - obj.center, (-obj.size / 2, obj.size / 2), tol=1e-14).x
    return obj.rotation @ along + obj.center


def place(obj_or_point):
    """A place on the floor as a complex number."""
    if isinstance(obj_or_point, complex):
        return obj_or_point
    return complex(*getattr(obj_or_point, "center", obj_or_point)[:2])


def turn(here, ahead, there):
    """Degrees from ahead to there, counter-clockwise, 0 to 360."""
    return math.degrees(cmath.phase((place(there) - place(here)) / (place(ahead) - place(here)))) % 360
