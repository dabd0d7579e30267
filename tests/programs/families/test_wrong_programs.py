"""Wrong programs under correct texts, for families that answer with a number about objects."""

from itertools import islice

import numpy as np
import pytest

from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.margins import STRICT, FamilyMargins
from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.programs.verification import Verified, Verifier

CHAIRS = {"object": ("chair",)}  # four, and two baskets
COUNTING = {
    "one more": 'return count(scene.count("chair") + 1)',
    "one less": 'return count(scene.count("chair") - 1)',
    "one more by the list": 'chairs = scene.all("chair")\nreturn count(len(chairs) + 1)',
    "the last left out": 'return count(len(scene.all("chair")[:-1]))',
    "another category": "return count(scene.count(scene.objects[-1].category))",
    "all objects": "return count(len(scene.objects))",
    "all categories": "return count(len({thing.category for thing in scene.objects}))",
    "all but chairs": 'return count(len(scene.objects) - scene.count("chair"))',
    "a constant": "return count(3)",
    "whether there are any": 'return count(1 if scene.all("chair") else 0)',
    "those above a height": 'return count(sum(chair.height > 0.9 for chair in scene.all("chair")))',
    "pairs of them": 'number = scene.count("chair")\nreturn count(number * (number - 1) // 2)',
    "twice": 'return count(2 * scene.count("chair"))',
    "a length": 'return metres(scene.count("chair"))',
    "a choice": 'return choice(str(scene.count("chair")), among=["2", "3", "4", "5"])',
    "a name in part": 'return count(sum("air" not in thing.category for thing in scene.objects))',
}

SOFA = {"object": ("sofa",)}  # 2.0 x 0.9 x 0.8 m
SIZE = {
    "metres, not centimetres": 'return centimetres(scene.unique("sofa").longest_side)',
    "metres": 'return metres(scene.unique("sofa").longest_side)',
    "a factor of 10": 'return centimetres(10 * scene.unique("sofa").longest_side)',
    "inches": 'return centimetres(39.37 * scene.unique("sofa").longest_side)',
    "the shortest side": 'return centimetres(100 * min(scene.unique("sofa").size))',
    "the middle side": 'return centimetres(100 * sorted(scene.unique("sofa").size)[1])',
    "the first side": 'return centimetres(100 * scene.unique("sofa").size[1])',
    "the height": 'return centimetres(100 * scene.unique("sofa").height)',
    "the extents, which depend on how it stands": 'return centimetres(100 * max(scene.unique("sofa").extents))',
    "the sum": 'return centimetres(100 * sum(scene.unique("sofa").size))',
    "the diagonal": 'sides = scene.unique("sofa").size\nreturn centimetres(100 * sum(x * x for x in sides) ** 0.5)',
    "half": 'return centimetres(50 * scene.unique("sofa").longest_side)',
    "one more": 'return centimetres(100 * scene.unique("sofa").longest_side + 1)',
    "rounded": 'return centimetres(round(100 * scene.unique("sofa").longest_side))',
    "cut off": 'return centimetres(100 * int(scene.unique("sofa").longest_side))',
    "right by luck": "return centimetres(200.0)",
    "another object": "return centimetres(100 * scene.objects[1].longest_side)",
    "the largest of all": "return centimetres(100 * max(thing.longest_side for thing in scene.objects))",
    "a count": 'return count(int(100 * scene.unique("sofa").longest_side))',
}

ROOM = {
    "one more": "return square_metres(scene.floor_area + 1)",
    "one less": "return square_metres(scene.floor_area - 1)",
    "square feet": "return square_metres(10.764 * scene.floor_area)",
    "half": "return square_metres(scene.floor_area / 2)",
    "squared": "return square_metres(scene.floor_area ** 2)",
    "a side": "return square_metres(scene.floor_area ** 0.5)",
    "metres": "return metres(scene.floor_area)",
    "square centimetres": "return square_metres(scene.floor_area * 100)",
    "rounded": "return square_metres(round(scene.floor_area, 1))",
    "right by luck": "return square_metres(37.44)",
    "a constant": "return square_metres(20.0)",
    "without the furniture": "return square_metres(scene.floor_area - "
    "sum(thing.size[0] * thing.size[1] for thing in scene.objects))",
    "round the objects": "xs = [thing.center[0] for thing in scene.objects]\n"
    "ys = [thing.center[1] for thing in scene.objects]\n"
    "return square_metres((max(xs) - min(xs)) * (max(ys) - min(ys)))",
    "round the cameras": "xs = [camera.position[0] for camera in scene.cameras]\n"
    "ys = [camera.position[1] for camera in scene.cameras]\n"
    "return square_metres((max(xs) - min(xs)) * (max(ys) - min(ys)))",
    "the volume": "return square_metres(scene.floor_area * 2.5)",
}

