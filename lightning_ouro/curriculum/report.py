"""What a round did, in numbers: for TensorBoard, the terminal and `selection.jsonl`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.curriculum.skill import BANDS, NUM_BINS, bin_of
from lightning_ouro.curriculum.weights import LossKind, effective_sample_size, loss_weights
from lightning_ouro.programs.questions import REASONS, Question, Rejection


@dataclass(frozen=True)
class Proposed:
    """What a round's proposals came to.

    Attributes:
        wanted: Proposals asked for; a proposer writes fewer where a scene has nothing left to ask.
        proposed: Proposals written.
        accepted: Questions that entered the pool.
        rejected: Rejections by reason, every reason listed.
        family_weights: What the proposer was asked for.
    """

    wanted: int
    proposed: int
    accepted: int
    rejected: Mapping[str, int]
    family_weights: Mapping[str, float]


@dataclass(frozen=True)
class Selected:
    """What the curriculum makes of the pool after a round.

    Attributes:
        pool: Questions in the pool.
        trained: Those that have been trained at least once.
        median_skill: Over trained questions, NaN before any.
        bands: Share of trained questions by band.
        family_skill: Mean skill by family, NaN for families without a trained question.
        weight_by_bin: Mean sampling weight of the questions in each bin of skill, `(20,)`, relative to the mean weight.
        effective_sample_size: Of sampling times loss weights, as a share of the trained questions.
    """

    pool: int
    trained: int
    median_skill: float
    bands: Mapping[str, float]
    family_skill: Mapping[str, float]
    weight_by_bin: NDArray[np.float64]
    effective_sample_size: float


def summarise_proposed(
    wanted: int,
    accepted: Sequence[Question],
    rejected: Sequence[Rejection],
    family_weights: Mapping[str, float],
) -> Proposed:
    """Counts of a round's proposals."""
    reasons = Counter(rejection.reason for rejection in rejected)
    counts = {str(reason): reasons[reason] for reason in REASONS}
    return Proposed(wanted, len(accepted) + len(rejected), len(accepted), counts, dict(family_weights))


def summarise_selected(
    questions: Sequence[Question],
    weights: NDArray[np.float64],
    ledger: Ledger,
    families: Sequence[str],
    loss: LossKind,
) -> Selected:
    """The state of the pool.

    Args:
        questions: The pool.
        weights: Its sampling weights for the coming round.
        ledger: What training has shown of it.
        families: All families, so that the same curves are written every round.
        loss: How the loss weights samples.
    """
    latest = np.array(
        [history[-1] if (history := ledger.skills(question)) else np.nan for question in questions]
    )
    known = ~np.isnan(latest)
    bands = Counter(ledger.band(question) for question in questions)
    by_family = {family: latest[[q.family == family for q in questions] & known] for family in families}
    product = weights[known] * loss_weights(torch.from_numpy(latest[known]), loss).numpy()
    return Selected(
        pool=len(questions),
        trained=int(known.sum()),
        median_skill=float(np.median(latest[known])) if known.any() else float("nan"),
        bands={band: bands[band] / max(1, int(known.sum())) for band in BANDS},
        family_skill={
            name: float(values.mean()) if len(values) else float("nan") for name, values in by_family.items()
        },
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
    """One row a question for `selection.jsonl`: its weight and planned draws, what was trained, how it stands then."""
    rows = []
    for place, question in enumerate(questions):
        skills = ledger.skills(question)
        entry = ledger.entries.get(question.id)
        rows.append(
            {
                "id": question.id,
                "scene_id": question.scene_id,
                "family": question.family,
                "sampling_weight": float(weights[place]),
                "drawn": int(drawn[place]),
                "trained": trained.get(question.id, 0),
                "confidence": {str(round): value for round, value in entry.confidence.items()}
                if entry
                else {},
                "times_trained": entry.times_trained if entry else 0,
                "skill": skills[-1] if skills else None,
                "band": ledger.band(question),
                "margin": question.margin,
            }
        )
    return rows


def _mean_by_bin(skills: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    bins = [bin_of(value) for value in skills]
    counts = np.bincount(bins, minlength=NUM_BINS)
    return np.bincount(bins, weights=weights, minlength=NUM_BINS) / np.maximum(1, counts)
