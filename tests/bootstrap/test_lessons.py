"""Lessons by number: what they say is true of the rooms that they are about."""

from dataclasses import replace
from functools import partial
from itertools import islice

import numpy as np
import pytest

from lightning_ouro.bootstrap import open_questions, orders
from lightning_ouro.bootstrap.layouts import layout
from lightning_ouro.bootstrap.lessons import (
    BLOCK,
    CATEGORIES,
    GLANCE,
    SHORT,
    Curriculum,
    _by_token,
    _places,
    _seen_late,
    lessons,
)
from lightning_ouro.bootstrap.names import invented
from lightning_ouro.curriculum.skill import BANDS
from lightning_ouro.programs.families import FAMILIES, read
from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.programs.sandbox import Sandbox
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.programs.verification import Verifier
from lightning_ouro.proposer.metadata import References, is_plain
from lightning_ouro.proposer.parsing import parse
from lightning_ouro.proposer.prompt import LONG, PromptWriter
from lightning_ouro.proposer.protocol import Brief
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.synthetic.walks import rendered_walk
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.patches import PatchSpec, frames_to_patches

SMALL = FrameBudget(4, 64, 96)
PLAN = Curriculum(SMALL, 3_000_000, 6, 5, seed=0)
writer = partial(PromptWriter, "compact", 64, 10**6, 10**6, len)


@pytest.fixture(scope="module")
def some():
    return list(islice(lessons(PLAN, 0, writer), 4))


def test_a_lesson_is_the_same_wherever_one_starts(some):
    again = next(lessons(PLAN, 3, writer))
    assert (again.prompt, again.replies, again.questions) == (
        some[3].prompt,
        some[3].replies,
        some[3].questions,
    )
    assert np.array_equal(again.video.frames, some[3].video.frames) and BLOCK > 3


def test_cells_say_what_the_pixels_of_each_token_show():
    rendering, _ = rendered_walk(procedural_scene(PLAN.first), SMALL)
    tokens = _by_token(rendering.rgb[..., 0], SMALL) / 127.5 - 1
    patches = frames_to_patches(rendering.rgb, PatchSpec()).reshape(len(tokens), 4, 3, 2, 16, 16)[:, :, 0]
    np.testing.assert_allclose(np.sort(tokens), np.sort(patches.reshape(len(tokens), -1).numpy()), atol=1e-6)


def test_categories_in_cells_are_those_of_the_room(some):
    for number, lesson in enumerate(some):
        there = {CATEGORIES[place] for place in np.flatnonzero(lesson.cells.categories.any(axis=0))}
        assert there and there <= set(procedural_scene(PLAN.first + number).counts)
        assert np.isfinite(lesson.cells.depth).all() and len(lesson.cells.depth) == len(
            lesson.cells.categories
        )


def test_places_are_those_of_the_cameras_and_of_what_they_see():
    """Checked on the ids: whose middle a token shows lies near what it says, seen from the first camera."""
    scene = procedural_scene(PLAN.first)
    rendering, views = rendered_walk(scene, SMALL)
    places = _places(rendering, views, SMALL).reshape(2, -1, 2, 9)
    for group in range(2):
        for half in range(2):
            expected = np.linalg.inv(views.poses[0]) @ views.poses[2 * group + half]
            np.testing.assert_allclose(
                places[group, :, half, 0:6:2], np.tile(expected[:3, 3], (6, 1)), atol=1e-5
            )
            np.testing.assert_allclose(
                places[group, :, half, 1:6:2], np.tile(expected[:3, 2], (6, 1)), atol=1e-5
            )
    ids = _by_token(rendering.ids, SMALL).reshape(2, 6, 2, -1)
    first = np.linalg.inv(views.poses[0])
    checked = 0
    for group, token, half in np.ndindex(2, 6, 2):
        values, counts = np.unique(ids[group, token, half], return_counts=True)
        place = int(values[counts.argmax()])
        if place >= 0 and counts.max() > 0.9 * counts.sum():
            thing = scene.objects[place]
            middle = first[:3, :3] @ thing.center + first[:3, 3]
            far = np.linalg.norm(places[group, token, half, 6:] - middle)
            assert far <= 0.5 * np.linalg.norm(thing.size) + 0.05
            checked += 1
    assert checked > 0


def test_prompts_are_short_at_first_and_long_in_the_end():
    plan = replace(PLAN, short=(10, 20))
    shares = [plan.share_short(place) for place in (0, 10, 15, 20, 1000)]
    assert shares == pytest.approx([1.0, 1.0, (1 + SHORT) / 2, SHORT, SHORT])
    early = list(islice(lessons(replace(PLAN, questions=0, short=(100, 200)), 0, writer), 12))
    assert all(lesson.is_short for lesson in early) and len({len(lesson.prompt) for lesson in early}) > 3
    long = [
        lesson for lesson in islice(lessons(replace(PLAN, questions=0), 0, writer), 12) if not lesson.is_short
    ]
    told = [[lesson.prompt.split("Last round:")[0] for lesson in of if lesson.prompt] for of in (early, long)]
    mine, theirs = ([len(text.splitlines()) for text in texts] for texts in told)
    assert max(mine) < np.mean(theirs)


