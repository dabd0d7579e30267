import resource
import time
import warnings

import numpy as np
import pytest
from plyfile import PlyData, PlyElement

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.footage.mesh import read_ply

POINTS = np.random.default_rng(0).uniform(-5, 5, (60, 3))
HEADER = "ply\nformat {kind} 1.0\nelement vertex {count}\nproperty float x\nproperty float y\nproperty float z\nend_header\n"


def vertices(points=POINTS, number="f4", labels=True):
    """As in ScanNet's meshes: coordinates, colours, and a label in `*.labels.ply`."""
    fields = [(axis, number) for axis in "xyz"] + [
        (colour, "u1") for colour in ("red", "green", "blue", "alpha")
    ]
    table = np.zeros(len(points), dtype=fields + [("label", "u2")] * labels)
    for axis, values in zip("xyz", np.asarray(points).T, strict=True):
        table[axis] = values
    return PlyElement.describe(table, "vertex")


def faces(corners=3, name="vertex_indices", number=25):
    table = np.zeros(number, dtype=[(name, "i4", (corners,))])
    table[name] = np.random.default_rng(1).integers(0, len(POINTS), (number, corners))
    return PlyElement.describe(table, "face")


def polygons(name="vertex_indices"):
    """Faces of three, four and five corners."""
    table = np.empty(25, dtype=[(name, "O")])
    table[name] = [np.arange(3 + index % 3, dtype="i4") for index in range(25)]
    return PlyElement.describe(table, "face", val_types={name: "i4"})


WRITTEN = {
    "little endian": ([vertices(), faces()], {"byte_order": "<"}),
    "big endian": ([vertices(), faces()], {"byte_order": ">"}),
    "text": ([vertices(), faces()], {"text": True}),
    "float64": ([vertices(number="f8"), faces()], {"byte_order": "<"}),
    "float64 in text": ([vertices(number="f8"), faces()], {"text": True}),
    "no labels": ([vertices(labels=False), faces()], {"byte_order": "<"}),
    "no faces": ([vertices()], {"byte_order": "<"}),
    "no faces in text": ([vertices()], {"text": True}),
    "faces first": ([faces(), vertices()], {"byte_order": "<"}),
    "faces by their other name": ([vertices(), faces(name="vertex_index")], {"byte_order": "<"}),
    "quads": ([vertices(), faces(4)], {"byte_order": "<"}),
    "polygons": ([vertices(), polygons()], {"byte_order": "<"}),
    "polygons big endian": ([vertices(), polygons("vertex_index")], {"byte_order": ">"}),
    "polygons in text": ([vertices(), polygons()], {"text": True}),
    "a comment that mentions elements": (
        [vertices(), faces()],
        {"byte_order": "<", "comments": ["element edge 999999999999"]},
    ),
}


def write(path, elements, **options):
    PlyData(elements, **options).write(str(path))
    return path


@pytest.mark.parametrize("kind", WRITTEN)
def test_vertices_are_those_that_plyfile_wrote(tmp_path, kind):
    elements, options = WRITTEN[kind]
    points = read_ply(write(tmp_path / "mesh.ply", elements, **options)).points
    assert points.dtype == np.float64 and points.shape == POINTS.shape
    written = POINTS if "float64" in kind else POINTS.astype(np.float32)
    np.testing.assert_allclose(points, written, rtol=0, atol=1e-6 if "text" in kind else 0)


def test_points_do_not_change_when_the_file_is_overwritten_after_reading(tmp_path):
    path = write(tmp_path / "mesh.ply", [vertices(), faces()], byte_order="<")
    points = read_ply(path).points
    before = points.copy()
    path.write_bytes(b"\0" * path.stat().st_size)
    np.testing.assert_array_equal(points, before)


def test_200_000_vertices_are_read_at_once_whatever_the_faces_name(tmp_path):
    points = np.random.default_rng(2).uniform(-5, 5, (200_000, 3))
    seconds = []
    for name in ("vertex_indices", "vertex_index"):
        path = write(tmp_path / "room.ply", [vertices(points), faces(3, name, 400_000)], byte_order="<")
        start = time.process_time()
        np.testing.assert_array_equal(read_ply(path).points, points.astype(np.float32))
        seconds.append(time.process_time() - start)
    assert max(seconds) < 0.5  # 0.02 measured; face by face it is 2


