"""What a round did, in numbers: for curves, the terminal and `selection.jsonl`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.curriculum.loss_weights import LOSS_WEIGHTS, LossKind
from lightning_ouro.curriculum.skill import BANDS, NUM_BINS, bin_of
from lightning_ouro.programs.questions import REASONS, Question, Rejection


@dataclass(frozen=True)
class ProposalSummary:
    """What became of a round's proposals.

    Attributes:
        requested: Proposals asked for; a proposer writes fewer where a scene has nothing left to ask about.
        proposed: Proposals written.
        accepted: Questions that entered the pool.
        rejected: Rejections by reason, every reason listed.
        family_weights: What the proposer was asked for, summing to 1.
    """

    requested: int
    proposed: int
    accepted: int
    rejected: Mapping[str, int]
    family_weights: Mapping[str, float]

    def metrics(self) -> dict[str, float]:
        """`loop/proposed`, `loop/accepted`, `loop/rejected/<reason>`, `loop/family_weight/<family>`."""
        counts: dict[str, float] = {"loop/proposed": self.proposed, "loop/accepted": self.accepted}
        counts |= {f"loop/rejected/{reason}": count for reason, count in self.rejected.items()}
        return counts | {f"loop/family_weight/{name}": weight for name, weight in self.family_weights.items()}


@dataclass(frozen=True)
class PoolSummary:
    """Statistics of the pool after a round.

    Attributes:
        num_questions: Number of questions.
        trained: Number of questions seen in training, that is at least once in any round.
        median_skill: Median skill of the questions seen in training; NaN if there are none.
        bands: Share of the questions seen in training by band.
        family_skill: Mean skill by family; NaN for families without a question seen in training.
        weight_by_bin: Mean sampling weight of the questions in each bin of skill, `(20,)`, relative to the mean
            weight of all.
        effective_sample_size: Effective sample size under the product of sampling and loss weights, as a share of
            the questions seen in training.
    """

    num_questions: int
    trained: int
    median_skill: float
    bands: Mapping[str, float]
    family_skill: Mapping[str, float]
    weight_by_bin: NDArray[np.float64]
    effective_sample_size: float

    def metrics(self) -> dict[str, float]:
        """The curves that are written when a round ends.

        `curriculum/skill_median`, `curriculum/skill_mean/<family>`, `curriculum/band/<band>` and
        `curriculum/effective_sample_size`.
        """
        values = {
            "curriculum/skill_median": self.median_skill,
            "curriculum/effective_sample_size": self.effective_sample_size,
        }
        values |= {f"curriculum/skill_mean/{family}": value for family, value in self.family_skill.items()}
        return values | {f"curriculum/band/{band}": share for band, share in self.bands.items()}


def summarise_proposals(
    requested: int,
    accepted: Sequence[Question],
    rejected: Sequence[Rejection],
    family_weights: Mapping[str, float],
) -> ProposalSummary:
    """Counts of a round's proposals."""
    reasons = Counter(rejection.reason for rejection in rejected)
    counts = {str(reason): reasons[reason] for reason in REASONS}
    proposed = len(accepted) + len(rejected)
    return ProposalSummary(requested, proposed, len(accepted), counts, dict(family_weights))


def summarise_pool(
    questions: Sequence[Question],
    weights: NDArray[np.float64],
    ledger: Ledger,
    families: Sequence[str],
    loss_kind: LossKind,
) -> PoolSummary:
    """Statistics of the pool.

    Args:
        questions: The pool.
        weights: Its sampling weights for the coming round, `(questions,)`.
        ledger: What training has revealed about it.
        families: All families, so that the same curves are written every round.
        loss_kind: Kind of loss weights used in training.
    """
    histories = [ledger.skills(question) for question in questions]
    latest = np.array([history[-1] if history else math.nan for history in histories])
    known = ~np.isnan(latest)
    bands = Counter(ledger.band(question) for question in questions)
    family_of = np.array([question.family for question in questions])
    product = weights[known] * LOSS_WEIGHTS[loss_kind](torch.from_numpy(latest[known])).numpy()
    return PoolSummary(
        num_questions=len(questions),
        trained=int(known.sum()),
        median_skill=float(np.median(latest[known])) if known.any() else math.nan,
        bands={band: bands[band] / max(1, int(known.sum())) for band in BANDS},
        family_skill={family: _mean(latest[(family_of == family) & known]) for family in families},
        weight_by_bin=_mean_by_bin(latest[known], weights[known] / weights.mean()),
        effective_sample_size=effective_sample_size(product),
    )


def selection_rows(
    questions: Sequence[Question],
    ledger: Ledger,
    weights: NDArray[np.float64],
    drawn: NDArray[np.int64],
    trained: Mapping[str, int],
) -> list[dict[str, Any]]:
    """One row per question for `selection.jsonl`.

    Its weight and planned draws, how often it was trained on, and its confidence, skill and band now.
    """
    rows = []
    for question, weight, draws in zip(questions, weights, drawn, strict=True):
        skills = ledger.skills(question)
        entry = ledger.entries.get(question.id)
        confidence = {str(index): value for index, value in entry.confidence.items()} if entry else {}
        rows.append(
            {
                "id": question.id,
                "scene_id": question.scene_id,
                "family": question.family,
                "sampling_weight": float(weight),
                "drawn": int(draws),
                "trained": trained.get(question.id, 0),
                "confidence": confidence,
                "times_trained": entry.times_trained if entry else 0,
                "skill": skills[-1] if skills else None,
                "band": ledger.band(question),
                "margin": question.margin,
            }
        )
    return rows


def effective_sample_size(weights: NDArray[np.float64]) -> float:
    """Kish's `(sum w)^2 / sum w^2` as a share of the number of weights; 0 without weights."""
    return float(weights.sum() ** 2 / (weights**2).sum() / len(weights)) if weights.any() else 0.0


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else math.nan


def _mean_by_bin(skills: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    bins = [bin_of(value) for value in skills]
    counts = np.bincount(bins, minlength=NUM_BINS)
    return np.bincount(bins, weights=weights, minlength=NUM_BINS) / np.maximum(1, counts)
