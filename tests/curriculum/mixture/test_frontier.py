import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_ouro.curriculum.mixture.frontier import family_weights, with_floor


def test_families_are_equal_before_any_training(make_questions, ledger_with):
    assert family_weights(["a", "b"], make_questions(3), ledger_with({})) == {"a": 0.5, "b": 0.5}


def test_a_familys_weight_is_its_frontier_share_shrunk_by_ten_to_the_overall(make_questions, ledger_with):
    on, off = make_questions(10, family="on"), make_questions(30, family="off")
    ledger = ledger_with({q.id: 0.5 for q in on} | {q.id: 0.99 for q in off})
    overall = 10 / 40
    rates = {"on": (10 + 10 * overall) / 20, "off": (0 + 10 * overall) / 40, "new": overall}
    total = sum(rates.values())
    weights = family_weights(["on", "off", "new"], on + off, ledger)
    floor = 1 / 12
    assert rates["off"] / total < floor
    assert weights["off"] == pytest.approx(floor)
    assert weights["on"] / weights["new"] == pytest.approx(rates["on"] / rates["new"])


@given(st.dictionaries(st.text(min_size=1), st.floats(1e-3, 1), min_size=1, max_size=12))
def test_no_family_falls_below_the_floor_and_all_sum_to_one(rates):
    floor = 1 / (4 * len(rates))
    weights = with_floor(rates, floor)
    assert sum(weights.values()) == pytest.approx(1)
    assert min(weights.values()) >= floor * (1 - 1e-9)
