"""Writes the prompt for a brief: metadata, API, family weights, examples, feedback, within token budgets.

Both kinds of prompt have the same parts in the same order; their wording is in `prompts/*.txt`. A list that
exceeds its token budget loses lines at its end. Scene ids never appear, and no text that comes from outside
may contain a special token, a line break or a fence, so metadata cannot change the structure of the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from importlib.resources import files
from itertools import islice
from string import Template
from typing import Literal, NamedTuple, final

import numpy as np

from lightning_ouro.curriculum.skill import BANDS
from lightning_ouro.programs.api import STUB
from lightning_ouro.programs.families import FAMILIES, OPEN, Family
from lightning_ouro.programs.questions import LETTERS, Question
from lightning_ouro.programs.scene_geometry import SceneGeometry
from lightning_ouro.proposer import metadata
from lightning_ouro.proposer.grammar import NUM_CANDIDATES, Style, askable
from lightning_ouro.proposer.protocol import Brief
from lightning_ouro.proposer.short_names import ShortNames

Kind = Literal["full", "compact"]
EMPTY_LIST = "-"
NO_SHORT_NAMES = ShortNames({}, {})
# How many times a compact prompt names families in all, each as often as it is wanted, so that picking one at
# random obeys the weights. Chosen by hand: three times each of 15 families if all are wanted equally.
MENTIONS = 45


class Prompt(NamedTuple):
    """The text that a proposer reads, and the short names that it uses."""

    text: str
    short: ShortNames


@final
class PromptWriter:
    """Writes prompts of one kind.

    Args:
        kind: Which file of `prompts` to fill in.
        max_objects: Maximum number of objects to describe; `described_categories` says which.
        metadata_tokens: Budget of the scene's description, in tokens.
        feedback_tokens: Budget of the list of last round's questions, in tokens.
        count_tokens: Returns the number of tokens of a text.
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
        self._template = Template(_read(f"{kind}.txt"))
        self._max_objects = max_objects
        self._metadata_tokens, self._feedback_tokens = metadata_tokens, feedback_tokens
        self._count_tokens = count_tokens

    def write(self, brief: Brief, geometry: SceneGeometry) -> Prompt:
        """The text that follows the frames in the user's turn."""
        # What the shipped weights were taught does not include the sentences that VSI-Bench lacks.
        weights = _wanted_weights(brief, geometry, "vsi_bench" if self._kind == "compact" else "mixed")
        total = sum(weights.values())
        if self._kind == "compact":
            short = ShortNames.of(geometry, self._max_objects, brief.asked_about)
            described = metadata.compact(geometry, short, self._max_objects)
            wanted = [name * max(1, round(MENTIONS * weight / total)) for name, weight in weights.items()]
        else:
            short, described = NO_SHORT_NAMES, metadata.full(geometry, self._max_objects)
            shares = {name: max(1, round(100 * weight / total)) for name, weight in weights.items()}
            wanted = [
                f"{name} {share}%{_sentences(FAMILIES[name], geometry)}" for name, share in shares.items()
            ]
        refused = [f"{reason} {count}" for reason, count in brief.rejections.items()]
        feedback = self._within(self._feedback(brief, short), self._feedback_tokens)
        text = self._template.substitute(
            metadata="\n".join(self._within(described, self._metadata_tokens)),
            api=STUB.strip(),
            wanted="\n".join(wanted),
            examples=_read("examples.txt").strip() if self._kind == "full" else "",
            feedback="\n".join(feedback) or EMPTY_LIST,
            refused="\n".join(refused) or EMPTY_LIST,
        )
        return Prompt(text.strip(), short)

    def _feedback(self, brief: Brief, short: ShortNames) -> list[str]:
        """One line per question: first one of each band, then the next, so that a cut affects all bands alike."""
        by_band = [[(band, question) for question in brief.recent.get(band, ())] for band in BANDS]
        longest = max(map(len, by_band), default=0)
        in_turns = [of_band[index] for index in range(longest) for of_band in by_band if index < len(of_band)]
        lines = [
            (band, _in_short(question, short) if self._kind == "compact" else _in_words(question))
            for band, question in in_turns
        ]
        return [f"{band} {line}" for band, line in lines if line and _is_safe(line)]

    def _within(self, lines: Sequence[str], budget: int) -> list[str]:
        kept: list[str] = []
        for line in lines:
            budget -= self._count_tokens(line + "\n")
            if budget < 0:
                break
            kept.append(line)
        return kept


def prompt_words(kind: Kind) -> list[str]:
    """The fixed text of a kind of prompt, between its fields."""
    parts = re.split(r"\$\w+", _read(f"{kind}.txt"))
    return [part for part in parts if part.strip()]


def _sentences(family: Family, geometry: SceneGeometry) -> str:
    """The shortest sentence, and the shortest that VSI-Bench lacks if it can be asked here; none for `open`."""
    if family is OPEN:
        return ""
    asked = islice(family.candidates(geometry, np.random.default_rng(0)), NUM_CANDIDATES)
    usual = [form for form in family.forms if not form.is_extra]
    extra = [form for roles in asked for form in family.fitting(roles) if form.is_extra]
    outlines = [min((form.outline() for form in forms), key=len) for forms in (usual, extra) if forms]
    return f": {' / '.join(outlines)}"


def _wanted_weights(brief: Brief, geometry: SceneGeometry, style: Style) -> dict[str, float]:
    """The wanted families without those that are used up in this scene; all if that leaves none.

    A family that the scene never had anything for stays: leaving it out raised the share of accepted
    proposals on real layouts (53.5 % to 56.6 %) but lowered it on procedural scenes (50.9 % to 48.6 %).
    """
    weights = {
        name: weight for name, weight in brief.family_weights.items() if weight > 0 and name in FAMILIES
    }
    if not brief.asked:
        return weights
    before, now = (askable(weights, geometry, asked, style).keys() for asked in (frozenset(), brief.asked))
    used_up = before - now
    return {name: weight for name, weight in weights.items() if name not in used_up} or weights


def _in_words(question: Question) -> str:
    return f"{question.family}: {' '.join(question.text.split())} {_answer(question)}"


def _in_short(question: Question, short: ShortNames) -> str:
    """Family, short names of its objects (main role first), answer; "" if the prompt lacks one of them.

    The objects follow directly after the band and the family: after the words of a sentence a small model
    missed them.
    """
    family, names = FAMILIES[question.family], list[str | None]()
    for role in sorted(question.objects, key=lambda role: role != family.main_role):
        if role == "times" or role not in family.words:
            known = short.times if role == "times" else short.categories
            names += [known.get(name) for name in question.objects[role]]
    if None in names:
        return ""
    return f"{question.family}{''.join(map(str, names))} {short.shorten_option(_answer(question))}"


def _answer(question: Question) -> str:
    if question.options is None:
        return question.answer
    return question.options[LETTERS.index(question.answer)]


def _is_safe(line: str) -> bool:
    return line.isprintable() and "<" not in line and "```" not in line


def _read(name: str) -> str:
    return (files("lightning_ouro.proposer") / "prompts" / name).read_text("utf8")
