"""What a proposer wrote, what was accepted, and what was rejected for which reason.

Proposals, questions and rejections are frozen and JSON-serialisable; the files of a round hold one a line.
The prompt is exactly VSI-Bench's (vision-x-nyu/thinking-in-space @51e089c,
lmms_eval/tasks/vsibench/utils.py).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Unit = Literal["count", "cm", "m", "m2"]
Reason = Literal[
    "unusable",  # the reply does not contain a question with one fenced program
    "syntax",  # the program does not parse
    "forbidden",  # the program imports, names or sets what it must not
    "type",  # the program uses the API against its types
    "runtime",  # the program raises
    "limit",  # the program exceeds a limit: time, memory, recursion or length
    "untyped",  # the program does not return an answer of the API
    "unrepeatable",  # two calls of the program with the same scene give different answers
    "range",  # the answer is not finite, or outside the range of its unit
    "unnamed",  # the program uses a category that the text does not name
    "disagrees",  # the text and the program do not mean the same
    "rules",  # a condition of the family is violated
    "unseen",  # no frame shows an object that the question needs
    "unstable",  # the answer changes under a little noise in the metadata
    "unconfirmed",  # an open question's answer is not derived a second time from its text
    "asked_before",  # the family was asked about the same objects in an earlier round or slot
    "blind",  # the answer can be guessed without the video
    "common",  # the answer is too frequent in its family or for what it asks about, or there are enough open ones
]
Failing = Literal["syntax", "forbidden", "type", "runtime", "limit", "untyped", "unrepeatable", "range"]
REASONS: tuple[Reason, ...] = get_args(Reason)

VIDEO_PROMPT = "These are frames of a video.\n"
NUMBER_PROMPT = "Please answer the question using a single word or phrase."
CHOICE_PROMPT = "Answer with the option's letter from the given choices directly."
LETTERS = "ABCDEFGHIJ"
LONGEST_DETAIL = 300  # characters of a failure's message; chosen by hand


@dataclass(frozen=True)
class Proposal:
    """What a proposer wrote for one slot of one scene, unchecked.

    Attributes:
        scene_id: The scene that it asks about.
        family: The family that the proposer claims.
        text: The question in words, without options.
        program: Python source that defines `answer(scene)`.
        proposer: The kind of proposer that wrote it.
        round: Index of the round that it was written for.
        slot: Index among the scene's proposals in that round.
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
    """Why a program did not answer.

    Attributes:
        reason: One of the reasons that concern the program alone.
        detail: One line with the message, and the program's line number if it is known; what is not plain text
            in it is replaced, and its end cut off, since it may quote what a model wrote.
    """

    reason: Failing
    detail: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", _one_line(self.detail))


@dataclass(frozen=True)
class Rejection:
    """A proposal that was rejected.

    Attributes:
        proposal: What was proposed.
        reason: One of `REASONS`.
        detail: One line for a person: what exactly, with line number and message if the program failed.
    """

    proposal: Proposal
    reason: Reason
    detail: str

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Rejection:
        """The rejection in one line of a round's file.

        Raises:
            TypeError: A field is missing or unknown; the message names it.
        """
        return cls(**(dict(row) | {"proposal": Proposal(**row["proposal"])}))


@dataclass(frozen=True)
class Question:
    """A verified proposal.

    Attributes:
        id: Hash of scene, family and what is asked; for an open question, of its program.
        scene_id: The scene that it asks about.
        family: The family that it belongs to.
        text: The question in words, without options.
        options: The choices in the order of their letters, or None for a number.
        unit: The unit of a number, or None for a choice.
        answer: What the model has to say: a letter, or the rounded number as VSI-Bench prints it.
        program: The Python source that the answer came from.
        margin: Share of the draws under noise in which the answer stands, lower near a condition's limit: 0.5
            to 1.
        objects: The categories and times that it names, by role. Symmetric roles are sorted, so that equal
            questions have equal objects.
        round: Index of the round that it was accepted in.
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
        """The text that follows the video in the user's turn, exactly VSI-Bench's."""
        if self.options is None:
            return f"{VIDEO_PROMPT}{self.text}\n{NUMBER_PROMPT}"
        options = zip(LETTERS, self.options, strict=False)
        listed = "\n".join(f"{letter}. {option}" for letter, option in options)
        return f"{VIDEO_PROMPT}{self.text}\nOptions:\n{listed}\n{CHOICE_PROMPT}"

    @property
    def guess_rate(self) -> float | None:
        """Probability of guessing right among the options, or None for a number."""
        return None if self.options is None else 1 / len(self.options)

    def to_json(self) -> dict[str, Any]:
        """The question as lists, strings and numbers, ready for one line of a round's file."""
        objects = {role: list(names) for role, names in self.objects.items()}
        return dataclasses.asdict(self) | {"objects": objects}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Question:
        """The question in one line of a round's file.

        Raises:
            TypeError: A field is missing or unknown; the message names it.
        """
        options = None if row["options"] is None else tuple(row["options"])
        objects = {role: tuple(names) for role, names in row["objects"].items()}
        return cls(**(dict(row) | {"options": options, "objects": objects}))


def _one_line(text: str) -> str:
    words = "".join(character if character.isprintable() else " " for character in text[:10_000]).split()
    return " ".join(words)[:LONGEST_DETAIL]
