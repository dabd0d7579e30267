"""Writes a film as a plain folder, intact or with a change."""

import json
from importlib.resources import files

import imageio.v3 as iio
import jsonschema
import numpy as np

from lightning_ouro.scenes.readers.plain_folder import PlainFolderReader

READER = PlainFolderReader()
SCHEMA = json.loads(
    files("lightning_ouro.scenes.readers").joinpath("plain_folder.schema.json").read_text("utf8")
)
DEPTH_UNIT = 0.0005  # metres


def records(film, depth):
    """The contents of scene.json and frames.json for a film."""
    objects = [
        {
            "category": item.category,
            "center": item.center.tolist(),
            "size": item.size.tolist(),
            "axes": item.rotation.T.tolist(),
        }
        for item in film.scene.objects
    ]
    scene = {"objects": objects, "complete": sorted(film.scene.complete), "floor": film.scene.floor.tolist()}
    scene["counts"] = {name: number for name, number in film.scene.counts.items() if number == 0}
    frames = [
        {"image": f"frames/{index}.png", "time": float(time), "pose": pose.tolist()}
        for index, (time, pose) in enumerate(zip(film.times, film.poses, strict=True))
    ]
    for index, frame in enumerate(frames):
        frame |= {"depth": f"depth/{index}.png"} if depth else {}
    return scene, {"intrinsics": film.intrinsics.tolist(), "depth_unit": DEPTH_UNIT, "frames": frames}


def write(folder, film, depth=False, change=lambda scene, frames: None):
    """Writes the folder after `change` has altered the two records in place."""
    scene, frames = records(film, depth)
    change(scene, frames)
    millimetres = (film.depth / DEPTH_UNIT).round().astype(np.uint16)
    for name, images in (("frames", film.rgb), ("depth", millimetres)):
        (folder / name).mkdir(parents=True)
        for index, image in enumerate(images):
            iio.imwrite(folder / name / f"{index}.png", image)
    (folder / "scene.json").write_text(json.dumps(scene))
    (folder / "frames.json").write_text(json.dumps(frames))
    return folder


def read(folder):
    (location,) = READER.find(folder)
    return READER.read(location)


def setting(path, value):
    """A change that sets a field, such as ("scene", "objects", 0, "size")."""

    def change(scene, frames):
        _parent({"scene": scene, "frames": frames}, path)[path[-1]] = value

    return change


def dropping(*path):
    """A change that removes a field."""

    def change(scene, frames):
        del _parent({"scene": scene, "frames": frames}, path)[path[-1]]

    return change


def _parent(record, path):
    for key in path[:-1]:
        record = record[key]
    return record


def is_valid(record, part):
    """Whether the schema accepts a record as its part "scene" or "frames"."""
    schema = {"$ref": f"#/$defs/{part}", "$defs": SCHEMA["$defs"]}
    return jsonschema.Draft202012Validator(schema).is_valid(record)
