"""`python -m lightning_ouro prepare SCENES STORE`: converts a data set into a compact store (`scenes.store`)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track

from lightning_ouro.commands import function_command
from lightning_ouro.errors import InputError
from lightning_ouro.scenes.fitted_boxes import BoxKind
from lightning_ouro.scenes.reading import locate
from lightning_ouro.scenes.store import SKIPPED, open_store, store_scenes, write_skipped
from lightning_ouro.scenes.types import FrameBudget, SkippedScene


def main(args: Sequence[str]) -> None:
    """Runs the command."""
    function_command.run(prepare, args)


def prepare(
    scenes: Path,
    store: Path,
    num_frames: int = 32,
    height: int = 384,
    width: int = 512,
    boxes: BoxKind = "upright",
    workers: int | None = None,
) -> None:
    """Converts a data set once into a compact store, which `fit` reads in a fraction of the time.

    Args:
        scenes: Root folder of a data set, a folder of its scenes, or a single scene, in any supported layout
            (lightning_ouro/scenes/README.md).
        store: Output folder: new, empty, or a store written with the same options. Scenes that it already
            holds are kept, so running an interrupted command again completes the store.
        num_frames: Frames to keep per scene, at least 1, sampled uniformly over the recording; all of them if
            the recording has fewer. Training samples its frames from these.
        height: Together with `width`, the maximum size of a kept frame: height x width pixels. Frames keep
            the aspect ratio of the recording, with sides rounded to multiples of 32 pixels.
        width: See `height`.
        boxes: How to fit a box to an object's points if the data set has no boxes of its own: `upright`
            (vertical, with the smallest footprint) or `minimal` (with the smallest volume, even if tilted,
            like VSI-Bench's boxes for ScanNet).
        workers: Number of processes that read scenes in parallel, at least 1; null: one per available CPU.

    Raises:
        InputError: there are no usable scenes, or `store` is not a store or was written with other options.
    """
    budget = FrameBudget(num_frames, height, width)
    if workers is not None and workers < 1:
        raise InputError(f"workers={workers} must be at least 1")
    located = locate([scenes], boxes)
    open_store(store, budget, boxes)
    missing = [scene for scene in located if not (store / scene.found.id).exists()]
    outcomes = store_scenes(missing, store, budget, workers or _available_cpus())
    progress = track(outcomes, "preparing scenes", total=len(missing))
    tried = {scene.found.id for scene in located}
    skipped = write_skipped(store, (outcome for outcome in progress if outcome is not None), tried)
    if len(skipped) == len(located):
        raise InputError(
            f"{scenes}: none of {len(located)} scenes is usable, listed in {store / SKIPPED}; the first: "
            f"{skipped[0].reason}"
        )
    _print_summary(store, len(missing) - len(skipped), len(located) - len(missing), skipped)


def _available_cpus() -> int:
    """CPUs that this process may use; all of them where the system can't tell, as macOS and Windows."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _print_summary(store: Path, prepared: int, existing: int, skipped: list[SkippedScene]) -> None:
    console = Console(
        soft_wrap=True, markup=False, emoji=False
    )  # paths and reasons may hold brackets and colons
    console.print(f"{prepared} scenes prepared in {store}, {existing} already there")
    if skipped:
        console.print(f"{len(skipped)} skipped, listed in {store / SKIPPED}; the first: {skipped[0].reason}")
