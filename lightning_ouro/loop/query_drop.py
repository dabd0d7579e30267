"""Which counting questions are asked again on a video without what they ask for, where the right answer is 0.

A question is asked again if there are any objects of the category, or the two, that it counts. Of each scene and set
the first ones are, in the set's order, each on a video of its own: only the objects that its own names fit are left
out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lightning_ouro.programs.questions import Question
from lightning_ouro.scenes.naming import may_be_called
from lightning_ouro.scenes.types import Scene

COUNTING = "object_counting"


@dataclass(frozen=True)
class Drop:
    """A counting question, and the objects that its video must not show.

    Attributes:
        question: About the whole scene, with that one's answer.
        objects: Their ids, at least one.
    """

    question: Question
    objects: frozenset[int]


def queries_to_drop(scene: Scene, questions: Sequence[Question], most: int) -> list[Drop]:
    """The first questions of one set about a scene that can be asked again, at most `most`."""
    drops: list[Drop] = []
    for question in questions:
        called = (objects_called(scene, category) for category in counted_categories(question))
        if objects := frozenset[int]().union(*called):
            drops.append(Drop(question, objects))
    return drops[:most]


def counted_categories(question: Question) -> frozenset[str]:
    """What a question counts; nothing if it is not a counting question."""
    is_counting = question.family == COUNTING and question.unit == "count"
    names = (name for role in question.objects.values() for name in role)
    return frozenset(names) if is_counting else frozenset()


def objects_called(scene: Scene, category: str) -> frozenset[int]:
    """The ids of all objects that a category's name fits: a coffee table is a table too."""
    return frozenset(
        item.id
        for item in scene.objects
        if item.category == category or may_be_called(item.category, category)
    )
