"""Feedback to the proposer: family weights, the commonest rejections, and each scene's last questions by band."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.curriculum.skill import BANDS, Band
from lightning_ouro.programs.questions import Question

NUM_REJECTIONS = 3  # reasons that are passed on; chosen by hand, for the sake of short prompts


@dataclass(frozen=True)
class Feedback:
    """What one round tells the next.

    Attributes:
        family_weights: How often each family should be asked, summing to 1.
        rejections: The commonest reasons for rejections in the last round, with counts.
        recent: For each scene, questions that the last round trained on, by band.
    """

    family_weights: Mapping[str, float]
    rejections: Mapping[str, int] = field(default_factory=dict)
    recent: Mapping[str, Mapping[Band, Sequence[Question]]] = field(default_factory=dict)


def build_feedback(
    round_index: int,
    weights: Mapping[str, float],
    questions: Sequence[Question],
    ledger: Ledger,
    rejected: Mapping[str, int],
    questions_per_band: int,
) -> Feedback:
    """The feedback for a round from what the round before it trained on and rejected.

    Args:
        round_index: The round that is about to propose.
        weights: Family weights for it.
        questions: The pool.
        ledger: What training has revealed about the pool.
        rejected: The previous round's rejections by reason.
        questions_per_band: Maximum number of questions per band and scene.
    """
    recent: dict[str, dict[Band, list[Question]]] = defaultdict(lambda: {band: [] for band in BANDS})
    for question in questions:
        band = ledger.band(question)
        if band is None or ledger.last_round(question) != round_index - 1:
            continue
        if len(recent[question.scene_id][band]) < questions_per_band:
            recent[question.scene_id][band].append(question)
    commonest = {reason: count for reason, count in Counter(rejected).most_common(NUM_REJECTIONS) if count}
    return Feedback(dict(weights), commonest, {scene: dict(bands) for scene, bands in recent.items()})
