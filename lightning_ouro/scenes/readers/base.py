"""What a reader is: it finds a data set's scenes below a path, and reads them one by one.

What it returns is in the words of `scenes.types`, converted once: metres, z up, categories as `vocabulary` unifies
them, OpenCV cameras from camera to world. It reads metadata only; frames are opened through `Scene.footage`, when they
are asked for. A scene that cannot be used is a `BadSceneError`, whose one line says file, field and what was expected.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.floor_area import scanned_floor_area
from lightning_ouro.scenes.footage.mesh import Mesh
from lightning_ouro.scenes.footage.recorded_footage import RecordedFootage
from lightning_ouro.scenes.types import Scene, SceneObject

__all__ = ["MOST_OBJECTS", "BadSceneError", "Found", "Reader", "checked", "scanned_scene"]

MOST_OBJECTS = (
    256  # a scene's distances, nine times over, have to fit a program's memory; VSI-Bench's fullest has 107
)


@dataclass(frozen=True)
class Found:
    """A scene that lies on disk, not yet read.

    Attributes:
        id: Unique over all scenes of a run; the data set's own where it has one.
        path: Its file or folder.
    """

    id: str
    path: Path


class Reader(ABC):
    """One data set's layouts on disk; without state, so that it may work in other processes.

    Attributes:
        source: The data set's name, as `Scene.source` has it.
        layout: What it looks for, in one line for a person whose path holds nothing.
    """

    source: str
    layout: str

    @abstractmethod
    def find(self, path: Path) -> list[Found]:
        """The scenes at or below a path, by name; an empty list if nothing there is laid out as this data set.

        Only names of files are looked at, few levels deep, so that thousands of scenes are found in no time.
        """

    @abstractmethod
    def read(self, found: Found) -> Scene:
        """The scene's metadata.

        Raises:
            BadSceneError: the scene cannot be used.
        """


def scanned_scene(
    found: Found,
    source: str,
    objects: Sequence[SceneObject],
    complete: frozenset[str],
    mesh: Mesh,
    footage: RecordedFootage,
) -> Scene:
    """The scene of an annotated scan.

    Args:
        found: The scene on disk.
        source: The data set.
        objects: What is annotated.
        complete: Categories of which every instance is; those that are not there don't matter.
        mesh: Gives the floor area.
        footage: Opens the frames.

    Raises:
        BadSceneError: the mesh covers no floor, or the objects cannot be used.
    """
    counts = Counter(thing.category for thing in objects)
    area = scanned_floor_area(mesh.points, found.id)
    if area <= 0:
        raise BadSceneError(f"{mesh.path}: covers no floor, expected the mesh of a room")
    things = tuple(objects)
    return checked(
        Scene(found.id, source, things, dict(counts), complete & counts.keys(), area, None, footage)
    )


def checked(scene: Scene) -> Scene:
    """The scene, if what comes later can work with it.

    Raises:
        BadSceneError: it has no object, or too many.
    """
    if not scene.objects:
        raise BadSceneError("holds no object that a question could name")
    if len(scene.objects) > MOST_OBJECTS:
        raise BadSceneError(f"holds {len(scene.objects)} objects; at most {MOST_OBJECTS} can be used")
    return scene
