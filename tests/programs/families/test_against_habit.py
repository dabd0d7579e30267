"""Questions that habit can't answer: 0 and 1, two categories together, the farthest, facing away.

Each is accepted with its own program in some room, and turned down where the answer is not known, the words could
mean something else, or the program computes what habit would say.
"""

import dataclasses
from itertools import islice, product

import numpy as np
import pytest

from lightning_ouro.programs.families import FAMILIES, read
from lightning_ouro.programs.margins import STRICT, FamilyMargins
from lightning_ouro.programs.questions import Proposal
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.programs.verification import Verified, Verifier

from .test_wrong_proposals import ASKED, DIRECTION, SMALL, room, walk

COUNTING, DISTANCE = FAMILIES["object_counting"], FAMILIES["object_rel_distance"]
SIDES = {level: FAMILIES[f"object_rel_direction_{level}"] for level in ("easy", "medium", "hard")}
COUNTED = FamilyMargins(by_family={"object_counting": STRICT})
AWAY = {"standing": ("sofa",), "away": ("stove",), "target": ("bed",)}
FAR = {"target": ("sofa",), "options": ("bed", "stove", "clock", "piano"), "order": ("farthest",)}


@pytest.fixture
def film(make_scene):
    """The room of wrong proposals, with categories that are counted as 0, and the frames of a walk."""

    def film(absent=("toilet",), unknown=(), hidden=(), **changes):
        scene = room(make_scene, **changes)
        counts = scene.counts | dict.fromkeys((*absent, *unknown), 0)
        complete = (scene.complete | set(absent)) - set(unknown)
        scene = dataclasses.replace(scene, counts=counts, complete=complete)
        return scene, walk(scene, shares=dict.fromkeys(hidden, 0.002))

    return film


@pytest.fixture
def verdict(film, sandbox):
    """The verdict on a proposal: accepted with its answer, or the reason and detail of its rejection."""

    def verify(family, text, program, margins=COUNTED, **changes):
        scene, views = film(**changes)
        if "def answer" not in program:
            program = "def answer(scene):\n    " + program.replace("\n", "\n    ") + "\n"
        proposal = Proposal(scene.id, family.name, text, program, "test", 0, 0)
        (given,) = Verifier(sandbox, margins=margins).verify(scene, views, [proposal])
        return given.answer.value if isinstance(given, Verified) else f"{given.reason}: {given.detail}"

    return verify


def own(family, roles, form=0):
    return family, family.fitting(roles)[form].write(roles), family.program(roles)


def counted(*names):
    return own(COUNTING, {"object": names})


@pytest.mark.parametrize(
    ("names", "number"),
    [
        (["toilet"], 0),
        (["sofa"], 1),
        (["box"], 2),
        (["sofa", "bed"], 2),
        (["toilet", "box"], 2),
        (["sofa", "box"], 3),
    ],
)
def test_none_one_and_two_categories_are_counted(verdict, names, number):
    for order in (names, names[::-1]):
        assert verdict(*counted(*order)) == number


def test_under_the_margins_of_vsi_bench_none_of_these_is_asked(verdict):
    usual = {"margins": FamilyMargins()}
    assert verdict(*counted("toilet"), **usual) == "rules: 0 toilet; at least 2 are needed"
    assert verdict(*counted("sofa"), **usual) == "rules: 1 sofa; at least 2 are needed"
    more = {"more": [("shelf", *SMALL), ("shelf", (-4.0, -2.0, 0.3), (0.5, 0.4, 0.6))]}
    assert verdict(*counted("box", "shelf"), **more) == 4
    assert "together only with strict" in verdict(*counted("box", "shelf"), **usual, **more)


def test_what_is_only_not_annotated_is_not_absent(verdict):
    assert verdict(*counted("tv"), unknown=["tv"]) == "rules: not every tv is annotated"
    assert verdict(*counted("sofa", "tv"), unknown=["tv"]) == "rules: not every tv is annotated"
    assert verdict(*counted("tv")).startswith("disagrees: the text names 'tv', which the scene does not have")


