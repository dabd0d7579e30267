"""Which scenes are trained on and which are held out.

Procedural scenes are split by number. Read scenes are split by place in an order that hangs on nothing but their names:
several scans of one room (ScanNet's scene0568_00 and _01) never stand on both sides.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.fitted_boxes import BoxKind
from lightning_ouro.scenes.reading import read_scenes
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import Scene, SkippedScene

BenchmarkScenes = Literal["refuse", "leave_out", "allow"]
FIRST_VAL, FIRST_TEST = 1_000_000, 2_000_000


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
    """Procedural scenes: numbers from 0 for training, from a million for validation, from two million for test.

    Raises:
        InputError: the number of training scenes is left open.
    """
    if num_train is None:
        raise InputError(
            "data.num_train_scenes=null: there are endlessly many procedural scenes; give a number or data.scenes"
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
) -> Splits:
    """Scenes from disk.

    Args:
        paths: Files and folders.
        num_train: At most so many are trained on; None: all that are not held out.
        num_val: Held out for validation.
        num_test: Held out for test.
        benchmark_scenes: "leave_out" keeps those that a benchmark tests on from training; others change nothing here.
        boxes: How boxes are fitted where a data set gives none.
        show_progress: Whether a progress bar is drawn.

    Raises:
        InputError: files cannot be read, or too few scenes are usable.
    """
    scenes, skipped = read_scenes([Path(path) for path in paths], boxes, show_progress)
    held_out = num_val + num_test
    if len(scenes) <= held_out:
        raise InputError(
            f"data.scenes={list(paths)} holds {len(scenes)} usable scenes ({len(skipped)} skipped), but {held_out} are "
            f"held out (data.num_val_scenes={num_val}, data.num_test_scenes={num_test}); add scenes or hold out fewer"
        )
    ordered = sorted(scenes, key=lambda scene: (_digest(room_id(scene)), scene.id))
    val, test = ordered[:num_val], ordered[num_val:held_out]
    taken = {room_id(scene) for scene in val + test}
    train = [scene for scene in ordered[held_out:] if room_id(scene) not in taken]
    if benchmark_scenes == "leave_out":
        train = [scene for scene in train if not scene.benchmarks]
        if not train:
            raise InputError(
                f"data.scenes={list(paths)}: all scenes that are not held out belong to benchmarks, and "
                "data.benchmark_scenes=leave_out leaves them out; give other scenes"
            )
    train = train[:num_train]
    return Splits(tuple(train), tuple(val), tuple(test), tuple(skipped))


def room_id(scene: Scene) -> str:
    """The room that a scene is a scan of: ScanNet numbers the scans of one room behind an underscore."""
    return re.sub(r"_\d\d$", "", scene.id)


def refuse_benchmarks(scenes: Sequence[Scene]) -> None:
    """Stops training on scenes that a benchmark tests on.

    Raises:
        InputError: there are such scenes; some are named, with their benchmarks and held-out splits.
    """
    tested = [scene for scene in scenes if scene.benchmarks]
    if tested:
        names = sorted({name for scene in tested for name in scene.benchmarks})
        examples = ", ".join(scene.id for scene in tested[:3]) + (", ..." if len(tested) > 3 else "")
        raise InputError(
            f"{len(tested)} training scenes ({examples}) belong to {', '.join(names)}: set --data.benchmark_scenes "
            "leave_out to train on the others, or allow and report no score on any of these"
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf8")).hexdigest()
