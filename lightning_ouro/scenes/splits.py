"""Decides which scenes are trained on and which are held out.

Procedural scenes are split by index. Scenes from disk are ordered by the SHA-256 of their room's id, and the
first are held out: a split depends on nothing but names, and several recordings of one room are never on both sides
(ScanNet's scene0568_00 and _01 by their names, ARKitScenes' by its table of visits, others where they say so).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Literal

from lightning_ouro.errors import InputError
from lightning_ouro.home_paths import in_home
from lightning_ouro.scenes.benchmark_scenes import REVSI, Rooms, is_listed, revsi_rooms, scanned_room
from lightning_ouro.scenes.fitted_boxes import BoxKind
from lightning_ouro.scenes.reading import read_scenes
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import Scene, SkippedScene

BenchmarkScenes = Literal["refuse", "leave_out", "allow"]
FIRST_VAL, FIRST_TEST = 1_000_000, 2_000_000
_EXAMPLES = 3  # scenes named in an error message


@dataclass(frozen=True)
class Splits:
    """Scenes by use, and those that could not be used."""

    train: tuple[Scene, ...]
    val: tuple[Scene, ...]
    test: tuple[Scene, ...]
    skipped: tuple[SkippedScene, ...] = ()

    def all_scenes(self) -> list[Scene]:
        """Every usable scene."""
        return [*self.train, *self.val, *self.test]


def procedural_splits(num_train: int | None, num_val: int, num_test: int) -> Splits:
    """Procedural scenes: indices from 0 are for training, from 1 million for validation, from 2 million for test.

    Raises:
        InputError: `num_train` is None.
    """
    if num_train is None:
        raise InputError(
            "data.num_train_scenes=null: there is no limit to procedural scenes; give a number, or data.scenes"
        )
    return Splits(
        tuple(procedural_scenes(0, num_train)),
        tuple(procedural_scenes(FIRST_VAL, num_val)),
        tuple(procedural_scenes(FIRST_TEST, num_test)),
    )


def read_splits(
    paths: Sequence[str],
    num_train: int | None,
    num_val: int,
    num_test: int,
    benchmark_scenes: BenchmarkScenes = "refuse",
    boxes: BoxKind = "upright",
    show_progress: bool = False,
    revsi_annotation: str | None = None,
) -> Splits:
    """Reads scenes from disk and splits them.

    Args:
        paths: Files and folders.
        num_train: Maximum number of training scenes; None: all that are not held out.
        num_val: Number of validation scenes.
        num_test: Number of test scenes.
        benchmark_scenes: "leave_out" removes scenes that a benchmark tests on from training; the other values
            have no effect here.
        boxes: How boxes are fitted to points where a data set has no boxes.
        show_progress: Whether to draw a progress bar.
        revsi_annotation: A file that lists ReVSI's scenes, which then count as that benchmark's.

    Raises:
        InputError: files cannot be read, or too few scenes are usable.
    """
    revsi: Rooms = frozenset() if revsi_annotation is None else revsi_rooms(in_home(Path(revsi_annotation)))
    scenes, skipped = read_scenes([Path(path) for path in paths], boxes, show_progress)
    scenes = [_of_revsi(scene) if _is_in(revsi, scene) else scene for scene in scenes]
    num_held_out = num_val + num_test
    if len(scenes) <= num_held_out:
        raise InputError(
            f"data.scenes={list(paths)} holds {len(scenes)} usable scenes ({len(skipped)} skipped), "
            f"but {num_held_out} are held out (data.num_val_scenes={num_val}, data.num_test_scenes={num_test}); "
            "add scenes, or hold out fewer"
        )
    ordered = sorted(scenes, key=lambda scene: (_digest(room_id(scene)), scene.id))
    held_out, rest = ordered[:num_held_out], ordered[num_held_out:]
    train = _trainable(rest, held_out, benchmark_scenes, paths)[:num_train]
    return Splits(tuple(train), tuple(held_out[:num_val]), tuple(held_out[num_val:]), tuple(skipped))


def _is_in(revsi: Rooms, scene: Scene) -> bool:
    names = (scene.id, *scene.known_as)
    return not scene.not_benchmark and any(is_listed(revsi, scene.source, name) for name in names)


def _of_revsi(scene: Scene) -> Scene:
    return replace(scene, benchmarks=tuple(sorted({*scene.benchmarks, REVSI})))


def _trainable(
    scenes: Sequence[Scene],
    held_out: Sequence[Scene],
    benchmark_scenes: BenchmarkScenes,
    paths: Sequence[str],
) -> list[Scene]:
    """The scenes whose rooms are not held out, without those of benchmarks if these are left out."""
    rooms = {room_id(scene) for scene in held_out}
    train = [scene for scene in scenes if room_id(scene) not in rooms]
    if not train:
        raise InputError(
            f"data.scenes={list(paths)}: all scenes that are not held out are scans of rooms that are "
            f"({', '.join(sorted(rooms)[:_EXAMPLES])}); add scenes of other rooms, or hold out fewer "
            "(data.num_val_scenes, data.num_test_scenes); scene.json of a plain folder may say which room it is of"
        )
    if benchmark_scenes != "leave_out":
        return train
    train = [scene for scene in train if not scene.benchmarks]
    if not train:
        raise InputError(
            f"data.scenes={list(paths)}: all scenes that are not held out belong to benchmarks, and "
            "data.benchmark_scenes=leave_out leaves them out; add other scenes"
        )
    return train


def room_id(scene: Scene) -> str:
    """The room that a scene is a recording of.

    ScanNet appends the number of the scan, as in scene0568_01, and such a name counts wherever it stands, since exports
    lose their source; of a path the last one does. Any other number at the end of a name may be that of the room.
    """
    if scene.room:
        return scene.room
    if scene.not_benchmark:
        return scene.id
    parts = (part for path in scene.known_as for part in reversed(PurePath(path).parts))
    stems = (PurePath(part).stem for part in parts)
    return next(filter(None, map(scanned_room, (scene.id, *stems))), scene.id)


def refuse_benchmarks(scenes: Sequence[Scene]) -> None:
    """Stops training on scenes that a benchmark tests on.

    Raises:
        InputError: there are such scenes; the message names some of them, and their benchmarks and held-out
            splits.
    """
    tested = [scene for scene in scenes if scene.benchmarks]
    if tested:
        names = sorted({name for scene in tested for name in scene.benchmarks})
        examples = ", ".join(scene.id for scene in tested[:_EXAMPLES]) + (
            ", ..." if len(tested) > _EXAMPLES else ""
        )
        raise InputError(
            f"{len(tested)} training scenes ({examples}) belong to {', '.join(names)}: "
            "set --data.benchmark_scenes leave_out to train on the others, or allow, and then report no score on "
            "any of these; names in paths count, too, unless the scene.json of a plain folder has "
            '"not_benchmark": true'
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf8")).hexdigest()
