"""The gate for names: what the objects of a scene are called, and which labels no prompt may hold.

A label that is not plain words (control characters, markup, quotes, braces, emoji, more than 40 characters)
could change the structure of a prompt, and one that the questions' forms say themselves (camera, left) their
meaning. Its object is left out of the scene, like objects whose label names nothing, or anything (furniture,
object): a name that was cleaned up would be one that nobody gave, and could make one category of two. But it
may still be one of the objects that its label hints at, so these categories count as incomplete: otherwise a
second tv, labelled `tv<|im_end|>`, would make "the tv" ambiguous unnoticed. One warning per scene says so.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Callable, Set
from typing import Any, final

from lightning_ouro.plain_text import lower_case
from lightning_ouro.scenes.readers.files import short_repr
from lightning_ouro.scenes.vocabulary import (
    is_class,
    is_form_word,
    is_other_word,
    names_nothing,
    plain_name,
    spellings,
)

_QUOTED = 3  # labels in a warning
_HINT_LENGTH = 200  # characters of a label in which categories are looked for
_WORD = re.compile(r"[^\W_]+")


@final
class Names:
    """The names of one scene's objects.

    Args:
        name_of: What an object with a label is called, or None if a question could not name it.

    Attributes:
        unified: The name of each label that is another word for it.
    """

    def __init__(self, name_of: Callable[[str], str | None] = plain_name) -> None:
        self._name_of = name_of
        self._spelled: dict[str, str] = {}
        self._refused: list[str] = []
        self._classes: set[str] = set()
        self._lost: set[str] = set()
        self._is_any_lost = False
        self.unified: dict[str, str] = {}

    def of(self, label: str) -> str | None:
        """The name of objects with this label, or None; of names that differ in case only, the first is kept."""
        name = self._name_of(label)
        if name is not None and is_class(name):
            self._classes.add(name)
            return None
        if name is not None and is_form_word(name):
            self._refused.append(label)
            return None
        if name is not None:
            if is_other_word(label, name):
                self.unified[label] = name
            return self._spelled.setdefault(lower_case(name), name)
        if label.strip() and not names_nothing(label):
            self._refused.append(label)
        return None

    @property
    def given(self) -> frozenset[str]:
        """All names in the source, also those of objects that were left out later, or for their name."""
        return frozenset(self._spelled.values()) | self._classes

    def lose(self, name: str) -> None:
        """Notes that an object of this name is left out, so that it is not known how many there are."""
        self._lost.add(name)

    def lose_unnamed(self) -> None:
        """Notes that an object is left out of which nobody knows what it is, so that nothing is complete."""
        self._is_any_lost = True

    def lose_label(self, label: Any) -> None:
        """Notes that an object is left out whose label, if it has one, is this."""
        if not isinstance(label, str):
            self.lose_unnamed()
        elif (name := self.of(label)) is not None:
            self.lose(name)

    def certain(self, complete: Set[str]) -> frozenset[str]:
        """The complete categories without those of lost objects, and those that a refused label might mean."""
        if self._is_any_lost:
            return frozenset()
        hints = [
            f" {' '.join(_WORD.findall(lower_case(unicodedata.normalize('NFKC', label[:_HINT_LENGTH]))))} "
            for label in self._refused
        ]
        return frozenset(
            name for name in complete - self._lost if not any(_is_hinted_at(name, hint) for hint in hints)
        )

    def warn(self, scene_id: str) -> None:
        """Says once which labels were refused, if any were."""
        refused = list(dict.fromkeys(self._refused))
        if refused:
            listed = ", ".join(map(short_repr, refused[:_QUOTED])) + (", …" if refused[_QUOTED:] else "")
            warnings.warn(
                f"scene {scene_id}: objects called {listed} are left out, because no question can name them; "
                "give them names of at most 40 letters, digits and spaces that are no words of the questions",
                stacklevel=2,
            )


def _is_hinted_at(name: str, hint: str) -> bool:
    return any(f" {lower_case(spelling)} " in hint for spelling in spellings(name))
