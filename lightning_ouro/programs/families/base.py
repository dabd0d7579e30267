"""The interface of a question family: its sentences, its program, what it can ask about, and what is kept.

Each family is one final, stateless class in a file of its own, which ends with its only instance, `FAMILY`.
Questions are written and parsed with the same forms, and the program is written from the same roles that the
forms name, so a family's text and program cannot disagree. `check` decides what is kept; `candidates` only
filters well enough that most of what it offers passes the later checks.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import final

import numpy as np

from lightning_ouro.plain_text import folded
from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.forms import Form, Roles
from lightning_ouro.programs.first_seen import VISIBLE
from lightning_ouro.programs.margins import Margins
from lightning_ouro.programs.questions import LETTERS
from lightning_ouro.programs.scene_geometry import SceneGeometry

Key = tuple[str, str, tuple[tuple[str, tuple[str, ...]], ...]]
"""Scene, family, and the names of each role: two questions with equal keys are the same question."""


class Family(ABC):
    """A type of question.

    Attributes:
        name: VSI-Bench's name for it, where VSI-Bench has one.
        forms: Its sentences; the first that fits the roles has VSI-Bench's wording, or ReVSI's for what VSI-Bench
            does not ask.
        symmetric: Roles whose names can be reordered without changing the question.
        main_role: The role that a question is mainly about; "" if there is none.
        most_options: Maximum number of options shown; surplus wrong ones are left out.
        share: Of some frame's pixels, that each object that has to be shown fills at least. It depends on what
            is judged: that something is there, where it is, or how large (`first_seen`).
        free_share: The same for a question that follows none of the forms.
    """

    name: str
    forms: tuple[Form, ...]
    symmetric: frozenset[str] = frozenset()
    main_role: str
    most_options: int = len(LETTERS)
    share: float = VISIBLE
    free_share: float = VISIBLE

    @abstractmethod
    def program(self, roles: Roles) -> str:
        """Source of the program that answers the question."""

    @abstractmethod
    def candidates(self, geometry: SceneGeometry, rng: np.random.Generator) -> Iterator[Roles]:
        """Distinct roles that can be asked about in this scene, in random order."""

    @abstractmethod
    def check(self, geometry: SceneGeometry, roles: Roles, answer: TypedAnswer | None = None) -> str | None:
        """Which of the family's conditions is violated, or None; a few of them concern the answer."""

    @abstractmethod
    def must_show(self, geometry: SceneGeometry, roles: Roles) -> frozenset[int]:
        """Ids of the objects that the frames have to show. Called only after `check` has passed."""

    @abstractmethod
    def slack(self, geometry: SceneGeometry, roles: Roles) -> float:
        """The smallest ratio of a measured value to the limit that a condition sets for it.

        1 at the limit, above 1 beyond it, infinite without any limit. Called only after `check` has passed.
        """

    @final
    def least_share(self, roles: Roles) -> float:
        """The share that a question about these roles needs."""
        return self.share if any(form.fits(roles) for form in self.forms) else self.free_share

    @final
    def margins(self, geometry: SceneGeometry) -> Margins:
        """How clear the family's answers about a scene have to be."""
        return geometry.margins.of(self.name)

    @final
    def canonical(self, roles: Roles) -> Roles:
        """The roles with symmetric ones sorted, so that equal questions have equal objects."""
        return {
            role: tuple(sorted(names)) if role in self.symmetric else names for role, names in roles.items()
        }

    @final
    @cached_property
    def words(self) -> frozenset[str]:
        """The roles that hold times or words instead of categories."""
        return frozenset(role for form in self.forms for role in form.words)

    @final
    def fitting(self, roles: Roles) -> list[Form]:
        """The sentences that can name exactly these roles."""
        return [form for form in self.forms if form.fits(roles)]

    @final
    def is_extra(self, geometry: SceneGeometry, roles: Roles) -> bool:
        """Whether VSI-Bench has no such question: no such sentence, or none about something that is not there."""
        names = [name for role in roles.keys() - self.words for name in roles[role]]
        return not all(map(geometry.indices, names)) or all(form.is_extra for form in self.fitting(roles))

    @final
    def parse(self, text: str) -> Roles | None:
        """The roles that a text names, or None if it follows none of the family's forms."""
        followed = _followed(self, text)
        return None if followed is None else followed[1]

    @final
    def rewritten(self, text: str, roles: Roles) -> str:
        """The text's own sentence about these roles; a text that follows no form is only folded.

        Whatever does not matter when a text is read (case, white space, zeros before a time) is then gone, so
        the same question has the same text.
        """
        followed = _followed(self, text)
        return folded(text) if followed is None else followed[0].write(roles)

    @final
    def relisted(self, text: str, options: tuple[str, ...]) -> str:
        """The text with the options it lists in this order; unchanged if it lists none."""
        for form in self.forms:
            roles = form.read(text)
            if roles is not None and "options" in roles:
                return form.write({**roles, "options": options})
        return text

    @final
    def key(self, scene_id: str, roles: Roles) -> Key:
        """What two questions are compared by to tell whether the second was asked before."""
        return scene_id, self.name, tuple(sorted(self.canonical(roles).items()))


@lru_cache(maxsize=16)  # what a question means is asked for, and then its text is written again
def _followed(family: Family, text: str) -> tuple[Form, Roles] | None:
    """The first of the family's forms that a text follows, and the roles it names."""
    return next(((form, roles) for form in family.forms if (roles := form.read(text)) is not None), None)


@lru_cache(maxsize=1024)
def quote(category: str) -> str:
    """The category as a Python string literal, in double quotes as language models tend to write it."""
    return json.dumps(category, ensure_ascii=False)
