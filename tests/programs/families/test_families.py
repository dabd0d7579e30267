"""What every family has in common: sentences that are read back, candidates that pass, and slack."""

import math
from itertools import islice, product

import numpy as np
import pytest

from lightning_ouro.programs.answers import TypedAnswer
from lightning_ouro.programs.families import FAMILIES, OPEN, Family, read
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.scenes.types import FrameBudget

ANY = TypedAnswer("count", 2)
ASKING = [name for name in FAMILIES if name != OPEN.name]
FORMS = [(name, index) for name in ASKING for index in range(len(FAMILIES[name].forms))]
VOCABULARIES = (
    ("sofa", "tv", "bed", "lamp", "chair"),
    ("ceiling light", "tv stand", "night-stand", "computer tower", "trash can"),
    ("mirror/frame", "T-shirt", "object", "camera", "robot"),
    ("o'clock", "a (b)", "back", "left", "café"),
)


def test_no_family_overrides_a_concrete_method():
    concrete = (
        set(vars(Family)) - Family.__abstractmethods__ - set(Family.__annotations__) - set(vars(object))
    )
    for family in FAMILIES.values():
        kind = type(family)
        assert kind.__mro__[1] is Family
        assert kind.__final__
        assert not concrete & set(vars(kind)) - {
            "__module__",
            "__doc__",
            "__abstractmethods__",
            "_abc_impl",
        }


def roles_of(form, names, times, motion):
    """Roles that fit a form, with names in the given order."""
    remaining, roles = iter(names), {}
    for role, size in form.sizes.items():
        words = {"times": times, "motion": (motion,), "order": ("farthest",)}.get(role)
        roles[role] = tuple(islice(remaining, size)) if words is None else words[:size]
    return roles


def some(family, geometry, most, seed=0):
    return list(islice(family.candidates(geometry, np.random.default_rng(seed)), most))


def words_of(form):
    """Times and motions that a form can name: a single choice if it names none."""
    times = [("4.3", "21.0"), ("0.0", "4.3")] if "times" in form.sizes else [()]
    return product(times, ["move", "turn"] if "motion" in form.sizes else [""])


def lowered(roles):
    return {role: tuple(map(str.casefold, names)) for role, names in roles.items()}


@pytest.mark.parametrize(("name", "index"), FORMS)
def test_every_form_is_read_back_by_its_own_family_alone(name, index):
    family = FAMILIES[name]
    form = family.forms[index]
    for names, (times, motion) in product(VOCABULARIES, words_of(form)):
        roles = roles_of(form, names, times, motion)
        text = form.write(roles)
        assert form in family.fitting(roles)
        assert read(text) == (family, roles), text
        assert [other.name for other in FAMILIES.values() if other.parse(text) is not None] == [name]
        loud_family, loud_roles = read(f"  {text.upper()}\n")
        assert loud_family is family
        assert lowered(loud_roles) == lowered(roles)


def test_candidates_are_read_back_from_every_sentence_that_fits_them(filmed):
    for scene, views in filmed:
        geometry = scene_geometry(scene, views)
        for family in FAMILIES.values():
            for roles in some(family, geometry, 4):
                forms = family.fitting(roles)
                assert len(forms) >= 3
                assert all(read(form.write(roles), family.name) == (family, roles) for form in forms)


def test_the_open_family_offers_nothing(den):
    assert list(OPEN.candidates(scene_geometry(*den), np.random.default_rng(0))) == []


def test_a_role_that_is_named_twice_has_to_be_the_same_object():
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


def test_only_times_motions_orders_and_kinds_of_open_questions_are_words():
    words = {role for family in FAMILIES.values() for role in family.words}
    assert words == {"times", "motion", "kind", "order"}


@pytest.mark.parametrize("name", ASKING)
def test_every_role_of_every_form_is_needed_by_the_program(name):
    family = FAMILIES[name]
    for form in family.forms:
        roles = roles_of(form, VOCABULARIES[0], ("4.3", "21.0"), "move")
        program = family.program(roles)
        assert all(name in program for role, names in roles.items() if role != "motion" for name in names)


