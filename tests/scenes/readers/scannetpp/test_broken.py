import os
import shutil

import numpy as np
import pytest

from lightning_ouro.errors import BadSceneError
from tests.scenes.readers.read_scannetpp import FAKE_CEILING, change_groups, read, write_map
from tests.scenes.readers.said import said


def in_scans(name, content):
    return lambda folder: (folder / "scans" / name).write_bytes(content)


def without(name):
    return lambda folder: (folder / name).unlink()


def with_group(index, **fields):
    return lambda folder: change_groups(folder, lambda groups: groups[index].update(fields))


def with_box(**fields):
    return lambda folder: change_groups(folder, lambda groups: groups[1]["obb"].update(fields))


def truncated(name, share):
    def damage(folder):
        path = folder / "scans" / name
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    return damage


def without_boxes(*further):
    def damage(folder):
        change_groups(folder, lambda groups: [group.pop("obb", None) for group in groups] and None)
        for damage_more in further:
            damage_more(folder)

    return damage


def replaced_by_a_folder(name):
    def damage(folder):
        (folder / "scans" / name).unlink()
        (folder / "scans" / name).mkdir()

    return damage


def flat_mesh(folder):
    path = folder / "scans" / MESH
    lines = b"ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
    path.write_bytes(lines + b"0 0 0\n1 0 0\n2 0 1\n3 0 0\n")


ANNOTATION, SEGMENTS, MESH, CSV = (
    "segments_anno.json",
    "segments.json",
    "mesh_aligned_0.05.ply",
    "map_benchmark.csv",
)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (without("iphone/rgb.mkv"), ["rgb.mkv", "rgb.mp4", "missing", "needs its iPhone recording"]),
        (
            without("iphone/pose_intrinsic_imu.json"),
            ["pose_intrinsic_imu.json", "needs its iPhone recording"],
        ),
        (lambda folder: shutil.rmtree(folder / "iphone"), ["rgb.mkv", "needs its iPhone recording"]),
        (without(f"scans/{ANNOTATION}"), [ANNOTATION, "No such file"]),
        (without(f"scans/{MESH}"), [MESH, "No such file"]),
        (replaced_by_a_folder(ANNOTATION), [ANNOTATION, "directory"]),
        (replaced_by_a_folder(MESH), [MESH, "directory"]),
        (in_scans(ANNOTATION, b""), [ANNOTATION, "JSON"]),
        (truncated(ANNOTATION, 0.7), [ANNOTATION, "JSON"]),
        (in_scans(ANNOTATION, b"\x80\x81"), [ANNOTATION, "text"]),
        (in_scans(ANNOTATION, b"[]"), [ANNOTATION, "segGroups", "missing"]),
        (in_scans(ANNOTATION, b'{"segGroups": {"0": 1}}'), [ANNOTATION, "segGroups", "list"]),
        (in_scans(ANNOTATION, b'{"segGroups": []}'), [ANNOTATION, "none of its 0"]),
        (lambda folder: change_groups(folder, lambda groups: groups[:1]), [ANNOTATION, "none of its 1"]),
        (with_group(1, label=7), [ANNOTATION, "segGroups[1]", "label"]),
        (with_group(1, label=None), [ANNOTATION, "segGroups[1]", "label"]),
        (lambda folder: change_groups(folder, lambda groups: [*groups, "chair"]), [ANNOTATION, "'chair'"]),
        (with_group(1, obb=[]), [ANNOTATION, "segGroups[1]", "obb", "centroid"]),
        (with_box(centroid=[0.0, float("nan"), 0.0]), [ANNOTATION, "segGroups[1]", "centroid", "nan"]),
        (with_box(centroid=["1", "2", "3"]), [ANNOTATION, "segGroups[1]", "centroid", "'1'"]),
        (with_box(axesLengths=[1.0, 0.0, 1.0]), [ANNOTATION, "segGroups[1]", "axesLengths", "0.0"]),
        (with_box(normalizedAxes=np.eye(3).tolist()), [ANNOTATION, "segGroups[1]", "normalizedAxes"]),
        (with_box(normalizedAxes=[1, 0, 0, 0, 1, 0, 0, 1, 0]), [ANNOTATION, "normalizedAxes", "orthonormal"]),
        (without_boxes(with_group(1, segments=[])), [ANNOTATION, "segGroups[1]", "0 points"]),
        (without_boxes(with_group(1, segments=["a"])), [ANNOTATION, "segGroups[1]", "['a']"]),
        (without_boxes(with_group(1, segments=[10**30])), [ANNOTATION, "segGroups[1]", "segments"]),
        (without_boxes(with_group(1, segments=None)), [ANNOTATION, "segGroups[1]", "missing"]),
        (without_boxes(without(f"scans/{SEGMENTS}")), [SEGMENTS, "No such file"]),
        (without_boxes(truncated(SEGMENTS, 0.5)), [SEGMENTS, "JSON"]),
        (without_boxes(in_scans(SEGMENTS, b'{"segIndices": [1, 2]}')), [SEGMENTS, "a list of 2", "vertex"]),
        (without_boxes(in_scans(SEGMENTS, b'{"segIndices": "abc"}')), [SEGMENTS, "'abc'"]),
        (without_boxes(in_scans(SEGMENTS, b"[1.5]")), [SEGMENTS, "missing"]),
        (in_scans(MESH, b""), [MESH, "PLY"]),
        (truncated(MESH, 0.9), [MESH, "cut off"]),
        (truncated(MESH, 0.001), [MESH, "PLY"]),
        (flat_mesh, [MESH, "covers no floor"]),
        (lambda folder: write_map(folder, "raw,target\na,b\n"), [CSV, "instance_map_to"]),
        (lambda folder: write_map(folder, ""), [CSV, "instance_map_to"]),
        (lambda folder: write_map(folder, 'class,instance_map_to\na,"b" c\n'), [CSV, "CSV"]),
        (lambda folder: write_map(folder, f"class,instance_map_to\na,{'b' * 200_000}\n"), [CSV, "CSV"]),
    ],
)
def test_a_broken_scene_is_refused_and_a_broken_object_left_out(folder, damage, words):
    damage(folder)
    is_refused, message = said(lambda: read(folder))
    costs_an_object = ANNOTATION in words and (
        "segGroups[1]" in words or {"'chair'", "orthonormal"} & {*words}
    )
    assert is_refused == (not costs_an_object)
    assert all(word in message for word in words) and "\n" not in message and len(message) < 600, message


def test_too_many_objects_are_refused(folder):
    many = [
        {"label": "chair", "segments": [], "obb": FAKE_CEILING | {"centroid": [index, 0, 0]}}
        for index in range(300)
    ]
    change_groups(folder, lambda groups: many)
    with pytest.raises(BadSceneError, match="300 objects"):
        read(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
@pytest.mark.parametrize("name", ["scans/segments_anno.json", "scans", "iphone"])
def test_what_may_not_be_read_is_refused(folder, name):
    (folder / name).chmod(0)
    try:
        with pytest.raises(BadSceneError, match="Permission denied"):
            read(folder)
    finally:
        (folder / name).chmod(0o755)
