"""From a brief to a prompt: metadata, API, families' weights, examples, last round's questions, within token budgets.

Both kinds have the same parts in the same order; `prompts/*.txt` are their words. Lists that are too long for their
budget lose lines at their end. Scene ids appear nowhere, and no text that came from outside may hold a special token,
a line break or a fence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from importlib.resources import files
from string import Template
from typing import Literal, NamedTuple, final

from lightning_ouro.curriculum.skill import BANDS
from lightning_ouro.programs.api import STUB
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.questions import LETTERS, Question
from lightning_ouro.programs.scene_geometry import SceneGeometry
from lightning_ouro.proposer import metadata
from lightning_ouro.proposer.grammar import askable
from lightning_ouro.proposer.metadata import References
from lightning_ouro.proposer.protocol import Brief

Kind = Literal["full", "compact"]
NOTHING = "-"
LONG = References({}, {})
MENTIONS = 45  # of families in a compact prompt, each as often as it is wanted: who picks one of them at random obeys


class Prompt(NamedTuple):
    """What a proposer reads, and what its short names stand for."""

    text: str
    short: References


@final
class PromptWriter:
    """Writes prompts of one kind.

    Args:
        kind: Which file of `prompts`.
        max_objects: At most so many objects are described; `metadata` says which.
        metadata_tokens: The description's budget.
        feedback_tokens: That of last round's questions.
        count_tokens: How many tokens a text has.
    """

    def __init__(
        self,
        kind: Kind,
        max_objects: int,
        metadata_tokens: int,
        feedback_tokens: int,
        count_tokens: Callable[[str], int],
    ) -> None:
        self._kind: Kind = kind
        self._template = Template(_file(f"{kind}.txt"))
        self._max_objects = max_objects
        self._metadata_tokens, self._feedback_tokens = metadata_tokens, feedback_tokens
        self._count = count_tokens

    def write(self, brief: Brief, geometry: SceneGeometry) -> Prompt:
        """The text that follows the frames in the user's turn."""
        weights = {
            name: weight for name, weight in brief.family_weights.items() if weight > 0 and name in FAMILIES
        }
        used_up = (
            askable(weights, geometry, frozenset()).keys() - askable(weights, geometry, brief.asked).keys()
        )
        weights = {name: weight for name, weight in weights.items() if name not in used_up} or weights
        total = sum(weights.values())
        if self._kind == "compact":
            short = References.of(geometry, self._max_objects, brief.asked_about)
            described = metadata.compact(geometry, short, self._max_objects)
            wanted = [name * max(1, round(MENTIONS * weight / total)) for name, weight in weights.items()]
        else:
            short, described = LONG, metadata.full(geometry, self._max_objects)
            wanted = [f"{name} {max(1, round(100 * weight / total))}%" for name, weight in weights.items()]
        refused = [f"{reason} {count}" for reason, count in brief.rejections.items()]
        text = self._template.substitute(
            metadata="\n".join(self._within(described, self._metadata_tokens)),
            api=STUB.strip(),
            wanted="\n".join(wanted),
            examples=_file("examples.txt").strip() if self._kind == "full" else "",
            feedback="\n".join(self._within(self._feedback(brief, short), self._feedback_tokens)) or NOTHING,
            refused="\n".join(refused) or NOTHING,
        )
        return Prompt(text.strip(), short)

    def _feedback(self, brief: Brief, short: References) -> list[str]:
        """A line a question: first one of each band, then the next, so that a cut takes from all."""
        by_band = [[(band, question) for question in brief.recent.get(band, ())] for band in BANDS]
        longest = max(map(len, by_band), default=0)
        in_turns = [asked[place] for place in range(longest) for asked in by_band if place < len(asked)]
        told = (
            (band, _told(question, short) if self._kind == "compact" else _said(question))
            for band, question in in_turns
        )
        return [f"{band} {line}" for band, line in told if line and _is_safe(line)]

    def _within(self, lines: Sequence[str], budget: int) -> list[str]:
        kept: list[str] = []
        for line in lines:
            budget -= self._count(line + "\n")
            if budget < 0:
                break
            kept.append(line)
        return kept


def _said(question: Question) -> str:
    return f"{question.family}: {' '.join(question.text.split())} {_answer(question)}"


def _told(question: Question, short: References) -> str:
    """Family, objects by short names with those of the main role first, answer; "" if the prompt does not show them.

    What was asked about stands next to the band: behind a sentence's words a small model did not find it.
    """
    family, every = FAMILIES[question.family], list[str | None]()
    for role in sorted(question.objects, key=lambda role: role != family.main_role):
        if role == "times" or role not in family.words:
            known = short.times if role == "times" else short.names
            every += [known.get(name) for name in question.objects[role]]
    if None in every:
        return ""
    return f"{question.family}{''.join(map(str, every))} {short.option(_answer(question))}"


def _answer(question: Question) -> str:
    if question.options is None:
        return question.answer
    return question.options[LETTERS.index(question.answer)]


def _is_safe(line: str) -> bool:
    return line.isprintable() and "<|" not in line and "```" not in line


def prompt_words(kind: Kind) -> list[str]:
    """What a kind's file says between its fields."""
    parts = re.split(r"\$\w+", _file(f"{kind}.txt"))
    return [part for part in parts if part.strip()]


def _file(name: str) -> str:
    return (files("lightning_ouro.proposer") / "prompts" / name).read_text("utf8")