def test_things_that_are_seen_late_are_not_seen_before():
    scene = layout(3)
    views = rendered_walk(scene, GLANCE)[1]
    late = _seen_late(scene, views, np.random.default_rng(0))
    for name in scene.counts:
        places = [thing.id for thing in scene.objects if thing.category == name]
        mine, whole = late.visibility[:, places], views.visibility[:, places]
        assert any(
            not mine[:frame].any() and np.array_equal(mine[frame:], whole[frame:]) for frame in range(8)
        )


def test_replies_are_proposals_that_hold():
    kept, total = 0, 0
    with Sandbox() as sandbox:
        verifier = Verifier(sandbox)
        for number in range(12):
            scene, rng = layout(number), np.random.default_rng(number)
            views = rendered_walk(scene, GLANCE)[1]
            room = scene_geometry(scene, views)
            order = orders.brief(scene, views, room, rng, False)
            proposals, short = [], References.of(room, 64)
            for slot, answer in enumerate(orders.answers(order, room, short, 10, rng)):
                written = parse(short.resolved(answer.reply))
                assert (written.family, written.program) == (answer.family, short.resolved(answer.program))
                assert written.text.split() == short.resolved(answer.text).split()
                proposals.append(
                    Proposal(scene.id, written.family, written.text, written.program, "lesson", 0, slot)
                )
            outcomes = verifier.verify(scene, views, proposals)
            bad = [o for o in outcomes if isinstance(o, Rejection) and o.reason != "unstable"]
            assert not bad, bad[0]
            kept, total = kept + sum(not isinstance(o, Rejection) for o in outcomes), total + len(outcomes)
    assert kept > 0.85 * total


def test_replies_obey_the_weights():
    scene = layout(1)
    views = rendered_walk(scene, GLANCE)[1]
    room, rng = scene_geometry(scene, views), np.random.default_rng(0)
    weights = dict.fromkeys(FAMILIES, 0.0) | {"camera_motion": 3.0, "open": 1.0}
    order = Brief(scene, views, 1, 0, 0, weights, {}, {}, frozenset())
    families = [answer.family for answer in orders.answers(order, room, References.of(room, 64), 400, rng)]
    assert len(families) == 400 and set(families) == {"camera_motion", "open"}
    assert abs(families.count("open") - 100) <= 1


def test_replies_go_near_what_was_hard_and_away_from_what_was_easy():
    near = {"easy": [], "hard": []}
    for number in range(40):
        scene, rng = layout(number), np.random.default_rng(number)
        if list(scene.counts.values()).count(1) < 6:  # of few, every pair shares one with what was told
            continue
        views = rendered_walk(scene, GLANCE)[1]
        room = scene_geometry(scene, views)
        weights = {"object_abs_distance": 1.0}
        order = Brief(scene, views, 1, 0, 0, weights, {}, {band: [] for band in BANDS}, frozenset())
        first = orders.answers(order, room, LONG, 1, rng)
        for band, found in near.items():
            objects = [read(answer.text, answer.family)[1] for answer in first]
            asked = [
                orders._question(scene, FAMILIES["object_abs_distance"], roles, rng) for roles in objects
            ]
            told = replace(order, recent={band: asked})
            for answer in orders.answers(told, room, LONG, 20, rng):
                named = set(read(answer.text, answer.family)[1]["pair"])
                found.append(any(named & set(roles["pair"]) for roles in objects))
    assert np.mean(near["hard"]) > 0.75 > 0.25 > np.mean(near["easy"])


def test_open_questions_hold_in_any_room():
    with Sandbox() as sandbox:
        verifier = Verifier(sandbox)
        for number in range(6):
            scene = layout(100 + number)
            views = rendered_walk(scene, GLANCE)[1]
            room = scene_geometry(scene, views)
            drawn = [
                open_questions.draw(room, References({}, {}), np.random.default_rng(i)) for i in range(6)
            ]
            proposals = [Proposal(scene.id, "open", *d, "lesson", 0, i) for i, d in enumerate(drawn) if d]
            for outcome in verifier.verify(scene, views, proposals):
                assert not isinstance(outcome, Rejection) or outcome.reason == "unstable", outcome


def test_a_layout_of_few_categories_is_a_part_of_the_whole():
    part = layout(5, 4)
    assert len(part.counts) == 4 and [thing.id for thing in part.objects] == list(range(len(part.objects)))
    assert sum(part.counts.values()) == len(part.objects) < len(layout(5).objects)


def test_layouts_have_invented_names_and_up_to_four_rooms():
    assert not any(set(layout(number).counts) & set(CATEGORIES) for number in range(60))
    sizes = [len(layout(number).objects) for number in range(60)]
    assert min(sizes) < 16 < 30 < max(sizes)
    assert all(is_plain(invented(np.random.default_rng(seed))) for seed in range(300))
