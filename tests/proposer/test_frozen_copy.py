from dataclasses import replace

import pytest
import torch

from lightning_ouro.programs.questions import Rejection
from lightning_ouro.proposer.frozen_copy import FrozenCopyProposer
from lightning_ouro.proposer.model import ModelProposer
from lightning_ouro.solver.loading import Lora
from lightning_ouro.solver.module import SolverModule
from lightning_ouro.solver.prompt_form import PromptForm


@pytest.fixture
def solver():
    module = SolverModule(init="random", seed=3, lora=None)
    module.configure_model()
    return module


def written(proposer, solver, briefs):
    proposer.attach(solver)
    return [
        item.proposal.text if isinstance(item, Rejection) else item.text for item in proposer.propose(briefs)
    ]


def test_the_copy_writes_what_the_initial_weights_would(solver, brief):
    briefs, settings = [replace(brief, slots=3)], {"max_new_tokens": 12, "top_p": 0.9}
    base = SolverModule(init="random", seed=3, lora=Lora(rank=2))
    base.configure_model()
    expected = written(ModelProposer(**settings), base, briefs)
    with torch.no_grad():
        for weight in solver.parameters():
            weight.add_(1.0)  # as if trained
    assert written(FrozenCopyProposer(ModelProposer(**settings)), solver, briefs) == expected


def test_the_settings_are_those_of_its_writer(solver, brief):
    briefs = [replace(brief, slots=2)]
    short, long = (
        written(FrozenCopyProposer(ModelProposer(max_new_tokens=n)), solver, briefs) for n in (2, 12)
    )
    for cut, text in zip(short, long, strict=True):
        assert text.startswith(cut) and text != cut


def test_proposals_carry_its_own_name(solver, brief):
    proposer = FrozenCopyProposer(ModelProposer(max_new_tokens=2))
    proposer.attach(solver)
    assert {item.proposal.proposer for item in proposer.propose([brief])} == {"frozen_copy"}


def test_weights_are_copied_when_it_first_writes_and_no_earlier(solver):
    proposer = FrozenCopyProposer()
    proposer.attach(solver)
    copy = proposer.base(solver)
    assert copy is not solver and copy.loaded is None
    assert proposer.propose([]) == [] and copy.loaded is not None
    assert not any(weight.requires_grad for weight in copy.parameters())


def test_the_copy_asks_in_the_form_that_the_solver_has_when_it_begins(solver, brief):
    proposer = FrozenCopyProposer(ModelProposer(max_new_tokens=2))
    proposer.attach(solver)
    form = PromptForm("plain", "Look closely.")
    solver.ask_as(form)  # as a checkpoint that is resumed says, which is loaded after proposers are attached
    proposer.propose([replace(brief, slots=1)])
    assert proposer.base(solver).encoder.form == form
