from lightning_ouro.curriculum.feedback import build_feedback


def test_feedback_has_last_rounds_questions_by_band_and_the_commonest_rejections(make_questions, ledger_with):
    questions = make_questions(5)
    ledger = ledger_with({questions[0].id: 0.95}, round=0)
    ledger.observe(
        1,
        {questions[1].id: 0.5, questions[2].id: 0.6, questions[3].id: 0.01},
        {q.id: 1 for q in questions[1:4]},
    )
    rejected = {"unseen": 4, "rules": 9, "common": 1, "syntax": 2, "range": 0}
    feedback = build_feedback(2, {"object_counting": 1.0}, questions, ledger, rejected, questions_per_band=1)
    assert dict(feedback.rejections) == {"rules": 9, "unseen": 4, "syntax": 2}
    assert feedback.recent["s"]["frontier"] == [questions[1]]
    assert feedback.recent["s"]["hard"] == [questions[3]]
    assert feedback.recent["s"]["easy"] == [], "trained before last round only"
