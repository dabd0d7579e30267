import struct
import time
import tracemalloc
import zlib

import lz4.block
import numpy as np
import pytest

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.readers.scannetpp.iphone_depth import open_depth
from tests.scenes.readers.write_scannetpp import deflated, packed_depth, with_size

KINDS = ["block", "lz4", "zlib"]
TOLERANCE = {"block": 0, "lz4": 0.00051, "zlib": 0}


def depths(num_frames):
    """Frames of 192 × 256 that all differ: metres, in whole millimetres."""
    slope = np.linspace(0, 1, 256)[None] + np.linspace(0, 2, 192)[:, None]
    return np.stack([np.round(0.5 + 0.01 * index + slope, 3) for index in range(num_frames)]).astype(
        np.float32
    )


def written(folder, content):
    path = folder / "depth.bin"
    path.write_bytes(content)
    return path


def zeros(megabytes):
    """A raw deflate stream of megabytes of zeros without an end; it takes a thousandth of that on disk."""
    packing = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packing.compress(bytes(1 << 20)) + packing.flush(zlib.Z_FULL_FLUSH)
    return piece * megabytes


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_comes_back_from_every_encoding(tmp_path, kind):
    truth = depths(5)
    depth = open_depth(written(tmp_path, packed_depth(truth, kind)), 5)
    assert depth.num_frames == 5
    for index in (4, 0, 2, 1, 3):
        frame = depth.frame(index)
        assert frame.dtype == np.float32 and frame.shape == (192, 256)
        np.testing.assert_allclose(frame, truth[index], atol=TOLERANCE[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_no_frame_beyond_the_maximum_is_read(tmp_path, kind):
    content = packed_depth(depths(6), kind)
    path = written(tmp_path, content[:-3] if kind != "block" else content)
    assert open_depth(path, 4).num_frames == 4
    assert open_depth(written(tmp_path, content), 100).num_frames == 6


def test_frames_of_a_long_single_stream_are_read_in_any_order(tmp_path):
    truth = depths(120)
    depth = open_depth(written(tmp_path, packed_depth(truth, "block")), 120)
    for index in (119, 3, 100, 99, 0):
        np.testing.assert_array_equal(depth.frame(index), truth[index])


@pytest.mark.parametrize("kind", ["block", "zlib"])
def test_values_that_are_not_a_distance_become_0(tmp_path, kind):
    truth = depths(2)
    truth[1, 0, :4] = np.nan, np.inf, -1, 1e30
    frame = open_depth(written(tmp_path, packed_depth(truth, kind)), 2).frame(1)
    assert (frame[0, :4] == 0).all() and (frame[0, 4:] == truth[1, 0, 4:]).all()


def test_frames_of_incompressible_noise_are_read(tmp_path):
    noise = np.random.default_rng(0).random((2, 192, 256)).astype(np.float32) + 1
    for kind in KINDS:
        depth = open_depth(written(tmp_path, packed_depth(noise, kind)), 2)
        np.testing.assert_allclose(depth.frame(1), noise[1], atol=TOLERANCE[kind])


def test_a_single_stream_of_gigabytes_is_decompressed_only_as_needed(tmp_path):
    path = written(tmp_path, zeros(4096))
    assert path.stat().st_size < 10_000_000
    tracemalloc.start()
    start = time.perf_counter()
    depth = open_depth(path, 12)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert depth.num_frames == 12 and peak < 4_000_000 and time.perf_counter() - start < 2


@pytest.mark.parametrize(
    "frame",
    [deflated(bytes(30 << 20)), zeros(150), lz4.block.compress(bytes(20 << 20), store_size=False)],
    ids=["zlib", "endless zlib", "lz4"],
)
def test_an_oversized_frame_is_refused_without_decompressing_it(tmp_path, frame):
    depth = open_depth(written(tmp_path, with_size(frame)), 1)
    tracemalloc.start()
    with pytest.raises(BadSceneError, match=r"depth\.bin: frame 0 is neither"):
        depth.frame(0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000


BLOCK, LZ4, ZLIB = (packed_depth(depths(3), kind) for kind in KINDS)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["empty"]),
        (b"\x01", ["frame 0"]),
        (BLOCK[:100], ["frame 0"]),
        (BLOCK[: len(BLOCK) * 2 // 3], ["truncated"]),
        (BLOCK[:-2], ["truncated"]),
        (deflated(depths(3).tobytes()[:-4]), ["frame 2", "196604"]),
        (BLOCK[: len(BLOCK) // 2] + bytes(2000), ["frame"]),
        (LZ4[:3], ["frame 0"]),
        (LZ4[: len(LZ4) // 2], ["truncated"]),
        (LZ4[:-1], ["frame 2", "truncated"]),
        (LZ4 + b"\x05", ["frame 3"]),
        (ZLIB[:-1], ["frame 2", "truncated"]),
        (LZ4 + struct.pack("<I", 0), ["frame 3", "0 bytes"]),
        (struct.pack("<I", 4_000_000_000) + bytes(300_000), ["frame 0", "4000000000"]),
        (b"not depth at all, but text that somebody wrote", ["frame 0"]),
        (np.random.default_rng(1).bytes(100_000), ["frame 0"]),
    ],
)
def test_a_broken_file_is_refused_when_it_is_opened(tmp_path, content, words):
    with pytest.raises(BadSceneError) as error:
        open_depth(written(tmp_path, content), 50)
    message = str(error.value)
    assert all(word in message for word in ["depth.bin", *words]) and "\n" not in message, message


@pytest.mark.parametrize(
    "frame",
    [
        b"nonsense",
        deflated(bytes(192 * 256 * 4))[:-1],
        deflated(bytes(192 * 256 * 4 - 4)),
        lz4.block.compress(bytes(192 * 256 * 2 - 2), store_size=False),
        zlib.compress(bytes(192 * 256 * 4)),
    ],
    ids=["nonsense", "truncated", "short zlib", "short lz4", "zlib with a header"],
)
def test_a_broken_frame_is_refused_and_the_rest_is_read(tmp_path, frame):
    good = with_size(lz4.block.compress(bytes(192 * 256 * 2), store_size=False))
    depth = open_depth(written(tmp_path, good + with_size(frame) + good), 3)
    assert depth.frame(0).max() == depth.frame(2).max() == 0
    with pytest.raises(BadSceneError, match=r"depth\.bin: frame 1 is neither"):
        depth.frame(1)


def test_a_missing_file_or_a_folder_is_refused(tmp_path):
    for path, reason in ((tmp_path / "depth.bin", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(BadSceneError, match=f"{path.name}: cannot be read .{reason}"):
            open_depth(path, 1)


def test_a_file_that_is_truncated_after_opening_is_refused(tmp_path):
    path = written(tmp_path, BLOCK)
    depth = open_depth(path, 3)
    path.write_bytes(BLOCK[:50])
    with pytest.raises(BadSceneError, match=r"depth\.bin"):
        depth.frame(2)
    path.write_bytes(LZ4)
    depth = open_depth(path, 3)
    path.unlink()
    with pytest.raises(BadSceneError, match=r"depth\.bin: cannot be read"):
        depth.frame(2)
