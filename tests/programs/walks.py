"""Paths between two objects, taken from the search for all of them; and shortest paths among the same lines."""

import heapq
from functools import lru_cache
from itertools import combinations

import numpy as np
import shapely

from lightning_ouro.programs.lines import find_straight
from lightning_ouro.programs.paths import find_paths

RADIUS, SPARE = 0.2, 1e-9  # metres


def finished(generator):
    """What a generator returns once it has gone through all of its pauses."""
    while True:
        try:
            next(generator)
        except StopIteration as stop:
            return stop.value


@lru_cache(maxsize=64)
def all_straight(ground):
    return finished(find_straight(ground))


@lru_cache(maxsize=64)
def all_paths(ground, draw):
    return finished(find_paths(ground, draw, all_straight(ground)[draw]))


def path_between(ground, draw, start, goal):
    """The corners of the path, or None."""
    first, last = sorted((start, goal))
    paths = all_paths(ground, draw)
    way = paths.ways[last * (last + 1) // 2 + first]
    if way is None:
        return None
    corners = paths.bends[list(way)]
    return np.concatenate(
        [
            ground.centers[draw, [start]],
            corners if start == last else corners[::-1],
            ground.centers[draw, [goal]],
        ]
    )


def most_through(ground, draw, start, goal):
    """The most metres of the line between two objects that lie on or under a third one, which holds one of them."""
    ends = ground.centers[draw, [start, goal]]
    metres = [0.0]
    for index, shape in enumerate(map(shapely.Polygon, ground.footprints[draw])):
        holds = shapely.distance(shape, shapely.points(ends)).min() < SPARE
        if ground.are_obstacles[draw, index] and holds and index not in (start, goal):
            metres.append(shapely.intersection(shape, shapely.LineString(ends)).length)
    return max(metres)


class Lines:
    """All lines between objects and the points at which walkers may bend, with what shapely says about them."""

    def __init__(self, ground, draw):
        outlines = [shapely.Polygon(shape) for shape in ground.footprints[draw]]
        self.obstacles = [
            outline for outline, counts in zip(outlines, ground.are_obstacles[draw], strict=True) if counts
        ]
        self.floor = shapely.Polygon(ground.outline)
        bends = [(bend, owner) for owner, shape in enumerate(self.obstacles) for bend in bends_of(shape)]
        bends += [(corner, None) for corner in inner_corners(ground.outline, self.floor)]
        self.objects = len(ground.centers[draw])
        self.points = np.concatenate(
            [ground.centers[draw], np.array([bend for bend, _ in bends]).reshape(-1, 2)]
        )
        self.owners = [None] * self.objects + [owner for _, owner in bends]
        spots = shapely.points(self.points)
        self.holders = [
            {i for i, shape in enumerate(self.obstacles) if shapely.distance(shape, spot) < SPARE}
            for spot in spots[: self.objects]
        ]
        self.free = [
            [] for _ in self.points
        ]  # for each point the others, metres, and the obstacles in between
        inside = shapely.contains(self.floor, spots)
        pairs = np.array([pair for pair in combinations(range(len(spots)), 2) if inside[list(pair)].all()])
        lines = shapely.linestrings(self.points[pairs])
        lines_stay = ~shapely.crosses(lines, self.floor)
        gaps = shapely.distance(lines[:, None], np.array(self.obstacles)[None])
        for (a, b), line, stays, near in zip(
            pairs.tolist(), lines, lines_stay, gaps < RADIUS - SPARE, strict=True
        ):
            if stays:
                for start, end in ((a, b), (b, a)):
                    self.free[start].append((end, line.length, set(np.flatnonzero(near).tolist())))

    def shortest(self, start, goal):
        """Metres of the shortest path by Dijkstra; infinite if there is none."""
        aside = self.holders[start] | self.holders[goal]
        queue, done = [(0.0, start)], set()
        while queue:
            length, point = heapq.heappop(queue)
            if point == goal:
                return length
            if point in done:
                continue
            done.add(point)
            for other, step, between in self.free[point]:
                is_bend = other >= self.objects and self.owners[other] not in aside
                if (is_bend or other == goal) and between <= aside:
                    heapq.heappush(queue, (length + step, other))
        return np.inf


def bends_of(shape):
    """Two points around each corner, where tangents of the arc with the walker's radius meet."""
    corners = np.array(shapely.remove_repeated_points(shapely.normalize(shape), 1e-9).exterior.coords)[::-1][
        :-1
    ]
    for before, corner, after in zip(np.roll(corners, 1, 0), corners, np.roll(corners, -1, 0), strict=True):
        arriving, leaving = (
            np.arctan2(*(edge[::-1])) - np.pi / 2 for edge in (corner - before, after - corner)
        )
        turn = (leaving - arriving) % (2 * np.pi)  # between the normals of two edges, counter-clockwise
        for share in (0.25, 0.75):
            angle, reach = arriving + share * turn, (RADIUS + SPARE) / np.cos(turn / 4)
            yield corner + reach * np.array([np.cos(angle), np.sin(angle)])


def inner_corners(outline, floor):
    """A micrometre from each corner on the side where the floor is, along the line that halves the angle."""
    for before, corner, after in zip(np.roll(outline, 1, 0), outline, np.roll(outline, -1, 0), strict=True):
        arms = [(end - corner) / np.linalg.norm(end - corner) for end in (before, after)]
        middle = (arms[0] + arms[1]) / np.linalg.norm(arms[0] + arms[1])
        for point in (corner + 1e-6 * middle, corner - 1e-6 * middle):
            if floor.contains(shapely.Point(point)):
                yield point
