"""Lays a film out as ScanNet++ does, from the description of its files (SCENES.md A2) and not from the reader."""

import json
import struct
import zlib
from functools import cache

import av
import lz4.block
import numpy as np

from tests.scenes.readers.film import film, mesh_of

ID = "0a5c013435"
STARTED = 40_408.02056425  # seconds since the phone was switched on
RAW_LABELS = {
    "radiator": "heater",
    "trash bin": "trash can",
    "chair": "office chair",
    "ceiling light": "ceiling lamp",
}


@cache
def filmed():
    """One walk, filmed twice: as the depth sensor sees it, and as the video shows it, in less pixels."""
    return film(frames=12, height=192, width=256), film(frames=12, height=120, width=160)


def write_filmed(root, **how):
    sensed, shown = filmed()
    return write_scene(root, sensed, shown.rgb, shown.intrinsics, **how)


def write_scene(root, film, rgb, intrinsics, scene_id=ID, video="rgb.mkv", depth="lz4", boxes=True):
    """Writes `root/data/<scene_id>` and returns it.

    `film` has the depth, 192 × 256; `rgb` are the frames of the video and `intrinsics` in its pixels.
    """
    folder = root / "data" / scene_id
    (folder / "scans").mkdir(parents=True)
    (folder / "iphone").mkdir()
    points, owners = mesh_of(film.scene)
    write_mesh(folder / "scans" / "mesh_aligned_0.05.ply", points)
    segments = segments_of(owners)
    write_json(
        folder / "scans" / "segments.json",
        {"params": {}, "sceneId:": scene_id, "segIndices": segments.tolist()},
    )
    write_json(folder / "scans" / "segments_anno.json", annotation(film.scene, owners, segments, boxes))
    entries = {
        f"frame_{place:06d}": entry(time, pose, intrinsics)
        for place, (time, pose) in enumerate(zip(film.times, film.poses, strict=True))
    }
    write_json(folder / "iphone" / "pose_intrinsic_imu.json", entries)
    write_video(folder / "iphone" / video, rgb)
    if depth:
        (folder / "iphone" / "depth.bin").write_bytes(packed_depth(film.depth, depth))
    return folder


def write_json(path, content):
    path.write_text(json.dumps(content))


def write_mesh(path, points):
    header = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(points)}\n"
    header += "".join(f"property float {axis}\n" for axis in "xyz")
    header += "".join(f"property uchar {colour}\n" for colour in ("red", "green", "blue", "alpha"))
    header += "element face 2\nproperty list uchar int vertex_indices\nend_header\n"
    vertices = np.zeros(len(points), dtype=[("place", "<f4", 3), ("colour", "u1", 4)])
    vertices["place"] = points
    faces = struct.pack("<BiiiBiii", 3, 0, 1, 2, 3, 1, 2, 3)
    path.write_bytes(header.encode() + vertices.tobytes() + faces)


def segments_of(owners):
    """The segment of each vertex: up to 40 vertices of one owner, numbered in no order."""
    changes = (np.diff(owners, prepend=owners[0]) != 0) | (np.arange(len(owners)) % 40 == 0)
    number = np.cumsum(changes)
    return (number * 7919 + 13) % 1_000_003


def annotation(scene, owners, segments, boxes):
    groups = [
        {"id": 0, "objectId": 1, "label": "floor", "segments": np.unique(segments[owners == -1]).tolist()}
    ]
    for thing in scene.objects:
        group = {
            "partId": len(groups),
            "index": len(groups),
            "id": len(groups),
            "objectId": len(groups) + 1,
            "label": RAW_LABELS.get(thing.category, thing.category),
            "segments": np.unique(segments[owners == thing.id]).tolist(),
        }
        if boxes:
            group["obb"] = oriented_box(thing)
            # It stands in one place in some files and in the other in others.
            (group["obb"] if thing.id % 2 else group)["dominantNormal"] = [0.0, 0.0, 1.0]
        groups.append(group)
    return {"sceneId": "scannetpp.2023-05-01", "appId": "Aligner.v2", "annId": "x", "segGroups": groups}


def oriented_box(thing):
    """Rows are axes, the second one upright as in most of the real boxes."""
    one, other, up = thing.rotation.T
    corners = thing.corners()
    return {
        "centroid": thing.center.tolist(),
        "axesLengths": thing.size[[0, 2, 1]].tolist(),
        "normalizedAxes": np.concatenate([one, up, -other]).tolist(),
        "min": corners.min(axis=0).tolist(),
        "max": corners.max(axis=0).tolist(),
    }


def entry(time, pose, intrinsics):
    return {
        "timestamp": STARTED + float(time),
        "pose": arkit_pose(pose).tolist(),
        "intrinsic": intrinsics.tolist(),
        "imu": {"rotate_rate": [0.1, 0.2, 0.3], "attitude": [0.0, 0.0, 0.0]},
        "aligned_pose": pose.tolist(),
    }


def arkit_pose(pose):
    """The phone's own pose: y is up, the camera looks along -z, and the origin is where it was switched on."""
    y_up = np.array([[1, 0, 0, -2.0], [0, 0, 1, 0.5], [0, -1, 0, 3.0], [0, 0, 0, 1]])
    return y_up @ pose @ np.diag([1.0, -1.0, -1.0, 1.0])


def write_video(path, rgb):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=60)
        stream.height, stream.width = rgb.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "12", "preset": "veryfast", "g": "5", "bf": "2"}
        for image in rgb:
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24"))
            )
        container.mux(stream.encode())


def packed_depth(depth, kind):
    """`depth.bin` of metres `(N, 192, 256)`: `block`, `lz4` or `zlib`."""
    metres = [np.ascontiguousarray(frame, dtype="<f4").tobytes() for frame in depth]
    if kind == "block":
        return deflated(b"".join(metres))
    if kind == "zlib":
        return b"".join(with_size(deflated(frame)) for frame in metres)
    millimetres = np.round(depth * 1000).astype("<u2")
    return b"".join(with_size(lz4.block.compress(frame.tobytes(), store_size=False)) for frame in millimetres)


def deflated(content):
    packing = zlib.compressobj(1, zlib.DEFLATED, -15)
    return packing.compress(content) + packing.flush()


def with_size(packed):
    return struct.pack("<I", len(packed)) + packed
