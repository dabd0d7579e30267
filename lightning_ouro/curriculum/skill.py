"""From confidence to skill to band.

`skill = max(0, (p - c) / (1 - c))`, with p the confidence and c the chance, which is the confidence that
guessing gives: 1/k for k options; for numbers the base's mean confidence, without the video, in the family's
first questions. A question is easy above 0.9, hard below 0.1, and on the frontier in between (arXiv
2606.11719 puts the same bounds on p itself: kind `paper`, where c is 0). Margin and skill together tell
*hard* (wide margin: worth learning) from *ambiguous* (hard in the last two rounds that trained on it, and a
thin margin: the question is at fault).
"""

from __future__ import annotations

from typing import Literal

Band = Literal["easy", "frontier", "hard", "ambiguous"]
BANDS: tuple[Band, ...] = ("easy", "frontier", "hard", "ambiguous")
SkillKind = Literal["chance_corrected", "paper"]

EASY_ABOVE, HARD_BELOW = 0.9, 0.1  # of arXiv 2606.11719
NUM_BINS = 20  # of histograms: bands end at bin edges


def skill(confidence: float, chance: float) -> float:
    """Confidence corrected for chance, both in [0, 1]; 0 where a blind guess is certain to be right."""
    return max(0.0, (confidence - chance) / (1 - chance)) if chance < 1 else 0.0


def band(skills: list[float], margin: float) -> Band:
    """A question's band: from its skill in each round that trained on it, oldest first, and its margin."""
    if skills[-1] > EASY_ABOVE:
        return "easy"
    if skills[-1] >= HARD_BELOW:
        return "frontier"
    hard_twice = len(skills) >= 2 and skills[-2] < HARD_BELOW
    return "ambiguous" if hard_twice and margin < 1 else "hard"


def bin_of(value: float) -> int:
    """The index of a skill in [0, 1] among `NUM_BINS` equal bins; 1 belongs to the last."""
    return min(int(value * NUM_BINS), NUM_BINS - 1)
