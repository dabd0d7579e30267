import json
import os
import shutil
import struct
import zipfile
import zlib

import numpy as np
import pytest

from lightning_ouro.errors import BadSceneError, InputError
from tests.scenes.readers.film import film
from tests.scenes.readers.read_scannet import WHOLE, scene_of
from tests.scenes.readers.write_scannet import (
    SCAN,
    group,
    jpeg,
    png,
    segments_of,
    write_everything,
    write_groups,
    write_masks,
    write_ply,
    write_sens,
)


@pytest.fixture(scope="module")
def small():
    return film(frames=3, height=60, width=80)


@pytest.fixture(scope="module")
def good(small, tmp_path_factory):
    return write_everything(tmp_path_factory.mktemp("good"), small)


@pytest.fixture
def root(good, tmp_path):
    return shutil.copytree(good, tmp_path / "scannet")


# Ways to break a scene. Each changes one file below the scan's folder.


def replaced(ending, change):
    def broken(folder):
        path = folder / f"{SCAN}{ending}"
        content = path.read_bytes()
        path.unlink()
        result = change(content)
        if result is not None:
            path.write_bytes(result)

    return broken


def as_folder(ending):
    def broken(folder):
        (folder / f"{SCAN}{ending}").unlink()
        (folder / f"{SCAN}{ending}").mkdir()

    return broken


def edited(ending, **fields):
    return replaced(ending, lambda content: json.dumps({**json.loads(content), **fields}).encode())


def grouped(**fields):
    return edited(AGG, segGroups=[group(0, "chair", [5]) | fields])


def aligned(value):
    return replaced(".txt", lambda _: f"axisAlignment = {value}\n".encode())


def flat_mesh(folder):
    points, owners = np.zeros((50, 3)), np.zeros(50, int)
    points[:, 0] = np.linspace(0, 3, 50)
    write_ply(folder / f"{SCAN}{PLY}", points)
    (folder / f"{SCAN}{SEGS}").write_text(json.dumps({"segIndices": segments_of(points, owners).tolist()}))
    write_groups(folder, [group(0, "chair", np.unique(segments_of(points, owners)))])


def many_objects(folder):
    path = folder / f"{SCAN}{AGG}"
    segments = json.loads(path.read_text())["segGroups"][0]["segments"]
    words = [f"{chr(97 + place % 26)}{chr(97 + place // 26)}" for place in range(300)]
    write_groups(folder, [group(place, word, segments) for place, word in enumerate(words)])


def no_frames(folder):
    (folder / f"{SCAN}.sens").unlink()
    shutil.rmtree(folder / "pose")
    shutil.rmtree(folder.parent.parent / "posed_images")


