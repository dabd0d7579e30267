"""Reads and edits the scenes that `write_scannetpp` writes."""

import json

from lightning_ouro.scenes.readers.base import Found
from lightning_ouro.scenes.readers.scannetpp.reader import ScanNetppReader
from tests.scenes.readers.write_scannetpp import ID, write_json

READER = ScanNetppReader()
# A real object of ScanNet++ with its own min and max.
FAKE_CEILING = {
    "centroid": [6.650374, 1.900442, 3.092642],
    "axesLengths": [3.630031, 0.299188, 1.279091],
    "normalizedAxes": [-0.0011438, -0.99999935, 0, 0, 0, 1, -0.99999935, 0.0011438, 0],
    "min": [6.008753, 0.084696, 2.943048],
    "max": [7.291996, 3.716188, 3.242236],
}


def read(folder):
    return READER.read(Found(ID, folder))


def change_groups(folder, change):
    """Lets `change` alter the list of objects in place, or return a new one."""
    path = folder / "scans" / "segments_anno.json"
    content = json.loads(path.read_text())
    write_json(path, content | {"segGroups": change(content["segGroups"]) or content["segGroups"]})


def write_map(folder, text):
    path = folder.parent.parent / "metadata" / "semantic_benchmark" / "map_benchmark.csv"
    path.parent.mkdir(parents=True)
    path.write_text(text)
