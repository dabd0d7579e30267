"""The loop without a Trainer: rounds follow each other, and a restored state goes on like the saved one."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch

from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.errors import InputError
from lightning_ouro.loop.chance import measure_chance
from lightning_ouro.loop.datamodule import SceneDataModule
from lightning_ouro.loop.files import RoundFiles
from lightning_ouro.loop.plan import RoundSize
from lightning_ouro.loop.pool import Pool
from lightning_ouro.loop.propose import propose_round
from lightning_ouro.loop.rounds import RankShard, RoundResult
from lightning_ouro.loop.state import LoopSettings, LoopState
from lightning_ouro.proposer.grammar import GrammarProposer

SIZE = RoundSize(steps=3, questions_per_step=12, batches_per_step=2, questions_per_row=4)
CPU = torch.device("cpu")


@pytest.fixture
def advance(solver, library):
    """Runs the first half of a round: propose, verify, admit, plan."""

    def advance(state):
        scenes, request = list(library.values()), state.request()
        result = propose_round(GrammarProposer(), solver, library, scenes, state.pool, request, RankShard())
        state.add_round(request, result, len(scenes))
        measure_chance(solver, state.ledger, result.accepted, request.round_index, RankShard())
        state.plan_round(SIZE)

    return advance


def train(state, start=0, stop=None):
    """Reports a confidence for each planned sample, as training would."""
    for index, batch in list(enumerate(state.plan.batches))[start:stop]:
        ids = [question_id for row in batch for question_id in row.question_ids]
        confidences = np.random.default_rng((state.round, index)).uniform(0.2, 1.0, len(ids))
        state.observe(index, ids, confidences.tolist())


def finish(state):
    return state.finish_round("focal", RankShard(), CPU)


def new_state(folder, seed=0):
    settings = LoopSettings(12, "frontier", "frontier", "chance_corrected", 2, "confidence", seed)
    return LoopState(settings, RoundFiles(folder / "rounds"))


def through_a_file(state):
    """A state as a checkpoint holds it and Lightning reads it."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def test_rounds_follow_each_other_without_a_trainer(tmp_path, advance):
    state = new_state(tmp_path)
    for round_index in range(2):
        advance(state)
        train(state)
        finished = finish(state)
        assert (state.round, state.finished, finished.round_index) == (round_index,) * 3
        assert finished.pool_summary.num_questions == len(state.pool)
        assert (
            finished.histograms["overall"].sum() == finished.pool_summary.trained == len(state.ledger.entries)
        )
        assert {path.name for path in (tmp_path / "rounds" / f"{round_index:03d}").iterdir()} == {
            "questions.jsonl",
            "rejections.jsonl",
            "selection.jsonl",
            "request.json",
        }


def test_feedback_and_weights_of_a_round_follow_the_ledger(tmp_path, advance):
    state = new_state(tmp_path)
    equal = state.request().feedback
    assert len(set(equal.family_weights.values())) == 1 and not equal.recent
    advance(state)
    train(state)
    finish(state)
    adapted = state.request()
    assert adapted.round_index == 1 and adapted.feedback.recent
    assert len(set(adapted.feedback.family_weights.values())) > 1
    assert np.ptp(state.sampling_weights(1)) > 0


@pytest.mark.parametrize("batches_seen", [0, 2, 6])
def test_a_restored_state_goes_on_like_the_saved_one(tmp_path, advance, batches_seen):
    state = new_state(tmp_path)
    advance(state)
    train(state)
    finish(state)
    advance(state)
    train(state, stop=batches_seen)
    restored = new_state(tmp_path)
    restored.load_state_dict(through_a_file(state.state_dict()))
    assert restored.plan_round(SIZE).batches == state.plan.batches
    for each in (state, restored):
        train(each, start=batches_seen)
        finish(each)
        advance(each)
    assert restored.state_dict() == state.state_dict()
    assert restored.pool.questions == state.pool.questions
    assert restored.metrics() == state.metrics()


def test_the_seed_of_another_run_is_refused(tmp_path):
    state = new_state(tmp_path, seed=1).state_dict()
    with pytest.raises(InputError, match="seed=1, this run 0"):
        new_state(tmp_path).load_state_dict(state)


def test_a_round_without_any_question_is_refused_with_its_reasons(tmp_path):
    state = new_state(tmp_path)
    with pytest.raises(InputError, match="round 0: none of 0 proposals was accepted"):
        state.add_round(state.request(), RoundResult([], []), 6)


def test_a_pool_that_does_not_fill_a_step_is_refused(tmp_path, advance):
    state = new_state(tmp_path)
    advance(state)
    with pytest.raises(InputError, match=r"cannot fill one step of data\.questions_per_step=9000"):
        state.plan_round(replace(SIZE, questions_per_step=9000))


STATEFUL = {
    "ledger": lambda folder: Ledger(),
    "pool": lambda folder: Pool(RoundFiles(folder)),
    "loop": lambda folder: new_state(folder),
    "datamodule": lambda folder: SceneDataModule(),
}


@pytest.mark.parametrize("name", STATEFUL)
def test_every_stateful_part_refuses_foreign_and_missing_fields_by_name(tmp_path, name):
    part = STATEFUL[name](tmp_path)
    state = through_a_file(part.state_dict())
    STATEFUL[name](tmp_path).load_state_dict(dict(state))
    lost = next(key for key in state if key != "version")
    changed = {key: value for key, value in state.items() if key != lost} | {"foreign": 1}
    with pytest.raises(
        InputError, match=rf"{name}: .*unexpected fields \['foreign'\] and lacks fields \['{lost}'\]"
    ):
        part.load_state_dict(changed)
    with pytest.raises(InputError, match=f"{name}: the checkpoint has version=99"):
        part.load_state_dict(state | {"version": 99})


@pytest.mark.parametrize("name", ["ledger", "pool", "loop"])
def test_metrics_have_the_same_names_before_and_after_training(tmp_path, advance, name):
    state = new_state(tmp_path)
    part = {"ledger": state.ledger, "pool": state.pool, "loop": state}[name]
    advance(state)
    before = part.metrics()
    train(state)
    finish(state)
    after = part.metrics()
    assert before.keys() == after.keys() and all(isinstance(value, int | float) for value in after.values())
