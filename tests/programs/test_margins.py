"""Two named sets of limits, for all families or some; each limit is kept by the families that have it."""

import dataclasses
import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.margins import (
    FOR_ALL,
    STRICT,
    STRICT_IF_MIXED,
    VSI_BENCH,
    FamilyMargins,
    Margins,
)
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.scenes.naming import is_any_kind
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget

HIGHER = ("apart", "nearest", "gap", "gap_in_halls", "beside", "heading", "boundary", "straight", "back")
HIGHER += ("first_seen", "least_metres")


def test_strict_has_the_limits_that_are_known_of_revsi():
    assert (STRICT.apart, STRICT.nearest, STRICT.gap, STRICT.boundary) == (1.0, 1.0, 0.3, 35.0)
    assert (STRICT.beside, STRICT.longest_side, STRICT.together) == (1.5, 1.4, True)
    assert STRICT.least_count == 0  # ReVSI's own questions begin at 1; it shows that models never say 0
    assert {"door", "toilet", "keyboard", "curtain", "backpack"} <= STRICT.no_sizes
    assert not {"table", "sofa", "rug", "cabinet", "tv"} & STRICT.no_sizes


@pytest.mark.parametrize(
    "name",
    [
        "rope",
        "garden hose",
        "coat",
        "raincoat",
        "scarf",
        "cord",
        "extension cord",
        "string lights",
        "bathrobe",
        "garland",
        "dog leash",
        "cardigan",
    ],
)
def test_strict_measures_nothing_without_clear_ends(name):
    assert is_any_kind(name, STRICT.no_sizes)


def test_strict_measures_furniture():
    measured = (
        "table;sofa;rug;cabinet;tv;bookshelf;wardrobe;bench;nightstand;stool;basket;lamp;counter;aquarium;box"
    )
    assert not [name for name in measured.split(";") if is_any_kind(name, STRICT.no_sizes)]


def test_strict_is_nowhere_laxer_but_in_counting():
    assert all(getattr(STRICT, name) >= getattr(VSI_BENCH, name) for name in HIGHER)
    assert STRICT.longest_side < VSI_BENCH.longest_side
    assert not VSI_BENCH.no_sizes


def test_an_option_names_a_set_for_all_families_or_for_some():
    assert FamilyMargins.named("strict", FAMILIES).of("object_counting") is STRICT
    assert FamilyMargins.named("vsi_bench", FAMILIES) == FOR_ALL
    mixed = FamilyMargins.named({"depth_order": "vsi_bench", "route_planning": "strict"}, FAMILIES)
    assert mixed.of("depth_order") is VSI_BENCH
    assert mixed.of("route_planning") is mixed.of("object_counting") is STRICT


def test_mixed_is_strict_where_that_leaves_a_family_a_third_of_its_due_everywhere():
    measured = json.loads((Path(__file__).parents[2] / "benchmarks" / "results" / "margins.json").read_text())
    assert measured["mix"] == dict.fromkeys(STRICT_IF_MIXED, "strict")
    mixed = FamilyMargins.named("mixed", FAMILIES)
    assert all((mixed.of(name) is STRICT) == (name in STRICT_IF_MIXED) for name in FAMILIES)


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("loose", "'loose' is none of vsi_bench, strict, mixed"),
        ({"depth_order": "loose"}, "loop.margins.depth_order: 'loose' is none of"),
        ({"depth_order": "mixed"}, "loop.margins.depth_order: 'mixed' is none of"),
        ({"depth": "strict"}, "there is no family 'depth'"),
    ],
)
def test_an_unknown_set_or_family_is_named(option, named):
    with pytest.raises(InputError, match=named):
        FamilyMargins.named(option, FAMILIES)


@pytest.fixture(scope="module")
def rooms():
    scenes = procedural_scenes(650_000, 12)
    return [(scene, scene.footage.load(scene, FrameBudget()).views) for scene in scenes]


def asked(rooms, name, margins, most=40):
    """Scenes and roles of candidates."""
    for scene, views in rooms:
        geometry = scene_geometry(scene, views, FamilyMargins(margins))
        yield from (
            (geometry, roles)
            for roles in islice(FAMILIES[name].candidates(geometry, np.random.default_rng(0)), most)
        )


UNCHANGED = {"room_size_estimation", "camera_motion", "open"}


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - UNCHANGED))
def test_every_family_keeps_the_margins_that_it_is_given(rooms, name):
    family, stricter = FAMILIES[name], 0
    for geometry, roles in asked(rooms, name, VSI_BENCH):
        strict = dataclasses.replace(geometry, margins=FamilyMargins(VSI_BENCH, {name: STRICT}))
        others = dataclasses.replace(geometry, margins=FamilyMargins(STRICT, {name: VSI_BENCH}))
        assert family.check(others, roles) is None
        assert family.slack(others, roles) == family.slack(geometry, roles)
        if family.check(strict, roles) is None:
            assert 1 <= family.slack(strict, roles) <= family.slack(geometry, roles)
            stricter += family.slack(strict, roles) < family.slack(geometry, roles)
        else:
            stricter += 1
    assert stricter > 0 or name == "object_counting"
    kept = [family.slack(*each) for each in asked(rooms, name, STRICT)]
    assert kept and min(kept) >= 1


def test_none_one_and_two_categories_are_counted_under_strict_alone(rooms):
    strict, usual = (
        {
            tuple(map(geometry.count, roles["object"]))
            for geometry, roles in asked(rooms, "object_counting", margins)
        }
        for margins in (STRICT, VSI_BENCH)
    )
    assert {(0,), (1,), (2,), (0, 1), (0, 2), (1, 1), (1, 2)} <= strict
    assert not {(0, 0), (0, 0, 0)} & strict
    assert {len(counts) for counts in usual} == {1} and min(usual) == (2,)


def test_things_of_standard_size_are_not_measured_under_strict(rooms):
    measured = {roles["object"][0] for _, roles in asked(rooms, "object_size_estimation", STRICT)}
    assert measured and not any(is_any_kind(name, STRICT.no_sizes) for name in measured)
    assert {roles["object"][0] for _, roles in asked(rooms, "object_size_estimation", VSI_BENCH)} - measured


def test_margins_are_plain_frozen_data():
    assert dataclasses.replace(Margins()) == VSI_BENCH
    with pytest.raises(dataclasses.FrozenInstanceError):
        VSI_BENCH.apart = 0.0
