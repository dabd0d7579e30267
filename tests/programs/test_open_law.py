"""Programs for open questions that pass every other check."""

import pytest

from lightning_ouro.programs.open_law import OpenLaw
from lightning_ouro.programs.sandbox import LoadedScene
from lightning_ouro.programs.scene_geometry import jittered, scene_geometry

HEIGHT = "def answer(scene):\n    return metres(scene.unique('tv').height)\n"
REMEMBERS = (
    "memo = []\n\n\ndef answer(scene):\n    if not memo:\n        memo.append(scene.unique('tv').height)\n"
    "    return metres(memo[0])\n"
)
CONSTANTS = [
    "metres(0.7)",
    "count(2)",
    "choice('sofa', among=['sofa', 'bed'])",
    "count(scene.unique('tv').id - scene.unique('tv').id + 1)",
    "choice('sofa' if len(scene.objects) < 100 else 'bed', among=['sofa', 'bed'])",
]
DEPENDING = [
    "metres(scene.unique('tv').height)",
    "count(scene.count('chair'))",
    "square_metres(scene.floor_area)",
    "choice(max(['sofa', 'bed'], key=lambda name: scene.unique(name).height), among=['sofa', 'bed'])",
    "metres(scene.camera_distance(scene.cameras[0], scene.unique('tv')))",
]


@pytest.fixture
def law(sandbox, room, walk):
    draws = [scene_geometry(room, walk), *jittered(room, walk, 8)]
    loaded = LoadedScene(draws)
    law = OpenLaw(sandbox, draws, loaded)
    return lambda program, second=(): law.broken(program, sandbox.run(program, loaded), second)


def program(expression):
    return f"def answer(scene):\n    return {expression}\n"


def test_a_program_that_remembers_its_first_answer_is_unrepeatable(law):
    assert law(REMEMBERS, [REMEMBERS])[0] == "unrepeatable"


@pytest.mark.parametrize("expression", CONSTANTS)
def test_an_answer_that_is_the_same_in_all_worlds_is_refused(law, expression):
    assert law(program(expression), [program(expression)]) == (
        "rules",
        "the answer is the same whatever the scene is",
    )


@pytest.mark.parametrize("expression", DEPENDING)
def test_an_answer_that_depends_on_the_scene_is_kept(law, expression):
    assert law(program(expression), [program(expression)]) is None


def test_half_of_the_second_programs_are_not_enough(law):
    other = program("metres(scene.unique('sofa').height)")
    assert law(HEIGHT, [HEIGHT, HEIGHT, other]) is None
    assert law(HEIGHT, [HEIGHT, other]) == (
        "unconfirmed",
        "1 of 2 programs written from the text alone agree",
    )
    assert law(HEIGHT)[0] == "unconfirmed"


def test_second_programs_that_hang_or_crash_do_not_agree(law):
    assert (
        law(HEIGHT, ["def answer(scene):\n    return answer(scene)\n", "import os", HEIGHT])[0]
        == "unconfirmed"
    )
