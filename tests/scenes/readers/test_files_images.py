"""Reading images, intact and damaged."""

import struct
import warnings
import zlib

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.readers.files import (
    MOST_PIXELS,
    image_size,
    read_depth,
    read_image,
)
from tests.scenes.readers.written_files import peak_memory, refusal, written

COLOURS = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
DEPTH = np.random.default_rng(1).integers(0, 65536, (48, 64), dtype=np.uint16)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width, height, content=b""):
    """A PNG whose header claims any size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(content)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize("kind", ["png", "tif", "webp"])
def test_a_lossless_image_is_read_back(tmp_path, kind):
    path = tmp_path / f"image.{kind}"
    Image.fromarray(COLOURS).save(path, **({"lossless": True} if kind == "webp" else {}))
    image = read_image(path)
    assert image.dtype == np.uint8 and image_size(path) == image.shape[:2] == (48, 64)
    np.testing.assert_array_equal(image, COLOURS)
    np.testing.assert_array_equal(read_image(path, mode=None), COLOURS)


def test_a_jpeg_is_read_as_pillow_reads_it_without_its_rotation_tag(tmp_path):
    path = tmp_path / "image.jpg"
    tags = Image.Exif()
    tags[0x112] = 6  # orientation: a quarter turn
    Image.fromarray(COLOURS).save(path, exif=tags)
    with Image.open(path) as image:
        np.testing.assert_array_equal(read_image(path), np.asarray(image))
    assert image_size(path) == (48, 64)


@pytest.mark.parametrize(("offset", "value"), [(34, 255), (37, 0), (38, 255), (44, 255), (47, 7)])
def test_damaged_tags_of_a_jpeg_are_ignored_without_a_warning(tmp_path, offset, value):
    path = tmp_path / "image.jpg"
    tags = Image.Exif()
    tags[0x112] = 6
    Image.fromarray(COLOURS).save(path, exif=tags)
    expected = read_image(path)
    content = bytearray(path.read_bytes())
    content[offset] = value
    path.write_bytes(content)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        np.testing.assert_array_equal(read_image(path), expected)
    assert not warned


def test_16_bit_depth_is_not_converted(tmp_path):
    path = tmp_path / "depth.png"
    Image.fromarray(DEPTH).save(path)
    image = read_image(path, mode=None)
    assert image.dtype == np.uint16
    np.testing.assert_array_equal(image, DEPTH)


def test_8_bit_masks_are_not_converted(tmp_path):
    path = tmp_path / "mask.png"
    Image.fromarray(COLOURS[..., 0]).save(path)
    np.testing.assert_array_equal(read_image(path, mode=None), COLOURS[..., 0])


def test_real_depth_maps_are_read_as_pillow_reads_them(shared_data):
    paths = sorted((shared_data / "scenes" / "hololens_office" / "depth").glob("*.png"))[:3]
    assert paths
    for path in paths:
        image = read_image(path, mode=None)
        with Image.open(path) as expected:
            np.testing.assert_array_equal(image, np.asarray(expected))
        assert image.dtype == np.uint16 and image.max() > 255


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK", "I;16"])
def test_an_image_of_any_mode_becomes_rgb(tmp_path, mode):
    path = tmp_path / ("image.tif" if mode == "CMYK" else "image.png")
    stored = Image.fromarray(DEPTH) if mode == "I;16" else Image.fromarray(COLOURS).convert(mode)
    stored.save(path)
    image = read_image(path)
    assert image.shape == (48, 64, 3) and image.dtype == np.uint8


@pytest.mark.parametrize("kind", ["gif", "png", "webp", "tif"])
@pytest.mark.parametrize("mode", ["RGB", None])
def test_the_first_of_several_images_in_a_file_is_read(tmp_path, kind, mode):
    path = tmp_path / f"moving.{kind}"
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "green", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    image = read_image(path, mode)
    assert image.shape == (48, 64, 3)
    np.testing.assert_allclose(image[20, 20], [255, 0, 0], atol=2)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.3, 0.6, 0.9, 0.98])
@pytest.mark.parametrize("kind", ["png", "jpg", "depth.png", "webp"])
def test_a_truncated_image_is_refused(tmp_path, kind, share):
    path = tmp_path / f"image.{kind}"
    Image.fromarray(DEPTH if "depth" in kind else COLOURS).save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    refusal(read_image, path, None)


@pytest.mark.parametrize(
    ("width", "height"), [(60_000, 60_000), (12_000, 10_000), (MOST_PIXELS + 1, 1), (2**31 - 1, 2**31 - 1)]
)
def test_a_small_file_that_claims_to_be_a_huge_image_takes_no_memory(tmp_path, width, height):
    path = written(tmp_path / "bomb.png", png(width, height))
    before = peak_memory()
    for read in (image_size, read_image):
        refusal(read, path)
    assert peak_memory() - before < 50


def test_surplus_pixel_data_is_not_decompressed(tmp_path):
    path = written(tmp_path / "bomb.png", png(64, 48, b"\0" * 30_000_000))
    before = peak_memory()
    assert read_image(path).shape == (48, 64, 3)
    assert peak_memory() - before < 20


BROKEN = {
    "a text": b"an image\n" * 99,
    "an empty file": b"",
    "noise": np.random.default_rng(2).bytes(4000),
    "no pixels": png(0, 0),
    "only a header": png(64, 48),
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='64' height='48'/>",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_an_image_is_refused(tmp_path, name):
    refusal(read_image, written(tmp_path / "image.png", BROKEN[name]))


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "webp", "tif"])
def test_an_image_with_random_damage_is_read_or_refused(tmp_path, kind):
    path = tmp_path / f"image.{kind}"
    tags = Image.Exif()
    tags[0x112] = 6
    Image.fromarray(COLOURS).save(path, **({"exif": tags} if kind == "jpg" else {}))
    intact = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    rng = np.random.default_rng(3)
    for trial in range(150):
        changed = intact.copy()
        offsets = rng.integers(0, 200 if trial % 2 else len(intact), rng.choice([1, 3, 30]))
        changed[offsets] = rng.integers(0, 256, len(offsets))
        path.write_bytes(changed.tobytes())
        try:
            assert read_image(path, [None, "RGB"][trial % 2]).shape[:2] == image_size(path)
        except BadSceneError as problem:
            assert str(problem).startswith(f"{path}: ") and "\n" not in str(problem)


def test_the_largest_depth_of_16_bits_is_one_that_was_not_measured(tmp_path):
    stored = np.array([[0, 1, 65534], [65535, 700, 65535]], np.uint16)
    iio.imwrite(tmp_path / "depth.png", stored)
    assert read_depth(tmp_path / "depth.png", (2, 3)).tolist() == [[0, 1, 65534], [0, 700, 0]]
