"""How a recording of your own becomes a scene: two public ones as plain folders.

    python benchmarks/own_recordings.py --hololens FOLDER --out OUT    an office, boxes placed by hand
    python benchmarks/own_recordings.py --tum FOLDER --out OUT         a cabinet, box fitted to depth maps

Three things are needed: boxes in metres with z up, a camera-to-world pose in OpenCV's axes for each image,
and the pinhole matrix. `lightning_ouro/scenes/readers/plain_folder.py` describes the folder that is written.
Look at the result with `python -m lightning_ouro show OUT`, and train on it with `--data.scenes OUT`.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from lightning_ouro.scenes.fitted_boxes import upright_box
from lightning_ouro.scenes.floor_area import scanned_floor_area

HOLOLENS_RATE = 30.0  # images per second; the recording has no timestamps
HOLOLENS_DEPTH_UNIT = 0.001  # metres
TUM_CAMERA = [[535.4, 0, 320.1], [0, 539.2, 247.6], [0, 0, 1]]
TUM_DEPTH_UNIT = 1 / 5000  # metres
DEPTH_RANGE = (0.2, 5)  # metres; what lies outside is not used. Chosen by hand.
STEP = 7  # every 7th pixel of a depth map is enough for floors and boxes

Floats = NDArray[np.float64]


def main(args: Sequence[str] | None = None) -> None:
    """Writes the folder of one recording."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--hololens", type=Path, help="the sample of deep-video-mvs, with boxes.json")
    source.add_argument("--tum", type=Path, help="cube_slam's keyframes of TUM RGB-D's fr3/cabinet")
    parser.add_argument("--out", type=Path, required=True, help="the plain folder to write")
    given = parser.parse_args(args)
    given.out.mkdir(parents=True, exist_ok=True)
    if given.hololens:
        hololens(given.hololens, given.out)
    else:
        tum(given.tum, given.out)


def hololens(folder: Path, out: Path) -> None:
    """An office. Its poses have y up: `Z` in the file of boxes turns them; the boxes have z up already."""
    boxes = json.loads((folder / "boxes.json").read_text("utf8"))
    camera = np.loadtxt(folder / "K.txt").tolist()
    names = (folder / "frame_names.txt").read_text("utf8").split()
    poses = np.array(boxes["Z"]) @ np.loadtxt(folder / "poses.txt").reshape(-1, 4, 4)
    frames = []
    for name, pose in zip(names, poses, strict=True):
        depth = {"depth": f"depth/{name}.png"} if (folder / "depth" / f"{name}.png").exists() else {}
        time = int(name) / HOLOLENS_RATE
        frames.append({"image": f"frames/{name}.jpg", "time": time, "pose": pose.tolist(), **depth})
    objects = [
        {
            "category": box["category"],
            "center": box["centroid"],
            "size": box["axesLengths"],
            "axes": np.reshape(box["normalizedAxes"], (3, 3)).tolist(),
        }
        for box in boxes["objects"]
    ]
    shutil.copytree(folder / "color", out / "frames", dirs_exist_ok=True)
    shutil.copytree(folder / "depth", out / "depth", dirs_exist_ok=True)
    points = np.concatenate(list(_points(out, frames, camera, HOLOLENS_DEPTH_UNIT)))
    scene = {
        "id": "hololens_office",
        "objects": objects,
        "complete": boxes["categories_complete"],
        "floor_area": scanned_floor_area(points, "hololens_office"),
    }
    _write(out, scene, {"intrinsics": camera, "depth_unit": HOLOLENS_DEPTH_UNIT, "frames": frames})


def tum(folder: Path, out: Path) -> None:
    """A cabinet in a hall, z is up already: the points near the centre, from 10 cm above the floor."""
    frames = []
    rows = np.loadtxt(folder / "truth_cam_poses.txt")
    for number, (time, *numbers) in enumerate(rows):
        pose = np.eye(4)
        pose[:3, 3], pose[:3, :3] = numbers[:3], Rotation.from_quat(numbers[3:7]).as_matrix()
        files = {"image": f"frames/{number:04d}_rgb_raw.jpg", "depth": f"depth/{number:04d}_depth_raw.png"}
        frames.append({**files, "time": time - rows[0, 0], "pose": pose.tolist()})
    shutil.copytree(folder / "raw_imgs", out / "frames", dirs_exist_ok=True)
    shutil.copytree(folder / "depth_imgs", out / "depth", dirs_exist_ok=True)
    points = np.concatenate(list(_points(out, frames, TUM_CAMERA, TUM_DEPTH_UNIT)))
    above = points[(points[:, 2] > 0.1) & (points[:, 2] < 1)]
    near = above[np.linalg.norm((above - np.median(above, axis=0))[:, :2], axis=1) < 0.6]
    low, high = np.percentile(near, (4, 96), axis=0)  # depth frays at edges
    cabinet = near[((near >= low) & (near <= high)).all(axis=1)]
    on_the_floor = cabinet[:1] * (1, 1, 0)  # the cabinet stands on the floor
    center, size, rotation = upright_box(np.concatenate([cabinet, on_the_floor]))
    box = {"center": center.tolist(), "size": size.tolist(), "axes": rotation.T.tolist()}
    scene = {
        "id": "tum_cabinet",
        "objects": [{"category": "cabinet", **box}],
        "complete": ["cabinet"],
        "floor_area": scanned_floor_area(points, "tum_cabinet"),
    }
    _write(out, scene, {"intrinsics": TUM_CAMERA, "depth_unit": TUM_DEPTH_UNIT, "frames": frames})


def _points(
    out: Path, frames: Iterable[dict[str, Any]], camera: Sequence[Any], unit: float
) -> Iterator[Floats]:
    """The points that the depth maps show, in world coordinates, metres."""
    inverse = np.linalg.inv(np.array(camera))
    nearest, farthest = DEPTH_RANGE
    for frame in frames:
        if "depth" not in frame:
            continue
        depth = iio.imread(out / frame["depth"])
        rows, columns = (
            values.ravel() for values in np.mgrid[: depth.shape[0] : STEP, : depth.shape[1] : STEP]
        )
        z = depth[rows, columns] * unit
        rays = np.stack([columns + 0.5, rows + 0.5, np.ones(len(rows))], axis=1) @ inverse.T
        pose = np.array(frame["pose"])
        valid = (z > nearest) & (z < farthest)
        yield (rays * z[:, None])[valid] @ pose[:3, :3].T + pose[:3, 3]


def _write(out: Path, scene: dict[str, Any], recording: dict[str, Any]) -> None:
    (out / "scene.json").write_text(json.dumps(scene, indent=1), "utf8")
    (out / "frames.json").write_text(json.dumps(recording), "utf8")
    objects, frames = len(scene["objects"]), len(recording["frames"])
    print(f"{out}: {objects} objects, {frames} frames, {scene['floor_area']:.1f} m²")


if __name__ == "__main__":
    main()
