import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.readers.arkitscenes.poses import (
    Series,
    Trajectory,
    nearest,
    read_pincam,
    read_trajectory,
    turned_intrinsics,
    turned_picture,
    turned_poses,
    turned_size,
    turns_of,
)

APPLE = {  # both from the docstring of rectify_im.py
    "1627.68140546 -1.5545600446434271 1.532901960141653 0.883467254271724 0.0450016 0.0506107 -0.000194237": 2,
    "803.47236621 1.6851560664954446 -1.7402208764128138 -0.8469396625258023 0.0404551 0.0562208 -0.00155703": 1,
}


def written(folder, text):
    path = folder / "lowres_wide.traj"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def random_poses(number, seed=0):
    rng = np.random.default_rng(seed)
    poses = np.tile(np.eye(4), (number, 1, 1))
    poses[:, :3, :3] = Rotation.random(number, rng=rng).as_matrix()
    poses[:, :3, 3] = rng.normal(size=(number, 3))
    return poses


@pytest.mark.parametrize(("line", "turns"), APPLE.items())
def test_apples_own_examples_are_turned_as_apple_says(tmp_path, line, turns):
    assert turns_of(read_trajectory(written(tmp_path, line + "\n")).poses) == turns


def test_rows_are_from_world_to_camera(tmp_path):
    # A camera at (1, 2, 3) that looks along x with its y axis down: x_camera = R x_world + t.
    rotation = np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]])
    numbers = [*Rotation.from_matrix(rotation).as_rotvec(), *(-rotation @ [1, 2, 3])]
    found = read_trajectory(written(tmp_path, " ".join(map(str, [5.5, *numbers]))))
    np.testing.assert_allclose(found.poses[0, :3, 3], [1, 2, 3], atol=1e-12)
    np.testing.assert_allclose(found.poses[0] @ [0, 0, 2, 1], [3, 2, 3, 1], atol=1e-12)
    np.testing.assert_allclose(found.poses[0] @ [0, 2, 0, 1], [1, 2, 1, 1], atol=1e-12)
    assert found.times.tolist() == [5.5]


def test_poses_between_rows_are_those_of_scipys_slerp():
    rng = np.random.default_rng(1)
    times = 100 + np.cumsum(rng.uniform(0.05, 0.29, 40))
    poses = random_poses(40)
    wanted = np.sort(rng.uniform(times[0], times[-1], 500))
    wanted = wanted[np.abs(wanted[:, None] - times).min(axis=1) > 0.006]
    found, known = Trajectory(times, poses).at(wanted)
    assert known.all() and len(wanted) > 400
    expected = Slerp(times, Rotation.from_matrix(poses[:, :3, :3]))(wanted).as_matrix()
    np.testing.assert_allclose(found[:, :3, :3], expected, atol=1e-9)
    for axis in range(3):
        np.testing.assert_allclose(found[:, axis, 3], np.interp(wanted, times, poses[:, axis, 3]), atol=1e-9)
    np.testing.assert_array_equal(found[:, 3], np.tile([0, 0, 0, 1], (len(wanted), 1)))


def test_a_row_within_five_milliseconds_is_taken_as_it_is():
    poses = random_poses(3)
    found, known = Trajectory(np.array([10.0, 10.1, 10.2]), poses).at(np.array([9.996, 10.1, 10.104, 10.205]))
    assert known.all()
    np.testing.assert_array_equal(found, poses[[0, 1, 1, 2]])


def test_outside_of_the_rows_and_in_gaps_there_is_no_pose():
    trajectory = Trajectory(np.array([10.0, 10.3, 10.7]), random_poses(3))
    _, known = trajectory.at(np.array([9.37, 9.99, 10.15, 10.31, 10.5, 10.699, 10.71, 11.0]))
    assert known.tolist() == [False, False, True, False, False, True, False, False]
    _, known = Trajectory(np.array([10.0]), random_poses(1)).at(np.array([9.9, 10.001, 10.1]))
    assert known.tolist() == [False, True, False]


def test_rows_may_come_in_any_order_and_twice(tmp_path):
    lines = [f"{time} 0 0 {turn} 0 0 0" for time, turn in ((3.0, 0.3), (1.0, 0.1), (2.0, 0.2), (1.0, 0.1))]
    found = read_trajectory(written(tmp_path, "\n\n".join(lines) + "\n"))
    assert found.times.tolist() == [1.0, 2.0, 3.0]
    angles = Rotation.from_matrix(found.poses[:, :3, :3]).as_rotvec()[:, 2]
    np.testing.assert_allclose(angles, [-0.1, -0.2, -0.3])


@pytest.mark.parametrize("lost", ["nan", "inf", "-inf", "1e300"])
@pytest.mark.parametrize("column", [1, 6])
def test_rows_of_lost_tracking_are_left_out(tmp_path, lost, column):
    row = ["2.0", "0", "0", "0", "0", "0", "0"]
    row[column] = lost
    found = read_trajectory(written(tmp_path, f"1.0 0 0 0 0 0 0\n{' '.join(row)}\n3.0 0 0 0 0 0 0\n"))
    assert found.times.tolist() == [1.0, 3.0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no pose in its 0 lines"),
        ("nan nan nan nan nan nan nan\n", "has no pose in its 1 lines"),
        ("1.0 0 0 0 0 0 0\n2.0 0 0 0 0 0\n", "line 2: is '2.0 0 0 0 0 0', expected seven numbers"),
        ("1.0 0 0 zero 0 0 0\n", "line 1"),
        ("1.0 0 0 0 0 0 0 0\n", "line 1"),
        (
            '<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>',
            "line 1",
        ),  # what Apple's server sends
        (b"\x89PNG\r\n\x1a\n\x00\xff", "line 1"),
        ("x" * 100_000, "line 1"),
    ],
)
def test_a_bad_trajectory_says_which_line(tmp_path, text, reason):
    with pytest.raises(BadSceneError) as problem:
        read_trajectory(written(tmp_path, text))
    message = str(problem.value)
    assert reason in message and "lowres_wide.traj" in message and "\n" not in message and len(message) < 400


