import struct
import zlib

import numpy as np
import pytest

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.readers.scannet.sens import SensFile
from tests.scenes.readers.film import film
from tests.scenes.readers.write_scannet import (
    jpeg,
    millimetres,
    png,
    raw_poses,
    sens_bytes,
    sensor_intrinsics,
)

HEADER = 12 + len("StructureSensor") + 256 + 8 + 16 + 4 + 8  # bytes before the first frame


@pytest.fixture(scope="module")
def filmed():
    return film(frames=3, height=24, width=32)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "scene0000_00.sens"


def written(path, film, **changes):
    path.write_bytes(sens_bytes(film, **changes))
    return SensFile(path)


def test_header_and_poses_come_back(path, filmed):
    file = written(path, filmed)
    assert file.size == (24, 32)
    np.testing.assert_allclose(file.intrinsics, sensor_intrinsics(filmed), rtol=1e-6)
    np.testing.assert_allclose(file.poses, raw_poses(filmed), atol=1e-6)
    np.testing.assert_allclose(file.times, filmed.times, atol=1e-6)
    assert file.has_color.tolist() == [True] * 3


@pytest.mark.parametrize(("color", "loss"), [(0, 0), (1, 0), (2, 3)])
def test_colour_is_decoded_in_every_compression(path, filmed, color, loss):
    file = written(path, filmed, color=color)
    for frame in (2, 0, 1):
        image = file.color(frame)
        assert image.dtype == np.uint8
        assert np.abs(image.astype(int) - filmed.rgb[frame]).mean() <= loss


@pytest.mark.parametrize("units", [1000.0, 4000.0])
@pytest.mark.parametrize("depth", [0, 1])
def test_depth_is_in_metres_in_every_compression(path, filmed, depth, units):
    file = written(path, filmed, depth=depth, units=units)
    for frame in (2, 0, 1):
        actual = file.depth(frame)
        assert (actual.dtype, actual.shape) == (np.float32, (12, 16))
        np.testing.assert_allclose(actual, filmed.depth[frame, ::2, ::2], atol=1.0 / units)


def test_missing_colour_and_depth_are_reported(path, filmed):
    payload = (jpeg(filmed.rgb[0]), zlib.compress(millimetres(filmed.depth[0]).tobytes()))
    file = written(path, filmed, payloads=[(b"", b""), payload, (payload[0], b"")])
    assert file.has_color.tolist() == [False, True, True]
    assert [file.depth(frame) is None for frame in range(3)] == [True, False, True]


def test_frames_without_times_are_numbered_at_30_hz(path, filmed):
    file = written(path, filmed, stamps=[0, 0, 0])
    np.testing.assert_allclose(file.times, [0, 1 / 30, 2 / 30])
    assert "times are those of frames at 30 Hz" in file.remark


def test_opening_decodes_nothing_and_a_frame_is_read_on_its_own(path, filmed):
    good = (jpeg(filmed.rgb[1]), zlib.compress(millimetres(filmed.depth[1]).tobytes()))
    file = written(path, filmed, payloads=[(b"not a jpeg", b"not zlib"), good, (b"", b"")])
    assert file.color(1).shape == (24, 32, 3)
    with pytest.raises(BadSceneError, match="frame 0: colour is not a png or jpeg"):
        file.color(0)
    with pytest.raises(BadSceneError, match="frame 0: depth cannot be decompressed"):
        file.depth(0)


def test_poses_of_lost_tracking_are_returned_unchanged(path, filmed):
    poses = raw_poses(filmed)
    poses[1] = -np.inf
    assert np.isneginf(written(path, filmed, poses=poses).poses[1]).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 3}, "version is 3, expected 4"),
        ({"color": 3}, "compression of colour is 3"),
        ({"depth": 2}, "compression of depth is 2"),
        ({"size": (0, 32)}, "images have 0 pixels"),
        ({"size": (100_000, 100_000)}, "images have 10000000000 pixels"),
        ({"depth_size": (60_000, 60_000)}, "images have 3600000000 pixels"),
        ({"units": 0.0}, "depth_shift is 0"),
        ({"units": float("nan")}, "depth_shift is nan"),
        ({"number": 0}, "cannot hold its 0 frames"),
        ({"number": 10**15}, "cannot hold its 1000000000000000 frames"),
        ({"number": 7}, "truncated in its frame 6 of 7"),
    ],
)
def test_wrong_headers_are_refused(path, filmed, changes, message):
    with pytest.raises(BadSceneError, match=message) as problem:
        written(path, filmed, **changes)
    assert str(problem.value).startswith(str(path)) and "\n" not in str(problem.value)


