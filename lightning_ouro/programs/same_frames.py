"""Other worlds of which the same frames could have been taken: no answer may tell them apart.

Nobody who sees only the frames knows where the metadata have their origin and axes, in which order they list objects
and the sides of a box, what no frame shows or no name tells of, to a centimetre where the camera was, or at which
moments of its way frames were sampled. A program knows all of it, and two programs that rely on it agree: "further to
the left" by the x axis, "the first chair" by the list, the way of the camera as the sum of the straight lines between
eight frames. The sizes of all changes were chosen by hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from lightning_ouro.programs.first_seen import TRACE, VISIBLE
from lightning_ouro.programs.noise import CENTER_SIGMA, TURN_SIGMA
from lightning_ouro.programs.scene_geometry import SceneGeometry, scene_geometry
from lightning_ouro.scenes.types import CameraPath, Views
from lightning_ouro.seeding import generator_named

# Degrees about the vertical, and metres: half a turn swaps what is ahead and behind, a quarter depth and width, and
# the others change every extent along an axis.
_MOVES = ((180.0, (1.7, -2.3, 0.9)), (90.0, (0.0, 0.0, -0.6)), (37.0, (-4.1, 3.2, 0.3)))
UNNAMED = "something unnamed"  # no category of any source
_UNNAMED_SCALES, _UNNAMED_STEP = (0.4, 2.5), (0.3, 0.3, 0.0)
SHAKES = 8  # as many as draws of noise in the metadata
BETWEEN = 3  # further moments between two shown frames
_SHORTEST = 0.4  # seconds between frames that further moments fit between: times are named to a tenth


def moved_worlds(exact: SceneGeometry) -> Iterator[SceneGeometry]:
    """The scene turned about the vertical and shifted as a whole, with its cameras, and listed in another order.

    The objects of a category go around by one, come backwards, or both; the sides of their boxes go around by one, by
    two, or not at all.
    """
    for number, (degrees, step) in enumerate(_MOVES):
        turn = Rotation.from_euler("z", degrees, degrees=True).as_matrix()
        yield _moved(_relisted(exact, number), turn, np.array(step))


def _relisted(exact: SceneGeometry, number: int) -> SceneGeometry:
    """The same scene with another order of its objects and of the axes of their boxes: the one of this number."""
    order = list(range(len(exact.scene.objects)))
    for category in exact.categories():
        places = exact.indices(category)
        others = places[1:] + places[:1] if number != 1 else places
        for place, other in zip(places, others if number == 0 else others[::-1], strict=True):
            order[place] = other
    axes = np.roll(np.arange(3), number + 1)
    objects = tuple(
        replace(item, id=place, size=item.size[axes], rotation=item.rotation[:, axes])
        for place, item in enumerate(exact.scene.objects[was] for was in order)
    )
    views = exact.views
    if views is not None:
        possible = None if views.possible is None else views.possible[:, order]
        views = replace(views, visibility=views.visibility[:, order], possible=possible)
    return scene_geometry(replace(exact.scene, objects=objects), views, exact.margins)


def _moved(exact: SceneGeometry, turn: np.ndarray, step: np.ndarray) -> SceneGeometry:
    scene, views = exact.scene, exact.views
    objects = tuple(
        replace(item, center=turn @ item.center + step, rotation=turn @ item.rotation)
        for item in scene.objects
    )
    floor = None if scene.floor is None else scene.floor @ turn[:2, :2].T + step[:2]
    world = replace(scene, objects=objects, floor=floor)
    if views is None:
        return scene_geometry(world, None, exact.margins)
    whole = np.eye(4)
    whole[:3, :3], whole[:3, 3] = turn, step
    return scene_geometry(world, _with_poses(views, whole @ _path(views).poses), exact.margins)


def shown_world(exact: SceneGeometry) -> SceneGeometry | None:
    """The scene without the objects that no frame shows; None if there are none, or nothing else is left."""
    kept = sorted(exact.seen)
    if exact.views is None or not 0 < len(kept) < len(exact.scene.objects):
        return None
    scene = exact.scene
    objects = tuple(replace(scene.objects[was], id=index) for index, was in enumerate(kept))
    gone = Counter(item.category for item in scene.objects) - Counter(item.category for item in objects)
    counts = {name: max(number - gone[name], 0) for name, number in scene.counts.items()}
    views = replace(exact.views, visibility=exact.views.visibility[:, kept], possible=None)
    return scene_geometry(replace(scene, objects=objects, counts=counts), views, exact.margins)


def fuller_worlds(exact: SceneGeometry) -> Iterator[SceneGeometry]:
    """The scene with an unnamed thing beside each object, smaller or larger than it: nobody lists all that there is."""
    scene, views = exact.scene, exact.views
    if views is not None:
        possible = None if views.possible is None else np.hstack([views.possible] * 2)
        views = replace(views, visibility=np.hstack([views.visibility] * 2), possible=possible)
    for scale in _UNNAMED_SCALES:
        things = tuple(
            replace(
                item,
                id=len(scene.objects) + item.id,
                category=UNNAMED,
                center=item.center + _UNNAMED_STEP,
                size=scale * item.size,
            )
            for item in scene.objects
        )
        yield scene_geometry(replace(scene, objects=scene.objects + things), views, exact.margins)


def glimpsed_world(exact: SceneGeometry) -> SceneGeometry | None:
    """The scene with objects that are seen wherever a frame holds a trace of them, or may hold one.

    Where a mask or depth map says nothing, for one. None if it was not filmed.
    """
    if exact.views is None:
        return None
    visibility = exact.views.at_most * np.float32(VISIBLE / TRACE)
    return scene_geometry(
        exact.scene, replace(exact.views, visibility=visibility, possible=None), exact.margins
    )


def shaken_worlds(exact: SceneGeometry) -> Iterator[SceneGeometry]:
    """The scene with each frame's camera moved by some 3 cm and turned by some 2 degrees, and the path with it."""
    if exact.views is None:
        return
    rng = generator_named(f"shaken cameras {exact.scene.id}")
    for _ in range(SHAKES):
        noise = rng.standard_normal((len(exact.views.timestamps), 4)) * (*[CENTER_SIGMA] * 3, TURN_SIGMA)
        yield scene_geometry(exact.scene, _shaken(exact.views, noise), exact.margins)


