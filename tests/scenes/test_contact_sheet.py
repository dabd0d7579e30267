import numpy as np
import pytest
from PIL import Image

from lightning_ouro.cli import main
from lightning_ouro.scenes.contact_sheet import colour_of, contact_sheet, from_above, projected_edges
from lightning_ouro.scenes.store import write_scene
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import FrameBudget


@pytest.fixture(scope="module")
def scene():
    return procedural_scene(4)


@pytest.fixture(scope="module")
def video(scene):
    return scene.footage.load(scene, FrameBudget(4, 192, 256))


def test_edges_of_a_box_are_drawn_where_the_camera_sees_its_corners(scene, video):
    pose, intrinsics = video.views.poses[0], video.views.intrinsics[0]
    seen = video.views.visibility[0].argmax()
    corners = scene.objects[seen].corners()
    lines = projected_edges(corners, intrinsics, pose)
    homogeneous = (
        np.c_[corners, np.ones(8)] @ np.linalg.inv(pose).T
    )  # by the textbook: world to camera, then pinhole
    flat = homogeneous[:, :3] @ intrinsics.T
    expected = flat[:, :2] / flat[:, 2:]
    assert len(lines) == 12
    ends = np.concatenate(lines)
    assert np.linalg.norm(ends[:, None] - expected, axis=-1).min(axis=1).max() < 1e-6


def test_what_lies_behind_the_camera_is_not_drawn_and_what_crosses_is_cut_off():
    pose, camera = np.eye(4), np.diag([100.0, 100, 1])
    cube = np.array(list(np.ndindex(2, 2, 2)), float) - 0.5
    assert projected_edges(cube - np.array([0, 0, 5]), camera, pose) == []
    crossing = projected_edges(cube * np.array([1, 1, 4]), camera, pose)
    assert len(crossing) == 8 and np.isfinite(np.concatenate(crossing)).all()


def test_the_sheet_shows_frames_and_the_plan_with_every_category_in_its_colour(scene, video):
    sheet = np.asarray(contact_sheet(scene, video, 900))
    assert sheet.ndim == 3 and 880 <= sheet.shape[1] <= 1200
    np.testing.assert_array_equal(sheet[22 + 4, 200:250], video.frames[0][4, 200:250])  # below the title
    plan = np.asarray(from_above(scene, video, 400, 400)).reshape(-1, 3)
    for category in scene.counts:
        assert (plan == colour_of(category)).all(axis=1).any(), category


def test_the_command_writes_a_picture_of_the_scene_that_was_asked_for(scene, video, tmp_path, capsys):
    write_scene(scene, video, tmp_path / "a")
    write_scene(procedural_scene(5), video, tmp_path / "b")
    out = tmp_path / "new" / "sheet.png"
    main(["show", str(tmp_path), "--id", "a", "--out", str(out), "--num_frames", "2", "--width", "800"])
    with Image.open(out) as picture:
        assert picture.size[0] > 600
    assert "procedural-000004" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["none"], "none: does not exist"),
        (["rooms", "--id", "x"], "holds no scene x"),
        (["rooms", "--num_frames", "0"], "num_frames=0"),
        (["rooms", "--out", "rooms/a/scene.json/x.png"], "cannot be written"),
        (["rooms", "--out", "sheet.nonsense"], "cannot be written as a picture"),
        (["rooms/empty"], "holds no scene in a known layout"),
    ],
)
def test_bad_input_ends_in_one_line(scene, video, tmp_path, monkeypatch, capsys, given, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rooms" / "empty").mkdir(parents=True)
    write_scene(scene, video, tmp_path / "rooms" / "a")
    with pytest.raises(SystemExit) as end:
        main(["show", *given])
    error = capsys.readouterr().err
    assert end.value.code == 2 and said in error and error.count("\n") == 1
