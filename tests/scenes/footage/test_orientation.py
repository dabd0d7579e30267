import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lightning_ouro.scenes.footage.orientation import (
    quarter_turns,
    rotate_image,
    rotate_intrinsics,
    rotate_poses,
    rotate_size,
)
from lightning_ouro.scenes.readers.arkitscenes.poses import read_trajectory

APPLE = {  # both from apple/ARKitScenes @7283761 rectify_im.py
    "1627.68140546 -1.5545600446434271 1.532901960141653 0.883467254271724 0.0450016 0.0506107 -0.000194237": 2,
    "803.47236621 1.6851560664954446 -1.7402208764128138 -0.8469396625258023 0.0404551 0.0562208 -0.00155703": 1,
}


def random_pose(seed):
    pose = np.eye(4)
    pose[:3, :3] = Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
    pose[:3, 3] = np.random.default_rng(seed).normal(size=3)
    return pose[None]


@pytest.mark.parametrize(("line", "turns"), APPLE.items())
def test_apples_examples_are_rotated_as_apple_says(tmp_path, line, turns):
    (tmp_path / "lowres_wide.traj").write_text(line + "\n")
    assert quarter_turns(read_trajectory(tmp_path / "lowres_wide.traj").poses) == turns


@pytest.mark.parametrize("turns", range(4))
def test_a_rotated_image_shows_each_point_where_its_camera_projects_it(turns):
    height, width = 30, 40
    intrinsics = np.array([[33.0, 0, 18.5], [0, 35.0, 16.0], [0, 0, 1]])
    pose = random_pose(seed=5)
    rng = np.random.default_rng(2)
    new_intrinsics = rotate_intrinsics(intrinsics[None], (height, width), turns)[0]
    new_pose = rotate_poses(pose, turns)[0]
    assert np.linalg.det(new_pose) == pytest.approx(1)
    assert (new_intrinsics.diagonal() > 0).all() and new_intrinsics[0, 1] == new_intrinsics[1, 0] == 0
    for row, column in zip(rng.integers(height, size=20), rng.integers(width, size=20), strict=True):
        image = np.zeros((height, width), dtype=np.uint8)
        image[row, column] = 1
        point = pose[0] @ [*(np.linalg.inv(intrinsics) @ [column + 0.5, row + 0.5, 1] * 2.5), 1]
        projected = new_intrinsics @ (np.linalg.inv(new_pose) @ point)[:3]
        rotated = rotate_image(image, turns)
        assert rotated.shape == rotate_size((height, width), turns)
        assert projected[2] == pytest.approx(2.5)
        np.testing.assert_allclose(
            projected[:2] / projected[2] - 0.5, np.argwhere(rotated)[0][::-1], atol=1e-9
        )


def test_the_orientation_of_most_frames_decides():
    looking_ahead = np.eye(4)
    looking_ahead[:3, :3] = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])  # right, down, forward are x, -z, y
    poses = np.stack([looking_ahead] * 5 + [rotate_poses(looking_ahead[None], 1)[0]] * 3)
    assert quarter_turns(poses) == 0
    for turns in range(4):
        sideways = rotate_poses(poses, 4 - turns)
        assert quarter_turns(sideways) == turns
        assert quarter_turns(rotate_poses(sideways, turns)) == 0
