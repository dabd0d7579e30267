"""Every accepted question of a run: what was asked, how answers and letters are spread; derived from questions only.

A question enters if its objects were not asked about in its family before, and if its answer does not become too
common: at most 40 % of a family's numbers, at most 1/k + 10 points of its fixed choices. Letters are dealt per family
and number of options k in shuffled rounds of k, so they stay level and do not follow the order of the answers.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import final

import numpy as np

from lightning_ouro.programs import source
from lightning_ouro.programs.families import FAMILIES, Key
from lightning_ouro.programs.questions import LETTERS, Question, Rejection
from lightning_ouro.programs.verification import Verified

COMMONEST_NUMBER = 0.4
COMMONEST_CHOICE = 0.1  # above 1/k
FREE = 5  # so many questions with the same answer get in whatever their share


@final
class Pool:
    """Accepted questions, in the order in which they were accepted."""

    def __init__(self) -> None:
        self._questions: list[Question] = []
        self._ids: set[str] = set()
        self._keys: dict[str, set[Key]] = defaultdict(set)
        self._answers: dict[str, Counter[str]] = defaultdict(Counter)
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
        for candidate in verified:
            tree = source.parse(candidate.proposal.program)
            assert not isinstance(tree, str)
            id = source.identity(candidate.proposal.scene_id, candidate.family, tree)
            if id in self._ids or candidate.key in self._keys[candidate.proposal.scene_id]:
                detail = f"{candidate.family} about {dict(candidate.objects)} was asked before"
                rejected.append(Rejection(candidate.proposal, "asked_before", detail))
                continue
            problem = self._too_common(candidate)
            if problem is not None:
                rejected.append(Rejection(candidate.proposal, "common", problem))
                continue
            question = self._question(id, candidate, round)
            self._enter(question)
            accepted.append(question)
        return accepted, rejected

    def _too_common(self, candidate: Verified) -> str | None:
        fixed = FAMILIES[candidate.family].fixed
        if candidate.options is not None and fixed is None:
            return None
        limit = COMMONEST_NUMBER if fixed is None else 1 / len(fixed) + COMMONEST_CHOICE
        answers, value = self._answers[candidate.family], candidate.answer.printed()
        same, total = answers[value] + 1, answers.total() + 1
        if same <= max(FREE, limit * total):
            return None
        return f"{value!r} would answer {same} of {total} questions of {candidate.family}; at most {limit:.0%} may"

    def _question(self, id: str, candidate: Verified, round: int) -> Question:
        proposal, answer, options, text = candidate.proposal, candidate.answer.printed(), None, candidate.proposal.text
        if candidate.options is not None:
            place = self._place(candidate.family, len(candidate.options))
            options = _ordered(id, candidate.options, answer, place)
            text = FAMILIES[candidate.family].relisted(text, options)
            answer = LETTERS[place]
        return Question(
            id=id,
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
        self._answers[question.family][value] += 1


def _ordered(id: str, options: Sequence[str], answer: str, place: int) -> tuple[str, ...]:
    """The options with the answer at its place and the others in an order drawn from the question's id."""
    others = [option for option in sorted(options) if option != answer]
    order = [others[i] for i in _generator(f"options {id}").permutation(len(others))]
    return (*order[:place], answer, *order[place:])


def _generator(name: str) -> np.random.Generator:
    return np.random.default_rng(list(hashlib.sha256(name.encode()).digest()))
