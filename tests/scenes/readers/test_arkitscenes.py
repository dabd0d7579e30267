import json
import os
import pickle
import shutil
import struct
import zlib
from collections import Counter

import imageio.v3 as iio
import numpy as np
import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.readers.arkitscenes import ARKitScenesReader
from lightning_ouro.scenes.readers.base import BadSceneError, Found
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.scenes.vocabulary import category_of
from tests.scenes.readers.film import clearly, film, same_box
from tests.scenes.readers.write_arkitscenes import (
    README_NAMES,
    START,
    VIDEO,
    annotated,
    stamps,
    stored_camera,
    stored_picture,
    write_3dod,
    write_annotation,
    write_images,
    write_intrinsics,
    write_mesh,
    write_movie,
    write_poses,
    write_raw,
)

READER = ARKitScenesReader()
KITCHEN = 29  # has an oven, which is not kept, a washer, a trash bin, tables and stools
LOWRES, VGA = (192, 256), (480, 640)
TURNED = ("41069021", "41069022", "41069023", "41069024")  # held in each of the four ways


def open_scene(path):
    (found,) = READER.find(path)
    scene = READER.read(found)
    return scene, scene.footage.open(scene)


def load(path, size=LOWRES, frames=6):
    (found,) = READER.find(path)
    scene = READER.read(found)
    return scene, scene.footage.load(scene, FrameBudget(frames, *size))


@pytest.fixture(scope="module")
def kitchen():
    return film(KITCHEN, 6, *LOWRES)


@pytest.fixture(scope="module")
def kitchen_vga():
    return film(KITCHEN, 3, *VGA)


@pytest.fixture(scope="module")
def kitchen_small():
    return film(KITCHEN, 3, *LOWRES)


@pytest.fixture(scope="module")
def root(kitchen, tmp_path_factory):
    root = tmp_path_factory.mktemp("arkitscenes")
    for held, video in enumerate(TURNED):
        write_3dod(root, kitchen, video=video, held=held)
    return root


@pytest.fixture(scope="module")
def loaded(root):
    return [load(root / "3dod" / "Training" / video) for video in TURNED]


def kept(scene):
    return [thing for thing in scene.objects if thing.category not in ("oven", "cabinet", "sink", "shelf")]


def check_visibility(views, made):
    places = [thing.id for thing in kept(made.scene)]
    truth = made.shares[:, places]
    clear = clearly(truth)
    assert ((views.visibility > 0.003) == (truth > 0.003))[clear].all()
    large = truth >= 0.006
    assert large.sum() > 5
    np.testing.assert_allclose(views.visibility[large], truth[large], rtol=0.25)


# The scene


def test_the_scene_is_given_back(loaded, kitchen):
    for video, (scene, _) in zip(TURNED, loaded, strict=True):
        assert (scene.id, scene.source, scene.floor, scene.benchmarks) == (video, "arkitscenes", None, ())
        truth = kept(kitchen.scene)
        assert [thing.id for thing in scene.objects] == list(range(len(truth)))
        assert [thing.category for thing in scene.objects] == [category_of(thing.category) for thing in truth]
        assert all(same_box(one, other, 1e-6) for one, other in zip(scene.objects, truth, strict=True))
        assert scene.counts == Counter(category_of(thing.category) for thing in truth)
        assert scene.complete == set(scene.counts) and "oven" not in scene.counts
        assert {category_of("washer"), "trash bin", "table"} <= scene.complete
        assert scene.floor_area == pytest.approx(kitchen.scene.floor_area, rel=0.03)


def test_frames_and_cameras_are_given_back_upright_however_the_device_was_held(loaded, kitchen):
    for _, video in loaded:
        np.testing.assert_array_equal(video.frames, kitchen.rgb)
        np.testing.assert_allclose(video.views.poses, kitchen.poses, atol=1e-5)
        np.testing.assert_allclose(video.views.intrinsics, np.tile(kitchen.intrinsics, (6, 1, 1)), atol=1e-3)
        np.testing.assert_allclose(video.views.timestamps, kitchen.times, atol=0.001)
        assert video.views.timestamps[0] == 0


