"""The table of scores: whole names in any terminal, and a word for every number that is missing."""

import io
import math

import pytest
from rich.console import Console

from lightning_ouro.evaluation.score_table import print_scores
from lightning_ouro.programs.families import FAMILIES

LONGEST = max(FAMILIES, key=len)
SCORES = {
    "val/loss": 0.5,
    f"val/loss/{LONGEST}": 0.25,
    "val/loss/depth_order": 0.75,
    "val/video_gain": -0.0123,
    f"val/video_gain/{LONGEST}": 0.1,
    "val/score": 1.0,
    f"val/score/{LONGEST}": 1.0,
    "val/score/depth_order": 0.0,
    "val/query_drop": 0.5,
    "val_strict/loss": 2.0,
    f"val_strict/loss/{LONGEST}": 2.0,
}


def printed(scores, families, width):
    console = Console(file=io.StringIO(), width=width, highlight=False)
    print_scores(scores, families, console)
    return console.file.getvalue()


def cells(text):
    """The rows of the tables without their frames."""
    return [
        [cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if "│" in line
    ]


@pytest.mark.parametrize("width", [80, 200])
def test_names_and_numbers_are_whole_where_a_terminal_has_room(width):
    rows = cells(printed(SCORES, [LONGEST, "depth_order"], width))
    assert ["all questions", "0.500", "-0.012", "1.000", "0.500"] in rows
    assert [LONGEST, "0.250", "0.100", "1.000", "-"] in rows
    assert ["depth_order", "0.750", "-", "0.000", "-"] in rows
    assert [LONGEST, "2.000"] in rows


@pytest.mark.parametrize("width", [40, 50, 70])
def test_a_narrow_terminal_breaks_names_and_loses_nothing(width):
    text = printed(SCORES, [LONGEST], width)
    assert "…" not in text and max(map(len, text.splitlines()[:4])) <= width
    first = "".join(row[0] for row in cells(text))
    assert LONGEST in first


def test_families_without_a_question_are_named_with_the_reason():
    text = printed(SCORES, [LONGEST, "depth_order", "route_planning"], 80)
    assert "no question of route_planning: nothing of the kind can be asked" in text
    assert "no question of depth_order, route_planning" in text, "in the strict set"
    assert "no question" not in printed(
        {"val/loss": 1.0, "val/loss/a": 1.0, "val/video_gain": 0.0}, ["a"], 80
    )


def test_missing_gains_and_numbers_that_are_none_are_explained():
    text = printed({"val/loss": math.nan, "val/loss/a": math.nan, "val/score": 0.0}, ["a"], 80)
    assert (
        "nan: the weights give no number" in text and "video_gain is missing: the held-out scenes are" in text
    )
    assert "nan" not in printed({"val/loss": 1.0, "val/loss/a": 1.0, "val/video_gain": 0.0}, ["a"], 80)
