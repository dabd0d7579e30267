"""Every accepted question of a run: what was asked, how answers and letters are spread; derived from questions only.

A question enters if its objects were not asked about in its family before, and if its answer does not become too
common: at most 40 % of a family's numbers, at most 1/k + 10 points of its choices among k. Letters are dealt per family
and k in shuffled rounds of k, so they stay level and do not follow the order of the answers. Open questions come last:
at most a tenth of what a round brings.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import final

import numpy as np

from lightning_ouro.programs.families import FAMILIES, OPEN, Key
from lightning_ouro.programs.questions import LETTERS, Question, Rejection
from lightning_ouro.programs.verification import Verified

COMMONEST_NUMBER = 0.4
COMMONEST_CHOICE = 0.1  # above 1/k
MOST_OPEN = 0.1  # of what a round brings
FREE = 5  # so many questions with the same answer get in whatever their share


@final
class Pool:
    """Accepted questions, in the order in which they were accepted."""

    def __init__(self) -> None:
        self._questions: list[Question] = []
        self._ids: set[str] = set()
        self._keys: dict[str, set[Key]] = defaultdict(set)
        self._answers: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
        self._dealt: Counter[tuple[str, int]] = Counter()

    @classmethod
    def restore(cls, questions: Iterable[Question]) -> Pool:
        """The pool that accepted these questions in this order."""
        pool = cls()
        for question in questions:
            pool._enter(question)
        return pool

    def __len__(self) -> int:
        return len(self._questions)

    @property
    def questions(self) -> tuple[Question, ...]:
        """All of them, oldest first."""
        return tuple(self._questions)

    def keys_by_scene(self) -> Mapping[str, frozenset[Key]]:
        """The keys of everything that was asked, by scene; a scene without questions is left out."""
        return {scene_id: frozenset(keys) for scene_id, keys in self._keys.items() if keys}

    def admit(self, verified: Sequence[Verified], round: int) -> tuple[list[Question], list[Rejection]]:
        """Takes in what is new and not too common, one after the other; the rest comes back as rejections."""
        accepted: list[Question] = []
        rejected: list[Rejection] = []
        for candidate in sorted(verified, key=lambda candidate: candidate.family == OPEN.name):
            if candidate.id in self._ids or candidate.key in self._keys[candidate.proposal.scene_id]:
                detail = f"{candidate.family} about {dict(candidate.objects)} was asked before"
                rejected.append(Rejection(candidate.proposal, "asked_before", detail))
                continue
            problem = self._too_common(candidate) or _too_open(candidate, accepted)
            if problem is not None:
                rejected.append(Rejection(candidate.proposal, "common", problem))
                continue
            question = self._question(candidate, round)
            self._enter(question)
            accepted.append(question)
        return accepted, rejected

    def _too_common(self, candidate: Verified) -> str | None:
        k = _shown_options(candidate)
        limit = 1 / k + COMMONEST_CHOICE if k else COMMONEST_NUMBER
        answers, value = self._answers[candidate.family, k], candidate.answer.printed()
        same, total = answers[value] + 1, answers.total() + 1
        # As many answers as the limit has room for may keep level: three at a third each would else wait for a fourth.
        level = sorted(answers.values(), reverse=True)[: math.ceil(1 / limit)]
        keeps_level = len(level) == math.ceil(1 / limit) and same <= level[-1] + 1
        if same <= max(FREE, limit * total) or keeps_level:
            return None
        return f"{value!r} would answer {same} of {total} questions of {candidate.family}; at most {limit:.0%} may"

    def _question(self, candidate: Verified, round: int) -> Question:
        proposal, answer, options, text = (
            candidate.proposal,
            candidate.answer.printed(),
            None,
            candidate.proposal.text,
        )
        if candidate.options is not None:
            k = _shown_options(candidate)
            place = self._place(candidate.family, k)
            options = _ordered(candidate.id, candidate.options, answer, place, k)
            text = FAMILIES[candidate.family].relisted(text, options)
            answer = LETTERS[place]
        return Question(
            id=candidate.id,
            scene_id=proposal.scene_id,
            family=candidate.family,
            text=text.strip(),
            options=options,
            unit=candidate.answer.unit,
            answer=answer,
            program=proposal.program,
            margin=candidate.margin,
            objects=candidate.objects,
            round=round,
        )

    def _place(self, family: str, k: int) -> int:
        """Where the next answer among k options of a family stands."""
        deal, turn = divmod(self._dealt[family, k], k)
        return int(_generator(f"letters {family} {k} {deal}").permutation(k)[turn])

    def _enter(self, question: Question) -> None:
        family = FAMILIES[question.family]
        self._questions.append(question)
        self._ids.add(question.id)
        self._keys[question.scene_id].add(family.key(question.scene_id, question.objects))
        value = question.answer
        if question.options is not None:
            value = question.options[LETTERS.index(question.answer)]
            self._dealt[question.family, len(question.options)] += 1
        self._answers[question.family, len(question.options or ())][value] += 1


def _shown_options(candidate: Verified) -> int:
    """How many options the question will have; 0 for a number."""
    return min(len(candidate.options or ()), FAMILIES[candidate.family].most_options)


def _too_open(candidate: Verified, accepted: Sequence[Question]) -> str | None:
    if candidate.family != OPEN.name:
        return None
    opened = sum(question.family == OPEN.name for question in accepted) + 1
    if opened <= MOST_OPEN * (len(accepted) + 1):
        return None
    return (
        f"{opened} of {len(accepted) + 1} questions of the round would be open; at most {MOST_OPEN:.0%} may"
    )


def _ordered(id: str, options: Sequence[str], answer: str, place: int, k: int) -> tuple[str, ...]:
    """K options: the answer at its place, the others drawn from the question's id and in an order drawn from it."""
    others = [option for option in sorted(options) if option != answer]
    order = [others[i] for i in _generator(f"options {id}").permutation(len(others))[: k - 1]]
    return (*order[:place], answer, *order[place:])


def _generator(name: str) -> np.random.Generator:
    return np.random.default_rng(list(hashlib.sha256(name.encode()).digest()))
