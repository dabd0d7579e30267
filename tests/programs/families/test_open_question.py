import numpy as np
import pytest

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families import OPEN
from lightning_ouro.programs.questions import Proposal
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.programs.verification import Verifier


def check(room, names, answer):
    return OPEN.check(scene_geometry(room), {"objects": names}, answer)


@pytest.mark.parametrize(
    ("names", "most"),
    [(("chair",), 2), (("sofa",), 1), (("chair", "table"), 4), (("chair", "sofa", "tv"), 4), ((), 9)],
)
def test_a_count_does_not_exceed_the_number_of_objects_named(room, names, most):
    for value in range(most + 1):
        assert check(room, names, TypedAnswer("count", value)) is None
    assert "more than there are" in check(room, names, TypedAnswer("count", most + 1))


def test_other_answers_have_no_condition(room):
    for answer in (
        TypedAnswer("metres", 50.0),
        TypedAnswer("centimetres", 99.0),
        TypedAnswer("choice", "yes", ("yes", "no")),
    ):
        assert check(room, ("chair",), answer) is None


def test_all_named_objects_have_to_be_shown_or_else_every_object(room):
    geometry = scene_geometry(room)
    assert OPEN.must_show(geometry, {"objects": ("chair", "sofa")}) == {0, 5, 6}
    assert OPEN.must_show(geometry, {"objects": ()}) == set(range(9))


def test_the_order_of_the_names_makes_no_difference():
    assert OPEN.key("s", {"objects": ("tv", "bed")}) == OPEN.key("s", {"objects": ("bed", "tv")})
    assert OPEN.key("s", {"objects": ("tv",)}) != OPEN.key("s", {"objects": ("bed",)})


def test_it_has_no_program_of_its_own():
    with pytest.raises(NotImplementedError):
        OPEN.program({"objects": ("tv",)})


@pytest.fixture
def verdict_on(sandbox, room, make_views):
    def verdict(text, body, visibility=None):
        visibility = np.full((2, 9), 0.02) if visibility is None else visibility
        views = make_views([(0, 0, 1)] * 2, visibility=visibility)
        proposal = Proposal("scene", "open", text, f"def answer(scene):\n    return {body}\n", "test", 0, 0)
        return Verifier(sandbox).verify(room, views, [proposal])[0]

    return verdict


TALLER = "Which is taller, the sofa or the bed?"
TALLER_BODY = (
    'choice("sofa" if scene.unique("sofa").height > scene.unique("bed").height else "bed", ["sofa", "bed"])'
)


def test_an_open_question_names_what_it_is_about(verdict_on):
    verdict = verdict_on(TALLER, TALLER_BODY)
    assert (verdict.answer.value, verdict.options) == ("sofa", ("bed", "sofa"))
    assert verdict.objects == {"objects": ("bed", "sofa")}


def test_what_only_the_options_name_is_not_named(verdict_on):
    by_its_options = verdict_on("Which of the two is taller?", TALLER_BODY)
    assert (by_its_options.reason, by_its_options.detail[:25]) == ("unnamed", "the program uses 'bed', w")


def test_the_objects_of_an_open_question_have_to_be_shown(verdict_on):
    visibility = np.full((2, 9), 0.02)
    visibility[:, 2] = 0.0029
    assert verdict_on(TALLER, TALLER_BODY, visibility).detail == "no frame shows bed 2"
    visibility[1, 2] = 0.0031
    assert verdict_on(TALLER, TALLER_BODY, visibility).margin == pytest.approx(0.0031 / 0.003 / 2)


def test_an_open_question_that_names_nothing_needs_everything_shown(verdict_on):
    text, body = (
        "How many different categories does the scene have?",
        "count(len({x.category for x in scene.objects}))",
    )
    assert verdict_on(text, body).answer.value == 7
    visibility = np.full((2, 9), 0.02)
    visibility[:, 8] = 0
    assert verdict_on(text, body, visibility).reason == "unseen"
    assert verdict_on(text, "count(10)").reason == "rules"


def test_the_program_uses_only_categories_that_the_open_question_names(verdict_on):
    with_lamp = TALLER_BODY.replace('["sofa"', '["lamp", "sofa"')
    assert verdict_on("Which is taller, the sofa or the lamp?", with_lamp).reason == "unnamed"
    assert verdict_on("Which is taller, the bed, the sofa or the lamp?", with_lamp).options
    body = 'count(sum(scene.distance(x, scene.unique("tv")) < 2 for x in scene.all("chair")))'
    assert verdict_on("How many chairs stand close to the screen?", body).reason == "unnamed"


def test_an_open_question_with_an_unsteady_answer_is_unstable(verdict_on):
    # The centres of both chairs are at 45 cm: noise lifts one of them above that more often than not.
    body = 'count(1 + sum(x.center[2] > 0.4505 for x in scene.all("chair")))'
    assert verdict_on("How many chairs have their middle above 45 cm, plus one?", body).reason == "unstable"
