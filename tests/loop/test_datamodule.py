from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from lightning_ouro.errors import InputError
from lightning_ouro.loop.datamodule import SceneDataModule
from lightning_ouro.loop.fixed_questions import fixed_sets
from lightning_ouro.loop.plan import RoundSize, make_plan


class Stage:
    """What the datamodule asks of a trainer."""

    def __init__(self, epoch=0, rank=0, ranks=1, accumulate=1):
        self.is_global_zero, self.progress_bar_callback = True, None
        self.state = SimpleNamespace(fn="fit")
        self.current_epoch, self.global_rank, self.world_size, self.accumulate_grad_batches = (
            epoch,
            rank,
            ranks,
            accumulate,
        )


@pytest.fixture(scope="module")
def data():
    module = SceneDataModule(
        num_train_scenes=2, num_val_scenes=3, num_test_scenes=1, eval_questions_per_scene=8
    )
    module.trainer = Stage()
    module.setup("fit")
    scenes = module.held_out_scenes("val")
    module.set_fixed_questions("val", fixed_sets(module.library, scenes, 8, False).by_set)
    return module


@pytest.fixture
def begun(data):
    """A round whose pool is the validation questions."""
    questions = data._fixed["val"]["vsi_bench"]
    pool = [(question.scene_id, question.id) for question in questions]
    plan = make_plan(pool, np.ones(len(pool)), RoundSize(5, 4, 2, 3), (0, 0))
    data.round = -1
    data.begin_round(0, plan, questions, {question.id: 0.25 for question in questions})
    data.advance_to = lambda round_index: None
    return plan


def ids(batches):
    return [question.id for batch in batches for row in batch.rows for question in row.questions]


def planned(batches):
    return [id for batch in batches for row in batch for id in row.question_ids]


def test_one_rank_gets_the_plan_in_order_and_two_share_it(data, begun):
    assert ids(data.train_dataloader()) == planned(begun.batches)
    shares = []
    for rank in (0, 1):
        data.trainer = Stage(rank=rank, ranks=2)
        shares.append(ids(data.train_dataloader()))
        assert shares[-1] == planned(begun.batches[rank::2])
    data.trainer = Stage()


def test_a_restored_position_skips_what_was_trained_and_a_new_round_starts_anew(data, begun):
    other = SceneDataModule()
    data.batch_done()
    data.batch_done()
    other.load_state_dict(data.state_dict())
    assert (other.round, other.position) == (0, 2)
    loader = data.train_dataloader()
    assert ids(loader) == planned(begun.batches[2:]) and len(loader) == len(begun.batches)
    data.begin_round(1, begun, [], {})
    assert data.position == 0


def test_questions_come_with_their_scenes_video_and_their_chance(data, begun):
    for batch in data.train_dataloader():
        for row in batch.rows:
            assert {question.scene_id for question in row.questions} == {row.questions[0].scene_id}
            assert row.video is data.library.video(row.questions[0].scene_id)
            assert row.chances == (0.25,) * len(row.questions)


def test_each_validation_scene_is_shown_with_another_scenes_video(data):
    batches = list(data.val_dataloader())
    rows = [pair for batch in batches for pair in zip(batch.rows, batch.other_videos, strict=True)]
    assert len(rows) == 3
    assert all(row.video is not other for row, other in rows)


def test_ranks_split_the_validation_scenes_without_overlap(data):
    seen = []
    for rank in (0, 1):
        data.trainer = Stage(rank=rank, ranks=2)
        seen += [row.questions[0].scene_id for batch in data.val_dataloader() for row in batch.rows]
    data.trainer = Stage()
    assert sorted(seen) == sorted(scene.id for scene in data.splits.val)


def test_skipped_scenes_that_leave_a_rank_without_work_end_every_rank_alike(data):
    asked = {question.scene_id: question for question in data._fixed["val"]["strict"]}
    told = set()
    for rank in (0, 1):
        other = SceneDataModule(num_train_scenes=2, num_val_scenes=3, num_test_scenes=1)
        other.trainer, other.splits, other.library = Stage(rank=rank, ranks=2), data.splits, data.library
        other.set_fixed_questions("val", {"strict": list(asked.values())[:2]})
        assert len(other.val_dataloader()) == 1
        with pytest.raises(
            InputError, match=r"num_val_scenes=3: only 1 of these .* some of 2 device"
        ) as error:
            other.set_fixed_questions("val", {"strict": list(asked.values())[:1]})
        told.add(str(error.value))
    assert len(told) == 1


def test_unequal_micro_batches_are_refused(data):
    module = SceneDataModule(questions_per_step=12)
    module.trainer = Stage(ranks=2, accumulate=4)
    with pytest.raises(InputError, match=r"data\.questions_per_step=12 is not a multiple of .*=4 times 2"):
        module.round_size()


@pytest.mark.parametrize("changed", [{"num_frames": 4}, {"frames_per_time": 2}])
def test_a_run_goes_on_only_with_frames_at_the_times_that_its_questions_name(data, begun, changed):
    other = SceneDataModule(frames=replace(data.frames, **changed))
    (name,) = changed
    with pytest.raises(InputError, match=f"datamodule: the checkpoint has {name}=.*; use the original value"):
        other.load_state_dict(data.state_dict())
    older = {key: data.state_dict()[key] for key in ("version", "round", "position")}
    other.load_state_dict(older)