def test_what_is_visible_is_told_however_the_device_was_held(loaded, kitchen):
    for _, video in loaded:
        check_visibility(video.views, kitchen)


def test_the_device_was_held_upright_in_portrait(tmp_path):
    portrait = film(KITCHEN, 2, 256, 192)
    folder = write_3dod(tmp_path, portrait, held=1)
    stored = next((folder / f"{VIDEO}_frames" / "lowres_wide").iterdir())
    assert iio.imread(stored).shape == (192, 256, 3)
    _, video = load(folder, (256, 192))
    np.testing.assert_array_equal(video.frames, portrait.rgb)
    np.testing.assert_allclose(video.views.intrinsics[0], portrait.intrinsics, atol=1e-3)
    check_visibility(video.views, portrait)


@pytest.mark.parametrize("kind", ["vga_wide", "lowres_wide", "mov"])
@pytest.mark.parametrize("held", [0, 3])
def test_raw_gives_the_scene_back(tmp_path, kitchen_vga, kitchen_small, kind, held):
    folder = write_raw(tmp_path, kitchen_vga, kitchen_small, kind, held=held)
    seen = kitchen_small if kind == "lowres_wide" else kitchen_vga
    size = seen.rgb.shape[1:3]
    scene, recording = open_scene(folder)
    assert recording.shots.size == size
    recording.close()
    video = scene.footage.load(scene, FrameBudget(3, *size))
    difference = np.abs(video.frames.astype(float) - seen.rgb).mean()
    assert difference < 3 if kind == "mov" else difference == 0
    np.testing.assert_allclose(video.views.poses, seen.poses, atol=1e-5)
    np.testing.assert_allclose(video.views.intrinsics, np.tile(seen.intrinsics, (3, 1, 1)), atol=1e-2)
    np.testing.assert_allclose(video.views.timestamps, seen.times, atol=0.001)
    check_visibility(video.views, seen)


def test_vga_images_come_before_lowres_ones_and_both_before_the_movie(tmp_path, kitchen_vga, kitchen_small):
    folder = write_raw(tmp_path, kitchen_vga, kitchen_small, "lowres_wide")
    write_movie(folder / f"{VIDEO}.mov", list(kitchen_vga.rgb))
    assert open_scene(folder)[1].shots.size == LOWRES
    names = {"images": "vga_wide", "intrinsics": "vga_wide_intrinsics"}
    write_images(folder, kitchen_vga, stamps(kitchen_vga), VIDEO, 0, names)
    assert open_scene(folder)[1].shots.size == LOWRES  # without intrinsics they are of no use
    write_intrinsics(folder, kitchen_vga, stamps(kitchen_vga), VIDEO, 0, names)
    assert open_scene(folder)[1].shots.size == VGA


# Quirks, on a few small frames


def tiny(root, video=VIDEO, frames=3, names=None, small_mesh=True):
    """One small video of `3dod`."""
    made = film(KITCHEN, frames, 48, 64)
    folder = write_3dod(root, made, video=video, **({} if names is None else {"names": names}))
    if small_mesh:
        x, y = np.meshgrid(np.arange(0, 2, 0.05), np.arange(0, 3, 0.05))
        write_mesh(folder / f"{video}_3dod_mesh.ply", np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], axis=1))
    return folder


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    return tiny(tmp_path_factory.mktemp("pristine"))


@pytest.fixture
def folder(pristine, tmp_path):
    copy = tmp_path / "3dod" / "Training" / VIDEO
    shutil.copytree(pristine, copy)
    return copy


def frames_of(folder):
    return folder / f"{VIDEO}_frames"


def annotation_of(folder):
    return folder / f"{VIDEO}_3dod_annotation.json"


def rename(folder, kind, place, seconds):
    """Moves the time in a file's name; `place` is by time."""
    path = sorted((frames_of(folder) / kind).iterdir())[place]
    time = float(path.stem.split("_")[1]) + seconds
    path.rename(path.with_name(f"{VIDEO}_{time:.3f}{path.suffix}"))


