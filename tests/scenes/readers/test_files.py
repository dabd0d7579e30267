import json
import os

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.readers.files import (
    MOST_METRES,
    finite_numbers,
    image_size,
    is_number,
    parse_box,
    path_exists,
    read_bytes,
    read_image,
    read_json,
    read_text,
    short_repr,
)
from tests.scenes.readers.written_files import peak_memory, refusal, written


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", ""),
        ("Stühle 椅子".encode(), "Stühle 椅子"),
        (b"\xef\xbb\xbfa\r\nb", "a\r\nb"),
        (b"a\x00b", "a\x00b"),
    ],
)
def test_text_is_read_as_utf_8_without_a_byte_order_mark(tmp_path, content, text):
    path = tmp_path / "labels.txt"
    path.write_bytes(content)
    assert read_text(path) == text and read_bytes(path) == content


@pytest.mark.parametrize("content", [b"\xff\xfeA\x00", b"caf\xe9", b"\xed\xa0\x80", b"\x80"])
@pytest.mark.parametrize("read", [read_text, read_json])
def test_text_that_is_not_utf_8_is_refused_with_the_byte_offset(tmp_path, read, content):
    path = tmp_path / "labels.txt"
    path.write_bytes(content)
    assert "is not UTF-8 text" in refusal(read, path) and "at byte" in refusal(read, path)


@pytest.mark.parametrize("read", [read_bytes, read_text, read_json, image_size, read_image])
def test_what_is_not_a_file_is_refused(tmp_path, read):
    assert "No such file" in refusal(read, tmp_path / "none.json")
    assert "Is a directory" in refusal(read, tmp_path)
    assert "Not a directory" in refusal(read, written(tmp_path / "file", b"") / "none.json")
    assert "File name too long" in refusal(read, tmp_path / ("x" * 300))
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "symbolic links" in refusal(read, tmp_path / "loop")


@pytest.mark.parametrize("read", [read_bytes, read_text, read_json, image_size, read_image])
@pytest.mark.parametrize("name", ["a\x00b", "a\ud800b"])
def test_an_invalid_file_name_is_refused(tmp_path, read, name):
    with pytest.raises(BadSceneError) as error:
        read(tmp_path / name)
    assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)


def test_path_exists_refuses_names_that_cannot_be_checked(tmp_path):
    assert path_exists(tmp_path) and not path_exists(tmp_path / "none")
    assert "File name too long" in refusal(path_exists, tmp_path / ("x" * 300))


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every file")
@pytest.mark.parametrize("read", [read_bytes, read_text, read_json, image_size, read_image])
def test_a_file_without_permission_is_refused(tmp_path, read):
    path = written(tmp_path / "secret", b"{}")
    path.chmod(0)
    assert "Permission denied" in refusal(read, path)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(1 << 33)  # sparse: takes no space on disk
    before = peak_memory()
    for read in (read_bytes, read_text, read_json):
        assert f"has {1 << 33} bytes" in refusal(read, path)
    assert peak_memory() - before < 50
    assert "expected at most 10" in refusal(read_bytes, written(tmp_path / "small", b"x" * 11), 10)
    assert read_bytes(written(tmp_path / "small", b"x" * 10), 10) == b"x" * 10


@pytest.mark.parametrize("content", [{"a": [1, 2.5, "x", None]}, [], "text", {"ä": "椅"}])
def test_json_is_read_back(tmp_path, content):
    path = tmp_path / "scene.json"
    for encoding in ("utf-8", "utf-8-sig"):
        path.write_text(json.dumps(content, ensure_ascii=False), encoding=encoding)
        assert read_json(path) == content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b"[1,]",
        b"\x00",
        b"[" * 100_000,
        b'{"a": ' + b"1" * 5000 + b"}",
        b'{"a": 1}\n{"b": 2}',
    ],
)
def test_what_is_not_json_is_refused(tmp_path, content):
    assert "is not JSON" in refusal(read_json, written(tmp_path / "scene.json", content))


def test_json_values_that_are_not_finite_or_too_large_are_not_numbers(tmp_path):
    values = read_json(
        written(tmp_path / "scene.json", b"[NaN, Infinity, -Infinity, 1e999, 1e300, true, 1001]")
    )
    assert not any(map(is_number, values))
    for value in values:
        with pytest.raises(
            BadSceneError, match=r"^chair 1: size is .*, expected 3 finite numbers below 1000$"
        ):
            finite_numbers("chair 1", "size", [1, value, 2], 3)


@pytest.mark.parametrize("value", [0, -0.0, 1, -999.99, 1e-300])
def test_finite_values_below_the_limit_are_numbers(value):
    assert is_number(value)
    np.testing.assert_array_equal(finite_numbers("here", "size", [value], 1), [value])


@pytest.mark.parametrize(
    "values", [None, 7, "123", (1, 2, 3), [1, 2], [1, 2, 3, 4], [1, 2, "3"], [1, 2, None], [[1]], {}]
)
def test_what_is_not_a_list_of_three_numbers_is_refused_and_quoted(values):
    with pytest.raises(BadSceneError) as error:
        finite_numbers("chair 1", "size", values, 3)
    assert str(error.value).startswith("chair 1: size is ") and "expected 3 finite numbers" in str(
        error.value
    )
    assert ("missing" if values is None else repr(values)) in str(error.value)


def test_a_long_value_is_abbreviated():
    assert (
        len(short_repr(list(range(10_000)))) == 80
        and short_repr(None) == "missing"
        and short_repr("x") == "'x'"
    )
    assert "\n" not in short_repr("a\nb")