def turned_cameras(exact: SceneGeometry, degrees: float) -> SceneGeometry:
    """The scene with every camera turned to the left by some degrees."""
    if exact.views is None:
        return exact
    turn = np.tile((0.0, 0.0, 0.0, np.radians(degrees)), (len(exact.views.timestamps), 1))
    return scene_geometry(exact.scene, _shaken(exact.views, turn), exact.margins)


def _shaken(views: Views, noise: np.ndarray) -> Views:
    """The views with each frame's camera moved, `(frames, 3)` metres, and turned, the fourth column's radians."""
    path = _path(views)
    *steps, turns = (np.interp(path.times, views.timestamps, column) for column in noise.T)
    poses = path.poses.copy()
    poses[:, :3, :3] = Rotation.from_euler("z", turns[:, None]).as_matrix() @ poses[:, :3, :3]
    poses[:, :3, 3] += np.stack(steps, axis=1)
    return _with_poses(views, poses)


def resampled_world(exact: SceneGeometry) -> SceneGeometry | None:
    """The scene with further frames between those that are shown, which show nothing.

    Where nothing is known of the camera between the frames, every second frame but the last is left out.
    """
    views = exact.views
    if views is None or len(views.timestamps) < 3:
        return None
    if views.path is None:
        kept = np.unique([*range(0, len(views.timestamps), 2), len(views.timestamps) - 1])
        return scene_geometry(exact.scene, _at(views, views.timestamps[kept], kept), exact.margins)
    gaps = zip(views.timestamps, views.timestamps[1:], strict=False)
    wanted = [
        start + (end - start) * part / (BETWEEN + 1)
        for start, end in gaps
        if end - start >= _SHORTEST
        for part in range(1, BETWEEN + 1)
    ]
    nearest = np.abs(views.path.times[:, None] - np.array(wanted)).argmin(axis=0)
    times = np.union1d(views.timestamps, views.path.times[nearest])
    frames = np.searchsorted(views.timestamps, times, side="right") - 1
    denser = _at(views, times, frames)
    denser.visibility[~np.isin(times, views.timestamps)] = 0
    return scene_geometry(exact.scene, denser, exact.margins)


def _at(views: Views, times: np.ndarray, frames: np.ndarray) -> Views:
    """Views at other moments of the path, each with all but the pose of one of the frames."""
    path = _path(views)
    return Views(
        times,
        views.intrinsics[frames],
        path.poses[path.indices(times)],
        views.visibility[frames].copy(),
        views.size,
        views.path,
    )


def _path(views: Views) -> CameraPath:
    return views.path or CameraPath(views.timestamps, views.poses)


def _with_poses(views: Views, poses: np.ndarray) -> Views:
    """The views with other poses along the path, or of the frames where there is none."""
    path = CameraPath(_path(views).times, poses)
    at_frames = poses[path.indices(views.timestamps)]
    return replace(views, poses=at_frames, path=None if views.path is None else path)
