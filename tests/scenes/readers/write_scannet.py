"""Writes a film in ScanNet v2's layouts: the download with its `.sens`, exported frames, `posed_images`, masks."""

import io
import json
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image

from tests.scenes.readers.film import mesh_of

SCAN = "scene0000_00"
SENSOR = (240, 320)  # height and width of colour, as film() renders by default
_TURN, _SHIFT = np.deg2rad(37.0), np.array([1.7, -2.4, 0.31])
ALIGNMENT = np.array(
    [
        [np.cos(_TURN), -np.sin(_TURN), 0, _SHIFT[0]],
        [np.sin(_TURN), np.cos(_TURN), 0, _SHIFT[1]],
        [0, 0, 1, _SHIFT[2]],
        [0, 0, 0, 1],
    ]
)
RAW = np.linalg.inv(ALIGNMENT)
TEXT = f"""axisAlignment = {" ".join(f"{number:.6f}" for number in ALIGNMENT.ravel())} 
colorHeight = 240
colorToDepthExtrinsics = 1.0 0.0 0.0 0.0 0.0 1.0 0.0 0.0 0.0 0.0 1.0 0.0 0.0 0.0 0.0 1.0
colorWidth = 320
depthHeight = 120
depthWidth = 160
fx_color = 187.506635
numColorFrames = 6
sceneType = Bedroom / Hotel
"""  # noqa: W291  the data set's lines end with a space
LABELS = """id\traw_category\tcategory\tcount\tnyu40id\teigen13id\tnyuClass\tnyu40class
2\tchair\tchair\t4646\t5\t4\tchair\tchair
2\tstack of chairs\tchair\t35\t5\t4\tchair\tchair
22\tbooks\tbook\t1678\t23\t2\tbook\tbooks
22\tbook\tbook\t318\t23\t2\tbook\tbooks
9\tdesk\tdesk\t680\t14\t10\tdesk\tdesk
24\tcoffee table\tcoffee table\t258\t7\t10\tcoffee table\ttable
165\tmini fridge\tmini fridge\t87\t24\t6\trefridgerator\trefridgerator
7\tcabinet\tcabinet\t731\t3\t6\tcabinet\tcabinet
7\tcabinets\tcabinet\t79\t3\t6\tcabinet\tcabinet
57\tcloset\tcloset\t45\t39\t6\twardrobe\totherfurniture
3\tfloor\tfloor\t1553\t2\t5\tfloor\tfloor
"""


def raw_poses(film):
    """Camera to the scan's raw frame."""
    return RAW @ film.poses


def write_scan(root, film, scan=SCAN, labels=None, text=TEXT):
    """Writes everything but frames (mesh, segments, objects, properties) and returns the scan's folder."""
    points, owners = mesh_of(film.scene)
    names = [item.category for item in film.scene.objects]
    return write_rooms(root / "scans" / scan, points, owners, labels or names, text)


def write_rooms(folder, points, owners, labels, text=TEXT):
    folder.mkdir(parents=True)
    scan = folder.name
    write_ply(folder / f"{scan}_vh_clean_2.ply", points @ RAW[:3, :3].T + RAW[:3, 3])
    segments = segments_of(points, owners)
    record = {"params": {"kThresh": "0.01"}, "sceneId": scan, "segIndices": segments.tolist()}
    (folder / f"{scan}_vh_clean_2.0.010000.segs.json").write_text(json.dumps(record))
    groups = [group(index, label, np.unique(segments[owners == index])) for index, label in enumerate(labels)]
    groups.append(group(len(labels), "floor", np.unique(segments[owners == -1])))
    write_groups(folder, groups)
    (folder / f"{scan}.txt").write_text(text)
    return folder


def group(object_id, label, segments):
    """An entry of segGroups."""
    return {
        "id": object_id,
        "objectId": object_id,
        "segments": [int(segment) for segment in segments],
        "label": label,
    }


def write_groups(folder, groups):
    scan = folder.name
    file = f"scannet.{scan}_vh_clean_2.0.010000.segs.json"
    record = {
        "sceneId": f"scannet.{scan}",
        "appId": "Aggregator.v2",
        "segGroups": groups,
        "segmentsFile": file,
    }
    (folder / f"{scan}.aggregation.json").write_text(json.dumps(record))


def segments_of(points, owners):
    """Several segments for each object, numbered with gaps as the graph cut leaves them."""
    slabs = np.floor(points[:, 0] / 0.7).astype(int) - int(np.floor(points[:, 0].min() / 0.7))
    return (owners + 1) * 997 + slabs * 13 + 5


def write_ply(path, points):
    vertices = np.zeros(len(points), [("xyz", "<f4", 3), ("rgba", "u1", 4)])
    vertices["xyz"] = points
    header = f"ply\nformat binary_little_endian 1.0\ncomment MLIB generated\nelement vertex {len(points)}\n"
    header += "".join(f"property float {axis}\n" for axis in "xyz")
    header += "".join(f"property uchar {name}\n" for name in ("red", "green", "blue", "alpha"))
    header += "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
    path.write_bytes(header.encode() + vertices.tobytes() + struct.pack("<B3i", 3, 0, 1, 2))


def sensor_intrinsics(film):
    """4 × 4, with pixel centres at whole numbers."""
    matrix = np.eye(4)
    matrix[:3, :3] = film.intrinsics
    matrix[:2, 2] -= 0.5
    return matrix


def jpeg(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=97, subsampling=0)
    return file.getvalue()


