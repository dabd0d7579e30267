"""Lessons by number: what to say, what to see, where it is.

A lesson in seeing is a rendered room with verified questions and what each video token shows: shares of categories and
depth, from the renderer's ids. A lesson in proposing is a layout with a prompt and obedient replies. Each part is a
pure function of its number, in blocks whose questions share one pool, so that letters and answers are level.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.bootstrap import orders
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
from lightning_ouro.scenes.synthetic.furniture import FURNITURE
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.synthetic.renderer import Rendering
from lightning_ouro.scenes.synthetic.walks import rendered_walk
from lightning_ouro.scenes.types import FrameBudget, Scene, Video, Views

CATEGORIES = tuple(sorted(FURNITURE))
BLOCK = 32  # lessons that share a pool
SHOWN = 0.02  # of a token's pixels: less is not asked for
SHORT, EMPTY = 0.2, 0.3  # of prompts are short in the end, of these so many are empty
LATE = 0.5  # of layouts have things that are seen late
# What a small model can come to see is asked more often than what takes a map of the room.
_EASIER = (
    *("object_counting", "object_size_estimation", "room_size_estimation", "object_abs_distance"),
    *("camera_motion", "camera_obj_distance", "depth_order", "camera_displacement"),
)
ASKED = {name: 3.0 if name in _EASIER else 1.0 for name in FAMILIES}
GLANCE = FrameBudget(8, 24, 32)  # of layouts: enough to know what is shown


@dataclass(frozen=True, eq=False)
class Cells:
    """What the video's tokens show, in their order.

    Attributes:
        categories: `(tokens, CATEGORIES)`, whether each is there.
        depth: `(tokens,)` log of the median distance along the camera's axis, metres.
        places: `(tokens, 18)` of a token's two frames each: the camera's place and the direction it looks in, and the
            median place of what the token's pixels show, all as the first camera sees it, metres.
    """

    categories: NDArray[np.bool_]
    depth: NDArray[np.float32]
    places: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Lesson:
    """One room, and one layout.

    Attributes:
        video: The room's frames.
        cells: What they show.
        questions: Verified ones about the room.
        prompt: About the layout, which has nothing to do with the video.
        replies: Obedient ones.
        is_short: Whether the prompt stands alone, without the video in front of it.
    """

    video: Video
    cells: Cells
    questions: tuple[Question, ...]
    prompt: str
    replies: tuple[str, ...]
    is_short: bool = False


@dataclass(frozen=True)
class Curriculum:
    """How lessons are drawn.

    Attributes:
        frames: Of a room's video.
        first: The number of the first room and layout; other splits start elsewhere.
        questions: Asked about a room at most.
        replies: To a prompt at most; 0 leaves prompts out.
        seed: Of all that is drawn.
        short: At these places the share of short prompts begins to fall from 1 and has come down to `SHORT`.
    """

    frames: FrameBudget
    first: int
    questions: int
    replies: int
    seed: int
    short: tuple[int, int] = (0, 0)

    def share_short(self, place: int) -> float:
        """Of prompts at a place in the order of lessons."""
        begin, end = self.short
        return (
            SHORT + (1 - SHORT) * (1 - min(1.0, max(0, place - begin) / (end - begin)))
            if end > begin
            else SHORT
        )


def lessons(plan: Curriculum, start: int, write: Callable[[], PromptWriter]) -> Iterator[Lesson]:
    """Lessons from a number on, without end."""
    writer = write()
    with Sandbox() as sandbox:
        verifier = Verifier(sandbox)
        block, skipped = divmod(start, BLOCK)
        while True:
            numbers = range(plan.first + block * BLOCK, plan.first + (block + 1) * BLOCK)
            seen = [_room(plan, number) for number in numbers]
            asked = _questions(plan, seen, verifier) if plan.questions else [()] * BLOCK
            for place, number in enumerate(numbers):
                if place >= skipped:
                    prompt, replies, is_short = (
                        _proposing(plan, number, writer) if plan.replies else ("", (), False)
                    )
                    yield Lesson(*seen[place][1:], asked[place], prompt, replies, is_short)
            block, skipped = block + 1, 0


Seen = tuple[int, Video, Cells]


def _room(plan: Curriculum, number: int) -> Seen:
    scene = procedural_scene(number)
    rendering, views = rendered_walk(scene, plan.frames)
    names = np.array([CATEGORIES.index(thing.category) for thing in scene.objects] + [len(CATEGORIES)])
    tokens = _by_token(names[rendering.ids], plan.frames)  # the room is -1, which is the last name
    present = np.stack([(tokens == place).mean(axis=1) > SHOWN for place in range(len(CATEGORIES))], axis=1)
    depth = np.log(np.median(_by_token(rendering.depth, plan.frames), axis=1)).astype(np.float32)
    return number, Video(rendering.rgb, views), Cells(present, depth, _places(rendering, views, plan.frames))


def _places(rendering: Rendering, views: Views, frames: FrameBudget) -> NDArray[np.float32]:
    """What `Cells.places` says, from the renderer's depth."""
    relative = np.linalg.inv(views.poses[0]) @ views.poses
    rows, columns = np.mgrid[: frames.height, : frames.width] + 0.5
    pixels = np.stack([columns, rows, np.ones_like(rows)], axis=-1)
    rays = np.einsum("tij,hwj->thwi", np.linalg.inv(views.intrinsics), pixels) * rendering.depth[..., None]
    points = np.einsum("tij,thwj->thwi", relative[:, :3, :3], rays) + relative[:, None, None, :3, 3]
    by_axis = [_by_token(points[..., axis], frames).reshape(-1, 2, frames.token**2) for axis in range(3)]
    shown = np.stack([np.median(values, axis=2) for values in by_axis], axis=2)  # (tokens, 2, 3)
    cameras = relative[:, :3, [3, 2]].reshape(
        -1, 2, 6
    )  # of a group of two frames; all its tokens say the same
    told = cameras.repeat(len(shown) // len(cameras), axis=0)
    return np.concatenate([told, shown], axis=2).reshape(len(shown), 18).astype(np.float32)


def _by_token(pixels: NDArray[Any], frames: FrameBudget) -> NDArray[Any]:
    """Pixels `(T, H, W)` as `(tokens, pixels of one)`: two frames, one square."""
    time, rows, columns = frames.num_frames // 2, frames.height // frames.token, frames.width // frames.token
    split = pixels.reshape(time, 2, rows, frames.token, columns, frames.token)
    return split.transpose(0, 2, 4, 1, 3, 5).reshape(time * rows * columns, -1)


def _questions(plan: Curriculum, seen: list[Seen], verifier: Verifier) -> list[tuple[Question, ...]]:
    pool, asked = Pool(), defaultdict[str, list[Question]](list)
    ids = []
    for number, video, _ in seen:
        scene = procedural_scene(number)
        ids.append(scene.id)
        order = Brief(scene, video.views, plan.questions, 0, plan.seed, ASKED, {}, {}, frozenset())
        outcomes = verifier.verify(scene, video.views, list(GrammarProposer().write(order)))
        accepted, _ = pool.admit([outcome for outcome in outcomes if isinstance(outcome, Verified)], 0)
        asked[scene.id] = accepted
    return [tuple(asked[id]) for id in ids]


def _proposing(plan: Curriculum, number: int, writer: PromptWriter) -> tuple[str, tuple[str, ...], bool]:
    """A prompt with replies, and whether it is short.

    Names are copied by attention that is spread over everything at first, so what is to be copied hardly shows in a
    long prompt (seen: after 57,600 replies to long prompts no name was copied). Short ones have a few categories
    and families, or are empty, so that only the reply's own words are there to be copied.
    """
    rng = np.random.default_rng((plan.seed, number, 1))
    is_short = bool(rng.random() < plan.share_short(number - plan.first))
    scene = layout(number, int(rng.integers(3, 9)) if is_short else None)
    views: Views = rendered_walk(scene, GLANCE)[1]
    if rng.random() < LATE:
        views = _seen_late(scene, views, rng)
    room = scene_geometry(scene, views)
    order = orders.brief(scene, views, room, rng, is_short)
    prompt = writer.write(order, room)
    replies = tuple(a.reply for a in orders.answers(order, room, prompt.short, plan.replies, rng))
    return "" if is_short and rng.random() < EMPTY else prompt.text, replies, is_short


def _seen_late(scene: Scene, views: Views, rng: np.random.Generator) -> Views:
    """As if something stood before each category up to some frame: else an order of first sight can hardly be asked."""
    names = {name: int(rng.integers(len(views.timestamps))) for name in sorted(scene.counts)}
    first = np.array([names[thing.category] for thing in scene.objects])
    frames = np.arange(len(views.timestamps))[:, None]
    return replace(views, visibility=np.where(frames < first, np.float32(0), views.visibility))
