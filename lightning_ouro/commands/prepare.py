"""`python -m lightning_ouro prepare SCENES... STORE`: converts data sets into a compact store (`scenes.store`)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console

from lightning_ouro.commands import function_command
from lightning_ouro.config_yaml import as_json_list
from lightning_ouro.errors import InputError
from lightning_ouro.progress import track
from lightning_ouro.scenes.fitted_boxes import BoxKind
from lightning_ouro.scenes.made_from import MADE_FROM, MadeFrom
from lightning_ouro.scenes.reading import locate
from lightning_ouro.scenes.store import SKIPPED, Stored, open_store, scene_names, store_scenes, write_skipped
from lightning_ouro.scenes.types import FrameBudget, SkippedScene

_FLAG = "--rebuild"
_LONGEST_TABLE = 40  # scenes; chosen by hand, about a screen


def main(args: Sequence[str]) -> None:
    """Runs the command."""
    function_command.run(prepare, _with_list_of_paths(args))


def prepare(
    scenes: list[Path],
    store: Path,
    num_frames: int = 32,
    height: int = 384,
    width: int = 512,
    boxes: BoxKind = "upright",
    workers: int | None = None,
    rebuild: bool = False,
) -> None:
    """Converts data sets once into a compact store, which `fit` reads in a fraction of the time.

    Args:
        scenes: One or more root folders of data sets, folders of their scenes, or single scenes, in any supported
            layout (lightning_ouro/scenes/README.md); ~ and patterns such as "scans/scene00*" are understood.
        store: Output folder, the last path: new, empty, or a store written with the same options. Scenes that it
            already holds are kept unless their files have changed, so running an interrupted command again
            completes the store.
        num_frames: Frames to keep per scene, at least 1, sampled uniformly over the recording; all of them if
            the recording has fewer. Training samples its frames from these.
        height: Together with `width`, the maximum size of a kept frame: height x width pixels. Frames keep
            the aspect ratio of the recording, with sides rounded to multiples of 32 pixels.
        width: See `height`.
        boxes: How to fit a box to an object's points if the data set has no boxes of its own: `upright`
            (vertical, with the smallest footprint) or `minimal` (with the smallest volume, even if tilted,
            like VSI-Bench's boxes for ScanNet).
        workers: Number of processes that read scenes in parallel, at least 1; null: one per available CPU.
        rebuild: Make all scenes again, also those that have not changed; with it, the options may change too.

    Raises:
        InputError: there are no usable scenes, or `store` is not a store or was written with other options.
    """
    if workers is not None and workers < 1:
        raise InputError(f"workers={workers} must be at least 1")
    _prepare(scenes, store, FrameBudget(num_frames, height, width), boxes, workers, rebuild)


def _prepare(
    scenes: Sequence[Path],
    store: Path,
    budget: FrameBudget,
    boxes: BoxKind,
    workers: int | None,
    rebuild: bool,
) -> None:
    located, doubles = locate(scenes, boxes)
    names = {scene.found.id for scene in located}
    options = open_store(store, budget, boxes, names if rebuild else None)
    outcomes = store_scenes(located, store, budget, options, workers or _num_cpus(), rebuild)
    stored: list[Stored] = []
    progress = track(outcomes, "preparing scenes", len(located))
    skipped = write_skipped(store, _skipped(doubles, progress, stored), names)
    if not stored:
        raise InputError(
            f"{', '.join(map(str, scenes))}: none of {len(located)} scenes is usable, listed in {store / SKIPPED}; "
            f"the first: {skipped[0].reason}"
        )
    _print_summary(store, sorted(stored, key=lambda scene: scene.id), skipped)


def _with_list_of_paths(args: Sequence[str]) -> list[str]:
    """The arguments with all paths but the last one as one list, and a bare `--rebuild` as `--rebuild true`."""
    paths: list[str] = []
    options: list[str] = []
    rest = list(args)
    while rest:
        arg = rest.pop(0)
        if not arg.startswith("-") or arg == "-":
            paths.append(arg)
        elif arg == _FLAG:
            options += [arg, rest.pop(0) if rest[:1] in (["true"], ["false"]) else "true"]
        else:
            takes_value = "=" not in arg and arg not in ("-h", "--help")
            options += [arg, *([rest.pop(0)] if takes_value and rest else [])]
    return ([] if not paths else [as_json_list(paths[:-1] or paths), *paths[1:][-1:]]) + options


def _num_cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _skipped(
    doubles: Sequence[SkippedScene], outcomes: Iterable[Stored | SkippedScene], stored: list[Stored]
) -> Iterable[SkippedScene]:
    """Those that were skipped; the others are appended to `stored` as they come."""
    yield from doubles
    for outcome in outcomes:
        if isinstance(outcome, Stored):
            stored.append(outcome)
        else:
            yield outcome


def _print_summary(store: Path, stored: Sequence[Stored], skipped: Sequence[SkippedScene]) -> None:
    # Paths and reasons may hold brackets and colons.
    console = Console(soft_wrap=True, markup=False, emoji=False, highlight=False)
    _print_table(console, store, stored)
    if gone := _gone(store, stored):
        console.print(
            f"still in the store, but no longer where they came from: {', '.join(gone)}; remove what should go"
        )
    number = Counter(scene.state for scene in stored)
    redone = f" {number['redone']} made again because their files had changed," if number["redone"] else ""
    console.print(f"{number['made']} scenes prepared in {store},{redone} {number['kept']} already there")
    if skipped:
        console.print(f"{len(skipped)} skipped, listed in {store / SKIPPED}; the first: {skipped[0].reason}")


def _print_table(console: Console, store: Path, stored: Sequence[Stored]) -> None:
    """Of each scene its objects, how many of these are ever seen, and what was warned of; the worst ones if many."""
    by_id = Counter(scene.made.scene_id for scene in stored)
    said = {scene.id: list(scene.made.warnings) for scene in stored}
    for scene in stored:
        if by_id[scene.made.scene_id] > 1:
            said[scene.id].append(f"its id {scene.made.scene_id} occurs twice; only the first will be read")
    shown = list(stored)
    if len(stored) > _LONGEST_TABLE:
        worst = sorted(stored, key=lambda one: (not said[one.id], one.made.seen / max(1, one.made.objects)))
        shown = sorted(worst[:_LONGEST_TABLE], key=lambda scene: scene.id)
    names = [_name(scene) for scene in shown]
    wide = max(map(len, names))
    console.print(f"{'scene':{wide}}  objects  seen  warnings")
    for name, scene in zip(names, shown, strict=True):
        made = scene.made
        console.print(f"{name:{wide}}  {made.objects:7}  {made.seen:4}  {len(said[scene.id]):8}")
        for warning in said[scene.id]:
            console.print(f"{'':{wide}}  {warning}")
    if len(shown) < len(stored):
        console.print(f"… and {len(stored) - len(shown)} more; each {MADE_FROM} in {store} has these numbers")
    objects, seen = (sum(getattr(scene.made, name) for scene in stored) for name in ("objects", "seen"))
    total = f"{len(stored)} scenes with {objects} objects, {seen} of which are ever seen"
    console.print(f"{total}; {sum(map(len, said.values()))} warnings")


def _name(scene: Stored) -> str:
    """The name of a scene's folder, and the scene's own one where it has another."""
    own = scene.made.scene_id
    return scene.id if own == scene.id else f"{scene.id} ({own})"


def _gone(store: Path, stored: Sequence[Stored]) -> list[str]:
    """The names of other scenes in the store whose folder is not there any more, though the one around it is."""
    others = sorted(set(scene_names(store)) - {scene.id for scene in stored})
    made = {name: MadeFrom.read(store / name) for name in others}
    paths = {name: Path(record.origin.path) for name, record in made.items() if record is not None}
    return [name for name, path in paths.items() if path.parent.is_dir() and not path.exists()]
