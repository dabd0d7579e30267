"""A round of questions: who is turned down last, and what takes the freed place."""

from dataclasses import replace

import pytest

from lightning_ouro.curriculum.feedback import Feedback
from lightning_ouro.errors import InputError
from lightning_ouro.loop.propose import RankShard, RoundRequest, ask
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.pool import Pool
from lightning_ouro.proposer import blind
from lightning_ouro.proposer.frozen_copy import FrozenCopyProposer
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.proposer.model import ModelProposer
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.loading import Lora
from lightning_ouro.solver.module import SolverModule

ALONE = RankShard(0, 1, False)
ORDER = RoundRequest(Feedback(dict.fromkeys(FAMILIES, 1.0)), 12, 0, 0, "confidence")


@pytest.fixture(scope="module")
def library():
    return SceneLibrary(procedural_scenes(40, 6), FrameBudget(4, 64, 96))


@pytest.fixture
def solver(monkeypatch):
    """Confident in everything, with or without video."""
    module = SolverModule(init="random", lora=Lora(rank=2))
    module.configure_model()
    module.asked = 0

    def sure(rows):
        module.asked += sum(len(row.suffixes) for row in rows)
        return [1.0 for row in rows for _ in row.suffixes]

    monkeypatch.setattr(module, "base_confidences", sure)
    return module


def asked_by(solver, library, order, proposer=None, pool=None):
    scenes = [library[id] for id in library]
    return ask(proposer or GrammarProposer(), solver, library, scenes, pool or Pool(), order, ALONE)


def test_what_can_be_guessed_is_turned_down_by_its_id(solver, library):
    found = asked_by(solver, library, ORDER)
    turned_down = [rejection for rejection in found.rejected if rejection.reason == "blind"]
    assert found.accepted and turned_down
    assert all(blind.is_kept(question, 1.0) for question in found.accepted)
    assert all("1.00 in its answer without the video" in rejection.detail for rejection in turned_down)
    every = asked_by(solver, library, replace(ORDER, blind="none"))
    assert len(every.accepted) > len(found.accepted)
    assert len(every.accepted) + len(every.rejected) == len(found.accepted) + len(found.rejected)


def test_no_question_enters_unjudged_where_another_made_room(solver, library):
    pool = Pool()
    judged = set()
    kept = blind.is_kept

    def noted(question, confidence):
        judged.add(question.id)
        return kept(question, confidence)

    for round in range(2):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(blind, "is_kept", noted)
            found = asked_by(solver, library, replace(ORDER, round=round, slots=24), pool=pool)
        assert {question.id for question in found.accepted} <= judged


def test_the_judge_is_asked_with_the_video(solver, library):
    found = asked_by(solver, library, replace(ORDER, blind="judge"))
    assert found.accepted and not [r for r in found.rejected if r.reason == "blind"], (
        "yes and no are level: kept"
    )
    assert solver.asked == 2 * len(found.accepted)


def test_two_ranks_find_what_one_finds(solver, library, monkeypatch):
    """Each rank's share alone, gathered by hand in the order of ranks."""
    alone = asked_by(solver, library, replace(ORDER, blind="none"))
    scenes = [library[id] for id in library]
    parts = []
    for rank in range(2):
        monkeypatch.setattr(
            "lightning_ouro.loop.propose.all_gather_list", lambda items: parts.append(items) or items
        )
        ask(
            GrammarProposer(),
            solver,
            library,
            scenes,
            Pool(),
            replace(ORDER, blind="none"),
            RankShard(rank, 2, False),
        )
    outcomes = iter([part for part in parts if part and hasattr(part[0], "proposal")])
    both = [*next(outcomes), *next(outcomes)]
    monkeypatch.setattr(
        "lightning_ouro.loop.propose.all_gather_list", lambda items: both if items in parts else items
    )
    monkeypatch.setattr("lightning_ouro.loop.propose.propose_and_verify", lambda *_: parts[0])
    merged = ask(
        GrammarProposer(),
        solver,
        library,
        scenes,
        Pool(),
        replace(ORDER, blind="none"),
        RankShard(0, 2, False),
    )
    assert [question.id for question in merged.accepted] == [question.id for question in alone.accepted]


def test_a_model_without_adapter_is_no_frozen_base():
    module = SolverModule(init="random", lora=None)
    with pytest.raises(InputError, match=r"model\.lora=null has none; take FrozenCopyProposer"):
        ModelProposer().attach(module)
    assert GrammarProposer().base(module) is None


def test_a_frozen_copy_is_the_weights_that_a_run_began_with(library):
    module = SolverModule(init="random", lora=None, seed=3)
    module.configure_model()
    proposer = FrozenCopyProposer(max_new_tokens=3)
    proposer.attach(module)
    assert proposer.propose([]) == []
    copy = proposer.base(module)
    theirs = dict(copy.net.named_parameters())
    assert all((weight == theirs[name]).all() for name, weight in module.net.named_parameters())
    assert not any(weight.requires_grad for weight in theirs.values())
    assert not {id(w) for w in module.parameters()} & {id(w) for w in copy.parameters()}
    before = {name: weight.clone() for name, weight in theirs.items()}
    for weight in module.parameters():
        weight.data.add_(1.0)
    found = asked_by(module, library, replace(ORDER, blind="none", slots=2), proposer)
    assert {rejection.reason for rejection in found.rejected} == {"unusable"} and len(found.rejected) == 12
    assert all((weight == before[name]).all() for name, weight in copy.net.named_parameters())
