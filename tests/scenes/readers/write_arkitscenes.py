"""Writes a film in the layout of Apple's ARKitScenes, following its README and DATA.md."""

import json
import struct
from fractions import Fraction

import av
import imageio.v3 as iio
import numpy as np
from scipy.spatial.transform import Rotation

from tests.scenes.readers.film import mesh_of

VIDEO = "41069021"
START = 6845.706  # seconds on the device's clock when the film begins
NAMES = {
    "images": "lowres_wide",
    "intrinsics": "lowres_wide_intrinsics",
    "depth": "lowres_depth",
    "poses": "lowres_wide.traj",
}
README_NAMES = {
    "images": "wide",
    "intrinsics": "color_intrinsics",
    "depth": "depth_densified",
    "poses": "color.traj",
}


def stamps(film):
    """The times of the images as in their names."""
    return np.round(START + film.times, 3)


def write_3dod(root, film, video=VIDEO, fold="Training", held=0, names=NAMES):
    """Writes one video of the `3dod` data set and returns its folder; `held`: quarter turns of the device."""
    folder = root / "3dod" / fold / video
    frames = folder / f"{video}_frames"
    write_annotation(folder / f"{video}_3dod_annotation.json", film.scene.objects)
    write_mesh(folder / f"{video}_3dod_mesh.ply", mesh_of(film.scene)[0])
    write_film(frames, film, video, held, names)
    return folder


def write_raw(root, film, small, kind="vga_wide", video=VIDEO, fold="Training", held=0):
    """Writes one video of `raw`. `small` is the film for the lowres assets; `kind` tells where the images go."""
    folder = root / "raw" / fold / video
    write_annotation(folder / f"{video}_3dod_annotation.json", film.scene.objects)
    write_mesh(folder / f"{video}_3dod_mesh.ply", mesh_of(film.scene)[0])
    write_film(folder, small, video, held, NAMES, images=kind == "lowres_wide")
    if kind == "vga_wide":
        names = {"images": "vga_wide", "intrinsics": "vga_wide_intrinsics"}
        write_images(folder, film, stamps(film), video, held, names)
        write_intrinsics(folder, film, stamps(film), video, held, names)
    if kind == "mov":
        write_movie(folder / f"{video}.mov", [stored_picture(picture, held) for picture in film.rgb])
    return folder


def write_film(folder, film, video, held, names, images=True):
    folder.mkdir(parents=True, exist_ok=True)
    if images:
        write_images(folder, film, stamps(film), video, held, names)
    write_intrinsics(folder, film, stamps(film), video, held, names)
    write_depth(folder, film, stamps(film), video, held, names)
    poses = [stored_camera(film, pose, held)[2] for pose in film.poses]
    write_poses(
        folder / names["poses"], stamps(film) + 0.00031, poses
    )  # rows have more decimals than file names


def write_images(folder, film, times, video, held, names):
    (folder / names["images"]).mkdir(parents=True, exist_ok=True)
    for time, picture in zip(times, film.rgb, strict=True):
        iio.imwrite(folder / names["images"] / f"{video}_{time:.3f}.png", stored_picture(picture, held))


def write_depth(folder, film, times, video, held, names):
    (folder / names["depth"]).mkdir(parents=True, exist_ok=True)
    for time, depth in zip(times, film.depth, strict=True):
        millimetres = np.round(stored_picture(depth, held) * 1000).astype(np.uint16)
        iio.imwrite(folder / names["depth"] / f"{video}_{time:.3f}.png", millimetres)


def write_intrinsics(folder, film, times, video, held, names):
    (folder / names["intrinsics"]).mkdir(parents=True, exist_ok=True)
    (width, height), (fx, fy, cx, cy), _ = stored_camera(film, film.poses[0], held)
    # Apple's centre of the first pixel is (0, 0), the film's is (0.5, 0.5).
    line = f"{width} {height} {fx:g} {fy:g} {cx - 0.5:g} {cy - 0.5:g}"
    for time in times:
        (folder / names["intrinsics"] / f"{video}_{time:.3f}.pincam").write_text(line)


def write_poses(path, times, poses):
    """Rows of time, axis-angle and translation from world to camera."""
    rows = []
    for time, pose in zip(times, poses, strict=True):
        world_to_camera = np.linalg.inv(pose)
        angles = Rotation.from_matrix(world_to_camera[:3, :3]).as_rotvec()
        numbers = [
            *(repr(float(angle)) for angle in angles),
            *(f"{number:.9g}" for number in world_to_camera[:3, 3]),
        ]
        rows.append(f"{time:.8f} {' '.join(numbers)}\n")
    path.write_text("".join(rows))


def stored_picture(picture, held):
    """The sensor's image of an upright picture: `held` clockwise quarter turns make it upright again."""
    return {0: picture, 1: np.rot90(picture, 1), 2: np.rot90(picture, 2), 3: np.rot90(picture, -1)}[held]


def stored_camera(film, pose, held):
    """Width and height, fx fy cx cy, and the sensor's pose, for an upright film."""
    height, width = film.rgb.shape[1:3]
    fx, fy, cx, cy = film.intrinsics[[0, 1, 0, 1], [0, 1, 2, 2]]
    right, down, forward = pose[:3, :3].T
    size, camera, axes = {
        0: ((width, height), (fx, fy, cx, cy), (right, down)),
        1: ((height, width), (fy, fx, cy, width - cx), (down, -right)),
        2: ((width, height), (fx, fy, width - cx, height - cy), (-right, -down)),
        3: ((height, width), (fy, fx, height - cy, cx), (-down, right)),
    }[held]
    turned = pose.copy()
    turned[:3, :3] = np.stack([*axes, forward], axis=1)
    return size, camera, turned


def write_movie(path, pictures):
    """A `.mov` of 60 frames a second."""
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=60, options={"crf": "12", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 60)
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def annotated(label, center, size, rotation, uid="0"):
    """An entry of an annotation's `data`. As in the real files its `obb` is in another frame and in centimetres."""
    aligned = {
        "centroid": [float(number) for number in center],
        "axesLengths": [float(number) for number in size],
        "normalizedAxes": [float(number) for axis in np.asarray(rotation).T for number in axis],
    }
    obb = {
        "centroid": [100 * aligned["centroid"][1] + 1000, 50.0, -100 * aligned["centroid"][0]],
        "axesLengths": [100 * length for length in aligned["axesLengths"]],
        "normalizedAxes": [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
    }
    return {
        "uid": uid,
        "label": label,
        "modelId": "",
        "children": [],
        "objectId": int(uid),
        "segments": {"obb": obb, "obbAligned": aligned},
        "hierarchy": {},
        "isInGroup": False,
        "labelType": "",
        "attributes": {},
    }


def write_annotation(path, objects, **fields):
    data = [
        annotated(item.category.replace(" ", "_"), item.center, item.size, item.rotation, str(item.id))
        for item in objects
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"data": data, "stats": {}, "comment": "", "confirm": 1, "skipped": False} | fields)
    )


def write_mesh(path, points):
    """A mesh as ARKit exports it: binary, with colours. Its triangles are arbitrary, as nothing reads them."""
    header = (
        "ply\nformat binary_little_endian 1.0\n"
        f"element vertex {len(points)}\nproperty float x\nproperty float y\nproperty float z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\n"
        f"element face {len(points) - 2}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    corners = b"".join(struct.pack("<3f3B", *point, 120, 130, 140) for point in points)
    faces = b"".join(struct.pack("<B3i", 3, first, first + 1, first + 2) for first in range(len(points) - 2))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header.encode() + corners + faces)
