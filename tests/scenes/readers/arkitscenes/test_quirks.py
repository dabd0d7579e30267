"""What real folders do, on a few small frames."""

import json
import pickle
import shutil

import imageio.v3 as iio
import numpy as np

from lightning_ouro.scenes.readers.base import Found
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.scenes.vocabulary import category_of
from tests.scenes.readers.film import film
from tests.scenes.readers.read_arkitscenes import (
    KITCHEN,
    READER,
    annotation_of,
    frames_of,
    kept,
    open_scene,
    rename,
    tiny,
)
from tests.scenes.readers.write_arkitscenes import (
    README_NAMES,
    START,
    VIDEO,
    annotated,
    stamps,
    write_annotation,
    write_poses,
)


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
    for kind in (
        "wide",
        "color_intrinsics",
        "depth_densified",
    ):  # they were named by time alone, more exactly
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

    labels = [
        "tv_monitor",
        "TV-Monitor",
        "tv/monitor",
        "tv monitor",
        "cabinet",
        "sink",
        "shelf",
        "oven",
        "washer",
    ]
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
    (tmp_path / "raw" / "metadata.csv").write_text(
        "video_id,visit_id,fold,sky_direction\n41000001,NA,Training,Left\n"
    )
    (tmp_path / "upsampling" / "Training" / "41000009").mkdir(parents=True)
    assert [found.id for found in READER.find(tmp_path)] == ["41000001"]


def test_other_folders_hold_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path)
    layout(tmp_path, "somewhere/deep/in/41000001", "not_eight_digits")
    for path in (
        tmp_path,
        tmp_path / "file",
        tmp_path / "missing",
        tmp_path / "loop",
        tmp_path / "not_eight_digits",
    ):
        assert READER.find(path) == []