def test_images_before_the_first_pose_are_left_out_and_time_begins_with_them(folder):
    first = sorted((frames_of(folder) / "lowres_wide").iterdir())[0]
    for seconds in (0.63, 0.01):
        for kind in ("lowres_wide", "lowres_wide_intrinsics"):
            path = next((frames_of(folder) / kind).glob(f"{VIDEO}_{START:.3f}.*"))
            shutil.copy(path, path.with_name(f"{VIDEO}_{START - seconds:.3f}{path.suffix}"))
    scene, recording = open_scene(folder)
    times = film(KITCHEN, 3, 48, 64).times
    np.testing.assert_allclose(recording.shots.times, times + 0.63, atol=0.001)
    np.testing.assert_array_equal(next(recording.images([0])), iio.imread(first))
    assert len(scene.footage.load(scene, FrameBudget(8, 32, 32)).frames) == 3


def test_poses_are_interpolated_between_rows_and_never_held_on_behind_the_last(folder):
    made = film(KITCHEN, 3, 48, 64)
    turn = np.eye(4)
    turn[:3, :3] = [[np.cos(0.1), 0, np.sin(0.1)], [0, 1, 0], [-np.sin(0.1), 0, np.cos(0.1)]]
    times, poses = [], []
    for time, pose in zip(stamps(made)[:2], made.poses, strict=False):
        step = np.array([0.03, 0.01, -0.02])
        for sign, motion in ((-1, np.linalg.inv(turn)), (1, turn)):
            there = pose @ motion
            there[:3, 3] = pose[:3, 3] + sign * step
            times.append(time + sign * 0.05)
            poses.append(there)
    write_poses(frames_of(folder) / "lowres_wide.traj", times, poses)
    _, recording = open_scene(folder)
    np.testing.assert_allclose(recording.shots.poses, made.poses[:2], atol=1e-5)


def test_images_where_tracking_was_lost_are_left_out(folder):
    path = frames_of(folder) / "lowres_wide.traj"
    rows = path.read_text().splitlines()
    rows[1] = " ".join([rows[1].split()[0], *["nan"] * 6])
    path.write_text("\n".join(rows))
    _, recording = open_scene(folder)
    np.testing.assert_allclose(recording.shots.times, film(KITCHEN, 3, 48, 64).times[[0, 2]], atol=0.001)


def test_a_camera_one_millisecond_off_is_found_and_one_two_off_is_not(folder):
    rename(folder, "lowres_wide_intrinsics", 0, 0.001)
    rename(folder, "lowres_wide_intrinsics", 1, -0.001)
    rename(folder, "lowres_wide_intrinsics", 2, 0.002)
    _, recording = open_scene(folder)
    np.testing.assert_allclose(recording.shots.times, film(KITCHEN, 3, 48, 64).times[:2], atol=0.001)


def test_depth_is_that_of_the_nearest_time_within_20_milliseconds(folder):
    rename(folder, "lowres_depth", 0, 0.017)
    rename(folder, "lowres_depth", 1, -0.02)
    rename(folder, "lowres_depth", 2, 0.025)
    made = film(KITCHEN, 3, 48, 64)
    scene, recording = open_scene(folder)
    for place in (0, 1):
        np.testing.assert_allclose(recording.depth(place), made.depth[place], atol=0.00051)
        assert recording.depth(place).dtype == np.float32
    assert recording.depth(2) is None
    shutil.rmtree(frames_of(folder) / "lowres_depth")
    assert scene.footage.open(scene).depth(0) is None
    assert scene.footage.load(scene, FrameBudget(3, 64, 64)).views.visibility.max() > 0.05  # from boxes alone


def test_the_readmes_older_names_are_read(tmp_path):
    folder = tiny(tmp_path, names=README_NAMES)
    made = film(KITCHEN, 3, 48, 64)
    for kind in ("wide", "color_intrinsics", "depth_densified"):  # they were named by time alone, more exactly
        for time, path in zip(stamps(made), sorted((frames_of(folder) / kind).iterdir()), strict=True):
            decimals = 4 if path.suffix == ".pincam" else 8
            path.rename(path.with_name(f"{time + 0.0000312:.{decimals}f}{path.suffix}"))
    _, recording = open_scene(folder)
    np.testing.assert_allclose(recording.shots.poses, made.poses, atol=1e-5)
    np.testing.assert_array_equal(next(recording.images([1])), made.rgb[1])
    assert recording.depth(1) is not None
    (frames_of(folder) / "color.traj").rename(frames_of(folder) / "colour.traj")
    (frames_of(folder) / "color_intrinsics").rename(frames_of(folder) / "wide_intrinsics")
    assert len(open_scene(folder)[1].shots.times) == 3


