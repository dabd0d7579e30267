import json
import shutil

import numpy as np
import pytest

from tests.scenes.readers.film import film
from tests.scenes.readers.read_scannet import FULL_SIZE, scene_of, video_of
from tests.scenes.readers.write_scannet import (
    SCAN,
    group,
    png,
    write_groups,
    write_masks,
    write_scan,
    write_sens,
)


@pytest.fixture(scope="module")
def filmed():
    return film()


def test_masks_hold_object_ids_plus_one_and_filtered_ones_are_preferred(tmp_path, filmed):
    folder = write_scan(tmp_path, filmed)
    write_sens(folder, filmed)
    num_objects = len(filmed.scene.objects)
    write_masks(folder, filmed, filtered=False)
    np.testing.assert_allclose(video_of(tmp_path).views.visibility, filmed.shares, rtol=1e-6)
    write_masks(
        folder, filmed, changed={"instance-filt/0.png": png(np.full((24, 32), num_objects, np.uint8))}
    )
    shares = video_of(tmp_path).views.visibility
    assert shares[0].tolist() == [0] * (num_objects - 1) + [1]
    np.testing.assert_allclose(shares[1:], filmed.shares[1:], rtol=1e-6)


def test_masks_follow_the_objects_when_groups_are_dropped_or_duplicated(tmp_path, filmed):
    folder = write_scan(tmp_path, filmed)
    write_sens(folder, filmed)
    write_masks(folder, filmed)
    path = folder / f"{SCAN}.aggregation.json"
    groups = json.loads(path.read_text())["segGroups"]
    groups[0]["label"] = "wall"
    groups[2]["segments"].append(123_456)
    duplicate = group(90, groups[3]["label"], groups[3]["segments"])
    write_groups(folder, [*groups, duplicate])
    mask = png(np.full((24, 32), 91, np.uint8))
    write_masks(folder, filmed, changed={"instance-filt/5.png": mask})
    scene = scene_of(tmp_path)
    kept = [index for index in range(len(filmed.scene.objects)) if index not in (0, 2)]
    assert len(scene.objects) == len(kept)
    shares = scene.footage.load(scene, FULL_SIZE).views.visibility
    np.testing.assert_allclose(shares[:5], filmed.shares[:5][:, kept], rtol=1e-6)
    assert shares[5].tolist() == [float(index == 3) for index in kept]


def test_visibility_comes_from_depth_in_frames_without_a_mask(root, small):
    write_masks(root / "scans" / SCAN, small, numbers=[100, 101, 102])
    without_masks_of_these_frames = video_of(root).views.visibility
    (root / "scans" / SCAN / f"{SCAN}_2d-instance-filt.zip").unlink()
    assert (without_masks_of_these_frames == video_of(root).views.visibility).all()


def test_masks_are_not_used_with_posed_images_which_may_be_renumbered(root, small):
    folder = root / "scans" / SCAN
    (folder / f"{SCAN}.sens").unlink()
    shutil.rmtree(folder / "color")
    full = png(np.full((9, 9), 1, np.uint8))
    write_masks(folder, small, changed={f"instance-filt/{frame}.png": full for frame in range(3)})
    assert video_of(root).views.visibility[:, 0].max() < 1
