"""Which questions enter the pool: those that cannot be answered blind, are new, and not too common."""

from dataclasses import replace

import pytest

from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.loop.admit import measure_chance
from lightning_ouro.loop.pool import Pool
from lightning_ouro.loop.propose import propose_round
from lightning_ouro.programs.families import FAMILIES
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


def test_chance_is_measured_once_per_family_and_for_numbers_only(solver, library, request_, alone):
    ledger = Ledger()
    accepted = round_of(solver, library, replace(request_, blind="none"), alone).accepted
    measure_chance(solver, ledger, accepted, 0, alone)
    numbers = {question.family for question in accepted if question.options is None}
    assert numbers and ledger.state_dict()["blind"] == dict.fromkeys(
        (family for family in FAMILIES if family in numbers), pytest.approx(1.0)
    )
    scored = solver.scored
    measure_chance(solver, ledger, accepted, 1, alone)
    assert solver.scored == scored
