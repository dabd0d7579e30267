"""Which of four categories has the object nearest to a target, or farthest, by the distance between oriented boxes.

The limits of `vsi_bench` are those of VLM-3R's generator, which computes the wider gap for large floors but
never applies it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import final

import numpy as np
from typing_extensions import override

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.base import Family, quote
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.families.framing import gap_not_framed
from lightning_ouro.programs.families.ordering import in_turns, random_order
from lightning_ouro.programs.families.uniqueness import not_complete, not_unique
from lightning_ouro.programs.first_seen import PLACED
from lightning_ouro.programs.scene_geometry import SceneGeometry

MOST_CATEGORIES = 30  # per list of candidates, whose length grows with the fifth power; chosen by hand

_OPTIONS = "{options[0]}, {options[1]}, {options[2]}, {options[3]}"


@final
class ObjectRelDistance(Family):
    """Which option is nearest to the target, by the box distances of their nearest objects; or which is farthest.

    What the rules guard:

    - one object that the target's name fits: guards from where it is measured;
    - options annotated completely, with clear names: guards that no unknown object of one is nearer;
    - for the farthest, one object for each option: a category is nearest by its nearest object, but of two chairs the
      far one or the near one may be meant where the farthest is asked for;
    - the farthest has the farthest centre, too: guards the words, not all of which say that closest points count; of
      what is far away nobody knows which part is meant. Nearest is what has the smallest gap, whatever the centres
      say: so VSI-Bench defines it, and so one speaks (a plant beside a long shelf is near it);
    - the nearest 0.15 m away in space (`strict`: 1 m): guards that no option touches the target, where a few
      centimetres decide;
    - distances 0.15 m apart, 0.3 m above 40 m² (`strict`: 0.3 m): guards their order;
    - target and each option's nearest object seen with 0.5 % of a frame (`PLACED`), their closest points framed:
      guards that the ends of the compared distances can be seen.
    """

    name = "object_rel_distance"
    forms = (
        Form(
            f"Measuring from the closest point of each object, which of these objects ({_OPTIONS}) is the closest to "
            "the {target[0]}?"
        ),
        Form(f"Which of these objects ({_OPTIONS}) is nearest to the {{target[0]}}?"),
        Form(f"Among {_OPTIONS}, which one has the smallest distance to the {{target[0]}}?"),
        Form(f"Of the following objects, which is closest to the {{target[0]}}: {_OPTIONS}?"),
        Form(
            f"Measuring from the closest point of each object, which of these objects ({_OPTIONS}) is the "
            "{order[0]:farthest} from the {target[0]}?",
            is_extra=True,
        ),
        Form(
            f"Which of these objects ({_OPTIONS}) is {{order[0]:farthest}} from the {{target[0]}}?",
            is_extra=True,
        ),
        Form(
            f"Among {_OPTIONS}, which one has its closest point {{order[0]:farthest}} from that of the {{target[0]}}?",
            is_extra=True,
        ),
    )
    main_role = "target"
    symmetric = frozenset({"options"})
    share = PLACED

    @override
    def program(self, roles: Roles) -> str:
        (target,) = roles["target"]
        listed = ", ".join(quote(name) for name in roles["options"])
        head = f"def answer(scene):\n    target = scene.unique({quote(target)})\n    names = [{listed}]\n"
        if "order" in roles:
            return head + (
                "    farthest = max(names, key=lambda name: scene.distance(target, scene.unique(name)))\n"
                "    return choice(farthest, among=names)\n"
            )
        return head + (
            "    nearest = min(names, key=lambda name: min(scene.distance(target, it) for it in scene.all(name)))\n"
            "    return choice(nearest, among=names)\n"
        )

    @override
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        known = [name for name in geometry.categories() if geometry.is_complete(name)]
        farthest = self._candidates(geometry, geometry.unique_categories(), {"order": ("farthest",)}, rng)
        return in_turns([self._candidates(geometry, known, {}, rng), farthest], rng)

    def _candidates(
        self, geometry: SceneGeometry, known: Sequence[str], order: Roles, rng: np.random.Generator
    ) -> Iterator[Roles]:
        """Those with these options: the nearest, or by `order` the farthest, of some four of them."""
        targets = geometry.unique_categories()
        categories = [str(name) for name in rng.permutation(known)[:MOST_CATEGORIES]]
        fours = list(combinations(range(len(categories) - 1), 4))
        for i in random_order(len(targets) * len(fours), rng):
            target = targets[i // len(fours)]
            others = [category for category in categories if category != target]
            options = tuple(others[j] for j in rng.permutation(fours[i % len(fours)]))
            roles = {"target": (target,), "options": options, **order}
            if self.check(geometry, roles) is None:
                yield roles

    @override
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        (target,), options = roles["target"], roles["options"]
        problem = not_unique(geometry, target)
        if problem is not None:
            return problem
        if len({target, *options}) < 5:
            return f"not four different options beside the {target}: {', '.join(options)}"
        unclear = not_unique if "order" in roles else not_complete
        problem = unclear(geometry, *options) or self._too_close(geometry, roles)
        if problem is not None:
            return problem
        index, *nearest = _compared(geometry, roles)
        unseen = (gap_not_framed(geometry, index, other) for other in nearest)
        return next((problem for problem in unseen if problem is not None), None)

    def _too_close(self, geometry: SceneGeometry, roles: Roles) -> str | None:
        """Which distances are too small or too similar, or None."""
        distances, least = _distances(geometry, roles), self.margins(geometry).nearest
        if distances[0] < least:
            return f"the nearest option is {distances[0]:.2f} m away; at least {least} m needed"
        smallest, gap = float(np.diff(distances).min()), self._gap(geometry)
        if smallest <= gap:
            return f"two options differ by {smallest:.2f} m; more than {gap} m needed"
        return "the farthest option has not the farthest middle" if _may_be_another(geometry, roles) else None

    def _gap(self, geometry: SceneGeometry) -> float:
        """Metres by which the distances of any two options have to differ."""
        margins = self.margins(geometry)
        return margins.gap_in_halls if geometry.scene.floor_area > margins.hall else margins.gap

    @override
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        distances = _distances(geometry, roles)
        gap = float(np.diff(distances).min()) / self._gap(geometry)
        return min(distances[0] / self.margins(geometry).nearest, gap)

    @override
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        return frozenset(_compared(geometry, roles))


def _may_be_another(geometry: SceneGeometry, roles: Roles) -> bool:
    """Whether the farthest option is another one by the distances between centres."""
    if "order" not in roles:
        return False
    target, *others = _compared(geometry, roles)
    middles = np.linalg.norm(geometry.centers[others] - geometry.centers[target], axis=1)
    return bool(middles.argmax() != geometry.distances[target, others].argmax())


def _compared(geometry: SceneGeometry, roles: Roles) -> list[int]:
    """The indices of the target and of the nearest object of each option."""
    (target,) = geometry.indices(roles["target"][0])
    return [target, *(geometry.nearest(target, name) for name in roles["options"])]


def _distances(geometry: SceneGeometry, roles: Roles) -> list[float]:
    """Metres from the target to the nearest object of each option, sorted."""
    target, *nearest = _compared(geometry, roles)
    return sorted(geometry.distances[target, nearest].tolist())


FAMILY = ObjectRelDistance()
