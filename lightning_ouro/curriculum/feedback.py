"""What the proposer is told: families' weights, the commonest rejections, a scene's last questions by band."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.curriculum.skill import BANDS, Band
from lightning_ouro.programs.questions import Question

NUM_REJECTIONS = 3


@dataclass(frozen=True)
class Feedback:
    """What one round tells the next.

    Attributes:
        family_weights: How often each family should be asked, summing to 1.
        rejections: The commonest reasons of last round's rejections, with counts.
        recent: Per scene, questions that last round trained, by band.
    """

    family_weights: Mapping[str, float]
    rejections: Mapping[str, int] = field(default_factory=dict)
    recent: Mapping[str, Mapping[Band, Sequence[Question]]] = field(default_factory=dict)


def feedback(
    round: int,
    weights: Mapping[str, float],
    questions: Sequence[Question],
    ledger: Ledger,
    rejected: Mapping[str, int],
    questions_per_band: int,
) -> Feedback:
    """The feedback for a round from what the round before it trained and rejected.

    Args:
        round: The round that is about to propose.
        weights: The families' weights for it.
        questions: The pool.
        ledger: What training has shown of it.
        rejected: The round before's rejections by reason.
        questions_per_band: At most so many questions of each band per scene.
    """
    recent: dict[str, dict[Band, list[Question]]] = defaultdict(lambda: {band: [] for band in BANDS})
    for question in questions:
        band = ledger.band(question)
        if band is None or ledger.last_round(question) != round - 1:
            continue
        if len(recent[question.scene_id][band]) < questions_per_band:
            recent[question.scene_id][band].append(question)
    commonest = {reason: count for reason, count in Counter(rejected).most_common(NUM_REJECTIONS) if count}
    return Feedback(dict(weights), commonest, {scene: dict(bands) for scene, bands in recent.items()})
