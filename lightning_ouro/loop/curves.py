"""What the loggers show of a run.

| curve | unit | meaning |
|---|---|---|
| `train/loss`, `train/loss_unweighted` | nats | confidence-weighted and plain mean cross-entropy of a batch |
| `train/confidence` | 0..1 | mean confidence of a batch |
| `val/loss`, `val/loss/<family>` | nats | mean cross-entropy of the fixed questions |
| `val/score`, `val/score/<family>` | 0..1 | mean VSI-Bench score of greedy replies |
| `val/video_gain`, `val/video_gain/<family>` | nats | how much another scene's video adds to their loss |
| `val/query_drop` | share | of counting questions answered 0, as is right, where what they count is not shown |
| `val/query_drop_unchanged` | share | of these answered with the number of the scene that shows it |
| `val_strict/…` | | each of the above, of the fixed questions under strict margins |
| `loop/proposed`, `loop/accepted`, `loop/pool` | questions | a round's proposals, the accepted ones, and all so far |
| `loop/rejected/<reason>` | proposals | rejections by reason |
| `loop/family_weight/<family>` | share | how often the proposer was asked for the family |
| `curriculum/trained` | questions | those seen in training so far |
| `curriculum/trainings_per_question` | times | how often each of those was trained on, on average |
| `curriculum/skill`, `curriculum/skill/<family>` | questions | histogram of the pool's latest skills, 20 bins |
| `curriculum/skill_median`, `curriculum/skill_mean/<family>` | 0..1 | median of all, mean by family |
| `curriculum/band/<band>` | share | of the questions seen in training |
| `curriculum/sampling_weight` | ratio to the mean | mean weight in the coming round, by bin of skill |
| `curriculum/effective_sample_size` | share | of the questions seen in training, by sampling × loss weights |

`val/*` are of VSI-Bench's sentences under its margins, the questions that other work is compared by. For
`query_drop`, the same walk is rendered without the objects, and recorded frames have their boxes filled with grey:
`scenes/README.md`. `solver/module.py` logs `train/*` and `val*/*`, and what the command `test` measures as `test*/*`;
Lightning does not log the validation before the first round, so `loop/callback.py` does. A round's counts (`loop/*`,
`curriculum/trained`, `curriculum/trainings_per_question`) are written by `loop/callback.py` when it begins,
the other `curriculum/*` by `write_finished` when it ends. What is no number is not written, so a curve has a gap: a
family's where the round has no question of it, or none that was trained on yet; `val/video_gain` where all held-out
scenes are of one room; `val/*` in rounds without a validation. Steps are optimizer steps. Histograms reach
TensorBoard and Weights & Biases; other loggers take numbers only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from time import time

import numpy as np
from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from numpy.typing import NDArray
from tensorboard.compat.proto.event_pb2 import Event, SessionLog  # type: ignore[import-untyped]
from torch.utils.tensorboard.writer import FileWriter

from lightning_ouro.curriculum.histogram import OVERALL
from lightning_ouro.curriculum.skill import NUM_BINS
from lightning_ouro.loop.state import FinishedRound

BIN_EDGES = np.linspace(0, 1, NUM_BINS + 1)


def explain(loggers: Sequence[Logger]) -> None:
    """Writes what each curve means, and why it may have gaps, where TensorBoard shows texts."""
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_text("what the curves mean", __doc__ or "", 0)


def forget_after(loggers: Sequence[Logger], step: int) -> None:
    """Lets TensorBoard drop what was written behind a step, from which a run that was killed goes on.

    As in its README ("How should I handle TensorFlow restarts?"): an event that begins a session replaces all events
    from its step on.
    """
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            begins = SessionLog(status=SessionLog.START)
            _writer(logger).add_event(Event(step=step + 1, wall_time=time(), session_log=begins))


def _writer(logger: TensorBoardLogger) -> FileWriter:
    writer: FileWriter = (
        logger.experiment._get_file_writer()
    )  # which the summary writer makes when it is first used
    return writer


def write_finished(loggers: Sequence[Logger], finished: FinishedRound, step: int) -> None:
    """Writes the statistics of the pool after a round."""
    write_scalars(loggers, finished.pool_summary.metrics(), step)
    for family, counts in finished.histograms.items():
        name = "curriculum/skill" if family == OVERALL else f"curriculum/skill/{family}"
        write_histogram(loggers, name, counts.astype(float), step)
    write_histogram(loggers, "curriculum/sampling_weight", finished.pool_summary.weight_by_bin, step)


def write_scalars(loggers: Sequence[Logger], scalars: Mapping[str, float], step: int) -> None:
    """Writes what is a number to every logger; loggers write on the first rank only."""
    numbers = {name: value for name, value in scalars.items() if not math.isnan(value)}
    for logger in loggers:
        logger.log_metrics(numbers, step)


def write_histogram(loggers: Sequence[Logger], name: str, counts: NDArray[np.float64], step: int) -> None:
    """Writes the counts of `NUM_BINS` equal bins of [0, 1], `(NUM_BINS,)`; an empty histogram is left out."""
    if not counts.any():
        return
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            _to_tensorboard(logger, name, counts, step)
        elif isinstance(logger, WandbLogger):
            _to_wandb(logger, name, counts, step)


def _to_tensorboard(logger: TensorBoardLogger, name: str, counts: NDArray[np.float64], step: int) -> None:
    centers = (BIN_EDGES[:-1] + BIN_EDGES[1:]) / 2
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


def _to_wandb(logger: WandbLogger, name: str, counts: NDArray[np.float64], step: int) -> None:
    from wandb import Histogram  # an optional dependency, there where its logger is

    histogram = Histogram(np_histogram=(counts.tolist(), BIN_EDGES.tolist()))
    logger.experiment.log({name: histogram, "trainer/global_step": step})
