"""Writes a film in ScanNet++'s layout, following its toolkit (scannetpp/scannetpp @f3b4712) and not the reader."""

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
    """One walk, filmed twice: in the depth sensor's size, and in the video's smaller one."""
    return film(frames=12, height=192, width=256), film(frames=12, height=120, width=160)


def write_filmed(root, **options):
    sensor, video = filmed()
    return write_scene(root, sensor, video.rgb, video.intrinsics, **options)


def write_scene(root, film, rgb, intrinsics, scene_id=ID, video="rgb.mkv", depth="lz4", boxes=True):
    """Writes `root/data/<scene_id>` and returns it.

    `film` provides depth, 192 × 256; `rgb` are the frames of the video, and `intrinsics` is in its pixels.
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
        f"frame_{number:06d}": entry(time, pose, intrinsics)
        for number, (time, pose) in enumerate(zip(film.times, film.poses, strict=True))
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
    vertices = np.zeros(len(points), dtype=[("xyz", "<f4", 3), ("colour", "u1", 4)])
    vertices["xyz"] = points
    faces = struct.pack("<BiiiBiii", 3, 0, 1, 2, 3, 1, 2, 3)
    path.write_bytes(header.encode() + vertices.tobytes() + faces)


def segments_of(owners):
    """The segment of each vertex: up to 40 vertices of one owner, numbered in arbitrary order."""
    changes = (np.diff(owners, prepend=owners[0]) != 0) | (np.arange(len(owners)) % 40 == 0)
    number = np.cumsum(changes)
    return (number * 7919 + 13) % 1_000_003


def annotation(scene, owners, segments, boxes):
    groups = [
        {"id": 0, "objectId": 1, "label": "floor", "segments": np.unique(segments[owners == -1]).tolist()}
    ]
    for item in scene.objects:
        group = {
            "partId": len(groups),
            "index": len(groups),
            "id": len(groups),
            "objectId": len(groups) + 1,
            "label": RAW_LABELS.get(item.category, item.category),
            "segments": np.unique(segments[owners == item.id]).tolist(),
        }
        if boxes:
            group["obb"] = oriented_box(item)
            # Some files have it in the group, others in the box.
            (group["obb"] if item.id % 2 else group)["dominantNormal"] = [0.0, 0.0, 1.0]
        groups.append(group)
    return {"sceneId": "scannetpp.2023-05-01", "appId": "Aligner.v2", "annId": "x", "segGroups": groups}


def oriented_box(item):
    """Rows are axes; the second one is vertical as in most of the real boxes."""
    first, second, up = item.rotation.T
    corners = item.corners()
    return {
        "centroid": item.center.tolist(),
        "axesLengths": item.size[[0, 2, 1]].tolist(),
        "normalizedAxes": np.concatenate([first, up, -second]).tolist(),
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
    """The phone's own pose: y up, the camera looks along -z, the origin is where the phone was switched on."""
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
    """The bytes of `depth.bin` for metres `(N, 192, 256)`, encoded as `block`, `lz4` or `zlib`."""
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
