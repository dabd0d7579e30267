from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from lightning_ouro.bootstrap.lessons import BLOCK, FINAL_SHORT_SHARE, _seen_late, lessons

from .conftest import PLAN, make_writer


def test_a_lesson_is_the_same_wherever_one_starts(four_lessons):
    again, last = next(lessons(PLAN, 3, make_writer)), four_lessons[3]
    assert (again.prompt, again.replies, again.questions) == (last.prompt, last.replies, last.questions)
    assert np.array_equal(again.video.frames, last.video.frames) and BLOCK > 3


def test_the_share_of_short_prompts_falls_linearly():
    plan = replace(PLAN, short=(10, 20))
    shares = [plan.share_short(index) for index in (0, 10, 15, 20, 1000)]
    final = FINAL_SHORT_SHARE
    assert shares == pytest.approx([1.0, 1.0, (1 + final) / 2, final, final])


def test_prompts_are_short_at_first_and_longer_later():
    early = list(islice(lessons(replace(PLAN, questions=0, short=(100, 200)), 0, make_writer), 12))
    assert all(lesson.is_short for lesson in early)
    assert len({len(lesson.prompt) for lesson in early}) > 3
    late = list(islice(lessons(replace(PLAN, questions=0), 0, make_writer), 12))
    long = [lesson for lesson in late if not lesson.is_short]
    num_lines = [
        [len(lesson.prompt.split("Last round:")[0].splitlines()) for lesson in some if lesson.prompt]
        for some in (early, long)
    ]
    assert max(num_lines[0]) < np.mean(num_lines[1])


def test_categories_that_are_seen_late_are_hidden_before(filmed):
    room = filmed(3)
    late = _seen_late(room.scene, room.views, np.random.default_rng(0))
    for name in room.scene.counts:
        ids = [item.id for item in room.scene.objects if item.category == name]
        changed, original = late.visibility[:, ids], room.views.visibility[:, ids]
        assert any(
            not changed[:frame].any() and np.array_equal(changed[frame:], original[frame:])
            for frame in range(8)
        )
