"""Which frames are linked by what they show, and how much of the floor frames show: hand-built rooms."""

import dataclasses

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.margins import STRICT, FamilyMargins
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.programs.shown_room import _connected
from lightning_ouro.scenes.types import CameraPath, Scene, SceneObject, Views

INTRINSICS = np.array([[64, 0, 64], [0, 64, 48], [0, 0, 1]], float)
HALL = np.array([(-5, -6), (5, -6), (5, 6), (-5, 6)], float)
BOXES = (
    ("sofa", (-2.5, 3, 0.4), (2, 0.8, 0.8)),
    ("plant", (-3.8, 2.2, 0.5), (0.4, 0.4, 1)),
    ("bed", (2.5, -4, 0.28), (1.6, 1.8, 0.56)),
    ("lamp", (3.9, -3.5, 0.8), (0.3, 0.3, 1.6)),
)


def pose(x, y, heading, tilt=15.0):
    turned, down = np.radians(heading), np.radians(tilt)
    ahead = np.array([-np.sin(turned), np.cos(turned), 0])
    forward = np.cos(down) * ahead - np.sin(down) * np.array([0, 0, 1])
    right = np.array([np.cos(turned), np.sin(turned), 0])
    made = np.eye(4)
    made[:3] = np.stack([right, np.cross(forward, right), forward, (x, y, 1.5)], axis=1)
    return made


def filmed(shows, cameras, boxes=BOXES, floor=HALL):
    """Frames two seconds apart; `shows` has the names of what each shows, of which a box is seen as it should be."""
    objects = tuple(
        SceneObject(index, name, np.array(center, float), np.array(size, float), np.eye(3))
        for index, (name, center, size) in enumerate(boxes)
    )
    counts = dict.fromkeys((name for name, *_ in boxes), 1)
    area = float(np.prod(np.ptp(floor, axis=0)))
    scene = Scene("hall", "hand", objects, counts, frozenset(counts), area, floor, footage=None)
    poses, times = np.array([pose(*camera) for camera in cameras]), 2.0 * np.arange(len(cameras))
    seen = np.array([[0.05 * (name in frame.split()) for name, *_ in boxes] for frame in shows], np.float32)
    views = Views(times, np.tile(INTRINSICS, (len(times), 1, 1)), poses, seen, (96, 128))
    return scene_geometry(scene, views, FOR_ALL)


FOR_ALL = FamilyMargins(by_family={"object_counting": STRICT})  # which counts one, too
APART = ((-2.2, -0.5, 0), (2.2, -0.8, 180))


def asked(geometry, family, **roles):
    return FAMILIES[family].check(geometry, roles)


def test_frames_that_share_nothing_tell_no_distance_between_their_things_or_cameras():
    film = filmed(("sofa plant", "bed lamp"), APART)
    assert film.shown_room.groups.tolist() == [0, 1]
    assert film.shown_room.object_groups.tolist() == [0, 0, 1, 1]
    pair = asked(film, "object_abs_distance", pair=("sofa", "bed"))
    assert pair == "nothing links the frames that show the sofa with those that show the bed"
    assert asked(film, "object_abs_distance", pair=("sofa", "plant")) is None
    shift = asked(film, "camera_displacement", times=("0.0", "2.0"))
    assert shift == "nothing links the views at 0.0 s and 2.0 s"


@pytest.mark.parametrize("between", [("sofa bed", (0, -1, 90)), ("lamp plant", (0, -1, -90))])
def test_a_frame_that_shows_things_of_both_links_them(between):
    film = filmed(("sofa plant", between[0], "bed lamp"), (APART[0], between[1], APART[1]))
    assert set(film.shown_room.groups) == {0}
    assert asked(film, "object_abs_distance", pair=("sofa", "bed")) is None
    assert asked(film, "camera_displacement", times=("0.0", "4.0")) is None


@pytest.mark.parametrize(("heading", "linked"), [(20, True), (60, True), (120, False), (180, False)])
def test_pictures_that_share_a_part_of_the_floor_are_linked(heading, linked):
    film = filmed(("sofa plant", "bed lamp"), ((0, -2, 0), (0, -2, heading)))
    assert (len(set(film.shown_room.groups)) == 1) == linked


def test_a_frame_that_shows_no_object_links_nothing():
    cameras = ((0, -2, 0), (0, -2, 40), (0, -2, 80), (0, -2, 120))
    blank, seen = (filmed(("sofa", *middle, "bed"), cameras) for middle in (("", ""), ("plant", "lamp")))
    assert set(blank.shown_room.object_groups[[0, 2]]) == {0, 3}
    assert blank.shown_room.floor_shown < seen.shown_room.floor_shown


def test_a_turn_is_told_only_if_all_its_views_are_linked():
    cameras = ((0, 0, 0), (0, 0, 120), (0, 0, 240))
    film = filmed(("sofa", "plant", "sofa"), cameras)
    path = dict(times=("0.0", "4.0"))
    assert "and those between" in FAMILIES["camera_motion"].check(
        _tracked(film, cameras), {**path, "motion": ("turn",)}
    )
    whole = filmed(("sofa", "sofa plant", "plant"), cameras)
    assert FAMILIES["camera_motion"].check(_tracked(whole, cameras), {**path, "motion": ("turn",)}) is None


