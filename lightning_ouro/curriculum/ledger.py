"""What training has revealed about each question: its confidence by round, and how often it was trained on.

A round's entry is the confidence of its last training forward pass in that round, rounded to 1e-4 so that the
last bits of a sum do not decide what is drawn next; a question that a round did not train on keeps its
last entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lightning_ouro.curriculum.skill import Band, SkillKind, band, skill
from lightning_ouro.errors import check_fields, check_same
from lightning_ouro.programs.questions import Question

DIGITS = 4


@dataclass
class Entry:
    """One question's history.

    Attributes:
        confidence: Its confidence in each round that trained on it.
        times_trained: Number of training forward passes that it was in, over all rounds.
    """

    confidence: dict[int, float] = field(default_factory=dict)
    times_trained: int = 0


class Ledger:
    """Confidences of all questions of a run.

    Args:
        skill_kind: `chance_corrected`, or `paper`, where skill is confidence itself.
    """

    VERSION = 1

    def __init__(self, skill_kind: SkillKind = "chance_corrected") -> None:
        self.skill_kind = skill_kind
        self.entries: dict[str, Entry] = {}
        self._measured_chance: dict[str, float] = {}

    def observe(self, round_index: int, confidences: Mapping[str, float], times: Mapping[str, int]) -> None:
        """Records a round: the last confidence of each question in it, and how often each was trained on."""
        assert confidences.keys() == times.keys(), "every question has one confidence and one count"
        for question_id in sorted(confidences):
            entry = self.entries.setdefault(question_id, Entry())
            entry.confidence[round_index] = _rounded(confidences[question_id])
            entry.times_trained += times[question_id]

    def observe_chance(self, family: str, confidences: list[float]) -> None:
        """Records the base's confidences, without the video, in a family's first numeric questions.

        Later questions do not change the family's chance: that would change the skill of earlier questions.
        """
        assert family not in self._measured_chance and confidences, "a family's chance is measured once"
        self._measured_chance[family] = _rounded(sum(confidences) / len(confidences))

    def lacks_chance(self, question: Question) -> bool:
        """Whether the question asks for a number and its family's chance has not been measured yet."""
        return question.options is None and question.family not in self._measured_chance

    def chance(self, question: Question) -> float:
        """The confidence that guessing gives.

        1/k for k options, the family's measured chance for numbers; 0 for kind `paper`.
        """
        if self.skill_kind == "paper":
            return 0.0
        if question.guess_rate is not None:
            return question.guess_rate
        return self._measured_chance.get(question.family, 0.0)

    def skills(self, question: Question) -> list[float]:
        """The question's skill in each round that trained on it, oldest first; empty before the first."""
        entry = self.entries.get(question.id)
        if entry is None:
            return []
        chance = self.chance(question)
        return [skill(entry.confidence[index], chance) for index in sorted(entry.confidence)]

    def band(self, question: Question) -> Band | None:
        """The question's band, or None before it was first trained on."""
        skills = self.skills(question)
        return band(skills, question.margin) if skills else None

    def last_round(self, question: Question) -> int | None:
        """The last round that trained on the question, or None."""
        entry = self.entries.get(question.id)
        return max(entry.confidence) if entry else None

    def state_dict(self) -> dict[str, Any]:
        """Plain types only, so that `weights_only=True` reads it."""
        return {
            "version": self.VERSION,
            "skill_kind": self.skill_kind,
            "entries": {
                key: [dict(entry.confidence), entry.times_trained] for key, entry in self.entries.items()
            },
            "blind": dict(self._measured_chance),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores a saved ledger.

        Raises:
            InputError: fields are unexpected or missing, or version or skill kind differ.
        """
        check_fields("ledger", state, self.state_dict())
        check_same("ledger", state, {"version": self.VERSION, "skill_kind": self.skill_kind})
        self.entries = {
            key: Entry(dict(confidence), times) for key, (confidence, times) in state["entries"].items()
        }
        self._measured_chance = dict(state["blind"])

    def metrics(self) -> dict[str, float]:
        """`curriculum/trained` and `curriculum/trainings_per_question`."""
        trainings = sum(entry.times_trained for entry in self.entries.values())
        return {
            "curriculum/trained": float(len(self.entries)),
            "curriculum/trainings_per_question": trainings / max(1, len(self.entries)),
        }


def _rounded(confidence: float) -> float:
    return round(float(confidence), DIGITS)