@pytest.mark.parametrize(
    ("absent", "there"),
    [
        ("table", "coffee table"),
        ("table", "desk"),
        ("table", "computer desk"),
        ("coffee table", "table"),
        ("couch", "sofa"),
        ("chair", "armchair"),
        ("shelf", "Bookshelves"),
        ("tv", "television"),
    ],
)
def test_what_something_there_could_be_called_is_not_absent(verdict, absent, there):
    changes = {"absent": [absent], "more": [(there, *SMALL)]}
    for names in ((absent,), ("bed", absent)):
        assert verdict(*counted(*names), **changes) == f"rules: there is no {absent}"


def test_a_count_of_none_beside_a_box_is_a_contradiction(verdict):
    assert "0 box are counted but 2 have a box" in verdict(*counted("box"), absent=["box"])


@pytest.mark.parametrize("names", [("clock",), ("box",), ("clock", "sofa"), ("toilet", "box")])
def test_what_no_frame_shows_is_neither_counted_nor_denied(verdict, film, names):
    hidden = [name for name in names if name in ("clock", "box")]
    assert verdict(*counted(*names), hidden=hidden).startswith(f"unseen: no frame shows {hidden[0]}")
    claims = {"none": "return count(0)", "one": "return count(1)", "all": COUNTING.program({"object": names})}
    for claim in claims.values():
        assert not isinstance(verdict(COUNTING, counted(*names)[1], claim, hidden=hidden), int)
    geometry = scene_geometry(*film(hidden=hidden), COUNTED)
    kept = [
        roles["object"]
        for roles in COUNTING.candidates(geometry, np.random.default_rng(0))
        if COUNTING.must_show(geometry, roles) <= geometry.shown(COUNTING.share)
    ]
    assert kept and not {name for names in kept for name in names} & set(hidden)


@pytest.mark.parametrize(
    ("names", "changes", "says"),
    [
        (("box", "box"), {}, "not two different categories"),
        (("toilet", "tv"), {"absent": ["toilet", "tv"]}, "there is neither a"),
        (("box", "old box"), {"more": [("old box", *SMALL)]}, "box can mean the old box too"),
        (("sofa", "couch"), {"more": [("couch", *SMALL)]}, " too"),
        (
            ("table", "desk"),
            {"more": [("table", *SMALL), ("desk", (0, -4, 0.3), (0.5, 0.4, 0.6))]},
            " too",
        ),
    ],
)
def test_two_categories_are_different_things_of_which_some_are_there(verdict, names, changes, says):
    for order in (names, names[::-1]):
        assert says in verdict(*counted(*order), **changes)


WRONG_SUMS = {
    "the first alone": 'return count(scene.count("box"))',
    "the second alone": 'return count(scene.count("sofa"))',
    "the product": 'return count(scene.count("box") * scene.count("sofa"))',
    "the kinds": 'return count(len({it.category for it in scene.objects if it.category in ("box", "sofa")}))',
    "the larger": 'return count(max(scene.count("box"), scene.count("sofa")))',
    "all but them": 'return count(len(scene.objects) - scene.count("box") - scene.count("sofa"))',
    "a habit": "return count(2)",
}


@pytest.mark.parametrize("name", WRONG_SUMS)
def test_a_sum_is_of_both_categories(verdict, name):
    text = counted("box", "sofa")[1]
    assert verdict(COUNTING, text, WRONG_SUMS[name]).startswith("disagrees: the text means count(3)")


@pytest.mark.parametrize("number", [1, 2])
def test_habit_is_wrong_about_what_is_not_there(verdict, number):
    said = verdict(COUNTING, counted("toilet")[1], f"return count({number})")
    assert said.startswith("disagrees: the text means count(0)")


def test_in_other_words_an_absent_category_is_counted_by_its_family_alone(verdict):
    opened, program = FAMILIES["open"], 'return count(scene.count("toilet"))'
    for text in ("How many toilets are in this room?", "How many toilets are there?"):
        assert "asks for object_counting" in verdict(opened, text, program)
    for text in ("Is the toilet taller than the sofa?", "Which is taller, the toilet or the sofa?"):
        for answer in ('"no"', '"yes"'):
            said = verdict(opened, text, f'return choice({answer}, among=["yes", "no"])')
            assert said.startswith(("rules: ", "disagrees: "))


CAREFUL = {  # programs that fail nowhere, whatever is asked
    "object_rel_distance": 'return choice("bed", among=["bed", "stove", "clock", "toilet"])',
    "obj_appearance_order": 'return choice("bed", among=["bed", "sofa"])',
}


