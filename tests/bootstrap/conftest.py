"""What lessons are made of, small."""

from functools import partial
from itertools import islice
from types import SimpleNamespace

import pytest

from lightning_ouro.bootstrap.layouts import layout
from lightning_ouro.bootstrap.lessons import LAYOUT_FRAMES, LessonPlan, lessons
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.proposer.prompt import PromptWriter
from lightning_ouro.scenes.synthetic.walks import rendered_walk
from lightning_ouro.scenes.types import FrameBudget

SMALL = FrameBudget(4, 64, 96)
PLAN = LessonPlan(SMALL, 3_000_000, 6, 5, seed=0)
make_writer = partial(PromptWriter, "compact", 64, 10**6, 10**6, len)


@pytest.fixture(scope="session")
def four_lessons():
    return list(islice(lessons(PLAN, 0, make_writer), 4))


@pytest.fixture(scope="session")
def filmed():
    """Returns the layout of an index with its views and geometry."""

    def film(index):
        scene = layout(index)
        views = rendered_walk(scene, LAYOUT_FRAMES)[1]
        return SimpleNamespace(scene=scene, views=views, geometry=scene_geometry(scene, views))

    return film
