"""What TensorBoard and the terminal show of a round.

| curve | unit | meaning |
|---|---|---|
| `train/loss`, `train/loss_unweighted` | nats | confidence-weighted and plain mean cross-entropy of a batch |
| `train/confidence` | 0..1 | mean confidence of a batch |
| `val/loss`, `val/loss/<family>` | nats | mean cross-entropy of the fixed questions |
| `val/score`, `val/score/<family>` | 0..1 | mean of VSI-Bench's score of greedy replies |
| `val/video_gain`, `val/video_gain/<family>` | nats | what another scene's video in place of theirs adds to the loss |
| `loop/proposed`, `loop/accepted`, `loop/pool` | questions | a round's proposals, those accepted, and all so far |
| `loop/rejected/<reason>` | proposals | rejections by reason |
| `loop/family_weight/<family>` | share | what the proposer was asked for |
| `curriculum/skill`, `curriculum/skill/<family>` | questions | histogram of the pool's latest skill, 20 bins |
| `curriculum/skill_median`, `curriculum/skill_mean/<family>` | 0..1 | its middle, and its mean by family |
| `curriculum/band/<band>` | share | of the trained questions |
| `curriculum/sampling_weight` | ratio to the mean | mean weight in the coming round, by bin of skill |
| `curriculum/effective_sample_size` | share of trained questions | of sampling times loss weights |

Steps are optimizer steps. A round's counts are written when it begins, its skill when it ends.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from lightning_ouro.curriculum.histogram import OVERALL
from lightning_ouro.curriculum.report import Proposed, Selected
from lightning_ouro.curriculum.skill import NUM_BINS

BIN_EDGES = np.linspace(0, 1, NUM_BINS + 1)
TOP_REJECTIONS = 3


def write_proposed(loggers: Sequence[Logger], report: Proposed, pool: int, step: int) -> None:
    """Writes what a round's proposals came to."""
    scalars: dict[str, float] = {
        "loop/proposed": report.proposed,
        "loop/accepted": report.accepted,
        "loop/pool": pool,
    }
    scalars |= {f"loop/rejected/{reason}": count for reason, count in report.rejected.items()}
    scalars |= {f"loop/family_weight/{family}": weight for family, weight in report.family_weights.items()}
    write_scalars(loggers, scalars, step)


def write_selected(
    loggers: Sequence[Logger], report: Selected, histograms: Mapping[str, NDArray[np.int64]], step: int
) -> None:
    """Writes how the pool stands behind a round."""
    scalars = {
        "curriculum/skill_median": report.median_skill,
        "curriculum/effective_sample_size": report.effective_sample_size,
    }
    scalars |= {f"curriculum/skill_mean/{family}": value for family, value in report.family_skill.items()}
    scalars |= {f"curriculum/band/{band}": share for band, share in report.bands.items()}
    write_scalars(loggers, scalars, step)
    for family, counts in histograms.items():
        name = "curriculum/skill" if family == OVERALL else f"curriculum/skill/{family}"
        write_histogram(loggers, name, counts.astype(float), step)
    write_histogram(loggers, "curriculum/sampling_weight", report.weight_by_bin, step)


def write_scalars(loggers: Sequence[Logger], scalars: Mapping[str, float], step: int) -> None:
    """Writes numbers to every logger; each logger writes on the first rank only."""
    for logger in loggers:
        logger.log_metrics(dict(scalars), step)


def write_histogram(loggers: Sequence[Logger], name: str, counts: NDArray[np.float64], step: int) -> None:
    """Writes counts of `NUM_BINS` equal bins of [0, 1] as they are, to TensorBoard; an empty histogram is left out."""
    if not counts.any():
        return
    centers = (BIN_EDGES[:-1] + BIN_EDGES[1:]) / 2
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_histogram_raw(
                name,
                min=0.0,
                max=1.0,
                num=counts.sum(),
                sum=float((counts * centers).sum()),
                sum_squares=float((counts * centers**2).sum()),
                bucket_limits=BIN_EDGES[1:].tolist(),
                bucket_counts=counts.tolist(),
                global_step=step,
            )


def print_round(
    console: Console, round: int, proposed: Proposed, selected: Selected, scores: Mapping[str, float]
) -> None:
    """The short table at a round's end; `scores` are the validation scores by family."""
    table = Table(title=f"round {round}", show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column()
    top = sorted(proposed.rejected.items(), key=lambda item: -item[1])[:TOP_REJECTIONS]
    table.add_row(
        "proposed",
        f"{proposed.proposed} of {proposed.wanted}, accepted {proposed.accepted}, pool {selected.pool}",
    )
    table.add_row(
        "top rejections", ", ".join(f"{reason} {count}" for reason, count in top if count) or "none"
    )
    table.add_row("skill median", f"{selected.median_skill:.3f} over {selected.trained} trained questions")
    table.add_row("bands", ", ".join(f"{band} {share:.0%}" for band, share in selected.bands.items()))
    table.add_row(
        "sample size", f"{selected.effective_sample_size:.0%} of the trained questions is effective"
    )
    shown = [f"{family} {score:.2f}" for family, score in scores.items() if not math.isnan(score)]
    table.add_row("score", "\n".join(shown) or "not validated")
    console.print(table)
