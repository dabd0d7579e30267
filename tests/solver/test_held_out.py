"""What validation measures: of replies given by hand, under each set's own name."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from lightning_ouro.solver.batches import DroppedQuery, EvalBatch, SceneRow
from lightning_ouro.solver.held_out import HeldOutMeans

from .conftest import make_question, make_video

FAMILIES = {"vsi_bench": ("object_counting",), "strict": ("object_counting", "object_rel_direction_easy")}
# Each reply with the number that VSI-Bench's score reads: a reply that is no number is not a zero.
READ = {
    "0": 0,
    "0.": 0,
    "0.0": 0,
    "0 chairs": 0,
    "4": 4,
    "4 chairs": 4,
    "3": 3,
    "00": 0,
    "": None,
    "none": None,
    "zero": None,
    "No chairs": None,
    "There are 0": None,
    "0,": None,
    " 0": None,
    "nan": None,
    "-4": -4,
    "O": None,
}


class Replying:
    """A solver that gives replies by the question's text and loses 1 nat, 3 with another video."""

    def __init__(self, replies):
        self.given, self.asked = replies, []

    def encode(self, row, video):
        return row, video

    def score_rows(self, rows):
        losses = [1.0 if video is row.video else 3.0 for row, video in rows for _ in row.questions]
        return SimpleNamespace(loss=torch.tensor(losses))

    def replies(self, rows):
        self.asked.append([row.video for row in rows])
        return [self.given[row.video][question.text] for row in rows for question in row.questions]


def question(text, answer="4", **changes):
    return replace(make_question(0, text, answer), **changes)


DIRECTION = question("c", "B", family="object_rel_direction_easy", unit=None, options=("left", "right"))


@pytest.fixture
def videos():
    return [make_video(seed) for seed in range(4)]


def test_zeros_and_the_scenes_own_number_are_counted_as_the_score_reads_replies(videos):
    row = SceneRow(videos[0], (question("How many?"),), (0.0,))
    drops = [SceneRow(make_video(seed), row.questions, (0.0,)) for seed in range(len(READ))]
    given = {drop.video: {"How many?": reply} for drop, reply in zip(drops, READ, strict=True)}
    solver = Replying(given | {videos[0]: {"How many?": "4"}})
    means = HeldOutMeans({"vsi_bench": ("object_counting",)}, torch.device("cpu"))
    queries = tuple(DroppedQuery("vsi_bench", drop) for drop in drops)
    means.measure(
        solver,
        EvalBatch((row,), (("vsi_bench",),), (videos[1],), queries, {"vsi_bench": ("object_counting",)}),
    )
    curves, numbers = means.curves("val"), list(READ.values())
    assert curves["val/query_drop"] == pytest.approx(numbers.count(0) / len(numbers))
    assert curves["val/query_drop_unchanged"] == pytest.approx(numbers.count(4) / len(numbers))
    assert curves["val/score"] == 1, "what is asked without the objects leaves the score alone"
    assert all(len(videos) == 1 for videos in solver.asked), (
        "as many videos at a time as the batch has scenes"
    )


def test_each_set_has_its_own_means_and_the_main_one_keeps_the_names_of_before(videos):
    rows = (
        SceneRow(videos[0], (question("a"), question("b"), DIRECTION), (0.0,) * 3),
        SceneRow(videos[1], (question("a"),), (0.0,)),
    )

    solver = Replying(
        {videos[0]: {"a": "4", "b": "2", "c": "B"}, videos[1]: {"a": "no"}, videos[2]: {"b": "0"}}
    )
    drops = (DroppedQuery("strict", SceneRow(videos[2], (question("b"),), (0.0,))),)
    sets = (("vsi_bench", "strict", "strict"), ("vsi_bench",))
    means = HeldOutMeans(FAMILIES, torch.device("cpu"))
    means.measure(solver, EvalBatch(rows, sets, (videos[3], videos[3]), drops, FAMILIES))
    curves = means.curves("val")
    assert curves["val/score"] == 0.5 and curves["val/score/object_counting"] == 0.5
    assert curves["val_strict/score"] == pytest.approx((0.1 + 1) / 2), "2 of 4 is within half"
    assert curves["val_strict/score/object_rel_direction_easy"] == 1
    assert curves["val/loss"] == curves["val_strict/loss"] == 1
    assert curves["val/video_gain"] == curves["val_strict/video_gain"] == 2
    assert curves["val_strict/query_drop"] == 1 and "val/query_drop" not in curves
    assert not any(math.isnan(value) for value in curves.values())
    means.reset()
    means.measure(solver, EvalBatch(rows[1:], sets[1:], (videos[3],), (), FAMILIES))
    again = means.curves("test")
    assert again["test/score"] == 0 and math.isnan(again["test_strict/score"])


@pytest.mark.filterwarnings("error")
def test_a_rank_without_a_question_of_some_set_adds_nothing_and_says_nothing(videos):
    row = SceneRow(videos[0], (question("a"),), (0.0,))
    means = HeldOutMeans(FAMILIES, torch.device("cpu"))
    solver = Replying({videos[0]: {"a": "4"}})
    means.measure(solver, EvalBatch((row,), (("strict",),), (videos[1],), (), FAMILIES))
    curves = means.curves("val")
    assert curves["val_strict/score"] == 1 and math.isnan(curves["val/score"])