PAIR = {"pair": ("bed", "sofa")}
_BOTH = 'a, b = scene.unique("bed"), scene.unique("sofa")\n'
DISTANCE = {
    "centroids": f"import math\ndef answer(scene):\n    {_BOTH}    return metres(math.dist(a.center, b.center))",
    "centroids on the floor": "import math\ndef answer(scene):\n    "
    f"{_BOTH}    return metres(math.dist(a.center[:2], b.center[:2]))",
    "centroids less half of the sides": "import math\ndef answer(scene):\n    "
    f"{_BOTH}    return metres(math.dist(a.center, b.center) - (a.longest_side + b.longest_side) / 2)",
    "along x": _BOTH + "return metres(abs(a.center[0] - b.center[0]))",
    "gap of the extents": _BOTH
    + "gaps = [abs(a.center[i] - b.center[i]) - (a.extents[i] + b.extents[i]) / 2 for i in range(3)]\n"
    + "return metres(sum(max(gap, 0) ** 2 for gap in gaps) ** 0.5)",
    "a third object": 'return metres(scene.distance(scene.unique("bed"), scene.objects[3]))',
    "centimetres": _BOTH + "return centimetres(100 * scene.distance(a, b))",
    "metres that are centimetres": _BOTH + "return metres(10 * scene.distance(a, b))",
    "half": _BOTH + "return metres(scene.distance(a, b) / 2)",
    "rounded": _BOTH + "return metres(round(scene.distance(a, b), 1))",
    "rounded more finely": _BOTH + "return metres(round(scene.distance(a, b), 4))",
    "right by luck": "return metres(2.9969618196499948)",
    "a constant": "return metres(1.5)",
    "the nearest thing": 'a = scene.unique("bed")\n'
    "return metres(min(scene.distance(a, b) for b in scene.objects if b.id != a.id))",
    "the farthest thing": 'a = scene.unique("bed")\nreturn metres(max(scene.distance(a, b) for b in scene.objects))',
    "the way to walk": "import math\ndef answer(scene):\n    "
    f"{_BOTH}    way = scene.path(a, b)\n"
    "    return metres(sum(math.dist(one, other) for one, other in zip(way, way[1:])))",
    "the farthest points": _BOTH + "return metres(scene.distance(a, b) + a.longest_side + b.longest_side)",
    "from the camera": _BOTH + "return metres(scene.camera_distance(scene.cameras[0], a))",
    "an area": _BOTH + "return square_metres(scene.distance(a, b))",
}
WRONG = {
    "object_counting": (CHAIRS, COUNTING),
    "object_size_estimation": (SOFA, SIZE),
    "room_size_estimation": ({}, ROOM),
    "object_abs_distance": (PAIR, DISTANCE),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_programs_disagree_with_their_text(den, judge, name):
    (roles, programs), family = WRONG[name], FAMILIES[name]
    assert len(programs) >= 10
    verdicts = judge(den, family, roles, programs)
    for wrong, verdict in verdicts.items():
        assert verdict.startswith("disagrees: the text means"), wrong


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "open"])
def test_the_right_program_is_accepted_under_every_text(den, judge, name):
    family, accepted = FAMILIES[name], set()
    margins = FamilyMargins(
        by_family={"object_counting": STRICT}
    )  # which alone counts two categories together
    for roles in islice(family.candidates(scene_geometry(*den, margins), np.random.default_rng(1)), 12):
        right = {form.template: family.program(roles) for form in family.fitting(roles)}
        verdicts = judge(den, family, roles, right, margins)
        assert len(set(verdicts.values())) == 1  # an unstable answer is unstable in any wording
        accepted |= {template for template, verdict in verdicts.items() if verdict == "accepted"}
    assert len(accepted) >= min(len(family.forms), 12)


def test_an_equivalent_program_is_accepted(den, judge):
    own = {
        "object_counting": 'return count(len([thing for thing in scene.objects if thing.category == "chair"]))',
        "object_size_estimation": 'x, y, z = scene.all("sofa")[0].size\nreturn centimetres(max(x, y, z) * 1e2)',
        "room_size_estimation": "area = scene.floor_area\nreturn square_metres(area)",
        "object_abs_distance": 'return metres(scene.distance(scene.unique("sofa"), scene.unique("bed")))',
    }
    for name, program in own.items():
        assert judge(den, FAMILIES[name], WRONG[name][0], {"own": program}) == {"own": "accepted"}


@pytest.fixture
def verdict_on(den, sandbox):
    scene, views = den

    def verdict(label, text, body):
        program = "def answer(scene):\n    " + body.replace("\n", "\n    ") + "\n"
        proposal = Proposal("den", label, text, program, "test", 0, 0)
        return Verifier(sandbox).verify(scene, views, [proposal])[0]

    return verdict


WRONG_COUNTS = [COUNTING[name] for name in ("one more", "one less", "a constant", "the last left out")]


@pytest.mark.parametrize(
    "text", ["How many chairs are in this room?", "How many chairs are there?", "Count the chairs."]
)
@pytest.mark.parametrize("label", ["open", "object_counting", "room_size_estimation"])
def test_a_wrong_count_in_other_words_is_rejected(verdict_on, label, text):
    for body in WRONG_COUNTS:
        verdict = verdict_on(label, text, body)
        assert isinstance(verdict, Rejection)
        assert verdict.reason == "disagrees"


@pytest.mark.parametrize(
    "text",
    [
        "How many chair(s) are in this room?",
        "How many chair(s) can be seen in the video?",
        "Count the chair(s) in this room. How many are there?",
        "What is the number of chair(s) in the room?",
    ],
)
def test_a_count_in_the_familys_words_is_accepted_only_if_it_is_right(verdict_on, text):
    assert isinstance(verdict_on("object_counting", text, 'return count(scene.count("chair"))'), Verified)
    assert verdict_on("open", text, 'return count(scene.count("chair"))').reason == "disagrees"
    for label in ("open", "object_counting"):
        assert {verdict_on(label, text, body).reason for body in WRONG_COUNTS} == {"disagrees"}


def test_a_question_that_no_family_asks_waits_for_a_second_program(verdict_on):
    text = "How many chairs are taller than 50 cm?"
    body = 'return count(sum(chair.height > 0.5 for chair in scene.all("chair")))'
    assert verdict_on("open", text, body).reason == "unconfirmed"