def test_labels_become_categories_and_what_is_annotated_unevenly_is_dropped(folder):
    def entry(place, label):
        return annotated(label, [place, 1, 0.5], [0.5, 0.6, 0.7], np.eye(3), str(place))

    labels = ["tv_monitor", "TV-Monitor", "tv/monitor", "tv monitor", "cabinet", "sink", "shelf", "oven", "washer"]
    labels += ["refrigerator", "sofa", "Stool", "floor", "", "椅" * 500, "椅子"]
    data = [entry(*labelled) for labelled in enumerate(labels)]
    write_annotation(annotation_of(folder), [], data=data)
    scene = READER.read(*READER.find(folder))
    assert [thing.category for thing in scene.objects] == ["tv"] * 4 + [
        category_of("washer"),
        "refrigerator",
        "sofa",
        "stool",
        "椅子",
    ]
    assert scene.counts["tv"] == 4 and scene.complete == set(scene.counts)
    assert [thing.id for thing in scene.objects] == list(range(9))


def test_a_box_that_is_listed_twice_is_one_object(folder):
    record = json.loads(annotation_of(folder).read_text())
    copy = json.loads(json.dumps(record["data"][1]))
    copy["segments"]["obbAligned"]["centroid"][0] += 1e-8
    record["data"] += [copy, copy | {"label": "toilet"}]
    annotation_of(folder).write_text(json.dumps(record))
    before = kept(film(KITCHEN, 3, 48, 64).scene)
    assert len(READER.read(*READER.find(folder)).objects) == len(before) + 1


def test_the_footage_can_be_handed_to_other_processes(folder):
    scene = READER.read(*READER.find(folder))
    footage = pickle.loads(pickle.dumps(scene.footage))
    assert footage.load(scene, FrameBudget(3, 64, 64)).frames.shape == (3, 64, 64, 3)


# Finding


def layout(root, *paths):
    for path in paths:
        folder = root / path
        folder.mkdir(parents=True)
        (folder / f"{folder.name}_3dod_annotation.json").write_text("{}")


def test_videos_are_found_from_every_level(tmp_path, monkeypatch):
    layout(tmp_path, "3dod/Training/41000002", "3dod/Training/41000001", "3dod/Validation/42000001")
    layout(tmp_path, "raw/Training/41000003")
    everything = ["41000001", "41000002", "41000003", "42000001"]
    assert [found.id for found in READER.find(tmp_path)] == everything
    assert [found.id for found in READER.find(tmp_path / "3dod")] == ["41000001", "41000002", "42000001"]
    assert [found.id for found in READER.find(tmp_path / "3dod" / "Training")] == everything[:2]
    folder = tmp_path / "3dod" / "Training" / "41000002"
    assert READER.find(folder) == [Found("41000002", folder)]
    monkeypatch.chdir(folder)
    (found,) = READER.find(type(folder)())  # "."
    assert found.id == "41000002" and found.path.resolve() == folder.resolve()


def test_a_video_in_both_data_sets_is_found_once_in_3dod(tmp_path):
    layout(tmp_path, "raw/Training/41000001", "3dod/Training/41000001", "raw/Training/41000002")
    assert [found.path.relative_to(tmp_path).parts[0] for found in READER.find(tmp_path)] == ["3dod", "raw"]


def test_folders_without_an_annotation_are_no_scenes(tmp_path):
    layout(tmp_path, "raw/Training/41000001")
    for name in ("47334522", "42897421"):  # two of those that raw has without one
        (tmp_path / "raw" / "Training" / name / "lowres_wide").mkdir(parents=True)
    (tmp_path / "raw" / "metadata.csv").write_text("video_id,visit_id,fold,sky_direction\n41000001,NA,Training,Left\n")
    (tmp_path / "upsampling" / "Training" / "41000009").mkdir(parents=True)
    assert [found.id for found in READER.find(tmp_path)] == ["41000001"]


