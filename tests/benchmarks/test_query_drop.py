"""The benchmark's shares, of replies given by hand, and its questions about scenes of its own."""

from dataclasses import replace

import pytest
import query_drop
from readme_model_sections import query_drop as section

from lightning_ouro.loop.query_drop import Drop
from lightning_ouro.programs.questions import Question


def asked(*answers):
    question = Question("q", "s", "object_counting", "How many?", None, "count", "2", "", 1.0, {}, 0)
    drops = [Drop(replace(question, answer=answer), frozenset({0})) for answer in answers]
    return query_drop.Asked(drops, [], [])


def test_shares_are_of_the_replies_as_the_score_reads_them():
    whole = ["2", "2", "2", "4", "2"]
    without = ["0", "2", "zero", "4 chairs", "0."]
    measured = query_drop.compare(asked("2", "2", "3", "4", "2"), whole, without)
    assert measured["zeros"] == 0.4 and measured["unchanged"] == 0.4
    assert measured["no_number"] == 0.2 and measured["as_before"] == 0.2
    assert measured["score"] == pytest.approx((1 + 1 + 0.4 + 1 + 1) / 5), "2 of 3 is within 35 %"
    assert measured["commonest"]["share"] == 0.2


@pytest.fixture(scope="module")
def sets():
    return query_drop.asked_about(8)


def test_each_question_is_asked_on_two_videos_that_differ(sets):
    for each in sets.values():
        assert len(each.drops) == len(each.whole) == len(each.without) > 0
        for drop, whole, without in zip(each.drops, each.whole, each.without, strict=True):
            assert whole.questions == without.questions == (drop.question,)
            dropped = list(drop.objects)
            assert (whole.video.views.visibility[:, dropped] > 0).any(axis=0).all()
            assert (without.video.views.visibility[:, dropped] == 0).all()


def test_the_weights_that_ship_are_measured_and_written_as_a_table(sets):
    measured = query_drop.measure(query_drop.solver_of(None), sets)
    for row in measured.values():
        assert row["zeros"] + row["unchanged"] + row["no_number"] <= 1 and 0 <= row["score"] <= 1
    report = {
        "command": "python benchmarks/query_drop.py",
        "date": "2026-11-28",
        "commit": "0" * 40,
        "machine": {"cpu": "x", "cores": 2, "gpu": None},
        "versions": {},
        "rounds": 3,
        "margins": {"object_counting": "strict"},
        "questions": {name: len(each.drops) for name, each in sets.items()},
        "before": measured,
        "after": {"model": {"0": measured}, "grammar": {"0": measured}},
    }
    lines = section(report).splitlines()
    assert sum(line.startswith("| `") for line in lines) == 3 * len(sets)
