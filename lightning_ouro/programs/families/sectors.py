"""Sectors of the circle around a standing person, by the angles at which they end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sectors:
    """How the circle is divided, counter-clockwise from straight ahead.

    Attributes:
        ends: Degrees at which each sector ends; the last is 360.
        names: What each sector is called.
    """

    ends: tuple[int, ...]
    names: tuple[str, ...]

    def name(self, angle: float) -> str:
        """The sector of an angle in [0, 360); a boundary belongs to the sector that begins there."""
        return next(name for end, name in zip(self.ends, self.names, strict=True) if angle < end)

    def boundary_distance(self, angle: float) -> float:
        """Degrees to the nearest boundary, straight ahead included."""
        return min(abs((angle - end + 180) % 360 - 180) for end in self.ends)
