"""How often a question is drawn, and how much it counts when it is.

Sampling: `w = target(s) / (h(s) + 1/|pool|)` with h the share of the pool's questions in the bin of skill s, each
question once, times `1 + 0.25 * rounds since trained`, clipped to [0.1, 4] times the mean. Dividing by the pool's
histogram flattens it and multiplying by the target reshapes it; dividing by what was *drawn* instead would oscillate.
A question without a skill takes the median weight of its family, else of all, else 1, so round 0 is uniform.
Ambiguous questions are not drawn.

Loss: `uniform` 1, `frontier` 4s(1-s) with a floor, `focal` (1-s)^2 with the same floor (after arXiv 1708.02002).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.curriculum.skill import NUM_BINS, bin_of
from lightning_ouro.programs.questions import Question

SamplingKind = Literal["uniform", "frontier"]
LossKind = Literal["uniform", "frontier", "focal"]

FLOOR = 0.1
STALENESS = 0.25
CLIP = (0.1, 4.0)


def frontier_target(skill: NDArray[np.float64]) -> NDArray[np.float64]:
    """The wanted share of draws by skill: 4s(1-s), at least `FLOOR`."""
    return np.maximum(FLOOR, 4 * skill * (1 - skill))


def pool_histogram(skills: Sequence[float]) -> NDArray[np.float64]:
    """Share of questions in each of the `NUM_BINS` bins, `(NUM_BINS,)`; zeros when there is none."""
    counts = np.bincount([bin_of(value) for value in skills], minlength=NUM_BINS).astype(float)
    return counts / max(1, len(skills))


def sampling_weights(
    questions: Sequence[Question], ledger: Ledger, round: int, kind: SamplingKind
) -> NDArray[np.float64]:
    """The weight of each question of the pool in a round, `(questions,)`; only ratios matter."""
    if kind == "uniform":
        return np.ones(len(questions))
    histories = [ledger.skills(question) for question in questions]
    known = np.array([bool(history) for history in histories])
    weights = np.full(len(questions), np.nan)
    if known.any():
        skills = np.array([history[-1] for history in histories if history])
        share = pool_histogram(list(skills))[[bin_of(value) for value in skills]]
        weights[known] = frontier_target(skills) / (share + 1 / len(questions))
    weights = _filled_with_medians(weights, [question.family for question in questions])
    weights *= np.array(
        [1 + STALENESS * _rounds_since_trained(question, ledger, round) for question in questions]
    )
    weights = np.clip(weights, CLIP[0] * weights.mean(), CLIP[1] * weights.mean())
    ambiguous = np.array([ledger.band(question) == "ambiguous" for question in questions])
    return np.where(ambiguous, 0.0, weights)


def _filled_with_medians(weights: NDArray[np.float64], families: Sequence[str]) -> NDArray[np.float64]:
    known = ~np.isnan(weights)
    overall = float(np.median(weights[known])) if known.any() else 1.0
    named = np.array(families)
    filled = weights.copy()
    for family in sorted(set(families)):
        mine = named == family
        typical = float(np.median(weights[mine & known])) if (mine & known).any() else overall
        filled[mine & ~known] = typical
    return filled


def _rounds_since_trained(question: Question, ledger: Ledger, round: int) -> int:
    """Whole rounds that passed the question by since its last training, 0 for one that the last round trained."""
    last = ledger.last_round(question)
    return 0 if last is None else round - 1 - last


def loss_weights(skill: Tensor, kind: LossKind) -> Tensor:
    """How much each sample counts, the shape of `skill`."""
    if kind == "uniform":
        return torch.ones_like(skill)
    shaped = 4 * skill * (1 - skill) if kind == "frontier" else (1 - skill) ** 2
    return shaped.clamp_min(FLOOR)


def effective_sample_size(weights: NDArray[np.float64]) -> float:
    """Kish's `(sum w)^2 / sum w^2` as a share of the number of weights, 0 for none."""
    return float(weights.sum() ** 2 / (weights**2).sum() / len(weights)) if weights.any() else 0.0
