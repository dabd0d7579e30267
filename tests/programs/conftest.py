"""A sandbox for all tests, small handmade scenes, and the real scenes and questions of VSI-Bench."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lightning_ouro.programs.sandbox import Sandbox
from lightning_ouro.scenes.readers.meta_info import read_meta_info
from lightning_ouro.scenes.types import FrameBudget, Scene, SceneObject, Video, Views


class NoFootage:
    def load(self, scene: Scene, budget: FrameBudget) -> Video:
        raise AssertionError("nothing that needs only metadata opens a file")

    def without(self, scene: Scene, video: Video, dropped: Collection[int]) -> Video:
        raise AssertionError("nothing that needs only metadata looks at frames")


def scene_of_boxes(
    boxes: Sequence[tuple[str, Sequence[float], Sequence[float]]],
    scene_id: str = "scene",
    counts: dict[str, int] | None = None,
    complete: set[str] | None = None,
    floor_area: float = 20.0,
) -> Scene:
    """A scene of upright boxes, each given by category, centre and size."""
    objects = tuple(
        SceneObject(i, category, np.array(center, float), np.array(size, float), np.eye(3))
        for i, (category, center, size) in enumerate(boxes)
    )
    if counts is None:
        counts = dict(Counter(obj.category for obj in objects))
    complete = set(counts) if complete is None else complete
    return Scene(scene_id, "hand", objects, counts, frozenset(complete), floor_area, None, NoFootage())


@pytest.fixture(scope="session")
def make_scene() -> Callable[..., Scene]:
    """`scene_of_boxes`, as a fixture because modules called conftest are not meant to be imported."""
    return scene_of_boxes


@pytest.fixture
def walk() -> Views:
    """Four frames taken on the way along the room's south side; each shows the room's nine objects clearly."""
    poses = np.tile(np.eye(4), (4, 1, 1))
    poses[:, 0, 3], poses[:, 2, 3] = range(4), 1.5
    visibility = np.linspace(0.01, 0.05, 36, dtype=np.float32).reshape(4, 9)
    return Views(np.arange(4.0), np.tile(np.eye(3), (4, 1, 1)), poses, visibility)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as box:
        yield box


@pytest.fixture
def room() -> Scene:
    """Nine boxes on a floor, far apart: sofa, tv, bed, stove and lamp are unique, chair and table are not."""
    return scene_of_boxes(
        [
            ("sofa", (0, 0, 0.4), (2, 0.9, 0.8)),
            ("tv", (0, 3, 1), (1.2, 0.1, 0.7)),
            ("bed", (3.5, 2.0, 0.3), (1.6, 2, 0.6)),
            ("stove", (-3, 1.2, 0.45), (0.6, 0.6, 0.9)),
            ("lamp", (2.2, -1.2, 0.8), (0.3, 0.3, 1.6)),
            ("chair", (-1, 1.5, 0.45), (0.5, 0.5, 0.9)),
            ("chair", (1, 1.5, 0.45), (0.5, 0.5, 0.9)),
            ("table", (0, 1.5, 0.35), (1, 0.8, 0.7)),
            ("table", (-2.5, 3.5, 0.35), (1, 0.8, 0.7)),
        ],
        floor_area=40.0,
    )


@pytest.fixture(scope="session")
def official_scenes(shared_data: Path) -> dict[str, Scene]:
    """The 238 rooms of VSI-Bench's own metadata."""
    folder = shared_data / "scenes" / "vsi_bench_meta"
    files = [folder / f"{name}_meta_info_val.json" for name in ("arkitscenes", "scannet")]
    return {scene.id: scene for file in files for scene in read_meta_info(file)[0]}


@pytest.fixture(scope="session")
def official_questions(shared_data: Path) -> list[dict[str, Any]]:
    path = shared_data / "benchmarks" / "vsi_bench" / "arkitscenes_scannet.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]
