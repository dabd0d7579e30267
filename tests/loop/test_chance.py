"""Chance, where it is measured."""

from dataclasses import replace

import pytest

from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.loop.chance import measure_chance
from lightning_ouro.loop.pool import Pool
from lightning_ouro.loop.propose import propose_round
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.proposer.grammar import GrammarProposer


def test_chance_is_measured_once_per_family_and_for_numbers_only(solver, library, request_, alone):
    ledger = Ledger()
    scenes, unfiltered = list(library.values()), replace(request_, blind="none")
    accepted = propose_round(GrammarProposer(), solver, library, scenes, Pool(), unfiltered, alone).accepted
    measure_chance(solver, ledger, accepted, 0, alone)
    numbers = {question.family for question in accepted if question.options is None}
    assert numbers and ledger.state_dict()["blind"] == dict.fromkeys(
        (family for family in FAMILIES if family in numbers), pytest.approx(1.0)
    )
    scored = solver.scored
    measure_chance(solver, ledger, accepted, 1, alone)
    assert solver.scored == scored
