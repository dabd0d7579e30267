"""What is broken costs itself and not the scene, within a stated share: broken frames, stamps, poses and boxes.

Recordings and annotations of thousands of parts have a broken one now and then. It is left out, and one warning per
scene and kind says how many were and why the first one was. Where more than a fifth are broken, something else is
wrong, and the scene is refused with the reason of the first.
"""

from __future__ import annotations

import warnings
from typing import final

from lightning_ouro.errors import BadSceneError

MOST_BROKEN = 0.2  # of all parts of a kind, and always one; chosen by hand


@final
class LeftOut:
    """The broken parts of one kind.

    Args:
        kind: What they are, such as "objects".
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._reasons: list[str] = []

    def __len__(self) -> int:
        return len(self._reasons)

    def add(self, problem: BadSceneError | str) -> None:
        """Notes that one is left out, and why."""
        self._reasons.append(str(problem))

    def check(self, total: int) -> None:
        """Refuses a scene of whose parts too many are broken.

        Args:
            total: Number of all parts of this kind, broken or not.

        Raises:
            BadSceneError: the broken ones are more than a fifth, or all.
        """
        number = len(self._reasons)
        if number > max(1, MOST_BROKEN * total) or number == total > 0:
            others = (
                f"; so are {number} of {total} {self._kind}, too many to go without" if number > 1 else ""
            )
            raise BadSceneError(self._reasons[0] + others)

    def say(self, scene_id: str, total: int) -> None:
        """Warns once of those that were left out, if any were, or refuses the scene as `check` does."""
        self.check(total)
        if number := len(self._reasons):
            warnings.warn(
                f"scene {scene_id}: {number} of {total} {self._kind} left out: {self._reasons[0]}",
                stacklevel=2,
            )
