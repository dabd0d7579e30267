"""Pictures and cameras of a plain folder that don't belong together are told by each other."""

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.types import FrameBudget
from tests.scenes.readers.film import film
from tests.scenes.readers.said import said
from tests.scenes.readers.write_plain_folder import read, write

BUDGET = FrameBudget(4, 96, 128)
T = Image.Transpose
LYING = {6: (T.ROTATE_90, 1), 8: (T.ROTATE_270, -1)}  # how a viewer's turn is undone, and its quarter turns


@pytest.fixture(scope="module")
def filmed():
    return film(3, frames=4, height=60, width=80)


def as_photos(folder, orientation, undo, depth_too=False):
    """Stores the images as a phone does: lying, with the way to turn them in EXIF."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    for path in sorted((folder / "frames").iterdir()):
        image = Image.open(path).convert("RGB")
        image = image if undo is None else image.transpose(undo)
        image.save(path, format="JPEG", exif=exif, quality=95, subsampling=0)
    for path in sorted((folder / "depth").iterdir()) if depth_too else ():
        iio.imwrite(path, np.asarray(Image.open(path).transpose(undo)))
    return folder


def stored_cameras(turns):
    """Poses and intrinsics of the lying pictures, in place of those of the upright ones."""

    def change(scene, frames):
        lens = np.array(frames["intrinsics"])
        f, cx, cy = lens[0, 0], lens[0, 2], lens[1, 2]
        center = (cy, 80 - cx) if turns == 1 else (60 - cy, cx)
        frames["intrinsics"] = [[f, 0, center[0]], [0, f, center[1]], [0, 0, 1]]
        turn = np.eye(4)
        turn[:2, :2] = np.array([[0, -1], [1, 0]]) * turns
        for frame in frames["frames"]:
            frame["pose"] = (np.array(frame["pose"]) @ turn).tolist()

    return change


def stored_lens_only(scene, frames):
    lens = np.array(frames["intrinsics"])
    frames["intrinsics"] = [[lens[0, 0], 0, lens[1, 2]], [0, lens[0, 0], lens[0, 2]], [0, 0, 1]]


@pytest.mark.parametrize("orientation", LYING)
@pytest.mark.parametrize("depth_too", [True, False])
def test_a_lying_photo_under_upright_cameras_is_turned(tmp_path, filmed, orientation, depth_too):
    folder = as_photos(write(tmp_path / "room", filmed, True), orientation, LYING[orientation][0], depth_too)
    scene = read(folder)
    with pytest.warns(
        UserWarning, match="turned by their EXIF orientation .: poses and intrinsics are those of the turned"
    ):
        video = scene.footage.load(scene, FrameBudget(4, 60, 80, token=4))
    assert video.frames.shape == (4, 60, 80, 3)
    assert np.abs(video.frames.astype(int) - filmed.rgb).mean() < 4  # JPEG
    plain = read(write(tmp_path / "plain", filmed, True))
    shown = plain.footage.load(plain, FrameBudget(4, 60, 80, token=4)).views.visibility
    np.testing.assert_array_equal(video.views.visibility, shown)


@pytest.mark.parametrize("orientation", LYING)
def test_a_lying_photo_with_its_own_cameras_stays_as_it_is(tmp_path, filmed, orientation):
    undo, turns = LYING[orientation]
    folder = write(tmp_path / "room", filmed, True, stored_cameras(turns))
    scene = read(as_photos(folder, orientation, undo, True))
    with pytest.warns(
        UserWarning,
        match="not turned by their EXIF orientation .: poses and intrinsics are those of the stored",
    ):
        video = scene.footage.load(scene, FrameBudget(4, 80, 60, token=4))
    assert video.frames.shape == (4, 80, 60, 3)
    plain = read(write(tmp_path / "plain", filmed, True))
    shown = plain.footage.load(plain, FrameBudget(4, 60, 80, token=4)).views.visibility
    clear = (shown > 0.006) | (shown < 0.001)
    assert ((video.views.visibility >= 0.003) == (shown >= 0.003))[clear].all()


def test_a_photo_upside_down_is_told_by_poses_alone(tmp_path, filmed):
    scene = read(as_photos(write(tmp_path / "room", filmed), 3, T.ROTATE_180))
    with pytest.warns(UserWarning, match="turned by their EXIF orientation 3: poses are those of the turned"):
        video = scene.footage.load(scene, FrameBudget(4, 60, 80, token=4))
    assert np.abs(video.frames.astype(int) - filmed.rgb).mean() < 4


def test_one_photo_upside_down_among_upright_ones_is_turned(tmp_path, filmed):
    folder = write(tmp_path / "room", filmed)
    exif = Image.Exif()
    exif[0x0112] = 3
    path = folder / "frames" / "2.png"
    Image.open(path).convert("RGB").transpose(T.ROTATE_180).save(path, format="JPEG", exif=exif, quality=95)
    scene = read(folder)
    frames = scene.footage.load(scene, FrameBudget(4, 60, 80, token=4)).frames
    assert np.abs(frames.astype(int) - filmed.rgb).mean() < 4


def test_cameras_of_two_minds_about_a_lying_photo_are_refused(tmp_path, filmed):
    folder = as_photos(write(tmp_path / "room", filmed, change=stored_lens_only), 6, T.ROTATE_90)
    scene = read(folder)
    message = "intrinsics are those of the stored picture, the poses those of the turned one"
    with pytest.raises(InputError, match=message):
        scene.footage.load(scene, BUDGET)


def test_a_photo_that_nothing_tells_how_to_turn_is_refused(tmp_path):
    square = film(3, frames=4, height=64, width=64)

    def look_down(scene, frames):
        for place, frame in enumerate(frames["frames"]):
            frame["pose"] = [[1, 0, 0, place], [0, -1, 0, 1], [0, 0, -1, 2.4], [0, 0, 0, 1]]

    scene = read(as_photos(write(tmp_path / "room", square, change=look_down), 6, T.ROTATE_90))
    with pytest.raises(InputError, match="neither poses nor intrinsics tell"):
        scene.footage.load(scene, BUDGET)


@pytest.mark.parametrize("orientation", [1, 0, 9, 65535])
def test_an_orientation_that_asks_for_nothing_changes_nothing(tmp_path, filmed, orientation):
    scene = read(as_photos(write(tmp_path / "room", filmed), orientation, None))
    assert scene.footage.load(scene, BUDGET).frames.shape[0] == 4


def lens(change):
    def apply(scene, frames):
        matrix = np.array(frames["intrinsics"])
        frames["intrinsics"] = change(matrix).tolist()

    return apply


def scaled(factor):
    return lens(lambda matrix: matrix * [[factor], [factor], [1]])


LENSES = {
    "of the photo before it was reduced": (scaled(3.5), "an image of about 280 × 210: scale"),
    "of twice the size": (scaled(2), "an image of about 160 × 120: scale"),
    "of a reduced image": (scaled(0.5), "an image of about 40 × 30: scale"),
    "in parts of the image": (scaled(1 / 80), "far from the middle of 80 × 60"),
    "of a lying image": (stored_lens_only, "in the middle of a picture that lies"),
    "left of the image": (lens(lambda matrix: matrix - [[0, 0, 60], [0, 0, 0], [0, 0, 0]]), "is far from"),
}


@pytest.mark.parametrize("name", LENSES)
def test_intrinsics_of_another_image_are_refused(tmp_path, filmed, name):
    change, message = LENSES[name]
    scene = read(write(tmp_path / "room", filmed, change=change))
    is_refused, text = said(lambda: scene.footage.load(scene, BUDGET))
    assert is_refused and message in text and "4 of 4 frames" in text


def test_a_lens_off_the_middle_is_used_with_a_word(tmp_path, filmed):
    cut = lens(lambda matrix: matrix - [[0, 0, 25], [0, 0, 0], [0, 0, 0]])  # as where the left was cut off
    scene = read(write(tmp_path / "room", filmed, change=cut))
    with pytest.warns(UserWarning, match="is not in the middle of 80 × 60 pixels; if nothing was cut off"):
        assert len(scene.footage.load(scene, BUDGET).frames) == 4


def test_one_frame_with_another_lens_costs_itself(tmp_path, filmed):
    def change(scene, frames):
        frames["frames"][2]["intrinsics"] = (np.array(frames["intrinsics"]) * [[3], [3], [1]]).tolist()

    scene = read(write(tmp_path / "room", filmed, change=change))
    with pytest.warns(UserWarning, match="1 of 4 frames left out: .* frame 2: the principal point"):
        assert len(scene.footage.load(scene, BUDGET).frames) == 3


def stored_depth(change):
    def apply(folder):
        for path in (folder / "depth").iterdir():
            content = change(np.asarray(Image.open(path)))
            path.unlink()
            Image.fromarray(content).save(path, format="TIFF" if content.dtype == np.float32 else "PNG")

    return apply


DEPTHS = {
    "8 bits": (lambda z: (z / 257).astype(np.uint8), "holds uint8"),
    "metres in floats": (lambda z: (z * 0.0005).astype(np.float32), "holds float32"),
    "colours": (
        lambda z: np.repeat((z / 257).astype(np.uint8)[..., None], 3, 2),
        r"holds uint8 of the shape (60, 80, 3)",
    ),
    "a square": (lambda z: z[:, 10:70], "has 60 × 60 pixels, which is another view"),
    "lying": (lambda z: np.ascontiguousarray(z.T), "has 60 × 80 pixels, which is another view"),
}


@pytest.mark.parametrize("name", DEPTHS)
def test_depth_that_cannot_be_that_of_the_image_is_refused(tmp_path, filmed, name):
    change, message = DEPTHS[name]
    folder = write(tmp_path / "room", filmed, True)
    stored_depth(change)(folder)
    scene = read(folder)
    is_refused, text = said(lambda: scene.footage.load(scene, BUDGET))
    assert is_refused and message in text


def test_depth_of_another_size_with_the_same_view_is_used(tmp_path, filmed):
    folder = write(tmp_path / "room", filmed, True)
    stored_depth(lambda z: np.ascontiguousarray(z[::2, ::2]))(folder)
    scene = read(folder)
    assert (scene.footage.load(scene, BUDGET).views.visibility > 0).any()


def test_a_few_frames_with_depth_are_said_to_be_all_that_is_shown(tmp_path):
    long = film(3, frames=21, height=24, width=32)

    def keep_two(scene, frames):
        for frame in frames["frames"][2:]:
            del frame["depth"]

    scene = read(write(tmp_path / "room", long, True, keep_two))
    with pytest.warns(UserWarning, match="only 2 of 21 frames have depth, and no others are shown"):
        assert len(scene.footage.load(scene, BUDGET).frames) == 2
