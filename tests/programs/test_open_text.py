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
ALLOWED += [
    ("Sorted by height from low to high, which comes first, the sofa or the bed?", choice("sofa", "bed")),
    ("Of sofa, bed and lamp ordered by height, which is in between?", choice("sofa", "bed", "lamp")),
    ("How many chairs which are taller than 80 cm are there?", COUNT),
    ("How many chairs are on the left of someone who stands by the sofa and looks at the tv?", COUNT),
    ("Which is wider when looked at from above, the sofa or the bed?", choice("sofa", "bed")),
    (
        "What is the area in square meters of the triangle whose corners are the tv, the bed and the lamp?",
        AREA,
    ),
    ("By how many centimeters does the sofa reach higher than the bed?", CENTIMETRES),
    ("Is the chair that is closest to the tv taller than the bed?", YES_NO),
    ("Is the chair nearer to the sofa lower than the lamp?", YES_NO),
    ("How many meters is the sofa from the chair farthest from it?", METRES),
    ("What is the distance in meters between the two tables that stand closest together?", METRES),
    ("How tall are the chairs on average, in centimeters?", CENTIMETRES),
    ("How many pairs of chairs have less than 2 m between them?", TypedAnswer("count", 6)),
    ("How many objects are longer than the table closest to the tv?", TypedAnswer("count", 7)),
    ("Are both chairs lower than the lamp?", YES_NO),
    ("How many chairs are as tall as the stove?", COUNT),
    ("Is the sofa less than 2 m, or at least 2 m away from the tv?", choice("less than 2 m", "at least 2 m")),
    ("Is the number of chairs 1, 2, or 3 or more?", choice("1", "2", "3 or more")),
    (
        "From small to large, is the order bed, sofa, lamp or sofa, bed, lamp?",
        choice("bed, sofa, lamp", "sofa, bed, lamp"),
    ),
]
REFUSED = [
    (
        "Is the sofa lower than the bed and how many chairs are there?",
        COUNT,
        "asks one thing, not is and how",
    ),
    ("Which is lower, the sofa or the bed, and where is the lamp?", choice("sofa", "bed"), "asks one thing"),
    (
        "How tall is the sofa: by how many centimeters is it lower than the lamp?",
        CENTIMETRES,
        "asks one thing",
    ),
    ("How many chairs are there and tell me which is lower, the sofa or the bed?", COUNT, "asks one thing"),
    ("How many chairs are near the bed?", COUNT, "'near' has no definition"),
    ("Is the stove close to the bed?", YES_NO, "'close' has no definition"),
    ("Is the lamp tall?", YES_NO, "'tall' has no definition"),
    ("How far is the sofa from the nearest wall in meters?", METRES, "'wall' has no definition"),
    ("How high is the room in meters?", METRES, "walls and ceiling"),
    ("How many chairs are in the middle of the room?", COUNT, "walls and ceiling"),
    ("Which is heavier, the bed or the sofa?", choice("bed", "sofa"), "'heavier' is nothing"),
    ("How many red chairs are in this room?", COUNT, "'red' is nothing"),
    ("How many chairs face the tv?", COUNT, "'face' is nothing"),
    ("How many people can use the sofa?", COUNT, "'people' is nothing"),
    ("How many chairs come into view before the bed?", COUNT, "only when the first is seen"),
    ("How tall are the chairs in centimeters?", CENTIMETRES, "of which of 2 chair"),
    ("How tall is each chair in centimeters?", CENTIMETRES, "of which of 2 chair"),
    ("Are the chairs lower than the lamp?", YES_NO, "any or all of 2 chair"),
    ("Is the chair nearest or not nearest to the tv, seen from the table?", YES_NO, "'the table' could be"),
    (
        "Which of the two beds is lower than the sofa, or is it the lamp?",
        choice("beds", "lamp"),
        "'the two beds'",
    ),
    ("How many chairs are closer to the dining table than to the bed?", COUNT, "'dining' makes the name"),
    ("How many chairs are lower than the lamp?", TypedAnswer("count", 4), "4 of 3"),
    ("How many parts do the chairs have altogether?", TypedAnswer("count", 8), "8 of 2"),
    ("How many legs have the chairs altogether?", COUNT, "'legs' is nothing"),
    ("Which is thicker, the tv or the table closest to it?", choice("tv", "table"), "'thicker' is nothing"),
    (
        "Which is first if sorted by height, the sofa or the bed?",
        choice("sofa", "bed"),
        "begin at either end",
    ),
    (
        "In what order do the sofa and the bed follow by height?",
        choice("sofa, bed", "bed, sofa"),
        "either end",
    ),
    ("How many chairs are lower than the sofa, or the other way round?", COUNT, "more than one thing"),
    ("Does the tv fit under the bed?", YES_NO, "'fit under' could mean"),
    (
        "Are there 2 or more, or 3 or more chairs?",
        choice("2 or more", "3 or more"),
        "exclude one another",
    ),
    (
        "Is the sofa less than 3 m or less than 9 m away from the lamp?",
        choice("less than 3 m", "less than 9 m"),
        "exclude one another",
    ),
    ("Is the sofa 1 m to 2 m or 150 cm wide?", choice("1 m to 2 m", "150 cm"), "exclude one another"),
    (
        "Which is longer, the sofa, the couch or the lamp?",
        choice("sofa", "couch", "lamp"),
        "exclude one another",
    ),
    (
        "Is the bed, the sofa or something else lower?",
        choice("bed", "sofa", "something else"),
        "no answer of its own",
    ),
    (
        "Since it is the bed, which is lower, the sofa or the bed?",
        choice("sofa", "bed"),
        "more than the others",
    ),
    ("The sofa is lower than the bed.", choice("sofa", "bed"), "ends in a question mark"),
    ("Which is lower, the sofa or the bed? And which is longer?", choice("sofa", "bed"), "question mark"),
    ("Which is lower, the sofa or the bed, and how many chairs are there?", COUNT, "asks one thing"),
    ("Which is lower, the sofa or the bed (the bed)?", choice("sofa", "bed"), "no asides"),
    (
        "Which is lower, i.e. reaches less high, the sofa or the bed?",
        choice("sofa", "bed"),
        "no asides: 'i.e.'",
    ),
    ("How many chairs stand by the tv, that is, within 2 m of it?", COUNT, "no asides"),
    ("How many chairs that are near the tv are there?", COUNT, "'near' has no definition"),
    (
        "How many chairs are within 1 m of the straight line from the sofa to the bed?",
        COUNT,
        "'the straight line'",
    ),
    ("How many groups do the chairs form, if two less than 1 m apart are one?", COUNT, "'groups'"),
    ("What area in square meters has the four-sided shape around the chairs?", AREA, "'four-sided'"),
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
