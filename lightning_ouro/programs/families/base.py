"""What a family is: its sentences, its own program, what it may ask about, and when an answer may be kept.

A family is final and without state. Its text is written and parsed by the same forms, of which the first is
VSI-Bench's to the letter; its program is written from the same roles. `check` decides; `candidates` only filters
enough that most of what it offers has a chance.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np

from lightning_ouro.programs.answers import Answer
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.questions import Unit
from lightning_ouro.programs.world import World

Key = tuple[str, str, tuple[tuple[str, tuple[str, ...]], ...]]
"""Scene, family and objects by role: two questions with equal keys are the same question."""


class Family(ABC):
    """A question type.

    Attributes:
        name: VSI-Bench's name where it has one.
        unit: The unit of its numbers, None for choices.
        fixed: The options that every question of the family has, None for numbers and options that vary.
        forms: Its sentences; the first is VSI-Bench's.
        symmetric: Roles whose objects may change places without changing the question.
        main_role: The role whose object a question is mostly about, "" if there is none.
    """

    name: str
    unit: Unit | None
    fixed: tuple[str, ...] | None = None
    forms: tuple[Form, ...]
    symmetric: frozenset[str] = frozenset()
    main_role: str

    @abstractmethod
    def program(self, roles: Roles) -> str:
        """Source of the program that answers the question."""

    @abstractmethod
    def candidates(self, world: World, rng: np.random.Generator) -> Iterator[Roles]:
        """Distinct roles that the scene may be asked about, in random order."""

    @abstractmethod
    def check(self, world: World, roles: Roles, answer: Answer) -> str | None:
        """Says which of the family's own conditions does not hold, or None."""

    @abstractmethod
    def must_show(self, world: World, roles: Roles) -> frozenset[int]:
        """Ids of the objects that the frames have to show; only called after `check` has passed."""

    def canonical(self, roles: Roles) -> Roles:
        """The roles with symmetric ones sorted, so that equal questions have equal objects."""
        return {role: tuple(sorted(names)) if role in self.symmetric else names for role, names in roles.items()}

    def options(self, roles: Roles) -> tuple[str, ...] | None:
        """The choices, None for a number."""
        return roles.get("options") if self.fixed is None else self.fixed

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
    return [] if number == 0 else [int(i) for i in rng.choice(number, size=min(number, at_most), replace=False)]
