import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "ground_truth.py"
EXACT = ("object_size_estimation", "room_size_estimation", "object_rel_distance")
DIRECTIONS = tuple(f"object_rel_direction_{level}" for level in ("easy", "medium", "hard"))
QUESTIONS = {"arkitscenes": 1497, "scannet": 1617}  # of the eight types that need no frames
UPRIGHT = [1.0, 0, 0, 0, 1, 0, 0, 0, 1]
CHAIRS = "How many chair(s) are in this room?"
EASY = "If I am standing by the bed and facing the sofa, is the tv to the left or the right of the sofa?"
SIZE = "What is the length of the longest dimension (length, width, or height) of the {}, measured in centimeters?"
APART = "Measuring from the closest point of each object, what is the distance between the bed and the {} (in meters)?"
NEAREST = (
    "Measuring from the closest point of each object, which of these objects (tv, bed, chair, lamp) is the closest to "
    "the sofa?"
)
ROUTE = (
    "You are a robot beginning at the bed and facing the sofa. You want to navigate to the {}. You will perform the "
    "following actions (Note: for each [please fill in], choose either 'turn back,' 'turn left,' or 'turn right.'): "
    "1. [please fill in] 2. Go forward until the tv{}. You have reached the final destination."
)


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("ground_truth", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def box(x, y, *size):
    return {"centroid": [x, y, size[2] / 2], "axesLengths": list(size), "normalizedAxes": UPRIGHT}


ROOM = {
    "room_size": 40.04,
    "object_counts": {"bed": 1, "sofa": 1, "tv": 1, "chair": 3, "lamp": 1},
    "object_bbox": {
        "bed": [box(0, 0, 2, 1.6, 0.5)],
        "sofa": [box(0, 4, 2, 0.8, 0.8)],
        "tv": [box(-2, 3, 0.1, 1.2, 0.7)],
        "chair": [box(2, 2, 0.5, 0.5, 0.9), box(2, -2, 0.5, 0.5, 0.9)],
        "lamp": [box(-2, -2, 0.3, 0.3, 1.5)],
    },
}


def asked(kind, text, truth, options=None, scene="room", dataset="hand", id=0):
    row = {"id": id, "dataset": dataset, "scene_name": scene, "question_type": kind, "question": text}
    return row | {"options": options, "ground_truth": truth}


def written(folder, name, content):
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture
def answered(script, tmp_path, capsys):
    """Runs the script on questions about one small room; its lines, and the last one as data."""

    def run(*rows, as_list=False, out=None):
        meta = written(tmp_path, "meta.json", {"room": ROOM})
        rows = [row | {"id": place} for place, row in enumerate(rows)]
        lines = json.dumps(rows, indent=1) if as_list else "\n".join(map(json.dumps, rows)) + "\n\n"
        args = ["--meta", str(meta), "--questions", str(written(tmp_path, "questions.jsonl", lines))]
        assert script.main(args + ([] if out is None else ["--out", str(out)])) == 0
        *said, last = capsys.readouterr().out.splitlines()
        return said, json.loads(last)

    return run


@pytest.fixture(scope="module")
def official(shared_data):
    folder = shared_data / "scenes" / "vsi_bench_meta"
    meta = [str(folder / f"{name}_meta_info_val.json") for name in ("arkitscenes", "scannet")]
    questions = shared_data / "benchmarks" / "vsi_bench" / "arkitscenes_scannet.jsonl"
    command = [sys.executable, str(SCRIPT), "--meta", *meta, "--questions", str(questions)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return found.stdout.splitlines(), found.stderr


@pytest.fixture(scope="module")
def official_rows(shared_data):
    path = shared_data / "benchmarks" / "vsi_bench" / "arkitscenes_scannet.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_official_answers_are_those_of_our_programs(official):
    lines, progress = official
    found = json.loads(lines[-1])
    assert list(found) == ["families", "by_source"] and set(found["by_source"]) == set(QUESTIONS)
    for figures in (found["families"], *found["by_source"].values()):
        assert {name: figures[name]["agree"] for name in (*EXACT, *DIRECTIONS)} == dict.fromkeys(
            EXACT + DIRECTIONS, 1
        )
        assert figures["object_counting"]["agree"] >= 0.99
        assert figures["object_abs_distance"]["mra"] >= 96
    for source, steps in (("scannet", 0.995), ("arkitscenes", 0.965)):
        assert found["by_source"][source]["object_abs_distance"]["within_one_step"] >= steps
        assert sum(row["questions"] for row in found["by_source"][source].values()) == QUESTIONS[source]
    assert found["families"]["object_rel_distance"] == {"questions": 426, "agree": 1.0}
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
    figures = json.loads(lines[-1])["families"]
    missed = {name: round(row["questions"] * (1 - row["agree"])) for name, row in figures.items()}
    kinds = [row["question_type"] for row in official_rows if str(row["id"]) in misses]
    assert {name: kinds.count(name) for name in figures} == missed
    assert "official 5, ours 2: the metadata count otherwise: boxes 2, corrected count 2" in misses["80"]
    assert all(" m apart, " in line or "corrected count" in line for line in misses.values())


def test_the_committed_results_are_those_of_this_code(official):
    committed = json.loads((SCRIPT.parent / "results" / "ground_truth.json").read_text())
    found = json.loads(official[0][-1])
    assert {name: committed[name] for name in found} == found
    assert committed["inputs"] and committed["versions"] and committed["machine"] and committed["date"]


def test_the_text_alone_is_answered_and_texts_of_options_are_compared(answered):
    rows = (
        asked("object_counting", CHAIRS, "3"),
        asked("object_size_estimation", SIZE.format("lamp"), "150"),
        asked("room_size_estimation", "In square meters, how large is this room?", 40.0),
        asked("object_rel_direction_easy", EASY, "A", ["A. left", "B. right"]),
        asked("object_rel_direction_easy", EASY, "B", ["A. right", "B. left"]),
        asked("object_rel_distance", NEAREST, "D", listed("bed chair lamp tv")),
        asked("object_abs_distance", APART.format("sofa"), "2.8", dataset="other"),
    )
    for as_list in (False, True):
        said, last = answered(*rows, as_list=as_list)
        assert sum(row["questions"] for row in last["families"].values()) == len(rows)
        assert all(row["agree"] == 1 for row in last["families"].values())
        exact = {"questions": 1, "agree": 1.0, "within_one_step": 1.0, "mra": 100.0}
        assert last["by_source"]["other"] == {"object_abs_distance": exact}
        assert last["families"] == last["by_source"]["hand"] | last["by_source"]["other"]
        assert not any(line.startswith(("miss", "not compared")) for line in said)


def listed(words):
    return [f"{letter}. {word}" for letter, word in zip("ABCD", words.split(), strict=False)]


def test_misses_say_what_the_answer_was_made_of(answered):
    said, last = answered(
        asked("object_counting", CHAIRS, "2"),
        asked("object_size_estimation", SIZE.format("lamp"), "151"),
        asked("object_rel_direction_easy", EASY, "B", ["A. left", "B. right"]),
        asked("object_rel_distance", NEAREST, "B", listed("tv bed chair lamp")),
        asked("object_abs_distance", APART.format("sofa"), "2.9"),
        asked("object_abs_distance", APART.format("sofa"), "3.0"),
        asked("object_abs_distance", APART.format("sofa"), "2.7"),
    )
    assert all(row["agree"] == 0 for row in last["families"].values())
    assert last["families"]["object_abs_distance"]["within_one_step"] == 0.6667
    # Off by 3.4, 6.7 and 3.7 %: all within 90 %, the second not within 95 %.
    assert last["families"]["object_abs_distance"]["mra"] == pytest.approx(100 * (10 + 9 + 10) / 30, abs=1e-4)
    misses = {line.split()[1]: line for line in said if line.startswith("miss ")}
    reasons = (
        "official 2, ours 3: the metadata count otherwise: boxes 2, corrected count 3",
        "the lamp, measured in centimeters? official 151, ours 150: another number: unrounded 150.0000",
        "official right, ours left: another choice: 33.69 degrees",
        "(hand room): Measuring from the|official bed, ours tv: another choice: tv 0.950 m, bed 2.800 m, chair",
        "ours 2.8: as from a 5 cm grid inside the boxes: the exact boxes are 2.800 m apart",
        "ours 2.8: farther than a 5 cm grid: the exact boxes are 2.800 m apart, the official is at least 0.150 m",
        "ours 2.8: nearer than the boxes: the exact boxes are 2.800 m apart",
    )
    assert len(misses) == len(reasons)
    for id, reason in enumerate(reasons):
        assert all(part in misses[str(id)] for part in reason.split("|")), misses[str(id)]
    assert "misses, object_abs_distance: 1, farther than a 5 cm grid (ids 5)" in said


@pytest.mark.parametrize(
    ("reason", "row"),
    [
        ("needs frames", ("obj_appearance_order", "…: bed, sofa, tv, lamp?", "A", listed("a b"))),
        ("needs frames", ("camera_motion", "Which way?", "A", listed("left right"))),
        ("no family has this name", ("object_colour", "Which colour has the bed?", "A", listed("red blue"))),
        ("the text follows no form", ("object_counting", "How many chairs do you see?", "3")),
        ("the text follows a form of object_size_estimation", ("object_counting", SIZE.format("bed"), "3")),
        ("objects that the metadata do not have", ("object_counting", CHAIRS.replace("chair", "cat"), "3")),
        ("its scene is in none of the", ("object_counting", CHAIRS, "3", None, "hall")),
        ("its official answer is no number", ("object_counting", CHAIRS, "three")),
        ("its official answer is no number", ("object_counting", CHAIRS, "A", listed("3 4"))),
        ("3 objects of category 'chair', not one", ("object_size_estimation", SIZE.format("chair"), "50")),
        ("options are not the family's", ("object_rel_direction_easy", EASY, "A", listed("left behind"))),
        ("options are not the family's", ("object_rel_direction_easy", EASY, "left")),
    ],
)
def test_what_metadata_cannot_answer_is_counted_and_listed(answered, reason, row):
    said, last = answered(asked("object_counting", CHAIRS, "3"), asked(*row))
    assert last["families"] == {"object_counting": {"questions": 1, "agree": 1.0}}
    (line,) = [line for line in said if line.startswith("not compared")]
    assert line.startswith(f"not compared, {row[0]}: 1, ") and reason in line and line.endswith("(ids 1)")


def test_of_a_route_s_many_options_some_are_enough(answered):
    one, two = (
        ROUTE.format("tv", ""),
        ROUTE.format("lamp", " 3. [please fill in] 4. Go forward until the lamp"),
    )
    single = ["A. Turn Left", "B. Turn Back", "C. Turn Right"]
    double = ["A. Turn Left, Turn Left", "B. Turn Left, Turn Back", "C. Turn Right, Turn Back"]
    _, last = answered(asked("route_planning", one, "A", single), asked("route_planning", two, "B", double))
    assert last["families"] == {"route_planning": {"questions": 2, "agree": 1.0}}
    _, last = answered(
        asked("route_planning", one, "A", single[:2]), asked("route_planning", two, "A", listed("a b"))
    )
    assert last["families"] == {}


def test_a_distance_of_nothing_is_a_miss(answered, monkeypatch):
    monkeypatch.setitem(ROOM["object_bbox"], "lamp", [box(0, 0, 0.3, 0.3, 1.5)])
    said, last = answered(asked("object_abs_distance", APART.format("lamp"), "0.3"))
    figures = {"questions": 1, "agree": 0.0, "within_one_step": 0.0, "mra": 0.0}
    assert last["families"]["object_abs_distance"] == figures
    assert any("ours no answer: the program gives no answer: metres() of 0 or less" in line for line in said)


def test_the_file_says_from_what_it_was_made(answered, tmp_path):
    out = tmp_path / "new" / "results.json"
    rows = asked("object_counting", CHAIRS, "2"), asked("x", "?", "1")
    _, last = answered(*rows, out=out)
    content = json.loads(out.read_text())
    assert {name: content[name] for name in last} == last
    assert content["misses"] == [
        {"family": "object_counting", "reason": "the metadata count otherwise", "questions": 1, "ids": "0"}
    ]
    assert [row["reason"] for row in content["not_compared"]] == ["no family has this name"]
    assert set(content["inputs"]) == {"meta.json", "questions.jsonl"}


GOOD = json.dumps(asked("object_counting", CHAIRS, "3"))


@pytest.mark.parametrize(
    ("meta", "questions", "said"),
    [
        ({"room": ROOM}, None, "questions.jsonl: cannot be read (No such file"),
        ({"room": ROOM}, "", "holds no questions"),
        ({"room": ROOM}, "[]", "holds no questions"),
        ({"room": ROOM}, f"{GOOD}\n\n{{no json\n", "questions.jsonl, line 3: is not JSON"),
        ({"room": ROOM}, f"{GOOD}\n3\n", "questions.jsonl, line 2: is a int, expected an object"),
        ({"room": ROOM}, f"[{GOOD}, {{}}]", "questions.jsonl, record 1: dataset is missing, expected a text"),
        ({"room": ROOM}, json.dumps(asked("x", "?", None)), "line 1: ground_truth is None, expected a text"),
        (
            {"room": ROOM},
            json.dumps(asked("x", "?", "C", listed("a b"))),
            "ground_truth is C, expected a letter of A, B",
        ),
        (
            {"room": ROOM},
            json.dumps(asked("x", "?", "A", ["a", "b"])),
            "options is ['a', 'b'], expected null or",
        ),
        ({"room": ROOM}, json.dumps(asked("x", "?", "A", "A. a")), "options is A. a, expected null or"),
        (
            {"room": ROOM},
            json.dumps(asked("x", "?", "A", ["A. a", "A. b"])),
            "options is ['A. a', 'A. b'], expected",
        ),
        (None, GOOD, "meta.json: cannot be read"),
        ({"questions": 3}, GOOD, "expected VSI-Bench meta_info"),
        ("{", GOOD, "meta.json: is not JSON"),
    ],
)
def test_a_bad_file_is_one_line_and_exit_code_2(script, tmp_path, capsys, meta, questions, said):
    paths = tmp_path / "meta.json", tmp_path / "questions.jsonl"
    for path, content in zip(paths, (meta, questions), strict=True):
        if content is not None:
            written(tmp_path, path.name, content)
    assert script.main(["--meta", str(paths[0]), "--questions", str(paths[1])]) == 2
    shown = capsys.readouterr()
    assert said in shown.err and shown.err.count("\n") == 1 and shown.out == ""


def test_the_exit_code_reaches_the_shell(tmp_path):
    command = [
        sys.executable,
        str(SCRIPT),
        "--meta",
        str(tmp_path / "none"),
        "--questions",
        str(tmp_path / "none"),
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 2 and found.stderr.startswith("error: ") and "Traceback" not in found.stderr


def test_a_scene_in_two_files_is_refused_and_a_bad_scene_is_named(script, tmp_path, capsys):
    meta = written(tmp_path, "meta.json", {"room": ROOM, "broken": {"object_bbox": {}}})
    questions = written(tmp_path, "questions.jsonl", GOOD)
    assert script.main(["--meta", str(meta), str(meta), "--questions", str(questions)]) == 2
    assert "scene room was in a file before" in capsys.readouterr().err
    assert script.main(["--meta", str(meta), "--questions", str(questions)]) == 0
    assert "scene not used" in capsys.readouterr().out
