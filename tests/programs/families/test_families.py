"""What holds of every family: its sentences, its candidates, its slack."""

import math
from itertools import product

import numpy as np
import pytest

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families import FAMILIES, OPEN, read
from lightning_ouro.programs.families.ordering import balanced_order, random_order
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.scenes.types import FrameBudget

ANY = TypedAnswer("count", 2)
ASKING = [name for name in FAMILIES if name != OPEN.name]
FORMS = [(name, place) for name in ASKING for place in range(len(FAMILIES[name].forms))]
VOCABULARIES = (
    ("sofa", "tv", "bed", "lamp", "chair"),
    ("ceiling light", "tv stand", "night-stand", "computer tower", "trash can"),
    ("mirror/frame", "T-shirt", "object", "camera", "robot"),
    ("o'clock", "a (b)", "back", "left", "café"),
)


def roles_of(form, names, times, motion):
    """Roles that fit a form, with names as they come."""
    left, roles = iter(names), {}
    for role, size in form.sizes.items():
        given = {"times": times, "motion": (motion,)}.get(role)
        roles[role] = tuple(next(left) for _ in range(size)) if given is None else given[:size]
    return roles


def some(family, room, most, seed=0):
    return [
        roles
        for roles, _ in zip(family.candidates(room, np.random.default_rng(seed)), range(most), strict=False)
    ]


def words_of(form):
    """Times and motions that a form may name: one choice where it names none."""
    times = [("4.3", "21.0"), ("0.0", "4.3")] if "times" in form.sizes else [()]
    return product(times, ["move", "turn"] if "motion" in form.sizes else [""])


def lowered(roles):
    return {role: tuple(map(str.casefold, names)) for role, names in roles.items()}


@pytest.mark.parametrize(("name", "place"), FORMS)
def test_every_form_is_read_back_by_its_family_alone(name, place):
    family = FAMILIES[name]
    form = family.forms[place]
    for names, (times, motion) in product(VOCABULARIES, words_of(form)):
        roles = roles_of(form, names, times, motion)
        text = form.write(roles)
        assert form in family.fitting(roles)
        assert read(text) == (family, roles), text
        assert [other.name for other in FAMILIES.values() if other.parse(text) is not None] == [name]
        found, loud = read(f"  {text.upper()}\n")
        assert found is family
        assert lowered(loud) == lowered(roles)


def test_candidates_of_filmed_rooms_are_read_back_from_every_sentence_that_fits_them(filmed):
    for scene, views in filmed:
        room = scene_geometry(scene, views)
        for family in FAMILIES.values():
            for roles in some(family, room, 4):
                forms = family.fitting(roles)
                assert len(forms) >= 3
                assert all(read(form.write(roles), family.name) == (family, roles) for form in forms)


def test_the_open_family_has_no_sentences_and_offers_nothing(den):
    assert OPEN.forms == ()
    assert list(OPEN.candidates(scene_geometry(*den), np.random.default_rng(0))) == []


def test_a_role_that_is_named_twice_has_to_be_one_object():
    text = "If I am standing by the bed and facing the sofa, is the tv to the left or the right of the {}?"
    assert read(text.format("sofa")) is not None
    assert read(text.format("lamp")) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "How many chairs?",
        "What is this?",
        "How many a, b(s) are in this room?",
        "At 4.31 seconds, which is nearer to the camera: the sofa or the tv?",
        "At 4 seconds, which is nearer to the camera: the sofa or the tv?",
        "At -4.3 seconds, which is nearer to the camera: the sofa or the tv?",
        "From 0.0 s to 4.3 s, in which direction does the camera jump most?",
    ],
)
def test_other_sentences_belong_to_no_family(text):
    assert read(text) is None


def test_words_are_times_and_motions_only():
    assert {role for family in FAMILIES.values() for role in family.words} == {"times", "motion"}


@pytest.mark.parametrize("name", ASKING)
def test_every_role_of_every_form_is_needed_by_the_program(name):
    family = FAMILIES[name]
    for form in family.forms:
        roles = roles_of(form, VOCABULARIES[0], ("4.3", "21.0"), "move")
        program = family.program(roles)
        assert all(one in program for role, names in roles.items() if role != "motion" for one in names)