def peak():
    """The process's peak memory in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def refused(path):
    with pytest.raises(BadSceneError) as error:
        read_ply(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    return message


@pytest.mark.parametrize("share", [0.0, 0.02, 0.2, 0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("options", [{"byte_order": "<"}, {"byte_order": ">"}, {"text": True}])
def test_a_truncated_mesh_is_refused(tmp_path, options, share):
    path = write(tmp_path / "mesh.ply", [vertices(), faces()], **options)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    refused(path)


@pytest.mark.parametrize("options", [{"byte_order": "<"}, {"text": True}])
def test_a_mesh_truncated_after_its_header_is_refused(tmp_path, options):
    path = write(tmp_path / "mesh.ply", [vertices()], **options)
    start, end, _ = path.read_bytes().partition(b"end_header\n")
    path.write_bytes(start + end)
    refused(path)


def test_a_text_truncated_inside_a_face_is_refused_without_numpys_warning(tmp_path):
    path = write(tmp_path / "mesh.ply", [vertices(), faces()], text=True)
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"\n3 ") + 3])
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        refused(path)
    assert not warned


@pytest.mark.parametrize("kind", ["binary_little_endian", "binary_big_endian", "ascii"])
@pytest.mark.parametrize("element", ["vertex", "face", "edge"])
def test_a_header_that_claims_10_to_the_12_elements_allocates_no_memory(tmp_path, kind, element):
    path = tmp_path / "mesh.ply"
    header = HEADER.format(kind=kind, count=10**12 if element == "vertex" else 2)
    if element != "vertex":
        more = f"element {element} {10**12}\nproperty list uchar int vertex_indices\nend_header"
        header = header.replace("end_header", more)
    path.write_bytes(header.encode() + (b"0 0 0\n1 1 1\n" if kind == "ascii" else b"\0" * 24))
    before = peak()
    message = refused(path)
    assert peak() - before < 50
    assert f"{element} {10**12}" in message


@pytest.mark.parametrize("count", ["uint", "int", "double"])
def test_a_face_that_claims_2_to_the_31_corners_allocates_no_memory(tmp_path, count):
    path = tmp_path / "mesh.ply"
    face = f"element face 1\nproperty list {count} int vertex_indices\nend_header"
    header = HEADER.format(kind="binary_little_endian", count=2).replace("end_header", face)
    number = np.array([2**31 - 1], dtype={"uint": "<u4", "int": "<i4", "double": "<f8"}[count])
    path.write_bytes(header.encode() + b"\0" * 24 + number.tobytes() + b"\0" * 12)
    before = peak()
    refused(path)
    assert peak() - before < 50


@pytest.mark.parametrize("count", ["-5", "0", "many", "", "1e3", "9" * 5000])
def test_a_header_without_a_valid_number_of_vertices_is_refused(tmp_path, count):
    path = tmp_path / "mesh.ply"
    path.write_bytes(HEADER.format(kind="binary_little_endian", count=count).encode() + b"\0" * 240)
    refused(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("options", [{"byte_order": "<"}, {"text": True}])
def test_vertices_that_are_not_finite_are_refused(tmp_path, options, value):
    points = POINTS.copy()
    points[17, 1] = value
    message = refused(write(tmp_path / "mesh.ply", [vertices(points), faces()], **options))
    assert "not finite" in message


def test_vertices_without_x_are_refused(tmp_path):
    table = np.zeros(9, dtype=[("u", "f4"), ("y", "f4"), ("z", "f4")])
    assert "x" in refused(write(tmp_path / "mesh.ply", [PlyElement.describe(table, "vertex")]))


def test_vertices_whose_x_is_a_list_are_refused(tmp_path):
    table = np.zeros(9, dtype=[("x", "f4", (2,)), ("y", "f4"), ("z", "f4")])
    refused(write(tmp_path / "mesh.ply", [PlyElement.describe(table, "vertex")]))


BROKEN = {
    "an empty file": lambda path: path.write_bytes(b""),
    "only the magic word": lambda path: path.write_bytes(b"ply"),
    "a text file": lambda path: path.write_text("a mesh\n" * 99),
    "noise": lambda path: path.write_bytes(np.random.default_rng(3).bytes(5000)),
    "noise after ply": lambda path: path.write_bytes(b"ply\n" + np.random.default_rng(4).bytes(5000)),
    "another mesh format": lambda path: path.write_text("solid room\nfacet normal 0 0 1\nendsolid\n"),
    "an unknown format": lambda path: path.write_text(HEADER.format(kind="morse", count=1) + "0 0 0\n"),
    "words instead of numbers": lambda path: path.write_text(
        HEADER.format(kind="ascii", count=1) + "one two three\n"
    ),
    "umlauts in the header": lambda path: path.write_bytes(
        HEADER.format(kind="ascii", count=1).replace("end_header", "comment für\nend_header").encode()
        + b"0 0 0\n"
    ),
    "a folder": lambda path: path.mkdir(),
    "no file": lambda path: None,
}


@pytest.mark.parametrize("kind", BROKEN)
def test_files_that_are_not_meshes_are_refused_in_one_line_with_their_path(tmp_path, kind):
    path = tmp_path / "mesh.ply"
    BROKEN[kind](path)
    refused(path)


@pytest.mark.parametrize("kind", ["little endian", "text", "polygons"])
def test_a_mesh_with_changed_bytes_is_either_read_or_refused(tmp_path, kind):
    elements, options = WRITTEN[kind]
    path = write(tmp_path / "mesh.ply", elements, **options)
    original = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    rng = np.random.default_rng(5)
    for trial in range(150):
        changed = original.copy()
        indices = rng.integers(0, len(original) if trial % 2 else 250, rng.choice([1, 2, 5]))
        digits, any_bytes = (48, 58), (0, 256)
        changed[indices] = rng.integers(*(digits if trial % 3 else any_bytes), len(indices))
        end = rng.integers(1, len(original)) if trial % 5 == 0 else len(original)
        path.write_bytes(changed[:end].tobytes())
        try:
            assert np.isfinite(read_ply(path).points).all()
        except BadSceneError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
