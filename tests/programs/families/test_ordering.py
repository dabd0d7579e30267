import numpy as np

from lightning_ouro.programs.families.ordering import balanced_order, in_turns, random_order


def test_a_random_order_has_each_number_once():
    assert sorted(random_order(50, np.random.default_rng(0))) == list(range(50))
    assert random_order(0, np.random.default_rng(0)) == []


def test_a_random_order_is_no_longer_than_its_limit():
    order = random_order(10**9, np.random.default_rng(0), limit=100)
    assert len(order) == len(set(order)) == 100


def test_rare_kinds_come_as_early_as_common_ones_while_they_last():
    kinds = ["rare"] * 5 + ["common"] * 95
    order = list(balanced_order(range(100), kinds, np.random.default_rng(0)))
    assert sorted(order) == list(range(100))
    assert set(range(5)) < set(order[:30])  # a plain shuffle has all five this early once in 500 times


def test_iterators_take_turns_at_random_until_none_has_anything_left():
    many, few = iter(range(1000)), iter("ab" * 100)
    items = list(in_turns([iter(()), many, few], np.random.default_rng(0)))
    assert sorted(map(str, items)) == sorted([*map(str, range(1000)), *"ab" * 100])
    assert [item for item in items if isinstance(item, int)] == list(range(1000))
    assert 70 <= sum(isinstance(item, str) for item in items[:200]) <= 130
    assert list(in_turns([], np.random.default_rng(0))) == []
