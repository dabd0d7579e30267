"""A name is asked about only if nothing else in the room could be called so, in every family."""

import dataclasses
from itertools import islice

import numpy as np
import pytest

from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.margins import STRICT, FamilyMargins
from lightning_ouro.programs.questions import Proposal
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.programs.verification import Verified, Verifier

from .called import CALLED, TAKEN, not_clear
from .test_wrong_proposals import ASKED, PAIR, SMALL, room, walk

FROM_ZERO = FamilyMargins(by_family={"object_counting": STRICT})
NAMING = [
    name for name, roles in ASKED.items() if "sofa" in {name for names in roles.values() for name in names}
]
FAR = (-3.9, -3.0, 0.3)


@pytest.fixture
def verdict(make_scene, sandbox):
    """The answer to a family's own question, or the reason and detail of its rejection."""

    def verify(family, roles, margins=FROM_ZERO, **changes):
        scene, kind = room(make_scene, **changes), FAMILIES[family]
        firsts = {"firsts": {"sofa": 0, "bed": 1, "stove": 2, "piano": 3}} if "order" in family else {}
        text, program = kind.fitting(roles)[0].write(roles), kind.program(roles)
        proposal = Proposal("scene", family, text, program, "test", 0, 0)
        (given,) = Verifier(sandbox, margins=margins).verify(scene, walk(scene, **firsts), [proposal])
        return given.answer.value if isinstance(given, Verified) else f"{given.reason}: {given.detail}"

    return verify


@pytest.mark.parametrize("seed", range(40))
def test_a_name_is_clear_exactly_where_no_other_label_lists_it(make_scene, seed):
    labels = np.random.default_rng(seed).choice(sorted(CALLED), size=12, replace=False).tolist()
    geometry = scene_geometry(
        make_scene([(name, (x, 0, 0), (0.5, 0.5, 0.5)) for x, name in enumerate(labels)])
    )
    for name in labels:
        assert set(geometry.kinds(name)) == not_clear(name, labels), name
        assert geometry.is_unique(name) == (not not_clear(name, labels))


def test_no_pair_of_labels_is_unclear_but_those_that_the_table_lists(make_scene):
    boxes = [(name, (x, 0, 0), (0.5, 0.5, 0.5)) for x, name in enumerate(CALLED)]
    geometry = scene_geometry(make_scene(boxes))
    found = {(name, other) for name in CALLED for other in geometry.kinds(name)}
    assert found == {(name, other) for other, names in CALLED.items() for name in names if name in CALLED}


@pytest.mark.parametrize("family", NAMING)
@pytest.mark.parametrize("other", ["couch", "sofa bed", "settee", "sofa 2", "sofas and tables"])
def test_no_family_asks_for_the_sofa_beside_another_one(verdict, family, other):
    given = verdict(family, ASKED[family], FamilyMargins(), more=[(other, *SMALL)])
    assert given == f"rules: sofa can mean the {other} too"
    assert "sofa can mean" not in str(
        verdict(family, ASKED[family], FamilyMargins(), more=[("sofa stand", *SMALL)])
    )


def test_two_options_of_one_question_are_not_one_thing_by_two_names(verdict):
    more = [("couch", *SMALL), ("desk", *PAIR[0]), ("table", (FAR[0], FAR[1], 0.4), (0.8, 0.6, 0.8))]
    for pair in (("sofa", "couch"), ("table", "desk")):
        roles = {"target": ("plant",), "options": (*pair, "stove", "clock")}
        assert " can mean the " in verdict("object_rel_distance", roles, FamilyMargins(), more=more)


@pytest.mark.parametrize(
    "name", ["books", "clothes", "shoes", "curtains", "kitchen cabinets", "toilet paper"]
)
def test_boxes_of_a_plural_or_of_any_amount_are_not_counted(verdict, name):
    more = [(name, *SMALL), (name, FAR, (0.5, 0.4, 0.6))]
    given = verdict("object_counting", {"object": (name,)}, more=more)
    assert given == f"rules: a box of {name} need not be one of them"
    assert verdict("object_counting", {"object": ("box", name)}, more=more) == given


@pytest.mark.parametrize(
    "name", ["book", "glass", "canvas", "bus", "pair of shoes", "headphones", "chest of drawers"]
)
def test_boxes_of_single_things_are_counted(verdict, name):
    more = [(name, *SMALL), (name, FAR, (0.5, 0.4, 0.6))]
    assert verdict("object_counting", {"object": (name,)}, more=more) == 2


@pytest.mark.parametrize("name", ["furniture", "object", "seat", "Appliances", "kitchen appliance", "item"])
def test_what_says_no_more_than_that_something_is_there_is_not_asked_about(verdict, name):
    more = [(name, *SMALL)]
    assert "need not be one" in verdict("object_counting", {"object": (name,)}, more=more)
    assert " can mean the " in verdict("object_size_estimation", {"object": (name,)}, more=more)


UNDER_ANOTHER_NAME = """
nightstand, bedside table; trash bin, rubbish bin; trash bin, wastebasket; cup, coffee mug; window, roller blind
bookshelf, shelving unit; printer, copy machine; pillow, cushions; lamp, desk light; lamp, chandelier; tv, big screen
toilet, lavatories; chair, bar stools; tv, tv stand; backpack, bags; closet, corner wardrobe; bathtub, hot tub
"""
PAIRS = [pair.strip() for pair in UNDER_ANOTHER_NAME.strip().replace("\n", ";").split(";")]


@pytest.mark.parametrize("pair", [*PAIRS, *sorted(map(", ".join, map(sorted, TAKEN)))])
def test_a_files_own_zero_is_doubted_beside_what_may_be_one(make_scene, pair):
    absent, there = pair.split(", ")
    boxes = [(there, (0, 0, 0), (1, 1, 1)), ("sign", (2, 0, 0), (1, 1, 1))]
    numbers = {there: 1, "sign": 1, absent: 0, "guitar": 0}
    assert scene_geometry(make_scene(boxes, counts=numbers)).absent == ("guitar",)


@pytest.mark.parametrize("name", ["guitar", "bathtub", "toilet", "lamp", "monitor"])
def test_zeros_of_other_things_stand(make_scene, name):
    scene = room(make_scene, counts={name: 0})
    scene = dataclasses.replace(scene, complete=scene.complete | {name})
    assert scene_geometry(scene).absent == (name,)


@pytest.mark.parametrize(
    "pair", [("table", "vegetable"), ("lamp", "clamp"), ("phone", "headphones"), ("light", "skylight")]
)
def test_letters_at_the_end_of_a_word_make_no_kind_of_it(verdict, pair):
    name, other = pair
    more = [(name, *SMALL), (name, FAR, (0.5, 0.4, 0.6)), (other, (4.0, -3.0, 0.3), (0.5, 0.4, 0.6))]
    assert verdict("object_counting", {"object": (name,)}, more=more) == 2


def test_candidates_name_nothing_unclear(make_scene):
    scene = room(make_scene, more=[("couch", *SMALL), ("stove top", FAR, (0.5, 0.4, 0.6))])
    geometry = scene_geometry(scene, walk(scene), FROM_ZERO)
    for family in FAMILIES.values():
        for roles in islice(family.candidates(geometry, np.random.default_rng(0)), 50):
            assert not {"sofa", "couch", "stove"} & {name for names in roles.values() for name in names}
