"""How a recording of your own becomes a scene: two public ones as plain folders.

    python benchmarks/own_recordings.py --hololens FOLDER --out OUT    an office walk with boxes placed by hand
    python benchmarks/own_recordings.py --tum FOLDER --out OUT         a cabinet, its box fitted to the depth maps

Three things are needed: boxes in metres with z up, a pose from camera to world with OpenCV's axes for each image, and
the pinhole matrix. `lightning_ouro/scenes/readers/plain_folder.py` describes the folder that is written. Look at it
with `python -m lightning_ouro show OUT`, and train on it with `--data.scenes OUT`.
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

HOLOLENS_RATE = 30.0  # images a second; the recording has no times of its own
TUM_CAMERA = [[535.4, 0, 320.1], [0, 539.2, 247.6], [0, 0, 1]]
TUM_DEPTH_UNIT = 1 / 5000  # metres
STEP = 7  # every so many-th pixel of a depth map is enough for floors and boxes

Floats = NDArray[np.float64]


def main(args: Sequence[str] | None = None) -> None:
    """Writes the folder of one recording."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--hololens", type=Path, help="deep-video-mvs' sample with boxes.json")
    source.add_argument("--tum", type=Path, help="cube_slam's keyframes of TUM RGB-D's fr3/cabinet")
    parser.add_argument("--out", type=Path, required=True, help="the plain folder to write")
    given = parser.parse_args(args)
    given.out.mkdir(parents=True, exist_ok=True)
    if given.hololens:
        hololens(given.hololens, given.out)
    else:
        tum(given.tum, given.out)


def hololens(folder: Path, out: Path) -> None:
    """An office. Its poses have y up; `Z` of the boxes' file turns them, and the boxes are turned already."""
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
    seen = np.concatenate(list(_points(out, frames, camera, 0.001)))
    scene = {
        "id": "hololens_office",
        "objects": objects,
        "complete": boxes["categories_complete"],
        "floor_area": scanned_floor_area(seen, "hololens_office"),
    }
    _write(out, scene, {"intrinsics": camera, "depth_unit": 0.001, "frames": frames})


def tum(folder: Path, out: Path) -> None:
    """A cabinet in a hall; its world has z up already. What stands higher than 10 cm round the middle is it."""
    frames = []
    rows = np.loadtxt(folder / "truth_cam_poses.txt")
    for number, (time, *numbers) in enumerate(rows):
        pose = np.eye(4)
        pose[:3, 3], pose[:3, :3] = numbers[:3], Rotation.from_quat(numbers[3:7]).as_matrix()
        files = {"image": f"frames/{number:04d}_rgb_raw.jpg", "depth": f"depth/{number:04d}_depth_raw.png"}
        frames.append({**files, "time": time - rows[0, 0], "pose": pose.tolist()})
    shutil.copytree(folder / "raw_imgs", out / "frames", dirs_exist_ok=True)
    shutil.copytree(folder / "depth_imgs", out / "depth", dirs_exist_ok=True)
    seen = np.concatenate(list(_points(out, frames, TUM_CAMERA, TUM_DEPTH_UNIT)))
    above = seen[(seen[:, 2] > 0.1) & (seen[:, 2] < 1)]
    near = above[np.linalg.norm((above - np.median(above, axis=0))[:, :2], axis=1) < 0.6]
    low, high = np.percentile(near, (4, 96), axis=0)  # depth frays at edges
    cabinet = near[((near >= low) & (near <= high)).all(axis=1)]
    center, size, rotation = upright_box(
        np.concatenate([cabinet, cabinet[:1] * (1, 1, 0)])
    )  # it stands on the floor
    box = {"center": center.tolist(), "size": size.tolist(), "axes": rotation.T.tolist()}
    scene = {
        "id": "tum_cabinet",
        "objects": [{"category": "cabinet", **box}],
        "complete": ["cabinet"],
        "floor_area": scanned_floor_area(seen, "tum_cabinet"),
    }
    _write(out, scene, {"intrinsics": TUM_CAMERA, "depth_unit": TUM_DEPTH_UNIT, "frames": frames})


def _points(
    out: Path, frames: Iterable[dict[str, Any]], camera: Sequence[Any], unit: float
) -> Iterator[Floats]:
    """What the depth maps show, in the world, metres."""
    inverse = np.linalg.inv(np.array(camera))
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
        good = (z > 0.2) & (z < 5)
        yield (rays * z[:, None])[good] @ pose[:3, :3].T + pose[:3, 3]


def _write(out: Path, scene: dict[str, Any], recording: dict[str, Any]) -> None:
    (out / "scene.json").write_text(json.dumps(scene, indent=1), "utf8")
    (out / "frames.json").write_text(json.dumps(recording), "utf8")
    print(
        f"{out}: {len(scene['objects'])} objects, {len(recording['frames'])} frames, {scene['floor_area']:.1f} m2"
    )


if __name__ == "__main__":
    main()
