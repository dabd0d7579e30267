"""What a family is: its sentences, its own program, what it may ask about, and when an answer may be kept.

A family is final and without state. Its text is written and parsed by the same forms, of which the first is
VSI-Bench's to the letter; its program is written from the same roles. `check` decides; `candidates` only filters
enough that most of what it offers has a chance.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TypeVar

import numpy as np

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.first_seen import VISIBLE
from lightning_ouro.programs.questions import LETTERS
from lightning_ouro.programs.scene_geometry import SceneGeometry

Key = tuple[str, str, tuple[tuple[str, tuple[str, ...]], ...]]
"""Scene, family and what is named by role: two questions with equal keys are the same question."""
Item = TypeVar("Item")


class Family(ABC):
    """A question type.

    Attributes:
        name: VSI-Bench's name where it has one.
        forms: Its sentences; the first that fits the roles is VSI-Bench's.
        symmetric: Roles whose objects may change places without changing the question.
        main_role: The role whose object a question is mostly about, "" if there is none.
        most_options: So many choices are shown; of more, some wrong ones are left out.
    """

    name: str
    forms: tuple[Form, ...]
    symmetric: frozenset[str] = frozenset()
    main_role: str
    most_options: int = len(LETTERS)

    @abstractmethod
    def program(self, roles: Roles) -> str:
        """Source of the program that answers the question."""

    @abstractmethod
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        """Distinct roles that the scene may be asked about, in random order."""

    @abstractmethod
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        """Says which of the family's own conditions does not hold, or None; some concern the answer."""

    @abstractmethod
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        """Ids of the objects that the frames have to show; only called after `check` has passed."""

    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        """How many times over the family's own conditions hold: 1 at their limit; only called after `check` passed."""
        return math.inf

    def canonical(self, roles: Roles) -> Roles:
        """The roles with symmetric ones sorted, so that equal questions have equal objects."""
        return {
            role: tuple(sorted(names)) if role in self.symmetric else names for role, names in roles.items()
        }

    @cached_property
    def words(self) -> frozenset[str]:
        """The roles that hold no categories."""
        return frozenset(role for form in self.forms for role in form.words)

    def fitting(self, roles: Roles) -> list[Form]:
        """The sentences in which these roles can be named."""
        return [form for form in self.forms if form.fits(roles)]

    def parse(self, text: str) -> Roles | None:
        """The roles that a text of this family names, or None if it follows none of its forms."""
        return next((roles for form in self.forms if (roles := form.read(text)) is not None), None)

    def relisted(self, text: str, options: tuple[str, ...]) -> str:
        """The text with its options listed in the order of their letters; unchanged where it lists none of its own."""
        for form in self.forms:
            roles = form.read(text)
            if roles is not None and "options" in roles:
                return form.write({**roles, "options": options})
        return text

    def key(self, scene_id: str, roles: Roles) -> Key:
        """What "asked before" compares."""
        return scene_id, self.name, tuple(sorted(self.canonical(roles).items()))


def quote(category: str) -> str:
    """The category as Python source, in double quotes as a language model would write it."""
    return json.dumps(category, ensure_ascii=False)


def shuffled(number: int, rng: np.random.Generator, at_most: int = 20_000) -> list[int]:
    """The numbers below `number` in random order, at most so many of them."""
    return (
        [] if number == 0 else [int(i) for i in rng.choice(number, size=min(number, at_most), replace=False)]
    )


def in_turns(items: Iterable[Item], kinds: Iterable[object], rng: np.random.Generator) -> Iterator[Item]:
    """The items in an order in which each kind comes as soon as any other, as long as there are items of it."""
    queues: dict[object, list[Item]] = {}
    for item, kind in zip(items, kinds, strict=True):
        queues.setdefault(kind, []).append(item)
    left = list(queues.values())
    while left:
        queue = left[int(rng.integers(len(left)))]
        yield queue.pop()
        if not queue:
            left.remove(queue)


def not_unique(geometry: SceneGeometry, *categories: str) -> str | None:
    """Says which of the categories does not name exactly one object, or that one is named twice."""
    for category in categories:
        if not geometry.is_unique(category):
            return f"{category} names {geometry.count(category)} objects, not one"
    if len(set(categories)) < len(categories):
        return f"not {len(categories)} different objects: {', '.join(categories)}"
    return None


def only(geometry: SceneGeometry, *roles: tuple[str, ...]) -> frozenset[int]:
    """The ids of all objects of the named categories."""
    return frozenset(place for names in roles for name in names for place in geometry.indices(name))


def not_in_picture(geometry: SceneGeometry, seconds: str, *categories: str) -> str | None:
    """Says which unique category the frame at a time does not show, or that there is no such frame."""
    frame = geometry.frame(seconds)
    if geometry.views is None or frame is None:
        return f"no frame is shown at {seconds} s"
    for category in categories:
        if geometry.views.visibility[frame, geometry.indices(category)[0]] < VISIBLE:
            return f"the {category} is not in the picture at {seconds} s"
    return None


def frames_at(geometry: SceneGeometry, times: tuple[str, ...]) -> list[int] | None:
    """The places of the frames that are shown at these times; None if there is none at one of them."""
    frames = [frame for seconds in times if (frame := geometry.frame(seconds)) is not None]
    return frames if len(frames) == len(times) else None


def pairs_of_times(geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Each two times of shown frames, the earlier first, in random order."""
    times = list(dict.fromkeys(geometry.times))
    firsts, seconds = np.triu_indices(len(times), k=1)
    return ((times[firsts[i]], times[seconds[i]]) for i in shuffled(len(firsts), rng))