AGG, PLY, SEGS = ".aggregation.json", "_vh_clean_2.ply", "_vh_clean_2.0.010000.segs.json"
TSV = "scannetv2-labels.combined.tsv"
BROKEN = {
    "text missing": (replaced(".txt", lambda _: None), ".txt"),
    "text empty": (replaced(".txt", lambda _: b""), ".txt"),
    "text is a page": (replaced(".txt", lambda _: b"<html><a href='x'>gone</a></html>"), ".txt"),
    "text is no text": (replaced(".txt", lambda _: b"a = \xff\xfe"), ".txt"),
    "text is a folder": (as_folder(".txt"), ".txt"),
    "alignment is words": (aligned("a b c"), "axisAlignment is 'a b c'"),
    "alignment is short": (aligned("1 0 0 0 0 1 0 0 0 0 1 0"), "axisAlignment"),
    "alignment is not finite": (aligned(" ".join(["nan"] * 16)), "axisAlignment"),
    "alignment mirrors": (aligned("1 0 0 0 0 1 0 0 0 0 -1 0 0 0 0 1"), "axisAlignment"),
    "alignment by columns": (aligned("1 0 0 0 0 1 0 0 0 0 1 0 2 3 4 1"), "axisAlignment"),
    "colour size": (replaced(".txt", lambda _: b"colorWidth = wide\ncolorHeight = 3"), "colorWidth"),
    "mesh missing": (replaced(PLY, lambda _: None), PLY),
    "mesh cut off": (replaced(PLY, lambda content: content[:5000]), PLY),
    "mesh is no mesh": (replaced(PLY, lambda _: b"solid"), PLY),
    "mesh is a folder": (as_folder(PLY), PLY),
    "mesh of giga vertices": (
        replaced(PLY, lambda content: content.replace(b"vertex ", b"vertex 99999")),
        PLY,
    ),
    "mesh is flat": (flat_mesh, f"{PLY}: covers no floor"),
    "segments missing": (replaced(SEGS, lambda _: None), SEGS),
    "segments cut off": (replaced(SEGS, lambda content: content[:700]), SEGS),
    "segments of another mesh": (
        edited(SEGS, segIndices=[1, 2, 3]),
        "segIndices is 3 numbers, expected one for each",
    ),
    "segments are none": (edited(SEGS, segIndices=None), "segIndices is missing"),
    "segments are a list": (replaced(SEGS, lambda _: b"[]"), "segIndices"),
    "segments are words": (
        replaced(SEGS, lambda content: content.replace(b"[", b'["x", ', 1).rsplit(b",", 1)[0] + b"]}"),
        "segIndices has 'x'",
    ),
    "objects missing": (replaced(AGG, lambda _: None), AGG),
    "objects empty": (replaced(AGG, lambda _: b""), AGG),
    "objects nested": (replaced(AGG, lambda _: b"[" * 100_000), AGG),
    "objects are none": (edited(AGG, segGroups=[]), "holds no object"),
    "objects are a word": (edited(AGG, segGroups="all"), "segGroups is 'all'"),
    "objects are all walls": (grouped(label="wall"), "holds no object"),
    "object is a number": (edited(AGG, segGroups=[3]), "segGroups 0 is 3"),
    "object without id": (grouped(objectId=None), "objectId is missing"),
    "object with a huge id": (grouped(objectId=10**40), "objectId"),
    "object with a truth for id": (grouped(objectId=True), "objectId is True"),
    "object without label": (grouped(label=7), "label is 7"),
    "object with text for segments": (grouped(segments=["5"]), "segments is"),
    "object with parts of segments": (grouped(segments=[5.5]), "segments is"),
    "ids twice": (edited(AGG, segGroups=[group(4, "a", [5]), group(4, "b", [5])]), "objectId 4 2 times"),
    "too many objects": (many_objects, "holds 300 objects"),
    "labels are another table": (
        lambda folder: (folder.parent / TSV).write_text("id\tname\n1\tchair\n"),
        TSV,
    ),
    "labels empty": (lambda folder: (folder.parent / TSV).write_text(""), TSV),
    "labels are a folder": (lambda folder: (folder.parent / TSV).mkdir(), TSV),
    "no frames": (no_frames, "has no frames"),
}


@pytest.mark.parametrize("way", BROKEN)
def test_broken_scene_is_told_in_one_line(root, way):
    broken, message = BROKEN[way]
    broken(root / "scans" / SCAN)
    with pytest.raises(BadSceneError) as problem:
        scene_of(root)
    assert message in str(problem.value) and "\n" not in str(problem.value) and len(str(problem.value)) < 600


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
    "intrinsics are zero": (patched(NAME, bytes(64)), "intrinsics of colour"),
    "intrinsics are not finite": (patched(NAME, struct.pack("<f", np.nan)), "intrinsics of colour"),
    "intrinsics of another size": (patched(NAME + 8, struct.pack("<f", 640.0)), "principal point"),
    "colour is no image": (patched(FRAME + 96, bytes(20)), "frame 0: colour"),
    "a folder": (as_folder(".sens"), ".sens"),
    "masks are no archive": (replaced("_2d-instance-filt.zip", lambda _: b"x"), "_2d-instance-filt.zip"),
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


def told(root, message):
    scene = scene_of(root)
    with pytest.raises(InputError, match=f"^scene {SCAN}: ") as problem:
        scene.footage.load(scene, WHOLE)
    assert message in str(problem.value) and "\n" not in str(problem.value) and len(str(problem.value)) < 600


@pytest.mark.parametrize("way", SENS_BROKEN)
def test_broken_sens_or_masks_are_told_in_one_line(root, way):
    broken, message = SENS_BROKEN[way]
    broken(root / "scans" / SCAN)
    told(root, message)


