"""Which questions enter the pool: those that cannot be answered blind, are new, and not too common."""

from dataclasses import replace

from lightning_ouro.loop.pool import Pool
from lightning_ouro.loop.propose import propose_round
from lightning_ouro.proposer import blind
from lightning_ouro.proposer.grammar import GrammarProposer


def round_of(solver, library, request, shard, pool=None):
    scenes, pool = list(library.values()), Pool() if pool is None else pool
    return propose_round(GrammarProposer(), solver, library, scenes, pool, request, shard)


def test_what_can_be_guessed_is_rejected_by_its_id(solver, library, request_, alone):
    result = round_of(solver, library, request_, alone)
    rejected = [rejection for rejection in result.rejected if rejection.reason == "blind"]
    assert result.accepted and rejected
    assert all(blind.is_kept(question, 1.0) for question in result.accepted)
    assert all("1.00 in its answer without the video" in rejection.detail for rejection in rejected)
    unfiltered = round_of(solver, library, replace(request_, blind="none"), alone)
    assert len(unfiltered.accepted) > len(result.accepted)
    assert len(unfiltered.accepted) + len(unfiltered.rejected) == len(result.accepted) + len(result.rejected)


def test_no_question_enters_unjudged_where_another_made_room(solver, library, request_, alone, monkeypatch):
    pool, judged, is_kept = Pool(), set(), blind.is_kept

    def noted(question, confidence):
        judged.add(question.id)
        return is_kept(question, confidence)

    monkeypatch.setattr(blind, "is_kept", noted)
    for round_index in range(2):
        request = replace(request_, round_index=round_index, proposals_per_scene=24)
        result = round_of(solver, library, request, alone, pool)
        assert {question.id for question in result.accepted} <= judged


def test_the_judge_is_asked_twice_per_question_with_the_video(solver, library, request_, alone):
    result = round_of(solver, library, replace(request_, blind="judge"), alone)
    assert result.accepted
    assert not [r for r in result.rejected if r.reason == "blind"], "yes and no are level, so all are kept"
    assert solver.scored == 2 * len(result.accepted)
