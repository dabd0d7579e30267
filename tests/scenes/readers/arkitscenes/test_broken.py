"""Scenes and recordings in which something is broken."""

import json
import os
import shutil
import struct
import zlib

import imageio.v3 as iio
import numpy as np
import pytest

from lightning_ouro.errors import BadSceneError, InputError
from lightning_ouro.scenes.types import FrameBudget
from tests.scenes.readers.read_arkitscenes import (
    LOWRES,
    READER,
    annotation_of,
    frames_of,
    shift_time,
)
from tests.scenes.readers.said import said
from tests.scenes.readers.write_arkitscenes import (
    START,
    VIDEO,
    write_movie,
    write_raw,
)


def edit(change):
    def apply(folder):
        record = json.loads(annotation_of(folder).read_text())
        change(record)
        annotation_of(folder).write_text(json.dumps(record))

    return apply


def edit_box(**fields):
    return edit(lambda record: record["data"][2]["segments"]["obbAligned"].update(fields))


def write(name, content):
    def apply(folder):
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return apply


def cut(name, size):
    def apply(folder):
        path = folder / name
        path.write_bytes(path.read_bytes()[:size])

    return apply


def folder_instead(name):
    def apply(folder):
        (folder / name).unlink()
        (folder / name).mkdir()

    return apply


def removed(name):
    def apply(folder):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return apply


def only_obb(record):
    del record["data"][2]["segments"]["obbAligned"]


ANNOTATION, MESH, TRAJ = f"{VIDEO}_3dod_annotation.json", f"{VIDEO}_3dod_mesh.ply", "lowres_wide.traj"
FRAMES = f"{VIDEO}_frames"
FLAT_MESH = "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
BAD_SCENES = {
    "no mesh": (removed(MESH), MESH, "No such file"),
    "mesh cut in its header": (cut(MESH, 60), MESH, ""),
    "mesh cut in its points": (cut(MESH, 5000), MESH, ""),
    "empty mesh": (cut(MESH, 0), MESH, ""),
    "mesh of a line": (write(MESH, FLAT_MESH + "0 0 0\n1 0 0\n2 0 0\n"), MESH, "covers no floor"),
    "mesh with a point at infinity": (write(MESH, FLAT_MESH + "0 0 0\n1 inf 0\n2 0 0\n"), MESH, "not finite"),
    "mesh that claims a billion points": (
        write(MESH, FLAT_MESH.replace("vertex 3", "vertex 1000000000") + "0 0 0\n"),
        MESH,
        "cannot hold",
    ),
    "mesh is a folder": (folder_instead(MESH), MESH, ""),
    "no annotation": (removed(ANNOTATION), ANNOTATION, "No such file"),
    "annotation is a folder": (folder_instead(ANNOTATION), ANNOTATION, ""),
    "annotation cut off": (cut(ANNOTATION, 300), ANNOTATION, "not JSON"),
    "empty annotation": (cut(ANNOTATION, 0), ANNOTATION, "not JSON"),
    "annotation is not text": (write(ANNOTATION, b"\xff\xfe\x00"), ANNOTATION, "not UTF-8 text"),
    "annotation is a list": (write(ANNOTATION, "[1, 2]"), ANNOTATION, "expected an object"),
    "annotation is nested too deeply": (write(ANNOTATION, "[" * 200_000), ANNOTATION, "not JSON"),
    "nothing annotated": (edit(lambda record: record.update(data=[])), ANNOTATION, "data is empty"),
    "skipped": (edit(lambda record: record.update(skipped=True)), ANNOTATION, "skipped is True"),
    "data missing": (edit(lambda record: record.pop("data")), ANNOTATION, "data is missing"),
    "data is a number": (edit(lambda record: record.update(data=3)), ANNOTATION, "data is 3"),
    "an object is null": (edit(lambda record: record["data"].append(None)), ANNOTATION, "label is missing"),
    "label is a number": (edit(lambda record: record["data"][2].update(label=5)), ANNOTATION, "label is 5"),
    "no usable category": (
        edit(lambda record: [entry.update(label="cabinet") for entry in record["data"]]),
        ANNOTATION,
        "has a category that can be used",
    ),
    "segments missing": (edit(lambda record: record["data"][2].pop("segments")), ANNOTATION, "data 2"),
    "only the box in the other frame": (edit(only_obb), ANNOTATION, "obbAligned is missing"),
    "box of two numbers": (edit_box(centroid=[1, 2]), ANNOTATION, "centroid"),
    "box not finite": (edit_box(centroid=[1, float("nan"), 2]), ANNOTATION, "centroid"),
    "box in words": (edit_box(axesLengths=["1", "2", "3"]), ANNOTATION, "axesLengths"),
    "box without extent": (edit_box(axesLengths=[1, 0, 1]), ANNOTATION, "positive"),
    "box with skew axes": (edit_box(normalizedAxes=[1, 0, 0, 1, 0, 0, 0, 0, 1]), ANNOTATION, "orthonormal"),
    "no poses": (removed(f"{FRAMES}/{TRAJ}"), TRAJ, "no poses"),
    "no frames": (removed(FRAMES), TRAJ, "no poses"),
    "no images": (removed(f"{FRAMES}/lowres_wide"), FRAMES, "no images"),
    "no intrinsics": (removed(f"{FRAMES}/lowres_wide_intrinsics"), FRAMES, "lowres_wide_intrinsics"),
    "images with other names": (
        lambda folder: [path.rename(path.with_name(f"x{path.stem[-1]}.png")) for path in images_of(folder)],
        FRAMES,
        "no images",
    ),
}


