"""The split that a run began with, kept in its folder as `splits.json`; it decides whatever lies on disk later.

A split that is worked out anew by every command changes with the scenes on disk and with the options, and then a scene
that was trained on is validated. So the first `fit` records which scenes it trains on and holds out, and every
command that goes on with the run, or evaluates it, follows the record: what was trained on is never held out, what
was held out is never trained on, and what has changed on disk is said.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lightning_ouro.atomic_files import write_atomic
from lightning_ouro.errors import InputError, on_one_line
from lightning_ouro.home_paths import in_home
from lightning_ouro.scenes.splits import Splits, room_id

FILE = "splits.json"
_EXAMPLES = 5  # scenes named in a line


@dataclass(frozen=True)
class RecordedSplit:
    """Ids of scenes by use, in order.

    Attributes:
        train: Trained on.
        val: Held out for validation.
        test: Held out for testing.
        places: Files and folders that they were read from.
        rooms: Of the scenes that are trained on; other scans of these are not held out either.
    """

    train: tuple[str, ...]
    val: tuple[str, ...]
    test: tuple[str, ...]
    places: tuple[str, ...]
    rooms: tuple[str, ...]

    @classmethod
    def of(cls, splits: Splits, places: Sequence[str]) -> RecordedSplit:
        """The record of a split of the scenes in some files and folders."""
        return cls(
            train=tuple(scene.id for scene in splits.train),
            val=tuple(scene.id for scene in splits.val),
            test=tuple(scene.id for scene in splits.test),
            places=tuple(str(in_home(Path(place)).resolve()) for place in places),
            rooms=tuple(sorted({room_id(scene) for scene in splits.train})),
        )

    @classmethod
    def read(cls, folder: Path) -> RecordedSplit | None:
        """The record in a run's folder; None if there is none.

        Raises:
            InputError: it cannot be read.
        """
        path = folder / FILE
        if not path.is_file():
            return None
        try:
            return cls(**{name: tuple(values) for name, values in json.loads(path.read_bytes()).items()})
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path} cannot be read ({on_one_line(error)}); restore it: it says which scenes the run "
                "trained on"
            ) from None

    def write(self, folder: Path) -> None:
        """Writes the record, once: a run's split never changes."""
        if not (folder / FILE).exists():
            write_atomic(folder / FILE, json.dumps(asdict(self), indent=1).encode() + b"\n")

    def applied(
        self, found: Splits, limits: tuple[int | None, int, int], is_training: bool
    ) -> tuple[Splits, list[str]]:
        """The recorded split of the scenes that lie on disk now, and what has changed, a line each.

        Scenes that the run does not know are evaluated where more are asked for than the record has; while it trains
        they are left alone.

        Args:
            found: The scenes on disk, however they are split.
            limits: Numbers of scenes for training, validation and test; None: no limit.
            is_training: Whether the run goes on.

        Raises:
            InputError: none of the scenes that were trained on is left, and the run goes on.
        """
        by_id = {scene.id: scene for scene in found.all_scenes()}
        known = {*self.train, *self.val, *self.test}
        new = [
            scene for scene in by_id.values() if scene.id not in known and room_id(scene) not in self.rooms
        ]
        uses = {"train": self.train, "val": self.val, "test": self.test}
        parts = {use: [by_id[key] for key in ids if key in by_id] for use, ids in uses.items()}
        if is_training and not parts["train"]:
            raise InputError(
                f"none of the {len(self.train)} scenes that the run trained on is left in data.scenes; they were read "
                f"from {', '.join(self.places)}"
            )
        wanted = dict(zip(uses, limits, strict=True))
        lines = []
        if is_training and new:
            lines.append(f"not in the run's split, so not used: {_named(scene.id for scene in new)}")
        for use in () if is_training else ("val", "test"):
            missing = max(0, (wanted[use] or 0) - len(parts[use]))
            parts[use], new = parts[use] + new[:missing], new[missing:]
        lines += [_gone(use, ids, by_id) for use, ids in uses.items() if is_training or use != "train"]
        lines += [
            f"data.num_{use}_scenes={wanted[use]}: the run holds out {len(parts[use])} that are there"
            for use in ("val", "test")
            if len(parts[use]) < (wanted[use] or 0)
        ]
        kept = {use: tuple(part[: wanted[use]]) for use, part in parts.items()}
        return Splits(**kept, skipped=found.skipped), list(filter(None, lines))


def _gone(use: str, ids: Sequence[str], there: Container[str]) -> str:
    """Which scenes of a use are no longer there; empty if all are."""
    gone = [key for key in ids if key not in there]
    return f"{len(gone)} of the run's {len(ids)} {use} scenes are gone: {_named(gone)}" if gone else ""


def _named(ids: Iterable[str]) -> str:
    listed = list(ids)
    more = f" and {len(listed) - _EXAMPLES} more" if len(listed) > _EXAMPLES else ""
    return f"{', '.join(listed[:_EXAMPLES])}{more}"
