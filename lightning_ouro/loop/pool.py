"""The pool: every accepted question of a run.

A question is admitted if its family has not asked about the same objects before, and if its answer does not
become too common in its family or for what it asks about (`common_answers`). For each family and k, correct
letters are assigned in shuffled blocks of k, so they stay balanced and do not follow the order of the answers.
Open questions come last: at most a tenth of a round. All of this is derived from the questions, so the pool's
state is a reference to the rounds' files.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, final

from lightning_ouro.errors import check_fields, check_same
from lightning_ouro.loop.common_answers import CommonAnswers, Given
from lightning_ouro.loop.files import Identity, RoundFiles
from lightning_ouro.programs.families import FAMILIES, OPEN, Key
from lightning_ouro.programs.questions import LETTERS, Question, Rejection
from lightning_ouro.programs.verification import Verified
from lightning_ouro.seeding import generator_named

MOST_OPEN = 0.1  # share of a round's questions that may be open; chosen by hand


@final
class Pool:
    """Accepted questions, in the order in which they were accepted.

    Args:
        files: Where the rounds are kept; None keeps questions in memory only, and then the pool cannot be
            restored.
    """

    VERSION = 1

    def __init__(self, files: RoundFiles | None = None) -> None:
        self.files = files
        self._hashes: list[str] = []  # of the rounds' question files
        self._questions: list[Question] = []
        self._ids: set[str] = set()
        self._keys: dict[str, set[Key]] = defaultdict(set)
        self._answers = CommonAnswers()
        self._assigned: Counter[tuple[str, int]] = Counter()

    def copy(self) -> Pool:
        """A pool in memory that has accepted the same questions."""
        pool = Pool()
        pool.enter(self._questions)
        return pool

    def __len__(self) -> int:
        return len(self._questions)

    @property
    def questions(self) -> tuple[Question, ...]:
        """All questions, oldest first."""
        return tuple(self._questions)

    def keys_by_scene(self) -> Mapping[str, frozenset[Key]]:
        """Keys of all questions by scene; scenes without questions are left out."""
        return {scene_id: frozenset(keys) for scene_id, keys in self._keys.items() if keys}

    def admit(self, verified: Sequence[Verified], round_index: int) -> tuple[list[Question], list[Rejection]]:
        """Admits what is new and not too common, in order; returns the rest as rejections."""
        accepted: list[Question] = []
        rejected: list[Rejection] = []
        for candidate in sorted(verified, key=lambda candidate: candidate.family == OPEN.name):
            if candidate.id in self._ids or candidate.key in self._keys[candidate.proposal.scene_id]:
                detail = f"{candidate.family} about {dict(candidate.objects)} was asked before"
                rejected.append(Rejection(candidate.proposal, "asked_before", detail))
                continue
            problem = self._answers.too_common(_given(candidate)) or _too_open(candidate, accepted)
            if problem is not None:
                rejected.append(Rejection(candidate.proposal, "common", problem))
                continue
            question = self._question(candidate, round_index)
            self._enter(question)
            accepted.append(question)
        return accepted, rejected

    def enter(self, questions: Sequence[Question]) -> None:
        """Takes in questions that were admitted before, in their order."""
        for question in questions:
            self._enter(question)

    def write_round(
        self,
        round_index: int,
        accepted: Sequence[Question],
        rejected: Sequence[Rejection],
        identity: Identity | None = None,
    ) -> None:
        """Writes the round to disk if the pool has files.

        Raises:
            InputError: the folder holds the round of another run.
        """
        if self.files is not None:
            assert round_index == len(self._hashes), "every round is written once, in order"
            self._hashes.append(self.files.write_proposed(round_index, accepted, rejected, identity))

    def state_dict(self) -> dict[str, Any]:
        """A reference to the questions: the hash of each round's file."""
        return {"version": self.VERSION, "rounds": list(self._hashes)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Reads the questions back from the rounds' files.

        Raises:
            InputError: fields are unexpected or missing, the version differs, or a file is missing or has changed.
        """
        check_fields("pool", state, self.state_dict())
        check_same("pool", state, {"version": self.VERSION})
        assert self.files is not None and not self._questions, "a new pool with files is restored"
        self._hashes = list(state["rounds"])
        for round_index, expected in enumerate(self._hashes):
            self.enter(self.files.read_questions(round_index, expected))

    def metrics(self) -> dict[str, float]:
        """`loop/pool`: the number of questions."""
        return {"loop/pool": float(len(self))}

    def _question(self, candidate: Verified, round_index: int) -> Question:
        proposal, answer, options, text = (
            candidate.proposal,
            candidate.answer.printed(),
            None,
            candidate.proposal.text,
        )
        if candidate.options is not None:
            k = _num_options(candidate)
            index = self._next_index(candidate.family, k)
            options = _ordered(candidate.id, candidate.options, answer, index, k)
            text = FAMILIES[candidate.family].relisted(text, options)
            answer = LETTERS[index]
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
            round=round_index,
        )

    def _next_index(self, family: str, k: int) -> int:
        """The index of the next right answer among k options of a family."""
        block, position = divmod(self._assigned[family, k], k)
        return int(generator_named(f"letters {family} {k} {block}").permutation(k)[position])

    def _enter(self, question: Question) -> None:
        family = FAMILIES[question.family]
        self._questions.append(question)
        self._ids.add(question.id)
        self._keys[question.scene_id].add(family.key(question.scene_id, question.objects))
        value = question.answer
        if question.options is not None:
            value = question.options[LETTERS.index(question.answer)]
            self._assigned[question.family, len(question.options)] += 1
        given = Given(question.family, len(question.options or ()), value, question.unit, question.objects)
        self._answers.add(given)


def _given(candidate: Verified) -> Given:
    answer = candidate.answer
    return Given(candidate.family, _num_options(candidate), answer.printed(), answer.unit, candidate.objects)


def _num_options(candidate: Verified) -> int:
    """The number of options that the question will have; 0 for a number."""
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


def _ordered(question_id: str, options: Sequence[str], answer: str, index: int, k: int) -> tuple[str, ...]:
    """K options: the answer at its index; the others, and their order, are drawn by the question's id."""
    others = [option for option in sorted(options) if option != answer]
    order = [others[i] for i in generator_named(f"options {question_id}").permutation(len(others))[: k - 1]]
    return (*order[:index], answer, *order[index:])