def images_of(folder):
    return sorted((frames_of(folder) / "lowres_wide").iterdir())


COST_AN_OBJECT = {"an object is null", "label is a number", "segments missing", "box of two numbers"}
COST_AN_OBJECT |= {"only the box in the other frame", "box not finite", "box in words", "box without extent"}
COST_AN_OBJECT |= {"box with skew axes"}


@pytest.mark.parametrize("kind", BAD_SCENES)
def test_a_broken_scene_is_refused_and_a_broken_object_left_out(folder, kind):
    (location,) = READER.find(folder)
    damage, name, reason = BAD_SCENES[kind]
    damage(folder)
    is_refused, message = said(lambda: READER.read(location))
    assert is_refused == (kind not in COST_AN_OBJECT)
    assert name in message and reason in message and "\n" not in message and len(message) < 600


def nth(kind, index, change):
    """Changes a frame's file; `index` is in order of time."""
    return lambda folder: change(sorted((frames_of(folder) / kind).iterdir())[index])


def huge_png(path, bits=8, colours=2, side=40_000):
    """A png of 200 bytes that claims to hold gigabytes of pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">2I5B", side, side, bits, colours, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 9))
        + chunk(b"IEND", b"")
    )


BAD_RECORDINGS = {
    "empty image": (nth("lowres_wide", 1, lambda path: path.write_bytes(b"")), ".png"),
    "image cut off": (nth("lowres_wide", 1, lambda path: path.write_bytes(path.read_bytes()[:700])), ".png"),
    "image cut in its header": (
        nth("lowres_wide", 0, lambda path: path.write_bytes(path.read_bytes()[:20])),
        ".png",
    ),
    "image of gigabytes": (nth("lowres_wide", 1, huge_png), ".png"),
    "image of another size": (
        nth("lowres_wide", 1, lambda path: iio.imwrite(path, np.zeros((40, 64, 3), dtype=np.uint8))),
        ".png",
    ),
    "image is a folder": (nth("lowres_wide", 1, lambda path: (path.unlink(), path.mkdir())), ".png"),
    "depth of gigabytes": (nth("lowres_depth", 1, lambda path: huge_png(path, 16, 0)), "lowres_depth"),
    "depth cut off": (
        nth("lowres_depth", 1, lambda path: path.write_bytes(path.read_bytes()[:500])),
        "lowres_depth",
    ),
    "depth in 8 bits": (
        nth("lowres_depth", 1, lambda path: iio.imwrite(path, np.ones((48, 64), dtype=np.uint8))),
        "lowres_depth",
    ),
    "depth in colours": (
        nth("lowres_depth", 1, lambda path: iio.imwrite(path, np.ones((48, 64, 3), dtype=np.uint8))),
        "lowres_depth",
    ),
    "depth of another shape": (
        nth("lowres_depth", 1, lambda path: iio.imwrite(path, np.ones((64, 48), dtype=np.uint16))),
        "lowres_depth",
    ),
    "camera in words": (
        nth("lowres_wide_intrinsics", 1, lambda path: path.write_text("64 48 f f cx cy")),
        ".pincam",
    ),
    "empty camera": (nth("lowres_wide_intrinsics", 1, lambda path: path.write_text("")), ".pincam"),
    "camera not finite": (
        nth("lowres_wide_intrinsics", 1, lambda path: path.write_text("64 48 nan 9 9 9")),
        ".pincam",
    ),
    "camera of megabytes": (
        nth("lowres_wide_intrinsics", 1, lambda path: path.write_bytes(b"1" * 5_000_000)),
        ".pincam",
    ),
    "no camera near any image": (
        lambda folder: [shift_time(folder, "lowres_wide_intrinsics", index, 1.0) for index in (0, 1, 2)],
        "lowres_wide_intrinsics",
    ),
    "pose in words": (write(f"{FRAMES}/{TRAJ}", "1.0 0 0 none 0 0 0\n"), TRAJ),
    "pose of six numbers": (write(f"{FRAMES}/{TRAJ}", "1.0 0 0 0 0 0\n"), TRAJ),
    "empty poses": (write(f"{FRAMES}/{TRAJ}", ""), TRAJ),
    "no finite pose": (write(f"{FRAMES}/{TRAJ}", f"{START} nan nan nan nan nan nan\n"), TRAJ),
    "no pose near any image": (write(f"{FRAMES}/{TRAJ}", "1.0 0 0 0 0 0 0\n1.1 0 0 0 0 0 0\n"), TRAJ),
    "poses are a folder": (folder_instead(f"{FRAMES}/{TRAJ}"), TRAJ),
    "images removed": (removed(f"{FRAMES}/lowres_wide"), FRAMES),
}


@pytest.mark.parametrize("kind", BAD_RECORDINGS)
def test_a_broken_recording_is_refused_and_a_broken_frame_left_out(folder, kind):
    scene = READER.read(*READER.find(folder))
    damage, name = BAD_RECORDINGS[kind]
    damage(folder)
    is_refused, message = said(lambda: scene.footage.load(scene, FrameBudget(3, 64, 64)))
    assert is_refused == (not kind.startswith(("empty image", "image ", "depth ", "camera", "empty camera")))
    assert (
        message.startswith(f"scene {VIDEO}: ")
        and name in message
        and "\n" not in message
        and len(message) < 600
    )


@pytest.mark.parametrize("damage", ["cut", "fewer", "text"])
def test_a_broken_movie_is_refused_in_one_line(tmp_path, kitchen_small, damage):
    folder = write_raw(tmp_path, kitchen_small, kitchen_small, "mov")
    movie = folder / f"{VIDEO}.mov"
    scene = READER.read(*READER.find(folder))
    if damage == "cut":
        movie.write_bytes(movie.read_bytes()[:1000])
    elif damage == "fewer":
        write_movie(movie, list(kitchen_small.rgb[:2]))
    else:
        movie.write_text("no movie")
    with pytest.raises(InputError, match=f"^scene {VIDEO}: .*{VIDEO}.mov") as problem:
        scene.footage.load(scene, FrameBudget(3, *LOWRES))
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("name", [ANNOTATION, MESH, FRAMES, f"{FRAMES}/lowres_wide", "."])
def test_what_may_not_be_read_is_refused(folder, name):
    (location,) = READER.find(folder)
    (folder / name).chmod(0)
    try:
        if os.access(folder / name, os.R_OK):
            pytest.skip("this user may read everything")
        assert READER.find(folder.parent) == [location]
        with pytest.raises(BadSceneError, match=VIDEO) as problem:
            READER.read(location)
        assert "Permission denied" in str(problem.value) and "\n" not in str(problem.value)
    finally:
        (folder / name).chmod(0o755)
