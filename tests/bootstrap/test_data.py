from itertools import islice

from lightning_ouro.bootstrap.data import LessonStream
from lightning_ouro.bootstrap.lessons import LessonPlan
from lightning_ouro.scenes.types import FrameBudget

SMALL = FrameBudget(2, 64, 96)


def test_a_stream_continues_where_it_stopped():
    before, after = LessonPlan(SMALL, 3_000_000, 0, 0, 0), LessonPlan(SMALL, 3_000_000, 2, 2, 0)
    from_start = list(islice(LessonStream(before, after, switch=2, start=0), 4))
    for start in (1, 3):
        resumed = islice(LessonStream(before, after, switch=2, start=start), 4 - start)
        for lesson, again in zip(from_start[start:], resumed, strict=True):
            assert (lesson.prompt, lesson.questions) == (again.prompt, again.questions)
            assert (lesson.video.frames == again.video.frames).all()
    assert [bool(lesson.prompt) for lesson in from_start] == [False, False, True, True]
