from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_ouro.loop.plan import MAX_DRAWS, RoundSize, expected_draws, make_plan, systematic_sample

POOL = [(f"scene{i % 7}", f"q{i}") for i in range(100)]


def plan(weights, steps=5, seed=0, per_row=6, batches=4):
    return make_plan(POOL, np.asarray(weights, float), RoundSize(steps, 24, batches, per_row), (seed, 1))


def drawn_in(batches):
    return Counter(id for batch in batches for row in batch for id in row.question_ids)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8))
def test_every_micro_batch_holds_equally_many_questions_and_nothing_is_lost(seed, steps):
    weights = np.random.default_rng(seed).exponential(size=100)
    made = plan(weights, steps, seed)
    assert made.steps == steps and len(made.batches) == steps * 4
    assert {sum(len(row.question_ids) for row in batch) for batch in made.batches} == {6}
    assert drawn_in(made.batches) == Counter(
        {id: int(n) for (_, id), n in zip(POOL, made.drawn, strict=True) if n}
    )
    assert max(made.drawn) <= MAX_DRAWS


def test_a_row_has_one_scene_few_questions_and_none_twice():
    for batch in plan(np.ones(100), 8).batches:
        for row in batch:
            assert len(row.question_ids) <= 6 and len(set(row.question_ids)) == len(row.question_ids)
            assert all(dict((id, scene) for scene, id in POOL)[id] == row.scene_id for id in row.question_ids)


def test_draws_over_many_rounds_are_proportional_to_the_weights():
    weights = np.linspace(0.2, 2, 100)
    total = sum(make_plan(POOL, weights, RoundSize(2, 24, 1, 6), (0, round)).drawn for round in range(2000))
    np.testing.assert_allclose(total / 2000, 48 * weights / weights.sum(), atol=0.04)


def test_the_cap_spreads_what_it_takes_over_the_others_in_proportion():
    expected = expected_draws(np.array([100.0, 1.0, 1.0, 2.0, 0.0]), 4)
    np.testing.assert_allclose(expected, [2.0, 0.5, 0.5, 1.0, 0.0])


@given(st.integers(0, 1000))
def test_each_draw_is_the_floor_or_ceiling_of_its_expectation(seed):
    rng = np.random.default_rng(seed)
    expected = expected_draws(rng.exponential(size=50), 37)
    drawn = systematic_sample(expected, rng)
    assert drawn.sum() == 37
    assert ((drawn == np.floor(expected)) | (drawn == np.ceil(expected))).all()


def test_the_round_is_shorter_where_the_pool_cannot_fill_it():
    assert plan(np.ones(100), steps=50).steps == 2 * 100 // 24
    only_ten = np.where(np.arange(100) < 10, 1.0, 0.0)
    assert plan(only_ten, steps=50).steps == 0


def test_the_same_seed_gives_the_same_plan_and_another_seed_another():
    assert plan(np.ones(100), seed=3).batches == plan(np.ones(100), seed=3).batches
    assert plan(np.ones(100), seed=3).batches != plan(np.ones(100), seed=4).batches


@pytest.mark.parametrize("batches", [1, 2, 4])
def test_cutting_into_micro_batches_changes_no_step(batches):
    whole = plan(np.ones(100), batches=1).batches
    parts = plan(np.ones(100), batches=batches).batches
    steps = [drawn_in(parts[i : i + batches]) for i in range(0, len(parts), batches)]
    assert steps == [drawn_in([batch]) for batch in whole]
