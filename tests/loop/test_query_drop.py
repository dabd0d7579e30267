"""Which questions are asked without what they count, judged by their texts and by what the renderer drew."""

import re
from dataclasses import replace

import numpy as np
import pytest

from lightning_ouro.loop.fixed_questions import fixed_sets
from lightning_ouro.loop.held_out_batches import held_out_batches
from lightning_ouro.loop.query_drop import counted_categories, objects_called, queries_to_drop
from lightning_ouro.loop.rounds import RankShard
from lightning_ouro.programs.questions import Question
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.synthetic.walks import rendered_walk


@pytest.fixture(scope="module")
def sets(library):
    return fixed_sets(library, list(library.values()), 12, show_progress=False).by_set


def asking(category, answer="2", **changes):
    text = f"How many {category}(s) are in this room?"
    fields = ("q", "s", "object_counting", text, None, "count", answer, "", 1.0, {"object": (category,)}, 0)
    return replace(Question(*fields), **changes)


def called(scene, *categories):
    """The scene with its first objects renamed."""
    renamed = [replace(item, category=name) for item, name in zip(scene.objects, categories, strict=False)]
    others = [replace(item, category="rug") for item in scene.objects[len(categories) :]]
    return replace(scene, objects=(*renamed, *others))


def test_only_counting_questions_are_asked_again():
    assert counted_categories(asking("chair")) == {"chair"}
    assert counted_categories(asking("chair", objects={"object": ("chair", "table")})) == {"chair", "table"}
    assert counted_categories(asking("chair", family="object_abs_distance", unit="m")) == frozenset()


def test_a_name_fits_all_objects_that_people_would_call_by_it():
    scene = called(procedural_scene(1), "table", "coffee table", "chair", "table", "table lamp")
    assert objects_called(scene, "table") == {0, 1, 3}
    assert objects_called(scene, "coffee table") == {1}
    assert objects_called(scene, "piano") == frozenset()


def test_the_first_questions_of_a_scene_are_asked_and_none_about_what_is_not_there():
    scene = called(procedural_scene(1), "table", "chair", "chair", "bed")
    both = asking("chair", "3", objects={"object": ("chair", "table")})
    questions = [asking("piano", "0"), asking("chair"), both, asking("bed", "1")]
    asked = queries_to_drop(scene, questions, most=2)
    assert [(drop.question, drop.objects) for drop in asked] == [(questions[1], {1, 2}), (both, {0, 1, 2})]
    assert queries_to_drop(scene, questions, most=0) == []


def test_the_frames_of_a_dropped_query_show_none_of_what_its_text_names(library, sets):
    drops = [drop for batch in held_out_batches(library, sets, 2, RankShard()) for drop in batch.drops]
    assert {drop.set for drop in drops} == {"vsi_bench", "strict"}
    for drop in drops:
        (question,) = drop.row.questions
        assert int(question.answer) > 0 and question in sets[drop.set]
        scene = library[question.scene_id]
        rendering, _ = rendered_walk(scene, library.budget)
        named = [item.id for item in scene.objects if re.search(rf"\b{item.category}\b", question.text)]
        assert named
        showed = np.isin(rendering.ids, named)
        assert showed.any()
        changed = (drop.row.video.frames != rendering.rgb).any(-1)
        assert not (changed & ~showed).any(), "only pixels that showed these objects differ"
        assert changed[showed].mean() > 0.9, "a wall may have an object's colour, but not often"
        assert (drop.row.video.views.visibility[:, named] == 0).all()


def test_each_scene_and_set_has_at_most_so_many(library, sets):
    for most in (0, 1):
        drops = [drop for batch in held_out_batches(library, sets, most, RankShard()) for drop in batch.drops]
        keys = [(drop.set, drop.row.questions[0].scene_id) for drop in drops]
        assert len(keys) == len(set(keys)) and bool(keys) == bool(most)