def record(**fields):
    rows = Rotation.from_euler("zyx", [40, 10, -25], degrees=True).as_matrix().T
    defaults = {
        "centroid": [1.0, -2.0, 0.5],
        "axesLengths": [0.4, 0.8, 1.5],
        "normalizedAxes": rows.ravel().tolist(),
    }
    return defaults | fields


@pytest.mark.parametrize("seed", range(20))
def test_the_rows_of_a_box_are_its_axes(seed):
    rng = np.random.default_rng(seed)
    rotation = Rotation.random(random_state=seed).as_matrix()
    centre, size = rng.uniform(-9, 9, 3), rng.uniform(0.01, 4, 3)
    axes = [number for column in rotation.T for number in column.tolist()]  # first axis, second, third
    box = parse_box(
        "chair 0", record(centroid=centre.tolist(), axesLengths=size.tolist(), normalizedAxes=axes)
    )
    for actual, expected in zip(box, (centre, size, rotation), strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-12)
        assert actual.dtype == np.float64


def test_a_real_scannetpp_box_has_the_corners_that_the_file_states():
    # The "fake ceiling" of a ScanNet++ scene, with the min and max of its own segments_anno.json.
    centre, size, rotation = parse_box(
        "fake ceiling",
        {
            "centroid": [6.650374, 1.900442, 3.092642],
            "axesLengths": [3.630031, 0.299188, 1.279091],
            "normalizedAxes": [-0.0011438, -0.99999935, 0, 0, 0, 1, -0.99999935, 0.0011438, 0],
        },
    )
    signs = np.stack(np.meshgrid(*[[-0.5, 0.5]] * 3), axis=-1).reshape(-1, 3)
    corners = centre + (signs * size) @ rotation.T
    np.testing.assert_allclose(corners.min(axis=0), [6.008753, 0.084696, 2.943048], atol=1e-5)
    np.testing.assert_allclose(corners.max(axis=0), [7.291996, 3.716188, 3.242236], atol=1e-5)
    assert np.linalg.det(rotation) == pytest.approx(1)


@pytest.mark.parametrize("mirrored", [0, 1, 2])
def test_a_left_handed_box_becomes_right_handed_with_the_same_corners(mirrored):
    rows = np.array(record()["normalizedAxes"]).reshape(3, 3)
    rows[mirrored] *= -1
    plain, mirror = parse_box("a", record()), parse_box("b", record(normalizedAxes=rows.ravel().tolist()))
    assert np.linalg.det(mirror[2]) == pytest.approx(1)
    signs = np.stack(np.meshgrid(*[[-0.5, 0.5]] * 3), axis=-1).reshape(-1, 3)
    expected, corners = (centre + (signs * size) @ rotation.T for centre, size, rotation in (plain, mirror))
    assert np.linalg.norm(expected[:, None] - corners, axis=-1).min(axis=1).max() < 1e-12


@pytest.mark.parametrize("error", [0.0, 2e-4])
def test_nearly_orthonormal_axes_are_accepted(error):
    rows = np.array(record()["normalizedAxes"]) * (1 + error)
    parse_box("chair 0", record(normalizedAxes=rows.tolist()))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "is missing, expected a box with centroid, axesLengths, normalizedAxes"),
        ([1, 2, 3], "is [1, 2, 3], expected a box"),
        ({}, "axesLengths is missing"),
        (record(centroid=None), "centroid is missing"),
        (record(centroid=[1, 2]), "centroid is [1, 2]"),
        (record(centroid=[1, float("nan"), 2]), "centroid is [1, nan, 2]"),
        (record(centroid=[1, 2, MOST_METRES]), "centroid is [1, 2, 1000.0]"),
        (record(axesLengths=[1, 0, 1]), "axesLengths is [1, 0, 1], expected positive metres"),
        (record(axesLengths=[1, -2.5, 1]), "axesLengths is [1, -2.5, 1], expected positive metres"),
        (record(axesLengths=[1, True, 1]), "axesLengths is [1, True, 1]"),
        (record(axesLengths="abc"), "axesLengths is 'abc'"),
        (record(normalizedAxes=[1, 0, 0, 0, 1, 0, 0, 0]), "normalizedAxes is [1, 0, 0, 0, 1, 0, 0, 0]"),
        (record(normalizedAxes=[[1, 0, 0], [0, 1, 0], [0, 0, 1]]), "normalizedAxes is [[1, 0, 0]"),
        (record(normalizedAxes=[0.0] * 9), "expected three orthonormal rows"),
        (record(normalizedAxes=[1, 0, 0, 1, 0, 0, 0, 0, 1]), "expected three orthonormal rows"),
        (record(normalizedAxes=[1, 0, 0, 0, 1, 0, 0, 0.01, 1]), "expected three orthonormal rows"),
        (record(normalizedAxes=[1.01, 0, 0, 0, 1, 0, 0, 0, 1]), "expected three orthonormal rows"),
    ],
)
def test_what_is_not_a_box_is_refused_with_location_field_and_value(value, words):
    with pytest.raises(BadSceneError) as error:
        parse_box("scene.json: chair 0", value)
    message = str(error.value)
    assert message.startswith("scene.json: chair 0") and words in message and "\n" not in message


def test_the_fields_of_a_box_may_be_named():
    value = {"center": [1, 2, 3], "size": [1, 1, 2], "axes": [1, 0, 0, 0, 1, 0, 0, 0, 1]}
    centre, size, rotation = parse_box("chair 0", value, "center", "size", "axes")
    assert (
        centre.tolist() == [1, 2, 3]
        and size.tolist() == [1, 1, 2]
        and rotation.tolist() == np.eye(3).tolist()
    )
    with pytest.raises(BadSceneError, match=r"^chair 0: axesLengths is missing"):
        parse_box("chair 0", value)
