import json
import shutil

import numpy as np
import pytest

from lightning_ouro.errors import BadSceneError
from tests.scenes.readers.film import absent, mesh_of, same_box
from tests.scenes.readers.read_scannet import scene_of
from tests.scenes.readers.write_scannet import (
    LABELS,
    SCAN,
    group,
    write_groups,
    write_posed,
    write_rooms,
    write_scan,
)


@pytest.mark.parametrize("where", [".", "scans"])
def test_labels_become_nyu40_classes_by_name(tmp_path, small, where):
    labels = [
        "coffee table",
        "desk",
        "mini fridge",
        "stack of chairs",
        "cabinets",
        "trash can",
        "closet",
        "doors",
    ]
    labels += ["book", "Sofa-Chair"]
    write_posed(tmp_path, small)
    write_scan(tmp_path, small, labels=labels)
    without_table = [item.category for item in scene_of(tmp_path).objects]
    known = ["cabinet", "trash bin", "closet", "door", "book", "sofa chair"]
    assert without_table == ["coffee table", "table", "mini fridge", "stack of chairs", *known]
    (tmp_path / where / "scannetv2-labels.combined.tsv").write_text(LABELS)
    scene = scene_of(tmp_path)
    with_table = [item.category for item in scene.objects]
    assert with_table == ["table", "table", "refrigerator", "chair", *known]
    assert scene.counts["table"] == 2
    assert scene.complete - absent(scene) == {"table", "refrigerator", "chair", "trash bin", "closet", "door"}


def test_labels_that_name_no_object_are_dropped(tmp_path, small):
    labels = [
        "object",
        "wall",
        "x" * 5000,
        "стол",
        "家具 " * 40,
        "",
        "remove",
        "unknown",
        "\u202echair\u0000",
        "bed ",
    ]
    write_posed(tmp_path, small)
    write_scan(tmp_path, small, labels=labels)
    with pytest.warns(
        UserWarning, match=r"objects called 'xxx.*, '家具 .*, '\\u202echair\\x00' are left out"
    ):
        scene = scene_of(tmp_path)
    assert [item.category for item in scene.objects] == ["стол", "bed"]


def test_the_aggregation_of_the_high_resolution_mesh_is_not_used(root):
    folder = root / "scans" / SCAN
    high_resolution = folder / f"{SCAN}_vh_clean.aggregation.json"
    high_resolution.write_text(
        json.dumps({"segGroups": [], "segmentsFile": f"scannet.{SCAN}_vh_clean.segs.json"})
    )
    assert scene_of(root).objects
    shutil.move(high_resolution, folder / f"{SCAN}.aggregation.json")
    with pytest.raises(BadSceneError, match=r"aggregation\.json: segmentsFile is .*_vh_clean\.segs\.json"):
        scene_of(root)
    (folder / f"{SCAN}.aggregation.json").rename(high_resolution)
    with pytest.raises(BadSceneError, match=rf"{SCAN}\.aggregation\.json: cannot be read"):
        scene_of(root)


def test_objects_listed_twice_are_one(tmp_path, small):
    folder = write_scan(tmp_path, small)
    write_posed(tmp_path, small)
    groups = json.loads((folder / f"{SCAN}.aggregation.json").read_text())["segGroups"]
    once = scene_of(tmp_path)
    copies = [group(50 + index, entry["label"], entry["segments"]) for index, entry in enumerate(groups)]
    write_groups(folder, [*groups, *copies])
    twice = scene_of(tmp_path)
    assert len(twice.objects) == len(once.objects) and twice.counts == once.counts


def test_groups_with_few_vertices_or_unknown_segments_are_dropped(tmp_path, small):
    points, owners = mesh_of(small.scene)
    owners = owners.copy()
    owners[np.flatnonzero(owners == 4)[3:]] = -1
    folder = write_rooms(
        tmp_path / "scans" / SCAN, points, owners, [item.category for item in small.scene.objects]
    )
    write_posed(tmp_path, small)
    groups = json.loads((folder / f"{SCAN}.aggregation.json").read_text())["segGroups"]
    groups[1]["segments"].append(999_999)
    write_groups(folder, [*groups, group(77, "chair", [])])
    kept = [item for item in small.scene.objects if item.id not in (1, 4)]
    scene = scene_of(tmp_path)
    objects, dropped = scene.objects, {small.scene.objects[index].category for index in (1, 4)}
    assert not dropped & scene.complete  # nobody knows how many there are
    assert [item.category for item in objects] == [item.category for item in kept]
    assert all(same_box(*pair, 1e-4) for pair in zip(objects, kept, strict=True))


def test_a_category_is_not_absent_if_its_object_was_dropped_or_badly_named(small, tmp_path):
    write_posed(tmp_path, small)
    folder = write_scan(tmp_path, small)
    before = absent(scene_of(tmp_path))
    dropped, badly_named = sorted(before)[:2]
    path = folder / f"{SCAN}.aggregation.json"
    record = json.loads(path.read_text())
    record["segGroups"] += [
        group(900, dropped, np.array([10**6])),  # in no mesh
        group(901, f"<|{badly_named}|>", np.array([10**6])),
    ]
    path.write_text(json.dumps(record))
    with pytest.warns(UserWarning, match="are left out"):
        after = scene_of(tmp_path)
    assert absent(after) == before - {dropped, badly_named}
