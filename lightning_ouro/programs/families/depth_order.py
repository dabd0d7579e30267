"""Which of two objects is nearer to the camera at a timestamp, by the nearest points of their boxes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family, quote
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.families.framing import nearest_not_seen, nearest_slack
from lightning_ouro.programs.families.ordering import random_order
from lightning_ouro.programs.families.timestamps import TIME, clear_times, not_in_picture
from lightning_ouro.programs.families.uniqueness import all_indices, not_unique
from lightning_ouro.programs.first_seen import PLACED
from lightning_ouro.programs.scene_geometry import SceneGeometry


@final
class DepthOrder(Family):
    """Which of two boxes has the point nearer to the camera.

    What the rules guard:

    - one object that each name fits, a time that one frame has: guards what is compared;
    - both seen in that frame with 0.5 % of it (`PLACED`), their nearest points inside the picture and not behind
      another box: guards that the compared points can be seen;
    - distances 0.15 m apart, as for two options of `object_rel_distance` (`strict`: 0.3 m): guards their order;
    - the centres in the same order: guards the words, which do not say that the nearest points count.
    """

    name = "depth_order"
    forms = (
        Form(f"At {TIME} seconds, which is nearer to the camera: the {{pair[0]}} or the {{pair[1]}}?"),
        Form(f"Of the {{pair[0]}} and the {{pair[1]}}, which one is closer to the camera at {TIME} seconds?"),
        Form(
            f"Looking at the video at {TIME} s, is the {{pair[0]}} or the {{pair[1]}} closer to the camera?"
        ),
    )
    main_role = "pair"
    symmetric = frozenset({"pair"})
    share = PLACED

    @override
    def program(self, roles: Roles) -> str:
        (first, second), (seconds,) = roles["pair"], roles["times"]
        return (
            "def answer(scene):\n"
            f"    camera = scene.camera({seconds})\n"
            f"    names = [{quote(first)}, {quote(second)}]\n"
            "    nearer = min(names, key=lambda name: scene.camera_distance(camera, scene.unique(name)))\n"
            "    return choice(nearer, among=names)\n"
        )

    @override
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        choices = list(product(combinations(geometry.unique_categories(), 2), clear_times(geometry)))
        for i in random_order(len(choices), rng):
            pair, seconds = choices[i]
            roles = {"pair": pair if rng.random() < 0.5 else pair[::-1], "times": (seconds,)}
            if self.check(geometry, roles) is None:
                yield roles

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        (seconds,), pair = roles["times"], roles["pair"]
        problem = not_unique(geometry, *pair) or not_in_picture(geometry, seconds, self.share, *pair)
        if problem is not None:
            return problem
        (gap, of_middles), least = _gaps(geometry, roles), self.margins(geometry).gap
        if gap <= least:
            return f"their distances differ by {gap:.2f} m; more than {least} m needed"
        if of_middles <= 0:
            return "the one with the nearer point has the farther middle"
        return nearest_not_seen(geometry, seconds, *pair)

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return all_indices(geometry, roles["pair"])

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        gap = _gaps(geometry, roles)[0] / self.margins(geometry).gap
        return min(gap, nearest_slack(geometry, roles["times"][0], *roles["pair"]))


def _gaps(geometry: SceneGeometry, roles: Roles) -> tuple[float, float]:
    """Metres by which the distances from the camera differ: of the nearest points, and of the centres.

    The second is negative where the object with the nearer point has the farther centre.
    """
    frame, indices = geometry.frame(roles["times"][0]), [geometry.indices(name)[0] for name in roles["pair"]]
    assert geometry.views is not None and frame is not None, "the time was checked"
    nearest = np.diff(geometry.camera_distances[frame, indices])
    eye = geometry.views.poses[frame, :3, 3]
    centers = np.diff(np.linalg.norm(geometry.centers[indices] - eye, axis=1))
    return float(abs(nearest[0])), float(centers[0] * np.sign(nearest[0]))


FAMILY = DepthOrder()
