"""The short table that the terminal shows at the end of a round."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rich.table import Table

from lightning_ouro.curriculum.report import PoolSummary
from lightning_ouro.loop.state import FinishedRound

NUM_REJECTIONS = 3


def round_table(finished: FinishedRound, scores: Mapping[str, float]) -> Table:
    """The table; `scores` are the validation scores by family, NaN or missing where there is none."""
    proposals, pool = finished.proposals, finished.pool_summary
    table = Table(title=f"round {finished.round_index}", show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column()
    table.add_row(
        "proposals",
        f"{proposals.proposed} of {proposals.requested}, accepted {proposals.accepted}, "
        f"pool {pool.num_questions}",
    )
    top = sorted(proposals.rejected.items(), key=lambda item: -item[1])[:NUM_REJECTIONS]
    table.add_row(
        "top rejections", ", ".join(f"{reason} {count}" for reason, count in top if count) or "none"
    )
    if not pool.trained:
        table.add_row("skill", "unknown: no question has been trained on yet")
    else:
        _add_skill(table, pool)
    lines = [f"{family} {score:.2f}" for family, score in scores.items() if not math.isnan(score)]
    table.add_row("score", "\n".join(lines) or "not validated")
    return table


def _add_skill(table: Table, pool: PoolSummary) -> None:
    table.add_row("median skill", f"{pool.median_skill:.3f} of {pool.trained} questions seen in training")
    table.add_row("bands", ", ".join(f"{band} {share:.0%}" for band, share in pool.bands.items()))
    table.add_row("effective sample", f"{pool.effective_sample_size:.0%} of the questions seen in training")
