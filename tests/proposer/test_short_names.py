import re
from dataclasses import replace

import numpy as np

from lightning_ouro.programs.families import read
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.proposer.described_categories import described_categories
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.proposer.short_names import ShortNames


def test_a_short_name_says_what_its_category_is_good_for(geometry):
    names = ShortNames.of(geometry, 64).categories
    for entry in described_categories(geometry, 64):
        prefix = "@" if entry.count == 1 else "@m" if entry.is_countable else "@o"
        assert re.fullmatch(rf"{prefix}\d+", names[entry.category])
    for prefix in ("@", "@m", "@o"):
        of_prefix = [name for name in names.values() if re.fullmatch(rf"{prefix}\d+", name)]
        assert sorted(int(name[len(prefix) :]) for name in of_prefix) == list(range(len(of_prefix)))


def test_short_names_are_the_same_in_the_same_scene_and_differ_between_scenes(geometry):
    names = ShortNames.of(geometry, 64).categories
    assert ShortNames.of(geometry, 64).categories == names
    other = scene_geometry(replace(geometry.scene, id="another"), geometry.views)
    assert ShortNames.of(other, 64).categories != names


def test_the_number_says_whether_more_or_less_should_be_asked(geometry):
    plain = ShortNames.of(geometry, 64).categories
    first, second, third, *_ = (name for name, short in plain.items() if re.fullmatch(r"@\d+", short))
    asked_about = {first: True, second: False, third: True}
    names = ShortNames.of(geometry, 64, asked_about).categories
    assert {names[first], names[third]} == {"@48", "@49"} and names[second] == "@32"
    others = [name for name in plain if name not in asked_about]
    assert max(int(re.sub(r"\D", "", names[name])) for name in others) < len(others)
    crowded = ShortNames.of(geometry, 64, dict.fromkeys(plain, False) | {first: True}).categories
    assert len(set(crowded.values())) == len(plain)


def test_ranges_that_are_full_continue_after_all_others(brief):
    categories = [f"thing {number}" for number in range(50)]
    template = brief.scene.objects[0]
    objects = tuple(replace(template, id=index, category=name) for index, name in enumerate(categories))
    scene = replace(
        brief.scene, objects=objects, counts=dict.fromkeys(categories, 1), complete=frozenset(categories)
    )
    views = replace(brief.views, visibility=np.ones((len(brief.views.timestamps), 50), np.float32))
    geometry = scene_geometry(scene, views)
    for asked_about in ({}, dict.fromkeys(categories[:20], True), dict.fromkeys(categories[:20], False)):
        names = ShortNames.of(geometry, 64, asked_about).categories
        assert len(set(names.values())) == 50
        assert sum(int(short[1:]) >= 64 for short in names.values()) == (4 if asked_about else 18)


def test_what_is_written_with_short_names_expands_to_the_original(brief, geometry):
    short = ShortNames.of(geometry, 64)
    for proposal in GrammarProposer().propose([replace(brief, slots=120)]):
        family, roles = read(proposal.text, proposal.family)
        shortened = short.shorten_roles(family, roles)
        form = next(form for form in family.forms if form.read(proposal.text) is not None)
        text, program = form.write(shortened), family.program(shortened)
        assert "@" in text + program or not family.words.symmetric_difference(roles)
        assert short.expand(program) == family.program(roles)
        assert short.expand(text) == form.write(roles)


def test_unknown_short_names_stay_as_they_are(geometry):
    short = ShortNames.of(geometry, 64)
    unused = next(f"@{n}" for n in range(64) if f"@{n}" not in short.categories.values())
    assert short.expand(f"the {unused}, @m99 and #99") == f"the {unused}, @m99 and #99"
    name, known = next(iter(short.categories.items()))
    assert short.expand(f"{known}5 {known}") == f"{known}5 {name}", "@12 is not @1 and a 2"
