from collections import Counter

import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.loop import fixed_questions as module
from lightning_ouro.loop.fixed_questions import fixed_questions, fixed_sets
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget


@pytest.fixture(scope="module")
def library():
    return SceneLibrary(procedural_scenes(1_000_000, 16), FrameBudget(num_frames=8, height=96, width=128))


def test_fixed_questions_are_the_same_whenever_they_are_written(library):
    scenes = list(library.values())
    first, again = (fixed_questions(library, scenes, 6, show_progress=False)[0] for _ in range(2))
    assert first == again
    assert fixed_questions(library, scenes[:1], 6, show_progress=False)[0] == [
        q for q in first if q.scene_id == scenes[0].id
    ]


def test_they_are_vsi_benchs_sentences_few_for_each_scene_with_families_level(library):
    questions, _ = fixed_questions(library, list(library.values()), 10, show_progress=False)
    assert max(Counter(question.scene_id for question in questions).values()) <= 10
    counts = Counter(question.family for question in questions)
    assert set(counts) == FAMILIES.keys() - {"open"}
    assert counts.most_common()[0][1] <= 8 * counts.most_common()[-1][1]
    for question in questions:
        family = FAMILIES[question.family]
        roles = family.parse(question.text)
        assert family.fitting(roles)[0].write(roles) == question.text


def test_scenes_about_which_nothing_can_be_asked_are_refused():
    blind = SceneLibrary(procedural_scenes(0, 1), FrameBudget(num_frames=1, height=1, width=1))
    bare = [scene for scene in blind.values()]
    with pytest.raises(InputError, match="no question can be asked about the 1 held-out scenes"):
        fixed_questions(blind, bare, 0, show_progress=False)
    assert fixed_questions(blind, [], 4, show_progress=False) == ([], [])
    with pytest.raises(InputError, match="no question can be asked about the 1 held-out scenes"):
        fixed_sets(blind, bare, 0, show_progress=False)
    nothing = fixed_sets(blind, [], 4, show_progress=False)
    assert (nothing.by_set, nothing.empty) == ({}, [])


def test_distances_of_the_strict_set_keep_revsis_limit_and_those_of_the_other_do_not(library):
    """By the answers alone: ReVSI asks for no distance below 1 m."""
    sets = fixed_sets(library, list(library.values()), 12, show_progress=False).by_set
    metres = {
        name: [float(each.answer) for each in questions if each.family == "object_abs_distance"]
        for name, questions in sets.items()
    }
    assert min(metres["strict"]) >= 1 > min(metres["vsi_bench"])
    assert min(len(each) for each in metres.values()) >= 5
    assert sets["vsi_bench"] == fixed_questions(library, list(library.values()), 12, False)[0]
    written = Counter()
    for each in sets["strict"]:
        family = FAMILIES[each.family]
        roles = family.parse(each.text)
        written[family.fitting(roles)[0].write(roles) == each.text] += 1
    assert written[False] > 20 < written[True], "any of the families' sentences"


def test_a_set_without_questions_is_told_and_the_other_one_stays(library, monkeypatch):
    scenes = list(library.values())[:2]
    ask, briefed = module.ask, []

    def none_under_strict_margins(proposer, briefs, title, shard):
        briefed.append({brief.margins.default.boundary for brief in briefs})
        return [] if briefed[-1] == {35} else ask(proposer, briefs, title, shard)

    monkeypatch.setattr(module, "ask", none_under_strict_margins)
    sets = fixed_sets(library, scenes, 6, show_progress=False)
    assert briefed == [{10}, {35}]
    assert set(sets.by_set) == {"vsi_bench"} and len(sets.by_set["vsi_bench"]) == 12
    (line,) = sets.empty
    assert (
        line.startswith("strict: no question can be asked about the 2 held-out scenes") and "\n" not in line
    )