@pytest.mark.parametrize(
    "name", sorted(set(ASKED) - {"object_counting", "room_size_estimation", "camera_displacement"})
)
def test_no_other_family_names_what_is_absent(verdict, film, name):
    family, geometry = FAMILIES[name], scene_geometry(*film(), COUNTED)
    assert geometry.absent == ("toilet",) and geometry.count("toilet") == 0
    assert "toilet" not in geometry.unique_categories() and not geometry.is_complete("toilet")
    for role in ASKED[name].keys() - family.words:
        roles = ASKED[name] | {role: ("toilet", *ASKED[name][role][1:])}
        assert family.check(geometry, roles) in (
            "there is no toilet",
            "toilet names 0 objects, not one",
            "no frame shows a toilet",
        )
        for program in (family.program(roles), CAREFUL.get(name, "return metres(1)")):
            assert isinstance(verdict(family, family.fitting(roles)[0].write(roles), program), str)
    offered = islice(family.candidates(geometry, np.random.default_rng(0)), 200)
    assert not any("toilet" in names for roles in offered for names in roles.values())


def test_the_farthest_is_the_one_with_the_largest_gap_between_boxes(verdict):
    nearest = {role: names for role, names in FAR.items() if role != "order"}
    assert verdict(*own(DISTANCE, nearest)) == "stove"
    for form in range(3):
        assert verdict(*own(DISTANCE, FAR, form)) == "piano"  # 4.0 m from box to box, the bed 3.6 m


def test_the_farthest_has_the_farthest_middle_too(verdict):
    changes = {"boxes": {"bed": ((3.7, 0.4, 0.3), (3.2, 1.0, 0.6))}}  # its middle is farther than the piano's
    assert verdict(*own(DISTANCE, FAR), **changes) == "rules: the farthest option has not the farthest middle"
    nearest = {role: names for role, names in FAR.items() if role != "order"}
    assert verdict(*own(DISTANCE, nearest), **changes) == "stove"


def test_nearest_and_farthest_are_not_taken_for_each_other(verdict):
    nearest = {role: names for role, names in FAR.items() if role != "order"}
    for form in range(3):
        for asked, answered in ((FAR, nearest), (nearest, FAR)):
            text = DISTANCE.fitting(asked)[form].write(asked)
            assert verdict(DISTANCE, text, DISTANCE.program(answered)).startswith("disagrees: the text means")
    assert DISTANCE.key("s", FAR) != DISTANCE.key("s", nearest)


@pytest.mark.parametrize("place", [(-2.0, -3.0, 0.3), (2.0, -3.5, 0.3)])
def test_the_farthest_is_one_of_things_that_each_name_one_object(verdict, film, place):
    more = {"more": [("stove", place, (0.4, 0.4, 0.6))]}
    assert DISTANCE.check(scene_geometry(*film(**more)), FAR) == "stove names 2 objects, not one"
    assert verdict(*own(DISTANCE, FAR), **more).startswith(
        ("runtime", "rules: stove names 2 objects, not one")
    )
    lenient = DISTANCE.program({**FAR}).replace("scene.unique(name)", "scene.all(name)[0]")
    assert "stove" in verdict(DISTANCE, own(DISTANCE, FAR)[1], lenient, **more)


def test_the_farthest_is_farther_than_the_next_by_the_gap(verdict):
    for aside, expected in ((0.0, "piano"), (0.2, "two options differ by 0.18 m"), (0.8, "bed")):
        given = verdict(*own(DISTANCE, FAR), boxes={"bed": ((2.7 + aside, 0.4, 0.3), (1.2, 1.0, 0.6))})
        assert expected in given


@pytest.mark.parametrize("level", SIDES)
def test_away_is_where_one_would_look_after_turning_round(verdict, level):
    """By hand: from the sofa at (-2, 0), with the stove at (-0.6, 2.5) behind, the bed at (2.7, 0.4)."""
    facing, target = np.array([-2 + 0.6, 0 - 2.5]), np.array([2.7 + 2, 0.4])
    ahead, aside = facing @ target, facing[0] * target[1] - facing[1] * target[0]
    assert ahead < 0 < aside  # behind and to the left: by 116 degrees, so not to be called back
    expected = {"easy": "left", "medium": "left", "hard": "back-left"}[level]
    for form in range(3):
        assert verdict(*own(SIDES[level], AWAY, form)) == expected


