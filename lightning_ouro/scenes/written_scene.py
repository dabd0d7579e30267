"""Writes a scene with its frames as a plain folder (`readers/plain_folder.py`), completely or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from lightning_ouro.atomic_files import naming
from lightning_ouro.scenes.made_from import MadeFrom
from lightning_ouro.scenes.readers.plain_folder import FRAMES, SCENE
from lightning_ouro.scenes.types import Scene, Video, Views

DECIMALS = 6  # of the path's poses, metres; a file of full precision would be twice as large
QUALITY = 95  # of JPEG, without chroma subsampling; chosen by hand


def write_scene(scene: Scene, video: Video, folder: Path, made: MadeFrom | None = None) -> None:
    """Writes a scene as a plain folder, completely or not at all.

    Args:
        scene: The scene.
        video: Its frames.
        folder: The new folder; if there is a stored scene, it is replaced.
        made: What the scene was made from, None if that is not known.

    Raises:
        OSError: it cannot be written, such as to a full disk; the error names the folder or a file in it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name[:40]}.", suffix=".part", dir=folder.parent))
    try:
        with naming(folder):
            _fill(part, scene, video, made)
            _put(part, folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _fill(part: Path, scene: Scene, video: Video, made: MadeFrom | None) -> None:
    (part / "frames").mkdir()
    names = [f"frames/{index:04d}.jpg" for index in range(len(video.frames))]
    for name, frame in zip(names, video.frames, strict=True):
        iio.imwrite(part / name, frame, plugin="pillow", quality=QUALITY, subsampling=0)
    record = json.dumps(_scene_record(scene), ensure_ascii=False, indent=1)
    (part / SCENE).write_text(record, "utf8", "backslashreplace")  # a lone surrogate as JSON escapes it
    (part / FRAMES).write_text(json.dumps(_frames_record(video, names)), "utf8")
    part.chmod(0o755)
    if made is not None:
        made.write(part)


def _put(part: Path, folder: Path) -> None:
    """Renames a complete folder into place, of which a stored scene of before moves out."""
    if (folder / SCENE).is_file():
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name[:40]}.", suffix=".part", dir=folder.parent))
        folder.rename(old / "replaced")
        part.rename(folder)
        shutil.rmtree(old)
    else:
        part.rename(folder)


def _scene_record(scene: Scene) -> dict[str, Any]:
    record = {
        "id": scene.id,
        "source": scene.source,
        "objects": [
            {
                "category": item.category,
                "center": item.center.tolist(),
                "size": item.size.tolist(),
                "axes": item.rotation.T.tolist(),
            }
            for item in scene.objects
        ],
        "counts": dict(scene.counts),
        "complete": sorted(scene.complete),
        "floor_area": scene.floor_area,
        "known_as": list(scene.known_as),
    }
    record |= {"benchmarks": list(scene.benchmarks)} if scene.benchmarks else {}
    record |= {"unified": dict(scene.unified)} if scene.unified else {}
    record |= {"not_benchmark": True} if scene.not_benchmark else {}
    record |= {"room": scene.room} if scene.room else {}
    return record if scene.floor is None else {**record, "floor": scene.floor.tolist()}


def _frames_record(video: Video, names: Sequence[str]) -> dict[str, Any]:
    views = video.views
    columns = (views.timestamps, views.poses, views.intrinsics, views.visibility, views.at_most)
    frames = [
        {
            "image": name,
            "time": float(time),
            "pose": pose.tolist(),
            "intrinsics": intrinsics.tolist(),
            "shares": _by_object(shares, shares > 0),
            "possible_shares": _by_object(possible, possible > shares),
        }
        for name, time, pose, intrinsics, shares, possible in zip(names, *columns, strict=True)
    ]
    return {"frames": frames} if views.path is None else {"frames": frames, "path": _path_record(views)}


def _by_object(shares: NDArray[np.float32], kept: NDArray[np.bool_]) -> dict[str, float]:
    return {str(index): float(shares[index]) for index in np.flatnonzero(kept)}


def _path_record(views: Views) -> list[dict[str, Any]]:
    """The camera's path between the frames."""
    assert views.path is not None
    between = ~np.isin(views.path.times, views.timestamps)
    rows = zip(views.path.times[between], views.path.poses[between].round(DECIMALS), strict=True)
    return [{"time": float(time), "pose": pose.tolist()} for time, pose in rows]
