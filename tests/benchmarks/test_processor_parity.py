"""The comparison with the real processor: what it finds equal, what it does not, and what it prints last."""

import json
import shutil

import numpy as np
import processor_parity
import pytest
from readme_input_sections import processor_parity as section


@pytest.fixture
def folder(shared_data, tmp_path):
    """Copies of two golden files."""
    for name in ("video_5.24.0", "images_4.57.3"):
        for ending in ("json", "npz"):
            shutil.copy(shared_data / "qwen3_vl_4b" / "golden" / f"{name}.{ending}", tmp_path)
    return tmp_path


@pytest.fixture
def compare(shared_data, capsys):
    def run(folder, *options):
        places = ("--scenes", str(shared_data / "scenes"), "--checkpoint", str(shared_data / "qwen3_vl_4b"))
        processor_parity.main(["--golden", str(folder), *places, *options])
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    return run


def change(path, **changes):
    arrays = dict(np.load(path))
    np.savez(path, **{name: changes.get(name, lambda each: each)(value) for name, value in arrays.items()})


def test_every_golden_file_is_equal(shared_data, compare):
    found = compare(shared_data / "qwen3_vl_4b" / "golden")
    assert found.pop("patch_difference") < 1e-6
    assert found == {"files": 4, "ids_equal": 4, "positions_equal": 4}


def one_more(array):
    return np.where(np.arange(array.shape[-1]) == 7, array + 1, array)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"input_ids": one_more}, {"ids_equal": 1}),
        ({"input_ids": lambda ids: ids[:-1]}, {"ids_equal": 1}),
        ({"positions": one_more}, {"positions_equal": 1}),
        ({"first_patches": one_more}, {"patch_difference": 1.0}),
        ({"patch_mean": lambda means: means[:-1]}, {"patch_difference": None}),
    ],
)
def test_one_number_that_differs_is_found(folder, compare, changes, expected):
    change(folder / "images_4.57.3.npz", **changes)
    found = compare(folder)
    if found["patch_difference"] is not None:
        found["patch_difference"] = round(found["patch_difference"], 5)
    assert found == {"files": 2, "ids_equal": 2, "positions_equal": 2, "patch_difference": 0.0} | expected


def test_a_file_whose_pictures_are_missing_counts_as_unequal(folder, compare, capsys):
    path = folder / "video_5.24.0.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"folder": "nowhere"}))
    expected = {"files": 2, "ids_equal": 1, "positions_equal": 1, "patch_difference": None}
    assert compare(folder) == expected


def test_the_report_is_a_section_of_the_readme(folder, compare):
    compare(folder, "--out", str(folder / "out" / "report.json"))
    report = json.loads((folder / "out" / "report.json").read_text())
    (line,) = [line for line in section(report).splitlines() if line.startswith("| `video_5.24.0`")]
    assert line.startswith("| `video_5.24.0` | 8 of 352 x 544 | wrapped | equal | equal | equal | 6e-08 |")