@pytest.mark.parametrize("level", SIDES)
def test_away_and_facing_are_not_taken_for_each_other(verdict, level):
    family = SIDES[level]
    for form in range(3):
        for asked, answered in ((AWAY, DIRECTION), (DIRECTION, AWAY)):
            text = family.fitting(asked)[form].write(asked)
            assert verdict(family, text, family.program(answered)).startswith("disagrees: the text means")
    assert family.key("s", AWAY) != family.key("s", DIRECTION)


WRONG_ANGLES = {
    "in front": "scene.direction(standing, away, target)",
    "a quarter": "(scene.direction(standing, away, target) + 90) % 360",
    "away and target swapped": "(scene.direction(standing, target, away) + 180) % 360",
    "standing and away swapped": "scene.direction(away, standing, target)",
    "clockwise": "(180 - scene.direction(standing, away, target)) % 360",
}


# Left and right of the line between two things are the same from either end.
@pytest.mark.parametrize(
    ("level", "name"),
    [pair for pair in product(SIDES, WRONG_ANGLES) if pair != ("easy", "standing and away swapped")],
)
def test_other_angles_than_that_of_the_back_disagree(den, try_out, level, name):
    right = "(scene.direction(standing, away, target) + 180) % 360"
    wrong = {name: ((right, WRONG_ANGLES[name]),)}
    verdicts = try_out(den, SIDES[level], wrong, keep=lambda roles: "away" in roles)[name]
    assert "disagrees: the text" in verdicts
    assert verdicts <= {"disagrees: the text", "the same"}


@pytest.mark.parametrize(
    ("degrees", "problem"),
    [(50, None), (120, None), (143, "8.0 degrees from"), (127, "8.0 degrees from"), (217, "8.0")],
)
def test_away_keeps_from_the_boundaries_of_its_own_sectors(make_scene, degrees, problem):
    # Degrees are counted from the person's own front, which is at -y, away from what is at (0, 2.6).
    small, turned = (0.1, 0.1, 0.1), np.radians(degrees)
    target = (2 * np.sin(turned), -2 * np.cos(turned), 0)
    scene = make_scene([("a", (0, 0, 0), small), ("b", (0, 2.6, 0), small), ("t", target, small)])
    roles = {"standing": ("a",), "away": ("b",), "target": ("t",)}
    found = SIDES["medium"].check(scene_geometry(scene), roles)
    assert found is None if problem is None else problem in found


@pytest.mark.parametrize("text", [
    "Which of these objects (bed, stove, clock, piano) is the nearest from the sofa?",
    "Which of these objects (bed, stove, clock, piano) is not the farthest from the sofa?",
    "If I am standing by the sofa and not facing away from the stove, is the bed to my left or to my right?",
    "How many box(s) or sofa(s) are in the scene in total?",
    "How many box(s) and sofa(s) and bed(s) are in the scene in total?",
])  # fmt: skip
def test_other_words_follow_no_form_or_name_nothing_that_is_there(verdict, text):
    match = read(text)
    assert match is None or isinstance(verdict(match[0], text, match[0].program(match[1])), str)


def test_equal_shares_of_old_and_new_questions_are_offered(filmed):
    for family, new in ((DISTANCE, "order"), *((family, "away") for family in SIDES.values())):
        offered = []
        for scene, views in filmed:
            geometry = scene_geometry(scene, views)
            candidates = islice(family.candidates(geometry, np.random.default_rng(0)), 16)
            both = [new in roles for roles in candidates]
            offered += both if len(both) == 16 else []
        assert len(offered) >= 48 and 0.3 <= np.mean(offered) <= 0.7


def test_answers_of_counting_come_about_equally_often_first(filmed):
    first = []
    for scene, views in filmed:
        geometry = scene_geometry(scene, views, COUNTED)
        for seed in range(40):
            roles = next(COUNTING.candidates(geometry, np.random.default_rng(seed)))
            first.append((min(3, sum(map(geometry.count, roles["object"]))), len(roles["object"])))
    for answer in range(4):
        assert 0.17 <= np.mean([number == answer for number, _ in first]) <= 0.32
        if answer:
            assert 0.3 <= np.mean([size == 2 for number, size in first if number == answer]) <= 0.8
