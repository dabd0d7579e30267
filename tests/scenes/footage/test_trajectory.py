import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from lightning_ouro.scenes.footage.trajectory import Trajectory, nearest_index


def random_poses(number, seed=0):
    rng = np.random.default_rng(seed)
    poses = np.tile(np.eye(4), (number, 1, 1))
    poses[:, :3, :3] = Rotation.random(number, rng=rng).as_matrix()
    poses[:, :3, 3] = rng.normal(size=(number, 3))
    return poses


def test_poses_between_rows_match_scipys_slerp():
    rng = np.random.default_rng(1)
    times = 100 + np.cumsum(rng.uniform(0.05, 0.29, 40))
    poses = random_poses(40)
    wanted = np.sort(rng.uniform(times[0], times[-1], 500))
    wanted = wanted[np.abs(wanted[:, None] - times).min(axis=1) > 0.006]
    interpolated, known = Trajectory(times, poses).at(wanted)
    assert known.all() and len(wanted) > 400
    expected = Slerp(times, Rotation.from_matrix(poses[:, :3, :3]))(wanted).as_matrix()
    np.testing.assert_allclose(interpolated[:, :3, :3], expected, atol=1e-9)
    for axis in range(3):
        np.testing.assert_allclose(
            interpolated[:, axis, 3], np.interp(wanted, times, poses[:, axis, 3]), atol=1e-9
        )
    np.testing.assert_array_equal(interpolated[:, 3], np.tile([0, 0, 0, 1], (len(wanted), 1)))


def test_a_row_within_five_milliseconds_is_used_unchanged():
    poses = random_poses(3)
    at_times, known = Trajectory(np.array([10.0, 10.1, 10.2]), poses).at(
        np.array([9.996, 10.1, 10.104, 10.205]), same=0.005
    )
    assert known.all()
    np.testing.assert_array_equal(at_times, poses[[0, 1, 1, 2]])


def test_there_is_no_pose_outside_of_the_rows_or_in_gaps():
    trajectory = Trajectory(np.array([10.0, 10.3, 10.7]), random_poses(3))
    _, known = trajectory.at(np.array([9.37, 9.99, 10.15, 10.31, 10.5, 10.699, 10.71, 11.0]), same=0.005)
    assert known.tolist() == [False, False, True, False, False, True, False, False]
    _, known = Trajectory(np.array([10.0]), random_poses(1)).at(np.array([9.9, 10.001, 10.1]), same=0.005)
    assert known.tolist() == [False, True, False]


def test_nothing_beyond_the_tolerance_is_nearest():
    times = np.array([1.0, 2.0, 3.0])
    assert nearest_index(times, np.array([0.0, 0.99, 1.4, 1.6, 2.02, 3.02, 3.03]), 0.02).tolist() == [
        -1,
        0,
        -1,
        -1,
        1,
        2,
        -1,
    ]
    assert nearest_index(times, np.array([1.4, 1.6]), 1.0).tolist() == [0, 1]
    assert nearest_index(np.array([]), np.array([1.0, 2.0]), 1.0).tolist() == [-1, -1]


def test_what_cannot_be_interpolated_takes_a_pose_that_is_near():
    poses = random_poses(3)
    trajectory = Trajectory(np.array([0.0, 0.2, 2.0]), poses)
    at_times, known = trajectory.at(np.array([-0.01, 0.19, 0.21, 1.0, 1.99, 2.02]), near=0.015)
    assert known.tolist() == [True, True, True, False, True, False]
    np.testing.assert_array_equal(at_times[[0, 2, 4]], poses[[0, 1, 2]])
    between = 0.95 * poses[1, :3, 3] + 0.05 * poses[0, :3, 3]  # a pose is better interpolated than taken
    np.testing.assert_allclose(at_times[1, :3, 3], between, atol=1e-9)


def test_nobody_knows_what_happened_beside_a_pose_that_is_lost():
    poses = random_poses(4)
    poses[1] = np.nan
    trajectory = Trajectory(np.array([0.0, 0.1, 0.2, 0.3]), poses)
    _, known = trajectory.at(np.array([0.0, 0.05, 0.1, 0.12, 0.2, 0.25]), near=0.03)
    assert known.tolist() == [True, False, False, False, True, True]