def _tracked(film, cameras):
    """The same film with ten poses a second between the frames."""
    times = np.round(np.arange(0, film.views.timestamps[-1] + 0.01, 0.1), 1)
    headings = np.interp(times, film.views.timestamps, [camera[2] for camera in cameras])
    path = CameraPath(times, np.array([pose(0, 0, heading) for heading in headings]))
    poses = path.poses[path.indices(film.views.timestamps)]
    return scene_geometry(film.scene, dataclasses.replace(film.views, poses=poses, path=path), FOR_ALL)


def test_frames_are_told_apart_only_if_they_are_pictures():
    film = filmed(("sofa plant", "bed lamp"), APART)
    without = scene_geometry(film.scene, dataclasses.replace(film.views, size=None), FOR_ALL)
    assert without.shown_room is None
    assert asked(without, "camera_displacement", times=("0.0", "2.0")) is None


def test_groups_are_the_components_of_a_graph():
    rng = np.random.default_rng(0)
    for number in range(1, 40):
        links = np.triu(rng.random((number, number)) < 1 / number, 1)
        links |= links.T
        links |= np.eye(number, dtype=bool)
        groups = _connected(links)
        parts = connected_components(links)[1]
        assert ((groups[:, None] == groups) == (parts[:, None] == parts)).all()
        assert all(groups[group] == group for group in groups)


@pytest.mark.parametrize(("length", "shown"), [(10, 0.75), (90, 0.13)])
def test_floor_far_away_is_not_shown(length, shown):
    floor = np.array([(-3, -2), (3, -2), (3, length - 2), (-3, length - 2)], float)
    film = filmed(("sofa",) * 3, [(x, -1.5, 0, 20) for x in (-2, 0, 2)], floor=floor)
    share = film.shown_room.floor_shown
    assert share >= shown if length == 10 else share <= shown


BASKET = ("basket", (0.5, -1, -2.6), (0.9, 0.9, 0.9))


def test_nobody_stands_by_or_counts_what_lies_a_storey_below():
    for height, kept in ((-2.6, False), (0.45, True)):
        basket = ("basket", (0.5, -1, height), BASKET[2])
        film = filmed(("sofa bed lamp plant basket",) * 2, ((0, -5, 0), (1, -5, 0)), (*BOXES, basket))
        counted = asked(film, "object_counting", object=("basket",))
        reach = asked(
            film, "object_rel_direction_easy", standing=("basket",), facing=("sofa",), target=("lamp",)
        )
        assert ("below the floor" in str(counted)) != kept and ("below the floor" in str(reach)) != kept


def test_what_is_seen_nowhere_though_it_should_be_tells_of_something_unknown():
    everything, all_round = "sofa plant bed lamp", [(0, 0, heading) for heading in range(0, 360, 45)]
    size = FAMILIES["room_size_estimation"]
    assert size.check(filmed((everything,) * 8, all_round), {}) is None
    hidden = filmed(("sofa plant lamp",) * 8, all_round)
    assert size.check(hidden, {}) == "no frame shows the bed where it should be seen: what hides it?"
    possible = np.where(hidden.pictures.expected > 0, 0.05, 0).astype(np.float32)
    unknown = scene_geometry(hidden.scene, dataclasses.replace(hidden.views, possible=possible), FOR_ALL)
    assert size.check(unknown, {}) is None  # what may be seen is not absent


def test_a_frame_that_shows_a_slit_of_a_box_frames_nothing_of_it():
    times, cameras = {"times": ("0.0",)}, ((-2.5, 0.5, 0),)
    film = filmed(("sofa plant",), cameras)
    full = film.pictures.expected[0]
    for part, kept in ((1.0, True), (0.6, True), (0.3, False)):
        seen = np.where(np.arange(4) == 0, part * full, full).astype(np.float32)[None]
        slit = scene_geometry(film.scene, dataclasses.replace(film.views, visibility=seen), FOR_ALL)
        assert slit.pictures.ends_framed[0] == kept
        assert slit.pictures.nearest_hidden[0, 0] != kept
        near = FAMILIES["camera_obj_distance"].check(slit, {"object": ("sofa",), **times})
        assert (near is None) == kept, near


def test_ends_are_framed_by_frames_that_show_enough_for_a_size():
    film = filmed(("sofa", "sofa"), ((-2.5, -0.5, 0), (4, -0.5, -90)))
    assert film.pictures.ends_framed[0]
    for share, kept in ((0.011, True), (0.009, False)):
        seen = np.zeros((2, 4), np.float32)
        seen[0, 0], seen[1, 0] = share, 0.05  # the second does not look at it
        less = dataclasses.replace(film.views, visibility=seen, poses=film.views.poses.copy())
        less.poses[0, 1, 3] = -5.5  # far away, where it fills as little
        assert scene_geometry(film.scene, less, FOR_ALL).pictures.ends_framed[0] == kept
