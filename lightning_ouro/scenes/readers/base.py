"""What a reader is: it finds a data set's scenes below a path, and reads them one by one.

What it returns is in the words of `scenes.types`, converted once: metres, z up, categories as `vocabulary` unifies
them, OpenCV cameras from camera to world. It reads metadata only; frames are opened through `Scene.footage`, when they
are asked for. A scene that cannot be used is a `BadSceneError`, whose one line says file, field and what was expected.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from lightning_ouro.scenes.readers.files import BadSceneError
from lightning_ouro.scenes.types import Scene

__all__ = ["BadSceneError", "Found", "Reader", "checked"]

MOST_OBJECTS = 256  # a scene's distances, nine times over, have to fit a program's memory; VSI-Bench's fullest has 107


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
