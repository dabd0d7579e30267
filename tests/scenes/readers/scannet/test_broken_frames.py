import shutil
import struct
import zipfile
import zlib

import numpy as np
import pytest

from tests.scenes.readers.read_scannet import FULL_SIZE, scene_of
from tests.scenes.readers.said import said
from tests.scenes.readers.write_scannet import (
    SCAN,
    as_folder,
    jpeg,
    png,
    replaced,
    write_masks,
    write_sens,
)


def sens_part(start, end):
    return replaced(".sens", lambda content: content[start:end])


def patched(offset, values):
    def change(content):
        changed = bytearray(content)
        changed[offset : offset + len(values)] = values
        return bytes(changed)

    return replaced(".sens", change)


NAME = 12 + len("StructureSensor")
FRAME = NAME + 256 + 8 + 16 + 4 + 8
SENS_BROKEN = {
    "empty": (sens_part(0, 0), ".sens"),
    "header cut off": (sens_part(0, 100), ".sens"),
    "frame cut off": (sens_part(0, FRAME + 50), ".sens"),
    "payload cut off": (sens_part(0, FRAME + 300), ".sens"),
    "version": (patched(0, b"\x05"), "version is 5"),
    "frames of gigabytes": (patched(FRAME + 80, struct.pack("<Q", 1 << 36)), "68719476736 bytes of colour"),
    "intrinsics are zero": (patched(NAME, bytes(64)), "colour intrinsics"),
    "intrinsics are not finite": (patched(NAME, struct.pack("<f", np.nan)), "colour intrinsics"),
    "intrinsics of another size": (patched(NAME + 8, struct.pack("<f", 640.0)), "principal point"),
    "colour is not an image": (patched(FRAME + 96, bytes(20)), "frame 0: colour"),
    "a folder": (as_folder(".sens"), ".sens"),
    "masks are not an archive": (replaced("_2d-instance-filt.zip", lambda _: b"x"), "_2d-instance-filt.zip"),
    "masks cut off": (
        replaced("_2d-instance-filt.zip", lambda content: content[:-30]),
        "_2d-instance-filt.zip",
    ),
    "masks are a folder": (as_folder("_2d-instance-filt.zip"), "_2d-instance-filt.zip"),
    "masks are damaged": (
        replaced("_2d-instance-filt.zip", lambda content: content[:90] + bytes(60) + content[150:]),
        "_2d-instance-filt.zip",
    ),
}


def check(root, message, is_refused=True):
    scene = scene_of(root)
    state, text = said(lambda: scene.footage.load(scene, FULL_SIZE))
    assert state == is_refused and text.startswith(f"scene {SCAN}: ")
    assert message in text and "\n" not in text and len(text) < 600


COST_A_FRAME = {"colour is not an image", "masks are damaged"}


@pytest.mark.parametrize("name", SENS_BROKEN)
def test_a_broken_sens_file_is_refused_and_a_broken_frame_left_out(root, name):
    damage, message = SENS_BROKEN[name]
    damage(root / "scans" / SCAN)
    check(root, message, name not in COST_A_FRAME)


def test_a_recording_without_any_tracking_is_refused(root, small):
    write_sens(root / "scans" / SCAN, small, poses=np.full((3, 4, 4), -np.inf))
    check(root, "no frame with a valid pose")


def test_depth_that_decompresses_to_megabytes_is_refused(root, small):
    (root / "scans" / SCAN / f"{SCAN}_2d-instance-filt.zip").unlink()
    packed = zlib.compress(bytes(10_000_000))
    write_sens(root / "scans" / SCAN, small, payloads=[(jpeg(small.rgb[0]), packed)] * 3)
    check(root, "depth has 2401 bytes or more, expected 2400")


@pytest.mark.parametrize(
    "mask", [png(np.zeros((9, 9, 3), np.uint8)), png(np.zeros((9, 9), np.uint16)), b"x", bytes(20_000_000)]
)
def test_a_frame_with_a_mask_in_another_format_is_left_out(root, small, mask):
    write_masks(root / "scans" / SCAN, small, changed={"instance-filt/1.png": mask})
    check(root, "instance-filt/1.png", False)


def test_a_frame_whose_mask_has_an_unsupported_compression_is_left_out(root):
    path = root / "scans" / SCAN / f"{SCAN}_2d-instance-filt.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("0.png", b"x")
    check(root, "uses compression method 14", False)


def overwritten(name, content):
    def damage(folder):
        path = folder / name
        path.unlink()
        path.write_bytes(content)

    return damage


def no_images(folder):
    for path in (folder / "color").iterdir():
        path.unlink()


ROWS = "1 0 0 0\n0 1 0 0\n0 0 1 0\n"
EXPORT_BROKEN = {
    "no images": (no_images, "color: holds no image named by a number"),
    "image is not an image": (overwritten("color/0.jpg", b"x"), "color/0.jpg"),
    "image is empty": (overwritten("color/1.jpg", b""), "color/1.jpg"),
    "image cut off": (lambda folder: cut(folder / "color/1.jpg", 900), "color/1.jpg"),
    "image of another size": (
        overwritten("color/2.jpg", jpeg(np.zeros((10, 10, 3), np.uint8))),
        "color/2.jpg",
    ),
    "two images with one number": (
        lambda folder: shutil.copy(folder / "color/1.jpg", folder / "color/001.jpg"),
        "1.jpg",
    ),
    "depth is colour": (overwritten("depth/1.png", png(np.zeros((9, 9, 3), np.uint8))), "depth/1.png"),
    "depth is 8 bits": (overwritten("depth/1.png", png(np.zeros((9, 9), np.uint8))), "depth/1.png"),
    "pose is empty": (overwritten("pose/1.txt", b""), "pose/1.txt"),
    "pose is short": (overwritten("pose/1.txt", ROWS.encode()), "pose/1.txt"),
    "pose is not numbers": (overwritten("pose/1.txt", (ROWS + "a b c d").encode()), "pose/1.txt"),
    "pose in one line": (overwritten("pose/1.txt", " ".join(["1"] * 16).encode()), "pose/1.txt"),
    "intrinsics missing": (
        lambda folder: (folder / "intrinsic/intrinsic_color.txt").unlink(),
        "intrinsic_color.txt",
    ),
    "intrinsics are not finite": (
        overwritten("intrinsic/intrinsic_color.txt", f"nan 0 0 0\n{ROWS}".encode()),
        "intrinsic",
    ),
    "intrinsics of another size": (
        overwritten("intrinsic/intrinsic_color.txt", f"{ROWS}0 0 0 1".encode()),
        "principal",
    ),
}


def cut(path, length):
    path.write_bytes(path.read_bytes()[:length])


COST_A_FRAME |= {"image is not an image", "image is empty", "image cut off", "image of another size"}
COST_A_FRAME |= {
    "depth is colour",
    "depth is 8 bits",
    "pose is empty",
    "pose is short",
    "pose is not numbers",
}
COST_A_FRAME |= {"pose in one line"}


@pytest.mark.parametrize("name", EXPORT_BROKEN)
def test_a_broken_export_is_refused_and_a_broken_frame_left_out(root, name):
    folder = root / "scans" / SCAN
    (folder / f"{SCAN}.sens").unlink()
    (folder / f"{SCAN}_2d-instance-filt.zip").unlink()
    damage, message = EXPORT_BROKEN[name]
    damage(folder)
    check(root, message, name not in COST_A_FRAME)
