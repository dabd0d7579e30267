"""The scores of `validate` and `test` for a terminal: a table for each set of questions, and why a number is missing.

Lightning's own table has a line for each curve, and cuts their names to half of the terminal's width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Table

ALL = "all questions"
_MISSING = "-"
_GAIN = "video_gain"


def print_scores(
    scores: Mapping[str, float], families: Sequence[str], console: Console | None = None
) -> None:
    """Prints the tables.

    Args:
        scores: By the curve's name: `group/quantity` over all questions, `group/quantity/family` over a family's.
        families: All families, in the order of the rows.
        console: Where to; None: standard output.
    """
    console = console or Console(highlight=False)
    for group in dict.fromkeys(name.partition("/")[0] for name in scores):
        named = {
            name.partition("/")[2]: value for name, value in scores.items() if name.startswith(f"{group}/")
        }
        console.print(_table(group, named, families))
        for line in _explained(named, families):
            console.print(line, soft_wrap=True, markup=False)


def _table(group: str, scores: Mapping[str, float], families: Sequence[str]) -> Table:
    quantities = list(dict.fromkeys(name.partition("/")[0] for name in scores))
    title = ", ".join(f"{group}/{quantity}" for quantity in quantities)
    table = Table("family", title=title, title_justify="left")
    table.columns[0].overflow = "fold"  # a name that is cut is another family's, too
    for quantity in quantities:
        table.add_column(quantity, justify="right", overflow="fold", min_width=6)
    asked = [family for family in families if f"loss/{family}" in scores]
    for row in (ALL, *asked):
        keys = [quantity if row == ALL else f"{quantity}/{row}" for quantity in quantities]
        table.add_row(row, *(f"{scores[key]:.3f}" if key in scores else _MISSING for key in keys))
    return table


def _explained(scores: Mapping[str, float], families: Sequence[str]) -> Iterator[str]:
    """Why numbers are missing or none, a line each."""
    if any(math.isnan(value) for name, value in scores.items() if name.partition("/")[0] == "loss"):
        yield "nan: the weights give no number; they are broken, or their training has diverged"
    if _GAIN not in scores:
        yield f"{_GAIN} is missing: the held-out scenes are of one room, so there is no other's video to compare with"
    if missing := [family for family in families if f"loss/{family}" not in scores]:
        yield (
            f"no question of {', '.join(missing)}: nothing of the kind can be asked clearly enough about these scenes "
            "and frames, or other families filled data.eval_questions_per_scene"
        )
