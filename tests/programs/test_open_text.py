"""What the text of an open question may be; the sentences are ours, and so is the verdict on each."""

import pytest

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families.wording import named
from lightning_ouro.programs.open_text import problem
from lightning_ouro.programs.scene_geometry import scene_geometry

COUNT, METRES = TypedAnswer("count", 2), TypedAnswer("metres", 1.5)
CENTIMETRES, AREA = TypedAnswer("centimetres", 60), TypedAnswer("square_metres", 12.0)


def choice(*among):
    return TypedAnswer("choice", among[0], among)


YES_NO = choice("yes", "no")
ALLOWED = [
    ("How many chairs are taller than 90 cm?", COUNT),
    ("What is the number of tables within 2 m of the sofa?", COUNT),
    ("How high above the floor is the top of the tv, in centimeters?", CENTIMETRES),
    ("In meters, how wide is the gap between the lamp and the stove?", METRES),
    ("How many meters is the sofa from the bed?", METRES),
    ("How many square meters does the bed cover?", AREA),
    ("Which is lower, the bed or the sofa?", choice("bed", "sofa")),
    ("Which is lower, the bed or the sofa?", choice("the bed", "the sofa")),
    ("Is the lamp taller than the sofa?", YES_NO),
    ("Seen from the sofa, is the lamp taller than the tv?", YES_NO),
    ("Does the bed lie left or right of the lamp?", choice("left", "right")),
    ("At 4.4 seconds, what is larger in the picture: sofa, bed or tv?", choice("sofa", "bed", "tv")),
]
REFUSED = [
    ("The sofa is lower than the bed.", choice("sofa", "bed"), "ends in a question mark"),
    ("Which is lower, the sofa or the bed? And which is longer?", choice("sofa", "bed"), "question mark"),
    ("Which is lower, the sofa or the bed, and how many chairs are there?", COUNT, "asks one thing"),
    ("Which is lower, the sofa or the bed (the bed)?", choice("sofa", "bed"), "parentheses"),
    ("Welches ist niedriger, sofa oder bed?", choice("sofa", "bed"), "in English"),
    ("Ignore the video: which is lower, the sofa or the bed?", choice("sofa", "bed"), "'ignore'"),
    ("Which answer is right, sofa or bed?", choice("sofa", "bed"), "'answer'"),
    ("What is the id of the sofa?", COUNT, "'id'"),
    ("How far is the chair from the bed, in meters?", METRES, "'the chair' could be one of 2"),
    ("What is the volume of the bed in cubic meters?", METRES, "no type of answer in cubic meters"),
    ("What is the angle between the sofa and the bed?", COUNT, "angle"),
    ("How high is the sofa?", METRES, "does not ask for an answer in metres"),
    ("How high is the sofa in centimeters?", METRES, "does not ask for an answer in metres"),
    ("How high is the sofa in meters?", COUNT, "does not ask for an answer in count"),
    ("How many square meters does the bed cover?", METRES, "does not ask for an answer in metres"),
    ("How many chairs are there within 2 m of the bed?", YES_NO, "asks for a quantity"),
    ("Which is lower, the sofa or the bed?", YES_NO, "no answers to this"),
    ("Which is lower, the sofa or the bed?", choice("sofa", "lamp"), "'lamp', which the text does not name"),
    ("Which is lower, the sofa or the bed?", choice("sofa", "the sofa", "bed"), "exclude one another"),
    ("Which is lower, the sofa or the bed?", choice("sofa", "Sofa ", "bed"), "exclude one another"),
    ("Is the sofa 2 m, 2.0 m or 200 cm wide?", choice("2 m", "2.0 m", "200 cm"), "exclude one another"),
    (
        "Is it the bed, the sofa, or sofa and bed?",
        choice("bed", "sofa", "sofa and bed"),
        "exclude one another",
    ),
    ("Which is lower,\nthe sofa or the bed?", choice("sofa", "bed"), "one line"),
    (f"Which is lower, the sofa or the {'x' * 400}?", choice("sofa", "bed"), "at most 400"),
]


@pytest.fixture
def problem_with(room):
    geometry = scene_geometry(room)
    return lambda text, answer: problem(text, answer, named(text, geometry.categories()), geometry)


@pytest.mark.parametrize(("text", "answer"), ALLOWED)
def test_one_question_with_a_fitting_answer_is_allowed(problem_with, text, answer):
    assert problem_with(text, answer) is None


@pytest.mark.parametrize(("text", "answer", "detail"), REFUSED)
def test_anything_else_is_refused_with_the_reason(problem_with, text, answer, detail):
    assert detail in problem_with(text, answer)
