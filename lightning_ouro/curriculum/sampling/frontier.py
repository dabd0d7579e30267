"""Questions that are neither mastered nor hopeless are drawn most.

This kind chooses which questions of the pool a round trains on; `loss_weights.frontier` weights them in the
loss, `mixture.frontier` weights families in what is asked for, and *frontier* is also the band of skill from
0.1 to 0.9 (`curriculum.skill`).

`w = target(s) / (h(s) + 1/|pool|)`, with h(s) the share, among the trained-on questions, of those in the bin
of skill s, each counted once, times `1 + 0.25 * rounds since trained on`, clipped to [0.1, 4] times the mean.
Dividing by the histogram flattens it and multiplying by the target reshapes it; dividing by what was *drawn*
instead would oscillate. A question without a skill takes the median weight of its family, else of all
questions, else 1, so round 0 is uniform. Ambiguous questions are not drawn.

After arXiv 2606.11719, which raises the share of questions with confidence in [0.1, 0.9] without giving a
formula; this one and its constants were chosen by hand.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.curriculum.skill import NUM_BINS, bin_of
from lightning_ouro.programs.questions import Question

FLOOR = 0.1  # of the target, so that every question may be sampled again; chosen by hand
STALENESS = 0.25  # per round without training, so that old confidences get refreshed; chosen by hand
CLIP = (0.1, 4.0)  # times the mean weight, so that no single question dominates a round; chosen by hand


def sampling_weights(questions: Sequence[Question], ledger: Ledger, round_index: int) -> NDArray[np.float64]:
    histories = [ledger.skills(question) for question in questions]
    known = np.array([bool(history) for history in histories])
    weights = np.full(len(questions), np.nan)
    if known.any():
        skills = np.array([history[-1] for history in histories if history])
        share = pool_histogram(list(skills))[[bin_of(value) for value in skills]]
        weights[known] = target(skills) / (share + 1 / len(questions))
    weights = _fill_with_medians(weights, [question.family for question in questions])
    weights *= [
        1 + STALENESS * _rounds_since_trained(question, ledger, round_index) for question in questions
    ]
    weights = np.clip(weights, CLIP[0] * weights.mean(), CLIP[1] * weights.mean())
    ambiguous = np.array([ledger.band(question) == "ambiguous" for question in questions])
    return np.where(ambiguous, 0.0, weights)


def target(skill: NDArray[np.float64]) -> NDArray[np.float64]:
    """The wanted share of draws by skill: 4s(1-s), at least `FLOOR`."""
    return np.maximum(FLOOR, 4 * skill * (1 - skill))


def pool_histogram(skills: Sequence[float]) -> NDArray[np.float64]:
    """Share of questions in each of the `NUM_BINS` bins, `(NUM_BINS,)`; all zeros without questions."""
    counts = np.bincount([bin_of(value) for value in skills], minlength=NUM_BINS).astype(float)
    return counts / max(1, len(skills))


def _fill_with_medians(weights: NDArray[np.float64], families: Sequence[str]) -> NDArray[np.float64]:
    """The weights with each NaN replaced by the median of its family, else of all known weights, else by 1."""
    known = ~np.isnan(weights)
    overall = float(np.median(weights[known])) if known.any() else 1.0
    family_of = np.array(families)
    filled = weights.copy()
    for family in sorted(set(families)):
        members = family_of == family
        median = float(np.median(weights[members & known])) if (members & known).any() else overall
        filled[members & ~known] = median
    return filled


def _rounds_since_trained(question: Question, ledger: Ledger, round_index: int) -> int:
    """Rounds between the last one that trained on the question and this one; 0 if none has."""
    last = ledger.last_round(question)
    return 0 if last is None else round_index - 1 - last
