import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.readers.arkitscenes.poses import (
    TimedFiles,
    read_pincam,
    read_trajectory,
)


def written(folder, text):
    path = folder / "lowres_wide.traj"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_rows_take_the_world_to_the_camera(tmp_path):
    # A camera at (1, 2, 3) that looks along x with its y axis pointing down: x_camera = R x_world + t.
    rotation = np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]])
    numbers = [*Rotation.from_matrix(rotation).as_rotvec(), *(-rotation @ [1, 2, 3])]
    trajectory = read_trajectory(written(tmp_path, " ".join(map(str, [5.5, *numbers]))))
    np.testing.assert_allclose(trajectory.poses[0, :3, 3], [1, 2, 3], atol=1e-12)
    np.testing.assert_allclose(trajectory.poses[0] @ [0, 0, 2, 1], [3, 2, 3, 1], atol=1e-12)
    np.testing.assert_allclose(trajectory.poses[0] @ [0, 2, 0, 1], [1, 2, 1, 1], atol=1e-12)
    assert trajectory.times.tolist() == [5.5]


def test_rows_may_be_unordered_and_duplicated(tmp_path):
    lines = [f"{time} 0 0 {turn} 0 0 0" for time, turn in ((3.0, 0.3), (1.0, 0.1), (2.0, 0.2), (1.0, 0.1))]
    trajectory = read_trajectory(written(tmp_path, "\n\n".join(lines) + "\n"))
    assert trajectory.times.tolist() == [1.0, 2.0, 3.0]
    angles = Rotation.from_matrix(trajectory.poses[:, :3, :3]).as_rotvec()[:, 2]
    np.testing.assert_allclose(angles, [-0.1, -0.2, -0.3])


@pytest.mark.parametrize("lost", ["nan", "inf", "-inf", "1e300"])
@pytest.mark.parametrize("column", [1, 6])
def test_rows_with_lost_tracking_are_left_out(tmp_path, lost, column):
    row = ["2.0", "0", "0", "0", "0", "0", "0"]
    row[column] = lost
    trajectory = read_trajectory(written(tmp_path, f"1.0 0 0 0 0 0 0\n{' '.join(row)}\n3.0 0 0 0 0 0 0\n"))
    assert trajectory.times.tolist() == [1.0, 3.0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no pose in its 0 lines"),
        ("nan nan nan nan nan nan nan\n", "has no pose in its 1 lines"),
        ("1.0 0 0 0 0 0\n2.0 0 0 0 0 0\n", "line 1: is '1.0 0 0 0 0 0', expected seven numbers"),
        ("1.0 0 0 zero 0 0 0\n", "line 1"),
        ("1.0 0 0 0 0 0 0 0\n", "line 1"),
        (
            '<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>',
            "line 1",
        ),  # an error page of Apple's server
        (b"\x89PNG\r\n\x1a\n\x00\xff", "line 1"),
        ("x" * 100_000, "line 1"),
    ],
)
def test_a_bad_trajectory_is_refused_with_the_line(tmp_path, text, reason):
    with pytest.raises(BadSceneError) as problem:
        read_trajectory(written(tmp_path, text))
    message = str(problem.value)
    assert reason in message and "lowres_wide.traj" in message and "\n" not in message and len(message) < 400


def test_a_broken_row_of_a_trajectory_costs_itself(tmp_path):
    with pytest.warns(
        UserWarning, match=r"1 of 3 rows .* left out: .* line 2: is '2.0 0 0 0 0 0', expected seven"
    ):
        trajectory = read_trajectory(written(tmp_path, "1.0 0 0 0 0 0 0\n2.0 0 0 0 0 0\n3.0 0 0 0 0 0 0\n"))
    assert trajectory.times.tolist() == [1.0, 3.0]


def test_files_are_ordered_by_time_and_unrelated_ones_ignored(tmp_path):
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
    files = TimedFiles(tmp_path)
    assert files.times.tolist() == [7.0, 9.25, 10.5, 6845.70605696]
    assert [path.name for path in files.paths] == [names[3], names[1], names[0], names[2]]
    assert len(TimedFiles(None).times) == len(TimedFiles(tmp_path / "missing").times) == 0


def test_intrinsics_are_scaled_to_the_image(tmp_path):
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
        "192 256 212 212 95 127",  # for an image in portrait
        "1 " * 3000,
    ],
)
def test_bad_intrinsics_are_refused(tmp_path, text):
    path = tmp_path / "41069021_1.000.pincam"
    path.write_text(text)
    with pytest.raises(BadSceneError, match=r"41069021_1\.000\.pincam") as problem:
        read_pincam(path, (192, 256))
    assert "\n" not in str(problem.value)
