"""The families' programs against VSI-Bench's own answers, and against the committed results."""

import json
import subprocess
import sys

import pytest
from record import RESULTS

SCRIPT = RESULTS.parent / "ground_truth.py"
EXACT = ("object_size_estimation", "room_size_estimation", "object_rel_distance")
DIRECTIONS = tuple(f"object_rel_direction_{level}" for level in ("easy", "medium", "hard"))
QUESTIONS = {"arkitscenes": 1497, "scannet": 1617}  # of the eight types that need no frames


@pytest.fixture(scope="module")
def official(shared_data):
    folder = shared_data / "scenes" / "vsi_bench_meta"
    meta = [str(folder / f"{name}_meta_info_val.json") for name in ("arkitscenes", "scannet")]
    questions = shared_data / "benchmarks" / "vsi_bench" / "arkitscenes_scannet.jsonl"
    command = [sys.executable, str(SCRIPT), "--meta", *meta, "--questions", str(questions)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines(), done.stderr


@pytest.fixture(scope="module")
def official_rows(shared_data):
    path = shared_data / "benchmarks" / "vsi_bench" / "arkitscenes_scannet.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_official_answers_are_those_of_our_programs(official):
    lines, progress = official
    last = json.loads(lines[-1])
    assert list(last) == ["families", "by_source"] and set(last["by_source"]) == set(QUESTIONS)
    for shares in (last["families"], *last["by_source"].values()):
        for name in (*EXACT, *DIRECTIONS):
            assert shares[name]["agree"] == 1
        assert shares["object_counting"]["agree"] >= 0.99
        assert shares["object_abs_distance"]["mra"] >= 96
    for source, within in (("scannet", 0.995), ("arkitscenes", 0.965)):
        assert last["by_source"][source]["object_abs_distance"]["within_one_step"] >= within
        assert sum(row["questions"] for row in last["by_source"][source].values()) == QUESTIONS[source]
    assert last["families"]["object_rel_distance"] == {"questions": 426, "agree": 1.0}
    assert "comparing" in progress


def test_every_official_question_is_compared_or_listed(official, official_rows):
    lines, _ = official
    compared = sum(row["questions"] for row in json.loads(lines[-1])["families"].values())
    left = [line.split(" (ids ")[1].rstrip(")").split() for line in lines if line.startswith("not compared")]
    assert compared + sum(map(len, left)) == len(official_rows)
    kinds = {row["question_type"] for row in official_rows if str(row["id"]) in set().union(*left)}
    assert kinds == {"obj_appearance_order", "route_planning"}
    assert any("no frames, so no visibility" in line for line in lines)


def test_every_official_miss_is_listed_with_a_reason(official, official_rows):
    lines, _ = official
    misses = {line.split()[1]: line for line in lines if line.startswith("miss ")}
    shares = json.loads(lines[-1])["families"]
    expected = {name: round(row["questions"] * (1 - row["agree"])) for name, row in shares.items()}
    kinds = [row["question_type"] for row in official_rows if str(row["id"]) in misses]
    assert {name: kinds.count(name) for name in shares} == expected
    assert "official 5, ours 2: the metadata count otherwise: boxes 2, corrected count 2" in misses["80"]
    assert all(" m apart, " in line or "corrected count" in line for line in misses.values())


def test_the_committed_results_are_those_of_this_code(official):
    committed = json.loads((RESULTS / "ground_truth.json").read_text())
    last = json.loads(official[0][-1])
    assert {name: committed[name] for name in last} == last
    assert committed["inputs"]