def png(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def millimetres(depth, units=1000):
    """Every second pixel in both directions, so that depth has a size of its own."""
    return np.round(depth[::2, ::2] * units).clip(0, 65535).astype("<u2")


def sens_bytes(
    film,
    poses=None,
    stamps=None,
    version=4,
    color=2,
    depth=1,
    units=1000.0,
    number=None,
    size=None,
    depth_size=None,
    name=b"StructureSensor",
    intrinsics=None,
    payloads=None,
):
    """The bytes of a `.sens` file; arguments replace what the film would have."""
    frames, height, width = film.rgb.shape[:3]
    pack_color = {0: np.ndarray.tobytes, 1: png}.get(color, jpeg)
    pack_depth = (lambda values: zlib.compress(values.tobytes())) if depth == 1 else np.ndarray.tobytes
    shift = units if units > 0 else 1000.0
    payloads = payloads or [
        (pack_color(film.rgb[frame]), pack_depth(millimetres(film.depth[frame], shift)))
        for frame in range(frames)
    ]
    poses = raw_poses(film) if poses is None else poses
    stamps = np.round(5_936_742 + film.times * 1e6).astype(int) if stamps is None else stamps
    size, depth_size = size or (height, width), depth_size or (height // 2, width // 2)
    intrinsics = sensor_intrinsics(film) if intrinsics is None else intrinsics
    depth_intrinsics = np.diag([0.5, 0.5, 1, 1]) @ intrinsics
    out = [struct.pack("<IQ", version, len(name)), name]
    matrices = (intrinsics, np.eye(4), depth_intrinsics, np.eye(4))
    out += [np.asarray(matrix, "<f4").tobytes() for matrix in matrices]
    out.append(struct.pack("<ii4If", color, depth, size[1], size[0], depth_size[1], depth_size[0], units))
    out.append(struct.pack("<Q", frames if number is None else number))
    for frame, (colors, depths) in enumerate(payloads):
        out.append(np.asarray(poses[frame], "<f4").tobytes())
        out.append(struct.pack("<4Q", int(stamps[frame]), int(stamps[frame]) + 7, len(colors), len(depths)))
        out += [colors, depths]
    out.append(struct.pack("<Q", 2) + bytes(2 * 152))  # the motion sensor's
    return b"".join(out)


def write_sens(folder, film, **changes):
    path = folder / f"{folder.name}.sens"
    path.write_bytes(sens_bytes(film, **changes))
    return path


def write_matrix(path, matrix):
    path.write_text("\n".join(" ".join(f"{number:f}" for number in row) for row in matrix) + "\n")


def write_exported(folder, film, numbers=None, shrink=1, poses=None):
    """Frames as SensReader/python/reader.py exports them; `shrink` makes colour smaller but not the intrinsics."""
    numbers, poses = numbers or range(len(film.rgb)), raw_poses(film) if poses is None else poses
    for name in ("color", "depth", "pose", "intrinsic"):
        (folder / name).mkdir(exist_ok=True)
    for frame, number in enumerate(numbers):
        image = Image.fromarray(film.rgb[frame])
        small = np.asarray(
            image.resize((image.width // shrink, image.height // shrink), Image.Resampling.BOX)
        )
        (folder / "color" / f"{number}.jpg").write_bytes(jpeg(small))
        (folder / "depth" / f"{number}.png").write_bytes(png(millimetres(film.depth[frame])))
        write_matrix(folder / "pose" / f"{number}.txt", poses[frame])
    for name, matrix in (("color", sensor_intrinsics(film)), ("depth", np.diag([0.5, 0.5, 1, 1]))):
        write_matrix(folder / "intrinsic" / f"intrinsic_{name}.txt", matrix)
        write_matrix(folder / "intrinsic" / f"extrinsic_{name}.txt", np.eye(4))


def write_posed(root, film, scan=SCAN, numbers=None, depth=True):
    """Frames as EmbodiedScan writes them, or without depth as mmdet3d does."""
    folder = root / "posed_images" / scan
    folder.mkdir(parents=True)
    poses = raw_poses(film)
    for frame, number in enumerate(numbers or range(len(film.rgb))):
        (folder / f"{number:05d}.jpg").write_bytes(jpeg(film.rgb[frame]))
        if depth:
            (folder / f"{number:05d}.png").write_bytes(png(millimetres(film.depth[frame])))
        write_matrix(folder / f"{number:05d}.txt", poses[frame])
    write_matrix(folder / "intrinsic.txt", sensor_intrinsics(film))
    return folder


def write_masks(folder, film, numbers=None, filtered=True, changed=None):
    """Writes the archive of masks; `changed` replaces members by name or adds some."""
    kind = "instance-filt" if filtered else "instance"
    path = folder / f"{folder.name}_2d-{kind}.zip"
    members = {
        f"{kind}/{number}.png": png((film.ids[frame] + 1).astype(np.uint8))
        for frame, number in enumerate(numbers or range(len(film.ids)))
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{kind}/", b"")
        for name, content in {**members, **(changed or {})}.items():
            archive.writestr(name, content)
    return path


def write_everything(root, film):
    """Writes one scan in all layouts at once."""
    folder = write_scan(root, film)
    write_sens(folder, film)
    write_masks(folder, film)
    write_exported(folder, film)
    write_posed(root, film)
    return root


def replaced(ending, change):
    """Damage that passes a file through `change`; None removes the file."""

    def damage(folder):
        path = folder / f"{folder.name}{ending}"
        content = path.read_bytes()
        path.unlink()
        result = change(content)
        if result is not None:
            path.write_bytes(result)

    return damage


def as_folder(ending):
    """Damage that replaces a file by a folder."""

    def damage(folder):
        (folder / f"{folder.name}{ending}").unlink()
        (folder / f"{folder.name}{ending}").mkdir()

    return damage
