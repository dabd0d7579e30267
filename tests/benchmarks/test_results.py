"""What the committed results have to fulfil, and that each says how it was obtained."""

import json
import re

import pytest
from record import RESULTS

from lightning_ouro.programs.families import FAMILIES


def report(name):
    return json.loads((RESULTS / f"{name}.json").read_text("utf8"))


@pytest.mark.parametrize("name", sorted(path.stem for path in RESULTS.glob("*.json")))
def test_every_result_says_how_it_was_obtained(name):
    result = report(name)
    assert result["command"].startswith(f"python benchmarks/{name}.py")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", result["date"])
    assert re.fullmatch(r"[0-9a-f]{40}(\+dirty)?", result["commit"])
    machine = result["machine"]
    assert machine["cpu"] and machine["cores"] >= 1 and "gpu" in machine
    assert result["versions"]


def test_sixteen_questions_are_trained_eight_times_as_fast():
    cases = [
        case for case in report("training")["cases"] if case["questions"] == 16 and case["prefix"] > 1000
    ]
    assert len(cases) == 2
    for case in cases:
        assert case["speedup_plain"] >= 8 and case["memory_ratio"] <= 0.5


def test_a_shared_question_costs_at_most_half_more_than_one_without_video():
    cases = [case for case in report("training")["cases"] if case["questions"] == 32]
    assert cases and all(case["cost_against_alone"] <= 1.5 for case in cases)


def test_a_shared_row_has_the_gradients_of_separate_rows():
    assert all(case["gradient_difference"] < 1e-5 for case in report("training")["cases"])


def test_every_hostile_program_is_contained():
    hostile = report("sandbox")["hostile"]
    assert hostile["contained"] == hostile["programs"] and hostile["not contained"] == {}


FEW = 40  # questions, of which shares say nothing: the rendered walk moves ahead or back hardly ever


def test_letters_are_level_and_no_answer_dominates():
    families = report("accepted_questions")["families"]
    assert families
    for name, row in families.items():
        options = int(name.split(", ")[1].split()[0]) if "options" in name else None
        if row["questions"] < FEW:
            continue
        assert row["letters_off"] <= 0.02
        assert row["share"] <= (1 / options + 0.1 if options else 0.4)


def test_no_question_is_accepted_twice():
    assert report("accepted_questions")["repeated"] == 0


@pytest.mark.parametrize("scenes", ["procedural", "meta_info"])
def test_every_family_is_proposed_at_least_a_third_as_often_as_due(scenes):
    families = report("proposer")[scenes]["families"]
    assert set(families) == set(FAMILIES)
    assert all(row["proposed"] >= row["due"] / 3 for row in families.values())


def test_one_prefill_writes_what_generate_writes():
    assert report("proposer")["speed"]["same_texts"]


def test_a_family_is_seen_if_its_whole_interval_is_above_zero():
    families = report("seeing")["families"]
    assert report("seeing")["seen"] == sorted(name for name, row in families.items() if row["low"] > 0)
