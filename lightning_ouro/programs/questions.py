"""From a proposal to a question: what a proposer wrote, what survived, and what was turned down for which reason.

All three are frozen, JSON-serialisable, and what a round's files hold line by line. The prompt is VSI-Bench's to the
letter (vision-x-nyu/thinking-in-space @51e089c, lmms_eval/tasks/vsibench/utils.py).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Unit = Literal["count", "cm", "m", "m2"]
Reason = Literal[
    "unusable",  # no question with one fenced program can be read from what was written
    "syntax",  # the program does not parse
    "forbidden",  # the program imports, names or changes what it may not
    "type",  # the program uses the API in a way that its types rule out
    "runtime",  # the program raises
    "limit",  # the program exceeds time, memory, recursion or length
    "untyped",  # the program returns something that is no answer of the API
    "unrepeatable",  # two runs of the program give two answers
    "range",  # the answer is not finite or outside what its unit allows
    "unnamed",  # the program uses a category that neither text nor options name
    "disagrees",  # text and program do not mean the same
    "rules",  # the family's own conditions do not hold
    "unseen",  # the frames do not show an object that the question needs
    "unstable",  # a little noise in the metadata changes the answer
    "asked_before",  # the same family and objects were asked in an earlier round or slot
    "blind",  # the answer can be guessed without looking
    "common",  # the answer is already the commonest of its family, or a tenth of the round is open questions
]
Failing = Literal["syntax", "forbidden", "type", "runtime", "limit", "untyped", "unrepeatable", "range"]
REASONS: tuple[Reason, ...] = Reason.__args__  # type: ignore[attr-defined]

VIDEO_PROMPT = "These are frames of a video.\n"
NUMBER_PROMPT = "Please answer the question using a single word or phrase."
CHOICE_PROMPT = "Answer with the option's letter from the given choices directly."
LETTERS = "ABCDEFGHIJ"


@dataclass(frozen=True)
class Proposal:
    """What a proposer wrote for one slot of one scene: unchecked.

    Attributes:
        scene_id: The scene that it asks about.
        family: The question type that the proposer claims.
        text: The question in words, without options.
        program: Python source that defines `answer(scene)`.
        proposer: The kind of proposer that wrote it.
        round: The round that it was written for, from 0.
        slot: Its place among the scene's proposals of the round, from 0.
    """

    scene_id: str
    family: str
    text: str
    program: str
    proposer: str
    round: int
    slot: int


@dataclass(frozen=True)
class Failure:
    """Why a program gave no answers.

    Attributes:
        reason: What the sandbox found.
        detail: One line: line number where known, and message.
    """

    reason: Failing
    detail: str


@dataclass(frozen=True)
class Rejection:
    """A proposal that was turned down.

    Attributes:
        proposal: What was proposed.
        reason: One of `REASONS`; counted and shown.
        detail: One line for a person: what exactly, with line number and message where a program failed.
    """

    proposal: Proposal
    reason: Reason
    detail: str


@dataclass(frozen=True)
class Question:
    """A verified proposal.

    Attributes:
        id: Hash of scene, family and the program's canonical syntax tree.
        scene_id: The scene that it asks about.
        family: Its question type.
        text: The question in words, without options.
        options: The choices in the order of their letters, or None for a number.
        unit: The unit of a number, or None for a choice.
        answer: What the model has to say: a letter, or the rounded number as VSI-Bench prints it.
        program: The Python source that the answer came from.
        margin: Share of jittered metadata under which the answer stands, less near a rule's limit: 0.5 to 1.
        objects: What it names by role, categories and times; symmetric roles are sorted, so equal questions have
            equal objects.
        round: The round that it was accepted in.
    """

    id: str
    scene_id: str
    family: str
    text: str
    options: tuple[str, ...] | None
    unit: Unit | None
    answer: str
    program: str
    margin: float
    objects: Mapping[str, tuple[str, ...]]
    round: int

    @property
    def prompt(self) -> str:
        """The text that follows the video in the user's turn, VSI-Bench's to the letter."""
        if self.options is None:
            return f"{VIDEO_PROMPT}{self.text}\n{NUMBER_PROMPT}"
        listed = "\n".join(
            f"{letter}. {option}" for letter, option in zip(LETTERS, self.options, strict=False)
        )
        return f"{VIDEO_PROMPT}{self.text}\nOptions:\n{listed}\n{CHOICE_PROMPT}"

    @property
    def guess_rate(self) -> float | None:
        """Chance of a blind guess among the options, or None for a number."""
        return None if self.options is None else 1 / len(self.options)

    def to_json(self) -> dict[str, Any]:
        """Plain lists, strings and numbers, ready for one line of a round's file."""
        return dataclasses.asdict(self) | {
            "objects": {role: list(names) for role, names in self.objects.items()}
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Question:
        """The question of one line of a round's file.

        Raises:
            TypeError: a field is missing or unknown; the message names it.
        """
        options = None if row["options"] is None else tuple(row["options"])
        objects = {role: tuple(names) for role, names in row["objects"].items()}
        return cls(**(dict(row) | {"options": options, "objects": objects}))
