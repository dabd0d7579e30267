"""Batches of the fixed questions: a scene's questions of all sets share its video, and come with another scene's.

One loader serves all sets, because each scene's video then goes through the model once for all of them, and
`limit_val_batches` leaves out scenes, not sets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lightning_ouro.loop.loaders import FixedBatches
from lightning_ouro.loop.query_drop import queries_to_drop
from lightning_ouro.loop.rounds import RankShard
from lightning_ouro.programs.questions import Question
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.splits import room_id
from lightning_ouro.scenes.types import Video
from lightning_ouro.solver.batches import DroppedQuery, EvalBatch, SceneRow

EVAL_ROWS = 8  # scenes per evaluation batch; they bound memory, not results


def held_out_batches(
    library: SceneLibrary, by_set: Mapping[str, Sequence[Question]], drops_per_scene: int, shard: RankShard
) -> FixedBatches:
    """A rank's batches; videos are opened when a batch is asked for.

    Args:
        library: Holds the scenes.
        by_set: The questions of each set.
        drops_per_scene: Maximum number of counting questions of each set and scene that are asked again on a video
            without what they count.
        shard: Which scenes this rank asks about.
    """
    by_scene: dict[str, list[tuple[str, Question]]] = {key: [] for key in scenes_asked_about(by_set)}
    for name, questions in by_set.items():
        for question in questions:
            by_scene[question.scene_id].append((name, question))
    families = {
        name: tuple(sorted({question.family for question in questions})) for name, questions in by_set.items()
    }
    scene_ids = list(by_scene)
    share = shard.of(scene_ids)
    chunks = [share[start : start + EVAL_ROWS] for start in range(0, len(share), EVAL_ROWS)]

    def load(chunk: Sequence[str]) -> EvalBatch:
        return EvalBatch(
            tuple(_row(library.video(key), by_scene[key]) for key in chunk),
            tuple(tuple(name for name, _ in by_scene[key]) for key in chunk),
            tuple(_other_video(library, key, scene_ids) for key in chunk),
            tuple(drop for key in chunk for drop in _drops(library, by_scene[key], drops_per_scene)),
            families,
        )

    return FixedBatches(chunks, load)


def scenes_asked_about(by_set: Mapping[str, Sequence[Question]]) -> list[str]:
    """The ids of all scenes that some set asks about, in the order in which the sets come upon them."""
    return list(dict.fromkeys(question.scene_id for questions in by_set.values() for question in questions))


def _row(video: Video, asked: Sequence[tuple[str, Question]]) -> SceneRow:
    return SceneRow(video, tuple(question for _, question in asked), (0.0,) * len(asked))


def _drops(library: SceneLibrary, asked: Sequence[tuple[str, Question]], most: int) -> Iterator[DroppedQuery]:
    """A scene's counting questions that are asked again, each on the video without what it counts."""
    for set_name in dict.fromkeys(name for name, _ in asked):
        questions = [question for name, question in asked if name == set_name]
        scene = library[questions[0].scene_id]
        for drop in queries_to_drop(scene, questions, most):
            video = library.video_without(scene.id, drop.objects)
            yield DroppedQuery(set_name, SceneRow(video, (drop.question,), (0.0,)))


def _other_video(library: SceneLibrary, scene_id: str, scene_ids: Sequence[str]) -> Video | None:
    """The video of the next scene in another room, None if there is none."""
    start, room = scene_ids.index(scene_id), room_id(library[scene_id])
    following = (*scene_ids[start:], *scene_ids[:start])
    others = (other for other in following if room_id(library[other]) != room)
    other = next(others, None)
    return None if other is None else library.video(other)
