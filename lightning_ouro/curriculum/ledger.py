"""What training has shown of each question: its confidence by round, and how often it was trained.

A round's entry is the last training forward of that round, rounded to 1e-4 so that the ledger doesn't hang on the last
bits; a question that a round didn't train keeps its last entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lightning_ouro.curriculum.skill import Band, SkillKind, band, skill
from lightning_ouro.programs.questions import Question

DIGITS = 4


@dataclass
class Entry:
    """One question's history.

    Attributes:
        confidence: Its confidence by round that trained it.
        times_trained: Forward passes that trained it, over all rounds.
    """

    confidence: dict[int, float] = field(default_factory=dict)
    times_trained: int = 0


class Ledger:
    """Confidences of all questions of a run.

    Args:
        skill_kind: `chance_corrected`, or `paper`: skill is confidence itself.
    """

    VERSION = 1

    def __init__(self, skill_kind: SkillKind = "chance_corrected") -> None:
        self.skill_kind = skill_kind
        self.entries: dict[str, Entry] = {}
        self._blind: dict[str, tuple[float, int]] = {}

    def observe(self, round: int, confidences: Mapping[str, float], times: Mapping[str, int]) -> None:
        """Enters a round: the last confidence of each question trained, and how often it was trained."""
        assert confidences.keys() == times.keys(), "every trained question has one confidence and one count"
        for question_id in sorted(confidences):
            entry = self.entries.setdefault(question_id, Entry())
            entry.confidence[round] = _rounded(confidences[question_id])
            entry.times_trained += times[question_id]

    def observe_blind(self, family: str, confidences: list[float]) -> None:
        """Enters confidences without the video, under the frozen base, of a family's new questions."""
        total, count = self._blind.get(family, (0.0, 0))
        rounded = [_rounded(value) for value in confidences]
        self._blind[family] = (total + sum(rounded), count + len(rounded))

    def chance(self, question: Question) -> float:
        """What chance gives: 1/k for k options, the family's mean blind confidence for numbers; 0 for kind `paper`."""
        if self.skill_kind == "paper":
            return 0.0
        if question.guess_rate is not None:
            return question.guess_rate
        total, count = self._blind.get(question.family, (0.0, 0))
        return total / count if count else 0.0

    def skills(self, question: Question) -> list[float]:
        """The question's skill in each round that trained it, oldest first; empty before the first."""
        entry = self.entries.get(question.id)
        if entry is None:
            return []
        chance = self.chance(question)
        return [skill(entry.confidence[round], chance) for round in sorted(entry.confidence)]

    def band(self, question: Question) -> Band | None:
        """The question's band, or None before its first training."""
        skills = self.skills(question)
        return band(skills, question.margin) if skills else None

    def last_round(self, question: Question) -> int | None:
        """The last round that trained the question, or None."""
        entry = self.entries.get(question.id)
        return max(entry.confidence) if entry else None

    def state_dict(self) -> dict[str, Any]:
        """Plain types only, so that `weights_only=True` reads it."""
        return {
            "version": self.VERSION,
            "skill_kind": self.skill_kind,
            "entries": {key: [dict(entry.confidence), entry.times_trained] for key, entry in self.entries.items()},
            "blind": {family: list(values) for family, values in self._blind.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes over a saved ledger.

        Raises:
            ValueError: fields are foreign or missing, or the ledger was kept under another version or skill kind.
        """
        check_fields("ledger", state, self.state_dict())
        for name, mine in (("version", self.VERSION), ("skill_kind", self.skill_kind)):
            if state[name] != mine:
                raise ValueError(
                    f"ledger: the checkpoint has {name}={state[name]!r}, this run {mine!r}; keep it as it was"
                )
        self.entries = {key: Entry(dict(confidence), times) for key, (confidence, times) in state["entries"].items()}
        self._blind = {family: (total, count) for family, (total, count) in state["blind"].items()}


def check_fields(owner: str, state: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Refuses a state with other fields than expected, and names them.

    Raises:
        ValueError: fields are foreign or missing.
    """
    foreign, missing = sorted(state.keys() - expected.keys()), sorted(expected.keys() - state.keys())
    if foreign or missing:
        raise ValueError(f"{owner}: the checkpoint's state has foreign fields {foreign} and lacks {missing}")


def _rounded(confidence: float) -> float:
    return round(float(confidence), DIGITS)
