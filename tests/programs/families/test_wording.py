import re
from itertools import islice

import pytest

from lightning_ouro.programs.families import FAMILIES, OPEN
from lightning_ouro.programs.families.wording import asks_like, mention, named

ALL = tuple(family for family in FAMILIES.values() if family is not OPEN)
CATEGORIES = (
    "chair",
    "table",
    "coffee table",
    "sofa",
    "tv",
    "tv stand",
    "bed",
    "bookshelf",
    "battery",
    "box",
    "key",
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("How many chairs?", {"chair"}),
        ("Chair, CHAIR, chairs", {"chair"}),
        ("the chair(s)", {"chair"}),
        ("the chair's legs", {"chair"}),
        ("chair", {"chair"}),
        ("(chair)", {"chair"}),
        ("wheelchair, chairman, armchairs", set()),
        ("bedroom", set()),
        ("beds and bedding", {"bed"}),
        ("the coffee table", {"coffee table"}),  # the longest name wins
        ("coffee tables", {"coffee table"}),
        ("the coffee table and the tables", {"coffee table", "table"}),
        ("the tv on the tv stand", {"tv", "tv stand"}),
        ("the tv stands", {"tv stand"}),
        ("bookshelves", {"bookshelf"}),
        ("bookshelfs", {"bookshelf"}),
        ("batteries", {"battery"}),
        ("boxes", {"box"}),
        ("keys", {"key"}),
        ("", set()),
        ("nothing of it", set()),
    ],
)
def test_categories_are_named_in_singular_and_plural(text, names):
    assert set(named(text, CATEGORIES)) == names


def test_names_are_given_once_sorted_and_as_the_scene_writes_them():
    assert named("tvs, a Sofa, TVs, sofas", ("tv", "Sofa", "bed")) == ("Sofa", "tv")


@pytest.mark.parametrize("category", ["a+b", "t-shirt", "c.d", "x (y)", "o'clock", "a|b", "café"])
def test_punctuation_in_a_category_is_taken_literally(category):
    assert named(f"where is the {category}?", (category, "ab", "cxd")) == (category,)
    assert mention(category).search("where is something else?") is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("How many chairs are in this room?", "object_counting"),
        ("How many chairs are there?", "object_counting"),
        ("Count the chairs.", "object_counting"),
        ("COUNT THE CHAIRS!", "object_counting"),
        ("Please tell me the total number of chairs in the room.", "object_counting"),
        ("How many bookshelves are there in the video?", "object_counting"),
        ("How long is the longest side of the sofa?", "object_size_estimation"),
        ("What is the longest dimension of the sofa in centimeters?", "object_size_estimation"),
        ("What is the area of the floor?", "room_size_estimation"),
        ("How large is the room in square meters?", "room_size_estimation"),
        ("How far is the sofa from the tv?", "object_abs_distance"),
        ("How many meters are between the sofa and the tv?", "object_abs_distance"),
        ("Which is closest to the bed: the sofa, the tv, the chair or the table?", "object_rel_distance"),
        ("If I stand by the sofa and face the tv, is the bed left or right?", "object_rel_direction_easy"),
        (
            "Standing by the sofa, facing the tv: is the bed left, right or back?",
            "object_rel_direction_medium",
        ),
        (
            "Standing by the sofa, facing the tv, is the bed front-left or back-right?",
            "object_rel_direction_hard",
        ),
        ("In which order do the sofa, the tv, the bed and the chair appear first?", "obj_appearance_order"),
        ("At 4.3 s, how far is the camera from the sofa?", "camera_obj_distance"),
        ("Which is closer to the camera at 4.3 seconds, the sofa or the tv?", "depth_order"),
        (
            "What is the distance between the camera's positions at 4.3 and at 8.6 seconds?",
            "camera_displacement",
        ),
        # The words that a pattern allows (`{motion[0]:move|turn}`) are among its family's words too.
        ("Which way does the camera turn from 4.3 s to 8.6 s?", "camera_motion"),
        ("In which direction does the camera mainly move between 4.3 and 8.6 seconds?", "camera_motion"),
    ],
)
def test_a_familys_question_in_other_words_is_recognised(text, name):
    family = asks_like(text, CATEGORIES, ALL)
    assert family is not None
    # Two levels of a family may ask in the same words, and the first is as good a reason.
    assert family.name == name or family.name.rpartition("_")[0] == name.rpartition("_")[0]


@pytest.mark.parametrize(
    "text",
    [
        "How many chairs are taller than the table?",
        "How many chairs are taller than 90 cm?",
        "How many chairs stand within 1 m of the table?",
        "How many chairs are within 1 meter of the table?",
        "How many doors are within one meter of the bed?",
        "Is there a sofa within half a meter of the bookshelf?",
        "How many chairs are there between 1 and 3 meters from the bed?",
        "How many keys are on the bed?",
        "How many meters is the sofa from the table closest to it?",
        "Are there more chairs than tables?",
        "Which is taller, the sofa or the bed?",
        "How high above the floor is the top of the tv, in centimeters?",
        "How many different categories does the scene have?",
        "What share of the floor do the tables cover?",
        "How far does the camera travel altogether?",
    ],
)
def test_questions_that_no_family_asks_are_open(text):
    assert asks_like(text, CATEGORIES, ALL) is None


def sentences(family):
    for form in family.forms:
        names = iter(("chair", "sofa", "tv", "bed", "key"))
        words = {"times": ("4.3", "8.6"), "motion": ("move",), "order": ("farthest",)}
        yield form.write(
            {
                role: words[role][:size] if role in words else tuple(islice(names, size))
                for role, size in form.sizes.items()
            }
        )


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "open"])
def test_every_sentence_of_a_family_asks_like_that_family(name):
    for text in sentences(FAMILIES[name]):
        assert asks_like(text, CATEGORIES, (FAMILIES[name],)) is FAMILIES[name], text


UNITS = {"meters": ("metres", "m"), "centimeters": ("centimetres", "cm"), "seconds": ("s", "sec")}


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "open"])
def test_a_unit_in_another_spelling_does_not_make_a_question_open(name):
    # Otherwise its answer would be taken on trust.
    for text in sentences(FAMILIES[name]):
        for unit, spellings in UNITS.items():
            for spelling in spellings:
                changed = re.sub(rf"\b{unit}\b", spelling, text)
                assert asks_like(changed, CATEGORIES, (FAMILIES[name],)) is FAMILIES[name], changed
