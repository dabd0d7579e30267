"""The second program for an open question, as each proposer writes it."""

from dataclasses import replace

import pytest

from lightning_ouro.programs.api import STUB
from lightning_ouro.programs.questions import Proposal
from lightning_ouro.proposer.derivation import derivation_prompt, second_generator
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.proposer.model import ModelProposer
from lightning_ouro.proposer.parsing import fenced_program
from lightning_ouro.proposer.protocol import Deriver, OpenProposal
from lightning_ouro.solver.module import SolverModule

TEXT = "How high above the floor is the middle of the tv, in meters?"
SECRET = "def answer(scene):\n    return metres(0.7391)\n"
PROGRAM = "def answer(scene):\n    return metres(1.0)\n"


@pytest.fixture(scope="module")
def small_solver():
    module = SolverModule(seed=1)
    module.configure_model()
    return module.eval()


@pytest.fixture
def item(brief):
    return OpenProposal(brief, Proposal(brief.scene.id, "open", TEXT, SECRET, "model", brief.round, 3))


def test_the_prompt_has_question_names_and_api_but_no_number_of_the_scene(geometry):
    prompt = derivation_prompt(geometry, TEXT)
    assert TEXT in prompt and STUB.strip() in prompt
    for name in geometry.categories():
        assert f"\n{name}: {geometry.count(name)}\n" in prompt
    numbers = {f"{value:.{digits}f}" for value in geometry.centers.ravel() for digits in (1, 2, 3)}
    assert not {word for word in prompt.replace(",", " ").split() if "." in word} & numbers


def test_each_program_has_a_generator_of_its_own(item):
    numbers = [second_generator(item, attempt).random() for attempt in (0, 1, 0)]
    assert numbers[0] == numbers[2] != numbers[1]
    other = item._replace(proposal=replace(item.proposal, slot=4))
    assert second_generator(other, 0).random() not in numbers


@pytest.mark.parametrize(
    ("reply", "program"),
    [
        (f"Here it is:\n```python\n{PROGRAM}```\nIt takes the height.", PROGRAM),
        (f"```\n{PROGRAM}```", PROGRAM),
        (PROGRAM, None),
        (f"```python\n{PROGRAM}```\n```python\n{PROGRAM}```", None),
        ("```python\n\n```", None),
        (f"```python\n{PROGRAM}", None),
        ("", None),
    ],
)
def test_a_reply_counts_if_it_holds_one_program(reply, program):
    assert fenced_program(reply) == program


def test_the_model_writes_as_many_programs_as_wanted_and_never_sees_the_first(
    item, small_solver, monkeypatch
):
    read = []

    def reply(rows, choose, max_new_tokens):
        read.extend(small_solver.encoder.tokenizer.decode(row.prefix.ids) for row in rows)
        return [f"```python\n{PROGRAM}```", "nonsense"] * len(rows)

    monkeypatch.setattr(small_solver, "generate_from_base", reply)
    proposer = ModelProposer(prompt="full", second_programs=2)
    proposer.attach(small_solver)
    assert proposer.derive([item, item]) == [[PROGRAM, ""]] * 2
    assert len(read) == 2 and all(TEXT in text and "0.7391" not in text for text in read)


@pytest.mark.parametrize("options", [{"prompt": "compact"}, {"prompt": "full", "second_programs": 0}])
def test_without_such_a_prompt_or_wish_no_program_is_written(item, small_solver, options):
    proposer = ModelProposer(**options)
    proposer.attach(small_solver)
    assert proposer.derive([item]) == [[]]


def test_the_same_seed_writes_the_same_programs(item, small_solver, monkeypatch):
    proposer, replies = ModelProposer(prompt="full", second_programs=2, max_new_tokens=8), []
    proposer.attach(small_solver)
    generate = small_solver.generate_from_base
    monkeypatch.setattr(
        small_solver, "generate_from_base", lambda *args: replies.append(generate(*args)) or replies[-1]
    )
    proposer.derive([item])
    proposer.derive([item])
    assert replies[0] == replies[1]
    assert replies[0][0] != replies[0][1]


def test_the_grammar_cannot_derive():
    assert not isinstance(GrammarProposer(), Deriver)
