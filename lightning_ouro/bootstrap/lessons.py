"""Lessons by number, each in two parts: a room to see and a layout to ask about.

The seeing part is a rendered room with verified questions and with what each video token shows. The proposing
part is a layout with a prompt and obedient replies. Every part is a pure function of its number. Questions
are made in blocks of lessons that share a pool, so that letters and answers are balanced within a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from lightning_ouro.bootstrap.briefs import draw_brief, obedient_proposals
from lightning_ouro.bootstrap.cells import Cells, cells
from lightning_ouro.bootstrap.layouts import layout
from lightning_ouro.loop.pool import Pool
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.questions import Question
from lightning_ouro.programs.sandbox import Sandbox
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.programs.verification import Verified, Verifier
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.proposer.prompt import PromptWriter
from lightning_ouro.proposer.protocol import Brief
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.synthetic.walks import rendered_walk
from lightning_ouro.scenes.types import FrameBudget, Scene, Video, Views

# Chosen by hand while the shipped weights were made; assets/tiny/README.md says what changed at which step.
BLOCK = 32  # lessons that share a pool
FINAL_SHORT_SHARE = 0.2  # of prompts: short, once the share of short prompts has stopped falling
EMPTY_SHARE = 0.3  # of short prompts: empty
LATE_SHARE = 0.5  # of layouts: objects come into view late
# Families that a small model can learn to see are asked more often than those that take a map of the room.
_EASIER = (
    *("object_counting", "object_size_estimation", "room_size_estimation", "object_abs_distance"),
    *("camera_motion", "camera_obj_distance", "depth_order", "camera_displacement"),
)
FAMILY_WEIGHTS = {name: 3.0 if name in _EASIER else 1.0 for name in FAMILIES}
# Of layouts, of which no pixels are used: enough to know what is visible.
LAYOUT_FRAMES = FrameBudget(8, 24, 32)


@dataclass(frozen=True, eq=False)
class Lesson:
    """A room and a layout, which have nothing to do with each other.

    Attributes:
        video: The room's frames.
        cells: What they show.
        questions: Verified questions about the room.
        prompt: A proposer's prompt about the layout.
        replies: Obedient replies to the prompt.
        is_short: Whether the prompt stands alone, without the video before it.
    """

    video: Video
    cells: Cells
    questions: tuple[Question, ...]
    prompt: str
    replies: tuple[str, ...]
    is_short: bool = False


@dataclass(frozen=True)
class LessonPlan:
    """How lessons are made.

    Attributes:
        frames: Size of a room's video.
        first: Number of the first room and layout; other splits start elsewhere.
        questions: Maximum number of questions about a room; 0 leaves them out.
        replies: Maximum number of replies to a prompt; 0 leaves prompts out.
        seed: Seed of all random draws.
        short: The lessons between which the share of short prompts falls, linearly, from 1 to
            `FINAL_SHORT_SHARE`.
    """

    frames: FrameBudget
    first: int
    questions: int
    replies: int
    seed: int
    short: tuple[int, int] = (0, 0)

    def share_short(self, index: int) -> float:
        """The probability that the prompt of a lesson is short."""
        begin, end = self.short
        if end <= begin:
            return FINAL_SHORT_SHARE
        left = 1 - min(1.0, max(0, index - begin) / (end - begin))
        return FINAL_SHORT_SHARE + (1 - FINAL_SHORT_SHARE) * left


def lessons(plan: LessonPlan, start: int, make_writer: Callable[[], PromptWriter]) -> Iterator[Lesson]:
    """Endless lessons, from the one with index `start`.

    Args:
        plan: How they are made.
        start: Index of the first lesson.
        make_writer: Makes the writer of the prompts, in the process that makes the lessons.
    """
    writer = make_writer()
    with Sandbox() as sandbox:
        verifier = Verifier(sandbox)
        block, skipped = divmod(start, BLOCK)
        while True:
            first = plan.first + block * BLOCK
            rooms = [_render_room(number, plan.frames) for number in range(first, first + BLOCK)]
            questions = _questions(plan, rooms, verifier) if plan.questions else [()] * BLOCK
            for index in range(skipped, BLOCK):
                proposing = _proposing_part(plan, first + index, writer) if plan.replies else ("", (), False)
                room = rooms[index]
                yield Lesson(room.video, room.cells, questions[index], *proposing)
            block, skipped = block + 1, 0


class _Room(NamedTuple):
    scene: Scene
    video: Video
    cells: Cells


def _render_room(number: int, frames: FrameBudget) -> _Room:
    scene = procedural_scene(number)
    rendering, views = rendered_walk(scene, frames)
    return _Room(scene, Video(rendering.rgb, views), cells(scene, rendering, views, frames))


def _questions(plan: LessonPlan, rooms: list[_Room], verifier: Verifier) -> list[tuple[Question, ...]]:
    """The accepted questions about each room, which all went through one pool."""
    pool, questions = Pool(), list[tuple[Question, ...]]()
    for scene, video, _ in rooms:
        brief = Brief(scene, video.views, plan.questions, 0, plan.seed, FAMILY_WEIGHTS, {}, {}, frozenset())
        outcomes = verifier.verify(scene, video.views, list(GrammarProposer().write(brief)))
        accepted, _ = pool.admit([item for item in outcomes if isinstance(item, Verified)], 0)
        questions.append(tuple(accepted))
    return questions


def _proposing_part(plan: LessonPlan, number: int, writer: PromptWriter) -> tuple[str, tuple[str, ...], bool]:
    """A prompt, replies to it, and whether the prompt is short.

    Copying a name is learnt by attention, which at first is spread over everything, so the name to copy has
    hardly any effect in a long prompt: after 57,600 replies to long prompts no name was copied. A short
    prompt has a few categories and families, or is empty, so that the reply's own words are the only ones to
    copy from.
    """
    rng = np.random.default_rng((plan.seed, number, 1))
    is_short = bool(rng.random() < plan.share_short(number - plan.first))
    scene = layout(number, int(rng.integers(3, 9)) if is_short else None)
    views: Views = rendered_walk(scene, LAYOUT_FRAMES)[1]
    if rng.random() < LATE_SHARE:
        views = _seen_late(scene, views, rng)
    geometry = scene_geometry(scene, views)
    brief = draw_brief(scene, views, geometry, rng, is_short)
    prompt = writer.write(brief, geometry)
    proposals = obedient_proposals(brief, geometry, prompt.short, plan.replies, rng)
    text = "" if is_short and rng.random() < EMPTY_SHARE else prompt.text
    return text, tuple(proposal.reply for proposal in proposals), is_short


def _seen_late(scene: Scene, views: Views, rng: np.random.Generator) -> Views:
    """The views as if each category were hidden up to some frame.

    Without this the order in which categories are first seen could hardly ever be asked for.
    """
    first_frame = {name: int(rng.integers(len(views.timestamps))) for name in sorted(scene.counts)}
    first_frames = np.array([first_frame[item.category] for item in scene.objects])
    frames = np.arange(len(views.timestamps))[:, None]
    return replace(views, visibility=np.where(frames < first_frames, np.float32(0), views.visibility))