def test_recording_that_was_lost_all_along_is_told(root, small):
    write_sens(root / "scans" / SCAN, small, poses=np.full((3, 4, 4), -np.inf))
    told(root, "no frame with a valid pose")


def test_depth_that_unpacks_to_gigabytes_is_told(root, small):
    (root / "scans" / SCAN / f"{SCAN}_2d-instance-filt.zip").unlink()
    packed = zlib.compress(bytes(10_000_000))
    write_sens(root / "scans" / SCAN, small, payloads=[(jpeg(small.rgb[0]), packed)] * 3)
    told(root, "depth has 2401 bytes or more, expected 2400")


@pytest.mark.parametrize(
    "mask", [png(np.zeros((9, 9, 3), np.uint8)), png(np.zeros((9, 9), np.uint16)), b"x", bytes(20_000_000)]
)
def test_masks_of_other_kinds_are_told(root, small, mask):
    write_masks(root / "scans" / SCAN, small, changed={"instance-filt/1.png": mask})
    told(root, "instance-filt/1.png")


def test_masks_packed_in_unknown_ways_are_told(root):
    path = root / "scans" / SCAN / f"{SCAN}_2d-instance-filt.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("0.png", b"x")
    told(root, "packed by method 14")


def wrote(name, content):
    def broken(folder):
        path = folder / name
        path.unlink()
        path.write_bytes(content)

    return broken


def no_images(folder):
    for path in (folder / "color").iterdir():
        path.unlink()


ROWS = "1 0 0 0\n0 1 0 0\n0 0 1 0\n"
EXPORT_BROKEN = {
    "no images": (no_images, "color: holds no image named by a number"),
    "image is none": (wrote("color/0.jpg", b"x"), "color/0.jpg"),
    "image is empty": (wrote("color/1.jpg", b""), "color/1.jpg"),
    "image cut off": (lambda folder: cut(folder / "color/1.jpg", 900), "color/1.jpg"),
    "image of another size": (wrote("color/2.jpg", jpeg(np.zeros((10, 10, 3), np.uint8))), "color/2.jpg"),
    "two images of one number": (
        lambda folder: shutil.copy(folder / "color/1.jpg", folder / "color/001.jpg"),
        "1.jpg",
    ),
    "depth is colour": (wrote("depth/1.png", png(np.zeros((9, 9, 3), np.uint8))), "depth/1.png"),
    "depth is 8 bits": (wrote("depth/1.png", png(np.zeros((9, 9), np.uint8))), "depth/1.png"),
    "pose is empty": (wrote("pose/1.txt", b""), "pose/1.txt"),
    "pose is short": (wrote("pose/1.txt", ROWS.encode()), "pose/1.txt"),
    "pose is words": (wrote("pose/1.txt", (ROWS + "a b c d").encode()), "pose/1.txt"),
    "pose in one line": (wrote("pose/1.txt", " ".join(["1"] * 16).encode()), "pose/1.txt"),
    "intrinsics missing": (
        lambda folder: (folder / "intrinsic/intrinsic_color.txt").unlink(),
        "intrinsic_color.txt",
    ),
    "intrinsics are not finite": (
        wrote("intrinsic/intrinsic_color.txt", f"nan 0 0 0\n{ROWS}".encode()),
        "intrinsic",
    ),
    "intrinsics of another size": (
        wrote("intrinsic/intrinsic_color.txt", f"{ROWS}0 0 0 1".encode()),
        "principal",
    ),
}


def cut(path, length):
    path.write_bytes(path.read_bytes()[:length])


@pytest.mark.parametrize("way", EXPORT_BROKEN)
def test_broken_exported_frames_are_told_in_one_line(root, way):
    folder = root / "scans" / SCAN
    (folder / f"{SCAN}.sens").unlink()
    (folder / f"{SCAN}_2d-instance-filt.zip").unlink()
    broken, message = EXPORT_BROKEN[way]
    broken(folder)
    told(root, message)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_scan_without_permission_is_told(root):
    (root / "scans" / SCAN / f"{SCAN}.txt").chmod(0)
    with pytest.raises(BadSceneError, match="Permission denied"):
        scene_of(root)
