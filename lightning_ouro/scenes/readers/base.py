"""The interface of a data set reader: find the scenes below a path, then read them one at a time.

To support a new data set, subclass `Reader` and add it to `all_readers`. A reader converts everything once to
the conventions of `scenes.types`: metres, z up, categories unified by `vocabulary` and let in by `names`, OpenCV
cameras with camera-to-world poses. It reads metadata only; `Scene.footage` opens frames on demand. A scene that
cannot be used raises a `BadSceneError` whose single line names the file, the field and what was expected.
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
from lightning_ouro.scenes.readers.names import Names
from lightning_ouro.scenes.room_kinds import absent_categories
from lightning_ouro.scenes.types import Scene, SceneObject

__all__ = ["MOST_OBJECTS", "BadSceneError", "Found", "Reader", "scanned_scene", "validated"]

# The pairwise distances of a scene and of its eight jittered draws must fit into a program's memory. The
# fullest scene of VSI-Bench has 107 objects.
MOST_OBJECTS = 256


@dataclass(frozen=True)
class Found:
    """Where a scene is on disk; it has not been read yet.

    Attributes:
        id: Unique among all scenes of a run; the data set's own id where it has one.
        path: The scene's file or folder.
    """

    id: str
    path: Path


class Reader(ABC):
    """Reads the layouts of one data set. Readers are stateless, so they can be sent to other processes.

    Attributes:
        source: The data set's name, as in `Scene.source`.
        layout: The files the reader looks for, in one line. Shown to users whose path holds no scene.
    """

    source: str
    layout: str

    @abstractmethod
    def find(self, path: Path) -> list[Found]:
        """The scenes at or below a path, sorted by name; empty if nothing there has this data set's layout.

        Looks at file names only and only a few levels deep, so that finding thousands of scenes is fast.
        """

    def inputs(self, location: Found) -> list[Path]:
        """The files and folders that a scene is read from, some of which may not exist."""
        return [location.path]

    @abstractmethod
    def read(self, location: Found) -> Scene:
        """Reads the scene's metadata.

        Raises:
            BadSceneError: the scene cannot be used.
        """


def scanned_scene(
    location: Found,
    source: str,
    objects: Sequence[SceneObject],
    names: Names,
    complete: frozenset[str],
    mesh: Mesh,
    footage: RecordedFootage,
    room: str = "",
) -> Scene:
    """Builds the scene of an annotated scan.

    Args:
        location: The scene on disk.
        source: The data set's name.
        objects: The annotated objects.
        names: What named them.
        complete: Categories whose every instance is annotated; one without any that rooms like it have counts as 0.
        mesh: The reconstructed room, from which the floor area is computed.
        footage: Opens the frames.
        room: What the data set calls the room; "" if only the id tells.

    Raises:
        BadSceneError: the mesh covers no floor, or the objects cannot be used.
    """
    names.warn(location.id)
    counts = dict(Counter(item.category for item in objects))
    counts |= dict.fromkeys(sorted(absent_categories(complete, names.given)), 0)
    area = scanned_floor_area(mesh.points, location.id)
    if area <= 0:
        raise BadSceneError(f"{mesh.path}: covers no floor, expected the mesh of a room")
    return validated(
        Scene(
            id=location.id,
            source=source,
            objects=tuple(objects),
            counts=counts,
            complete=names.certain(complete & counts.keys()),
            floor_area=area,
            floor=None,
            footage=footage,
            room=room,
            unified=names.unified,
        )
    )


def validated(scene: Scene) -> Scene:
    """Returns the scene if its number of objects can be handled.

    Raises:
        BadSceneError: the scene has no object, or too many.
    """
    if not scene.objects:
        raise BadSceneError("has no object that a question could name")
    if len(scene.objects) > MOST_OBJECTS:
        raise BadSceneError(f"has {len(scene.objects)} objects, expected at most {MOST_OBJECTS}")
    return scene