@pytest.mark.parametrize("name", ASKING)
def test_candidates_are_distinct_keep_their_rules_and_repeat_for_the_same_seed(filmed, den, name):
    family, seen = FAMILIES[name], 0
    for scene, views in [*filmed, den]:
        room = scene_geometry(scene, views)
        roles = some(family, room, 60, seed=1)
        assert roles == some(family, room, 60, seed=1)
        assert len({family.key(scene.id, each) for each in roles}) == len(roles)
        assert all(family.check(room, each, ANY) is None for each in roles)
        assert all(family.fitting(each) for each in roles)
        assert all(family.slack(room, each) >= 1 for each in roles)
        seen += len(roles)
    assert seen >= 7


@pytest.mark.parametrize("name", ASKING)
def test_candidates_of_real_layouts_keep_their_rules(official_scenes, name):
    family, seen = FAMILIES[name], 0
    for scene in list(official_scenes.values())[::60]:
        room = scene_geometry(scene, scene.footage.load(scene, FrameBudget()).views)
        roles = some(family, room, 20)
        assert all(family.check(room, each, ANY) is None for each in roles)
        assert all(read(family.fitting(each)[0].write(each)) == (family, each) for each in roles)
        seen += len(roles)
    assert seen > 0 or name == "obj_appearance_order"


@pytest.mark.parametrize("name", ASKING)
def test_a_candidate_names_what_the_scene_has_and_shows_what_it_must(filmed, name):
    family = FAMILIES[name]
    for scene, views in filmed:
        room = scene_geometry(scene, views)
        for roles in some(family, room, 20):
            said = [one for role, names in roles.items() if role not in family.words for one in names]
            assert set(said) <= set(room.categories())
            shown = {scene.objects[place].category for place in family.must_show(room, roles)}
            assert shown == (set() if name == "obj_appearance_order" else set(said))


@pytest.mark.parametrize("name", FAMILIES)
def test_an_empty_scene_offers_no_candidates_but_its_floor(make_scene, make_views, name):
    for views in (None, make_views([(0, 0, 1)] * 3, objects=0)):
        found = list(
            FAMILIES[name].candidates(scene_geometry(make_scene([]), views), np.random.default_rng(0))
        )
        assert found == ([{}] if name == "room_size_estimation" else [])


def test_without_frames_nothing_is_asked_about_frames(den):
    room = scene_geometry(den[0])
    offered = {family.name for family in FAMILIES.values() if some(family, room, 1)}
    assert offered == {name for name in ASKING if name.startswith(("object", "room", "route"))}


def test_shuffled_numbers_are_all_there_once():
    assert sorted(random_order(50, np.random.default_rng(0))) == list(range(50))
    assert len(set(random_order(10**9, np.random.default_rng(0), 100))) == 100


def test_kinds_come_in_turns_as_long_as_there_are_any():
    kinds = ["rare"] * 5 + ["common"] * 95
    order = list(balanced_order(range(100), kinds, np.random.default_rng(0)))
    assert sorted(order) == list(range(100))
    assert set(range(5)) < set(order[:30])  # a plain shuffle has all five so early once in 500 times


@pytest.mark.parametrize("name", FAMILIES)
def test_only_symmetric_roles_may_be_swapped(name):
    family = FAMILIES[name]
    for role in ("pair", "options", "objects", "times", "via"):
        forward, back = ({role: names} for names in (("1.0", "2.0"), ("2.0", "1.0")))
        assert (family.key("s", forward) == family.key("s", back)) == (role in family.symmetric)


def test_which_roles_are_symmetric():
    # As far there as back: times may be swapped too, or the same displacement is asked twice.
    found = {name: set(FAMILIES[name].symmetric) for name in FAMILIES if FAMILIES[name].symmetric}
    assert found == {
        "object_abs_distance": {"pair"},
        "object_rel_distance": {"options"},
        "obj_appearance_order": {"objects"},
        "depth_order": {"pair"},
        "camera_displacement": {"times"},
        "open": {"objects"},
    }


def test_options_are_relisted_where_a_text_lists_its_own():
    family = FAMILIES["object_rel_distance"]
    roles = {"target": ("sofa",), "options": ("a", "b", "c", "d")}
    other = ("c", "a", "d", "b")
    for form in family.forms:
        assert family.relisted(form.write(roles), other) == form.write(roles | {"options": other})
    text = "How many chair(s) are in this room?"
    assert FAMILIES["object_counting"].relisted(text, other) == text


def test_slack_has_no_end_where_a_family_has_no_limits(den):
    room = scene_geometry(*den)
    for name, roles in (("object_size_estimation", {"object": ("sofa",)}), ("room_size_estimation", {})):
        assert FAMILIES[name].slack(room, roles) == math.inf