def test_other_folders_hold_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path)
    layout(tmp_path, "somewhere/deep/in/41000001", "not_eight_digits")
    for path in (tmp_path, tmp_path / "file", tmp_path / "missing", tmp_path / "loop", tmp_path / "not_eight_digits"):
        assert READER.find(path) == []


# Broken scenes


def edit(change):
    def apply(folder):
        record = json.loads(annotation_of(folder).read_text())
        change(record)
        annotation_of(folder).write_text(json.dumps(record))

    return apply


def edit_box(**fields):
    return edit(lambda record: record["data"][2]["segments"]["obbAligned"].update(fields))


def write(name, content):
    def apply(folder):
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return apply


def cut(name, size):
    def apply(folder):
        path = folder / name
        path.write_bytes(path.read_bytes()[:size])

    return apply


def folder_instead(name):
    def apply(folder):
        (folder / name).unlink()
        (folder / name).mkdir()

    return apply


def removed(name):
    def apply(folder):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return apply


def only_obb(record):
    del record["data"][2]["segments"]["obbAligned"]


ANNOTATION, MESH, TRAJ = f"{VIDEO}_3dod_annotation.json", f"{VIDEO}_3dod_mesh.ply", "lowres_wide.traj"
FRAMES = f"{VIDEO}_frames"
FLAT_MESH = (
    "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
)
BAD_SCENES = {
    "no mesh": (removed(MESH), MESH, "No such file"),
    "mesh cut in its header": (cut(MESH, 60), MESH, ""),
    "mesh cut in its points": (cut(MESH, 5000), MESH, ""),
    "empty mesh": (cut(MESH, 0), MESH, ""),
    "mesh of a line": (write(MESH, FLAT_MESH + "0 0 0\n1 0 0\n2 0 0\n"), MESH, "covers no floor"),
    "mesh with a point at infinity": (write(MESH, FLAT_MESH + "0 0 0\n1 inf 0\n2 0 0\n"), MESH, "not finite"),
    "mesh that says it has a milliard points": (
        write(MESH, FLAT_MESH.replace("vertex 3", "vertex 1000000000") + "0 0 0\n"),
        MESH,
        "cannot hold",
    ),
    "mesh is a folder": (folder_instead(MESH), MESH, ""),
    "no annotation": (removed(ANNOTATION), ANNOTATION, "No such file"),
    "annotation is a folder": (folder_instead(ANNOTATION), ANNOTATION, ""),
    "annotation cut off": (cut(ANNOTATION, 300), ANNOTATION, "not JSON"),
    "empty annotation": (cut(ANNOTATION, 0), ANNOTATION, "not JSON"),
    "annotation is no text": (write(ANNOTATION, b"\xff\xfe\x00"), ANNOTATION, "no text"),
    "annotation is a list": (write(ANNOTATION, "[1, 2]"), ANNOTATION, "expected an object"),
    "annotation is nested without end": (write(ANNOTATION, "[" * 200_000), ANNOTATION, "not JSON"),
    "nothing annotated": (edit(lambda record: record.update(data=[])), ANNOTATION, "data is empty"),
    "skipped": (edit(lambda record: record.update(skipped=True)), ANNOTATION, "skipped is True"),
    "data missing": (edit(lambda record: record.pop("data")), ANNOTATION, "data is missing"),
    "data is a number": (edit(lambda record: record.update(data=3)), ANNOTATION, "data is 3"),
    "an object is null": (edit(lambda record: record["data"].append(None)), ANNOTATION, "label is missing"),
    "label is a number": (edit(lambda record: record["data"][2].update(label=5)), ANNOTATION, "label is 5"),
    "no usable category": (
        edit(lambda record: [thing.update(label="cabinet") for thing in record["data"]]),
        ANNOTATION,
        "has a category that can be used",
    ),
    "segments missing": (edit(lambda record: record["data"][2].pop("segments")), ANNOTATION, "data 2"),
    "only the other frame's box": (edit(only_obb), ANNOTATION, "obbAligned is missing"),
    "box of two numbers": (edit_box(centroid=[1, 2]), ANNOTATION, "centroid"),
    "box not finite": (edit_box(centroid=[1, float("nan"), 2]), ANNOTATION, "centroid"),
    "box in words": (edit_box(axesLengths=["1", "2", "3"]), ANNOTATION, "axesLengths"),
    "box of no size": (edit_box(axesLengths=[1, 0, 1]), ANNOTATION, "positive"),
    "box with skew axes": (edit_box(normalizedAxes=[1, 0, 0, 1, 0, 0, 0, 0, 1]), ANNOTATION, "orthonormal"),
    "no poses": (removed(f"{FRAMES}/{TRAJ}"), TRAJ, "no poses"),
    "no frames": (removed(FRAMES), TRAJ, "no poses"),
    "no images": (removed(f"{FRAMES}/lowres_wide"), FRAMES, "no images"),
    "no intrinsics": (removed(f"{FRAMES}/lowres_wide_intrinsics"), FRAMES, "lowres_wide_intrinsics"),
    "images with other names": (
        lambda folder: [path.rename(path.with_name(f"x{path.stem[-1]}.png")) for path in images_of(folder)],
        FRAMES,
        "no images",
    ),
}


