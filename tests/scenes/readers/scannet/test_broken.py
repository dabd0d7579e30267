import json
import os
import shutil

import numpy as np
import pytest

from lightning_ouro.errors import BadSceneError
from tests.scenes.readers.read_scannet import scene_of
from tests.scenes.readers.write_scannet import (
    SCAN,
    as_folder,
    group,
    replaced,
    segments_of,
    write_groups,
    write_ply,
)


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
    words = [f"{chr(97 + index % 26)}{chr(97 + index // 26)}" for index in range(300)]
    write_groups(folder, [group(index, word, segments) for index, word in enumerate(words)])


def no_frames(folder):
    (folder / f"{SCAN}.sens").unlink()
    shutil.rmtree(folder / "pose")
    shutil.rmtree(folder.parent.parent / "posed_images")


AGG, PLY, SEGS = ".aggregation.json", "_vh_clean_2.ply", "_vh_clean_2.0.010000.segs.json"
TSV = "scannetv2-labels.combined.tsv"
BROKEN = {
    "text missing": (replaced(".txt", lambda _: None), ".txt"),
    "text empty": (replaced(".txt", lambda _: b""), ".txt"),
    "text is a web page": (replaced(".txt", lambda _: b"<html><a href='x'>gone</a></html>"), ".txt"),
    "text is not text": (replaced(".txt", lambda _: b"a = \xff\xfe"), ".txt"),
    "text is a folder": (as_folder(".txt"), ".txt"),
    "alignment is not numbers": (aligned("a b c"), "axisAlignment is 'a b c'"),
    "alignment is short": (aligned("1 0 0 0 0 1 0 0 0 0 1 0"), "axisAlignment"),
    "alignment is not finite": (aligned(" ".join(["nan"] * 16)), "axisAlignment"),
    "alignment mirrors": (aligned("1 0 0 0 0 1 0 0 0 0 -1 0 0 0 0 1"), "axisAlignment"),
    "alignment by columns": (aligned("1 0 0 0 0 1 0 0 0 0 1 0 2 3 4 1"), "axisAlignment"),
    "colour size": (replaced(".txt", lambda _: b"colorWidth = wide\ncolorHeight = 3"), "colorWidth"),
    "mesh missing": (replaced(PLY, lambda _: None), PLY),
    "mesh cut off": (replaced(PLY, lambda content: content[:5000]), PLY),
    "mesh is not a mesh": (replaced(PLY, lambda _: b"solid"), PLY),
    "mesh is a folder": (as_folder(PLY), PLY),
    "mesh claims billions of vertices": (
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
    "segments are null": (edited(SEGS, segIndices=None), "segIndices is missing"),
    "segments are a list": (replaced(SEGS, lambda _: b"[]"), "segIndices"),
    "segments are strings": (
        replaced(SEGS, lambda content: content.replace(b"[", b'["x", ', 1).rsplit(b",", 1)[0] + b"]}"),
        "segIndices has 'x'",
    ),
    "objects missing": (replaced(AGG, lambda _: None), AGG),
    "objects empty": (replaced(AGG, lambda _: b""), AGG),
    "objects are nested too deeply": (replaced(AGG, lambda _: b"[" * 100_000), AGG),
    "objects are missing from the list": (edited(AGG, segGroups=[]), "has no object"),
    "objects are a string": (edited(AGG, segGroups="all"), "segGroups is 'all'"),
    "objects are all walls": (grouped(label="wall"), "has no object"),
    "object is a number": (edited(AGG, segGroups=[3]), "segGroups 0 is 3"),
    "object without id": (grouped(objectId=None), "objectId is missing"),
    "object with a huge id": (grouped(objectId=10**40), "objectId"),
    "object with a boolean id": (grouped(objectId=True), "objectId is True"),
    "object without label": (grouped(label=7), "label is 7"),
    "object with strings for segments": (grouped(segments=["5"]), "segments is"),
    "object with fractional segments": (grouped(segments=[5.5]), "segments is"),
    "ids twice": (edited(AGG, segGroups=[group(4, "a", [5]), group(4, "b", [5])]), "objectId 4 2 times"),
    "too many objects": (many_objects, "has 300 objects"),
    "labels are another table": (
        lambda folder: (folder.parent / TSV).write_text("id\tname\n1\tchair\n"),
        TSV,
    ),
    "labels empty": (lambda folder: (folder.parent / TSV).write_text(""), TSV),
    "labels are a folder": (lambda folder: (folder.parent / TSV).mkdir(), TSV),
    "no frames": (no_frames, "has no frames"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_scene_is_refused_in_one_line(root, name):
    damage, message = BROKEN[name]
    damage(root / "scans" / SCAN)
    with pytest.raises(BadSceneError) as problem:
        scene_of(root)
    assert message in str(problem.value) and "\n" not in str(problem.value) and len(str(problem.value)) < 600


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_scan_without_permission_is_refused(root):
    (root / "scans" / SCAN / f"{SCAN}.txt").chmod(0)
    with pytest.raises(BadSceneError, match="Permission denied"):
        scene_of(root)