def test_other_files_are_refused(path):
    for content in (b"", b"\x04", b"PK\x03\x04" * 500, b"\x04\0\0\0" + b"\xff" * 600):
        path.write_bytes(content)
        with pytest.raises(BadSceneError, match=r"scene0000_00\.sens"):
            SensFile(path)
    with pytest.raises(BadSceneError, match="cannot be read"):
        SensFile(path.parent)
    with pytest.raises(BadSceneError, match="No such file"):
        SensFile(path.parent / "none.sens")


def test_a_file_truncated_anywhere_is_refused(path, filmed):
    content = sens_bytes(filmed)
    end = len(content) - 8 - 2 * 152  # the motion sensor's data may be missing
    for length in [*range(0, HEADER + 100, 3), *range(HEADER + 100, end, 197), end - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(BadSceneError):
            SensFile(path)
    path.write_bytes(content[:end])
    assert SensFile(path).depth(2) is not None


def test_a_file_that_shrinks_after_opening_is_refused(path, filmed):
    file = written(path, filmed)
    path.write_bytes(path.read_bytes()[: HEADER + 200])
    with pytest.raises(BadSceneError, match="truncated in its frame 2"):
        file.color(2)
    path.unlink()
    with pytest.raises(BadSceneError, match="cannot be read"):
        file.depth(2)


def decompression_bomb():
    packer = zlib.compressobj(9)
    return b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(50)), packer.flush()])


def giant_png():
    small = png(np.zeros((24, 32, 3), np.uint8))
    start = b"IHDR" + struct.pack(">II", 60_000, 60_000) + small[24:29]
    return small[:12] + start + struct.pack(">I", zlib.crc32(start)) + small[33:]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (
            (jpeg(np.zeros((20, 32, 3), np.uint8)), decompression_bomb()),
            "has 32 × 20 pixels, expected 32 × 24",
        ),
        ((giant_png(), zlib.compress(bytes(10))), "is not a png or jpeg of plausible size"),
        ((jpeg(np.zeros((24, 32, 3), np.uint8))[:300], zlib.compress(bytes(384))[:-7]), "cannot be decoded"),
        ((b"GIF89a" + bytes(50), b"\x78"), "is not a png or jpeg"),
    ],
)
def test_damaged_frames_are_refused_without_decompressing_surplus_data(path, filmed, payload, message):
    file = written(path, filmed, color=2, payloads=[payload] * 3)
    with pytest.raises(BadSceneError, match=f"frame 1: colour.*{message}"):
        file.color(1)
    with pytest.raises(BadSceneError, match="frame 1: depth"):
        file.depth(1)


def test_uncompressed_frames_of_another_size_are_refused(path, filmed):
    file = written(path, filmed, color=0, depth=0, payloads=[(bytes(100), bytes(500))] * 3)
    with pytest.raises(BadSceneError, match="colour has 100 bytes, expected 2304"):
        file.color(0)
    with pytest.raises(BadSceneError, match="depth has 500 bytes or more, expected 384"):
        file.depth(0)


def test_a_frame_that_claims_gigabytes_is_refused_before_it_is_read(path, filmed):
    content = bytearray(sens_bytes(filmed))
    struct.pack_into("<Q", content, HEADER + 64 + 16, 1 << 40)
    path.write_bytes(content)
    with pytest.raises(BadSceneError, match="frame 0 claims 1099511627776 bytes of colour"):
        SensFile(path)


def test_random_damage_raises_no_other_error(path, filmed):
    content = np.frombuffer(sens_bytes(filmed, color=1), dtype=np.uint8)
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        damaged = content.copy()
        offsets = rng.integers(0, len(content), 4)
        offsets[0] = rng.integers(0, HEADER + 96)
        damaged[offsets] = rng.integers(0, 256, 4)
        path.write_bytes(damaged.tobytes())
        try:
            file = SensFile(path)
            for frame in range(len(file.times)):
                file.depth(frame)
                file.color(frame)
        except BadSceneError as problem:
            refused += 1
            assert "\n" not in str(problem)
    assert refused > 50