def images_of(folder):
    return sorted((frames_of(folder) / "lowres_wide").iterdir())


@pytest.mark.parametrize("kind", BAD_SCENES)
def test_a_broken_scene_is_told_in_one_line(folder, kind):
    (found,) = READER.find(folder)
    spoil, name, reason = BAD_SCENES[kind]
    spoil(folder)
    with pytest.raises(BadSceneError) as problem:
        READER.read(found)
    message = str(problem.value)
    assert name in message and reason in message and "\n" not in message and len(message) < 600


def nth(kind, place, change):
    """Changes a frame's file, by time."""
    return lambda folder: change(sorted((frames_of(folder) / kind).iterdir())[place])


def huge_png(path, bits=8, colours=2, side=40_000):
    """A png of 200 bytes that says it unpacks to gigabytes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">2I5B", side, side, bits, colours, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")
    )


BAD_RECORDINGS = {
    "empty image": (nth("lowres_wide", 1, lambda path: path.write_bytes(b"")), ".png"),
    "image cut off": (nth("lowres_wide", 1, lambda path: path.write_bytes(path.read_bytes()[:700])), ".png"),
    "image cut in its header": (nth("lowres_wide", 0, lambda path: path.write_bytes(path.read_bytes()[:20])), ".png"),
    "image of gigabytes": (nth("lowres_wide", 1, huge_png), ".png"),
    "image of another size": (
        nth("lowres_wide", 1, lambda path: iio.imwrite(path, np.zeros((40, 64, 3), dtype=np.uint8))),
        ".png",
    ),
    "image is a folder": (nth("lowres_wide", 1, lambda path: (path.unlink(), path.mkdir())), ".png"),
    "depth of gigabytes": (nth("lowres_depth", 1, lambda path: huge_png(path, 16, 0)), "lowres_depth"),
    "depth cut off": (nth("lowres_depth", 1, lambda path: path.write_bytes(path.read_bytes()[:500])), "lowres_depth"),
    "depth in 8 bits": (
        nth("lowres_depth", 1, lambda path: iio.imwrite(path, np.ones((48, 64), dtype=np.uint8))),
        "lowres_depth",
    ),
    "depth in colours": (
        nth("lowres_depth", 1, lambda path: iio.imwrite(path, np.ones((48, 64, 3), dtype=np.uint8))),
        "lowres_depth",
    ),
    "depth of another shape": (
        nth("lowres_depth", 1, lambda path: iio.imwrite(path, np.ones((64, 48), dtype=np.uint16))),
        "lowres_depth",
    ),
    "camera in words": (nth("lowres_wide_intrinsics", 1, lambda path: path.write_text("64 48 f f cx cy")), ".pincam"),
    "empty camera": (nth("lowres_wide_intrinsics", 1, lambda path: path.write_text("")), ".pincam"),
    "camera not finite": (nth("lowres_wide_intrinsics", 1, lambda path: path.write_text("64 48 nan 9 9 9")), ".pincam"),
    "camera of megabytes": (
        nth("lowres_wide_intrinsics", 1, lambda path: path.write_bytes(b"1" * 5_000_000)),
        ".pincam",
    ),
    "no camera near any image": (
        lambda folder: [rename(folder, "lowres_wide_intrinsics", place, 1.0) for place in (0, 1, 2)],
        "lowres_wide_intrinsics",
    ),
    "pose in words": (write(f"{FRAMES}/{TRAJ}", "1.0 0 0 none 0 0 0\n"), TRAJ),
    "pose of six numbers": (write(f"{FRAMES}/{TRAJ}", "1.0 0 0 0 0 0\n"), TRAJ),
    "empty poses": (write(f"{FRAMES}/{TRAJ}", ""), TRAJ),
    "no finite pose": (write(f"{FRAMES}/{TRAJ}", f"{START} nan nan nan nan nan nan\n"), TRAJ),
    "no pose near any image": (write(f"{FRAMES}/{TRAJ}", "1.0 0 0 0 0 0 0\n1.1 0 0 0 0 0 0\n"), TRAJ),
    "poses are a folder": (folder_instead(f"{FRAMES}/{TRAJ}"), TRAJ),
    "images went": (removed(f"{FRAMES}/lowres_wide"), FRAMES),
}


@pytest.mark.parametrize("kind", BAD_RECORDINGS)
def test_a_broken_recording_is_told_in_one_line(folder, kind):
    scene = READER.read(*READER.find(folder))
    spoil, name = BAD_RECORDINGS[kind]
    spoil(folder)
    with pytest.raises(InputError) as problem:
        scene.footage.load(scene, FrameBudget(3, 64, 64))
    message = str(problem.value)
    assert message.startswith(f"scene {VIDEO}: ") and name in message and "\n" not in message and len(message) < 600


@pytest.mark.parametrize("spoil", ["cut", "fewer", "text"])
def test_a_broken_movie_is_told_in_one_line(tmp_path, kitchen_small, spoil):
    folder = write_raw(tmp_path, kitchen_small, kitchen_small, "mov")
    movie = folder / f"{VIDEO}.mov"
    scene = READER.read(*READER.find(folder))
    if spoil == "cut":
        movie.write_bytes(movie.read_bytes()[:1000])
    elif spoil == "fewer":
        write_movie(movie, list(kitchen_small.rgb[:2]))
    else:
        movie.write_text("no movie")
    with pytest.raises(InputError, match=f"^scene {VIDEO}: .*{VIDEO}.mov") as problem:
        scene.footage.load(scene, FrameBudget(3, *LOWRES))
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("name", [ANNOTATION, MESH, FRAMES, f"{FRAMES}/lowres_wide", "."])
def test_what_may_not_be_read_is_told(folder, name):
    (found,) = READER.find(folder)
    (folder / name).chmod(0)
    try:
        if os.access(folder / name, os.R_OK):
            pytest.skip("this user may read everything")
        assert READER.find(folder.parent) == [found]
        with pytest.raises(BadSceneError, match=VIDEO) as problem:
            READER.read(found)
        assert "Permission denied" in str(problem.value) and "\n" not in str(problem.value)
    finally:
        (folder / name).chmod(0o755)


def test_the_stored_camera_of_the_writer_sees_the_stored_picture(kitchen):
    # What the tests above rest on: the film's and the sensor's cameras send one point to the same pixel.
    point = kitchen.poses[0] @ [0.4, 0.3, 2.0, 1.0]
    for held in range(4):
        (width, height), (fx, fy, cx, cy), pose = stored_camera(kitchen, kitchen.poses[0], held)
        x, y, z, _ = np.linalg.inv(pose) @ point
        marks = np.zeros(LOWRES, dtype=np.uint8)
        u, v = (kitchen.intrinsics @ [0.4, 0.3, 2.0])[:2] / 2.0
        marks[int(v), int(u)] = 1
        stored = stored_picture(marks, held)
        assert stored.shape == (height, width) and np.linalg.det(pose) == pytest.approx(1)
        assert stored[int(fy * y / z + cy), int(fx * x / z + cx)] == 1
