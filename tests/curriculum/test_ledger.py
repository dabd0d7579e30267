import io

import pytest
import torch

from lightning_ouro.curriculum.ledger import Ledger


def filled(questions):
    ledger = Ledger()
    ledger.observe_chance("object_counting", [0.2, 0.4])
    ledger.observe(
        0, {questions[0].id: 0.123456, questions[1].id: 0.65}, {questions[0].id: 2, questions[1].id: 1}
    )
    ledger.observe(2, {questions[0].id: 0.9}, {questions[0].id: 1})
    return ledger


def test_confidence_is_rounded_on_entry_and_an_untrained_round_keeps_the_last(make_questions):
    questions = make_questions(3)
    ledger = filled(questions)
    assert ledger.entries[questions[0].id].confidence == {0: 0.1235, 2: 0.9}
    assert ledger.entries[questions[0].id].times_trained == 3
    assert ledger.last_round(questions[1]) == 0
    assert ledger.last_round(questions[2]) is None and ledger.band(questions[2]) is None


def test_chance_is_one_over_k_for_choices_and_mean_blind_confidence_for_numbers(make_questions):
    ledger = filled(make_questions(2))
    number, unmeasured = make_questions(1)[0], make_questions(1, family="room_size_estimation")[0]
    choice = make_questions(1, options=("a", "b", "c"))[0]
    assert ledger.chance(number) == pytest.approx(0.3) and not ledger.lacks_chance(number)
    assert (
        ledger.chance(unmeasured) == 0 and ledger.lacks_chance(unmeasured) and not ledger.lacks_chance(choice)
    )
    assert ledger.chance(choice) == pytest.approx(1 / 3)
    assert ledger.skills(make_questions(2)[1]) == pytest.approx([(0.65 - 0.3) / 0.7])


def test_the_papers_skill_is_confidence_itself(make_questions):
    questions = make_questions(1, options=("a", "b"))
    ledger = Ledger("paper")
    ledger.observe(0, {questions[0].id: 0.5}, {questions[0].id: 1})
    assert ledger.skills(questions[0]) == [0.5]


def test_a_restored_ledger_goes_on_like_the_one_that_was_saved(make_questions):
    questions = make_questions(3)
    one, other = filled(questions), Ledger()
    buffer = io.BytesIO()
    torch.save(one.state_dict(), buffer)
    buffer.seek(0)
    other.load_state_dict(torch.load(buffer, weights_only=True))
    for ledger in (one, other):
        ledger.observe(3, {questions[2].id: 0.7}, {questions[2].id: 1})
        ledger.observe_chance("object_abs_distance", [0.9])
    assert one.state_dict() == other.state_dict()
    assert [one.skills(q) for q in questions] == [other.skills(q) for q in questions]


def test_a_state_of_another_kind_or_with_other_fields_is_refused_by_name(make_questions):
    state = filled(make_questions(2)).state_dict()
    with pytest.raises(ValueError, match="skill_kind='chance_corrected'"):
        Ledger("paper").load_state_dict(state)
    with pytest.raises(ValueError, match=r"unexpected fields \['more'\] and lacks fields \['blind'\]"):
        Ledger().load_state_dict({k: v for k, v in state.items() if k != "blind"} | {"more": 1})