def test_nearest_gives_none_beyond_its_reach():
    times = np.array([1.0, 2.0, 3.0])
    assert nearest(times, np.array([0.0, 0.99, 1.4, 1.6, 2.02, 3.02, 3.03]), 0.02).tolist() == [
        -1,
        0,
        -1,
        -1,
        1,
        2,
        -1,
    ]
    assert nearest(times, np.array([1.4, 1.6]), 1.0).tolist() == [0, 1]
    assert nearest(np.array([]), np.array([1.0, 2.0]), 1.0).tolist() == [-1, -1]


def test_files_are_ordered_by_time_and_others_are_passed_over(tmp_path):
    names = ["41069021_10.5.png", "41069021_9.250.png", "6845.70605696.png", "7.0.pincam"]
    for name in [
        *names,
        "._41069021_1.5.png",
        ".DS_Store",
        "Thumbs.db",
        "41069021_x.png",
        "1.5.png.tmp",
        "-1.0.png",
    ]:
        (tmp_path / name).write_text("")
    series = Series(tmp_path)
    assert series.times.tolist() == [7.0, 9.25, 10.5, 6845.70605696]
    assert [path.name for path in series.paths] == [names[3], names[1], names[0], names[2]]
    assert len(Series(None).times) == len(Series(tmp_path / "missing").times) == 0


def test_intrinsics_are_scaled_to_the_image_from_its_corner(tmp_path):
    path = tmp_path / "41069021_1.000.pincam"
    path.write_text("256 192 212.088 210.5 127.4 98.6992")
    np.testing.assert_allclose(
        read_pincam(path, (192, 256)), [[212.088, 0, 127.9], [0, 210.5, 99.1992], [0, 0, 1]]
    )
    larger = [[212.088 * 2.5, 0, 127.9 * 2.5], [0, 210.5 * 2.5, 99.1992 * 2.5], [0, 0, 1]]
    np.testing.assert_allclose(read_pincam(path, (480, 640)), larger)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "256 192 212 212 127",
        "256 192 212 212 127 95 0",
        "256 192 nan 212 127 95",
        "256 192 inf 212 127 95",
        "256 192 0 212 127 95",
        "256 192 212 -212 127 95",
        "256 192 1e9 212 127 95",
        "0 192 212 212 127 95",
        "256 x192 212 212 127 95",
        "192 256 212 212 95 127",  # for an image that is not as it is stored
        "1 " * 3000,
    ],
)
def test_a_bad_camera_is_told(tmp_path, text):
    path = tmp_path / "41069021_1.000.pincam"
    path.write_text(text)
    with pytest.raises(BadSceneError, match=r"41069021_1\.000\.pincam") as problem:
        read_pincam(path, (192, 256))
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("turns", range(4))
def test_a_turned_image_shows_each_point_where_its_turned_camera_says(turns):
    height, width = 30, 40
    intrinsics = np.array([[33.0, 0, 18.5], [0, 35.0, 16.0], [0, 0, 1]])
    pose = random_poses(1, seed=5)
    rng = np.random.default_rng(2)
    turned = turned_intrinsics(intrinsics[None], (height, width), turns)[0], turned_poses(pose, turns)[0]
    assert np.linalg.det(turned[1]) == pytest.approx(1)
    assert turned[0][0, 0] > 0 and turned[0][1, 1] > 0 and turned[0][0, 1] == turned[0][1, 0] == 0
    for row, column in zip(rng.integers(height, size=20), rng.integers(width, size=20), strict=True):
        picture = np.zeros((height, width), dtype=np.uint8)
        picture[row, column] = 1
        point = pose[0] @ [*(np.linalg.inv(intrinsics) @ [column + 0.5, row + 0.5, 1] * 2.5), 1]
        seen = turned[0] @ (np.linalg.inv(turned[1]) @ point)[:3]
        upright = turned_picture(picture, turns)
        assert upright.shape == turned_size((height, width), turns)
        assert seen[2] == pytest.approx(2.5)
        np.testing.assert_allclose(seen[:2] / seen[2] - 0.5, np.argwhere(upright)[0][::-1], atol=1e-9)


def test_most_frames_say_how_the_device_was_held():
    looking_ahead = np.eye(4)
    looking_ahead[:3, :3] = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])  # right, down, forward are x, -z, y
    poses = np.stack([looking_ahead] * 5 + [turned_poses(looking_ahead[None], 1)[0]] * 3)
    assert turns_of(poses) == 0
    for turns in range(4):
        back = turned_poses(poses, 4 - turns)  # what has to be turned `turns` times
        assert turns_of(back) == turns
        assert turns_of(turned_poses(back, turns)) == 0