@pytest.mark.parametrize("name", ASKING)
def test_candidates_are_distinct_pass_the_check_and_repeat_for_a_seed(filmed, den, name):
    family, seen = FAMILIES[name], 0
    for scene, views in [*filmed, den]:
        geometry = scene_geometry(scene, views)
        candidates = some(family, geometry, 60, seed=1)
        assert candidates == some(family, geometry, 60, seed=1)
        assert len({family.key(scene.id, roles) for roles in candidates}) == len(candidates)
        assert all(family.check(geometry, roles, ANY) is None for roles in candidates)
        assert all(family.fitting(roles) for roles in candidates)
        assert all(family.slack(geometry, roles) >= 1 for roles in candidates)
        seen += len(candidates)
    assert seen >= 7


@pytest.mark.parametrize("name", ASKING)
def test_candidates_of_real_layouts_pass_the_check(official_scenes, name):
    family, seen = FAMILIES[name], 0
    for scene in list(official_scenes.values())[::60]:
        geometry = scene_geometry(scene, scene.footage.load(scene, FrameBudget()).views)
        candidates = some(family, geometry, 20)
        assert all(family.check(geometry, roles, ANY) is None for roles in candidates)
        assert all(read(family.fitting(roles)[0].write(roles)) == (family, roles) for roles in candidates)
        seen += len(candidates)
    assert seen > 0 or name == "obj_appearance_order"


@pytest.mark.parametrize("name", ASKING)
def test_candidates_name_categories_of_the_scene_and_need_them_shown(filmed, name):
    family = FAMILIES[name]
    for scene, views in filmed:
        geometry = scene_geometry(scene, views)
        for roles in some(family, geometry, 20):
            named = {name for role, names in roles.items() if role not in family.words for name in names}
            assert named <= set(geometry.categories())
            needed = {scene.objects[index].category for index in family.must_show(geometry, roles)}
            assert needed == (set() if name == "obj_appearance_order" else named)


@pytest.mark.parametrize("name", FAMILIES)
def test_an_empty_scene_offers_only_its_floor_area(make_scene, make_views, name):
    for views in (None, make_views([(0, 0, 1)] * 3, objects=0)):
        candidates = some(FAMILIES[name], scene_geometry(make_scene([]), views), 10)
        assert candidates == ([{}] if name == "room_size_estimation" else [])


def test_without_frames_nothing_is_asked_about_frames(den):
    geometry = scene_geometry(den[0])
    offered = {family.name for family in FAMILIES.values() if some(family, geometry, 1)}
    assert offered == {name for name in ASKING if name.startswith(("object", "room", "route"))}


@pytest.mark.parametrize("name", FAMILIES)
def test_only_symmetric_roles_can_be_reordered(name):
    family = FAMILIES[name]
    for role in ("object", "pair", "options", "objects", "times", "via"):
        forward, back = ({role: names} for names in (("1.0", "2.0"), ("2.0", "1.0")))
        assert (family.key("s", forward) == family.key("s", back)) == (role in family.symmetric)


def test_which_roles_are_symmetric():
    # It is as far there as back: unless times can be swapped, the same displacement is asked twice.
    symmetric = {name: set(FAMILIES[name].symmetric) for name in FAMILIES if FAMILIES[name].symmetric}
    assert symmetric == {
        "object_counting": {"object"},
        "object_abs_distance": {"pair"},
        "object_rel_distance": {"options"},
        "obj_appearance_order": {"objects"},
        "depth_order": {"pair"},
        "camera_displacement": {"times"},
        "open": {"objects"},
    }


def test_a_text_that_lists_its_options_can_list_them_in_another_order():
    family = FAMILIES["object_rel_distance"]
    nearest = {"target": ("sofa",), "options": ("a", "b", "c", "d")}
    reordered = ("c", "a", "d", "b")
    for form in family.forms:
        roles = nearest | ({"order": ("farthest",)} if "order" in form.sizes else {})
        assert family.relisted(form.write(roles), reordered) == form.write(roles | {"options": reordered})
    text = "How many chair(s) are in this room?"
    assert FAMILIES["object_counting"].relisted(text, reordered) == text


def test_slack_is_infinite_for_families_without_limits(den):
    geometry = scene_geometry(*den)
    for name, roles in (("object_size_estimation", {"object": ("sofa",)}), ("room_size_estimation", {})):
        assert FAMILIES[name].slack(geometry, roles) == math.inf
