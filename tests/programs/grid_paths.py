"""Shortest paths on a fine grid, which share no code with those of the package.

Outlines are scipy's convex hulls, clearance is measured by distance to segments, and paths are found by
Dijkstra.
"""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import ConvexHull

PITCH = 0.05  # metres
MOVES = [(1, 0), (0, 1), (1, 1), (1, -1), (2, 1), (1, 2), (2, -1), (1, -2)]  # and back: 16 neighbours


def gap(points, outline):
    """Metres from points to a convex outline, 0 inside of it."""
    least = np.full(len(points), np.inf)
    for start, end in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        share = np.clip((points - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)
        least = np.minimum(least, np.linalg.norm(points - start - share[:, None] * (end - start), axis=1))
    halves = ConvexHull(outline).equations
    return np.where((points @ halves[:, :2].T + halves[:, 2] <= 0).all(axis=1), 0, least)


def obstacles_between(scene, first, second):
    """Outlines of what stands on the floor or hangs low, without the ends and what they stand on or under."""
    corners = [obj.corners() for obj in scene.objects]
    lowest = min(points[:, 2].min() for points in corners)
    in_the_way = [p[:, :2] for p in corners if p[:, 2].min() < lowest + 1.8 and p[:, 2].max() > lowest + 0.1]
    outlines = [points[ConvexHull(points).vertices] for points in in_the_way]
    ends = np.array([scene.objects[end].center[:2] for end in (first, second)])
    return [outline for outline in outlines if (gap(ends, outline) > 0).all()]


def clearance(points, obstacles):
    return np.min([np.full(len(points), 9.0), *(gap(points, outline) for outline in obstacles)], axis=0)


def on_floor(points, floor):
    """By the angle through which the outline turns around a point; a point on the outline is on the floor."""
    around = floor[None] - points[:, None]
    angles = np.angle((np.roll(around, -1, axis=1) @ [1, 1j]) * np.conj(around @ [1, 1j])).sum(axis=1)
    return np.abs(angles) > 3


def shortest_on_grid(scene, first, second, needed, slack):
    """Length of the shortest path along edges whose ends and middles keep clear by `needed` plus `slack` per
    metre.

    With a slack of 0.25, no point of an edge is closer than `needed`. The path begins and ends at the free
    nodes next to the two objects, and the distances to these nodes count.
    """
    low, high = scene.floor.min(axis=0), scene.floor.max(axis=0)
    axes = [np.arange(low[i] - PITCH / 2, high[i] + PITCH, PITCH / 2) for i in range(2)]
    points = np.stack(
        np.meshgrid(*axes, indexing="ij"), axis=-1
    )  # at half the pitch: nodes and middles of edges
    flat = points.reshape(-1, 2)
    clear = clearance(flat, obstacles_between(scene, first, second))
    clear = np.where(on_floor(flat, scene.floor), clear, -1).reshape(points.shape[:2])
    nodes = np.arange(clear.size).reshape(clear.shape)
    at = np.argwhere(np.ones_like(clear[::2, ::2], dtype=bool)) * 2
    rows, columns, lengths = [], [], []
    for move in MOVES:
        to = at + 2 * np.array(move)
        inside = ((to >= 0) & (to < clear.shape)).all(axis=1)
        a, b, step = at[inside], to[inside], PITCH * float(np.hypot(*move))
        middle = (a + b) // 2
        least = np.min([clear[tuple(index.T)] for index in (a, middle, b)], axis=0)
        kept = least >= needed + slack * step
        rows.append(nodes[tuple(a[kept].T)])
        columns.append(nodes[tuple(b[kept].T)])
        lengths.append(np.full(kept.sum(), step))
    edges, lengths = (np.concatenate(rows), np.concatenate(columns)), np.concatenate(lengths)
    graph = coo_array((lengths, edges), shape=(clear.size, clear.size)).tocsr()
    used = np.unique(edges)
    hops = [np.linalg.norm(flat[used] - scene.objects[end].center[:2], axis=1) for end in (first, second)]
    start, goal = (used[hop.argmin()] for hop in hops)
    nearest = [float(hop.min()) for hop in hops]
    if max(nearest) > PITCH:
        return np.inf
    return dijkstra(graph, directed=False, indices=start)[goal] + sum(nearest)
