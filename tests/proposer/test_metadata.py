import re
from dataclasses import replace

import numpy as np

from lightning_ouro.programs.first_seen import VISIBLE
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.proposer import metadata
from lightning_ouro.proposer.short_names import ShortNames


def ranges(frames):
    """`0-2 5` for `0 1 2 5`, by text replacement: a number after its predecessor continues a range."""
    joined = re.sub(
        r"(?=((\d+) (\d+)))\2 ", lambda m: m[2] + ("~" if int(m[3]) == int(m[2]) + 1 else " "), frames
    )
    return re.sub(r"~(?:\d+~)*", "-", joined)


def test_every_visible_object_is_in_both_descriptions_with_its_frames(brief, geometry):
    short = ShortNames.of(geometry, 64)
    compact, full = metadata.compact(geometry, short, 64), metadata.full(geometry, 64)
    visible = [item for item in brief.scene.objects if item.id in geometry.seen]
    cameras = brief.views.poses[:, :2, 3]
    origin = np.concatenate([cameras, [item.center[:2] for item in visible]]).min(axis=0)
    for item in visible:
        frames = np.flatnonzero(brief.views.visibility[:, item.id] >= VISIBLE).tolist()
        x, y = (round(float(value) / metadata.STEP) for value in item.center[:2] - origin)
        (line,) = [line for line in compact if line.endswith(f" {item.category}")]
        assert f"x{x}y{y}{''.join(f'#{frame}' for frame in frames)}" in line
        assert f"{short.categories[item.category]} {geometry.count(item.category)} " in line
        start = full.index(next(line for line in full if line.startswith(f"{item.category}: ")))
        listed = ranges(" ".join(map(str, frames)))
        assert any(line.endswith(f"frames {listed}") for line in full[start + 1 :])


def test_a_camera_that_looks_at_the_floor_has_no_direction(brief):
    poses = brief.views.poses.copy()
    poses[1, :3, :3] = [[1, 0, 0], [0, -1, 0], [0, 0, -1]]
    geometry = scene_geometry(brief.scene, replace(brief.views, poses=poses, path=None))
    compact = metadata.compact(geometry, ShortNames.of(geometry, 64), 64)
    assert re.fullmatch(r"x\d+y\d+d\d+#0", compact[1]) and re.fullmatch(r"x\d+y\d+#1", compact[2])


def test_the_compact_description_says_where_the_camera_is_and_looks(brief, geometry):
    compact = metadata.compact(geometry, ShortNames.of(geometry, 64), 64)
    cameras = [line for line in compact if re.fullmatch(r"x\d+y\d+d\d+#\d+", line)]
    assert len(cameras) == len(brief.views.poses)
    for frame, line in enumerate(cameras):
        tens, number = map(int, re.search(r"d(\d+)#(\d+)$", line).groups())
        ahead = brief.views.poses[frame] @ [0.0, 0.0, 1.0, 0.0]
        difference = np.degrees(np.arctan2(ahead[1], ahead[0])) - 10 * tens
        assert number == frame and abs((difference + 180) % 360 - 180) <= 5.001
