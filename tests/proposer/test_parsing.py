import pytest

from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.proposer.parsing import Unusable, Written, parse

PROGRAM = 'def answer(scene):\n    return count(scene.count("chair"))\n'
FENCED = f"```python\n{PROGRAM}```"
TEXT = "How many chair(s) are in this room?"


def test_what_the_grammar_writes_is_read_unchanged(brief):
    for proposal in GrammarProposer().propose([brief]):
        written = parse(f"{proposal.family}: {proposal.text}\n```python\n{proposal.program}```")
        assert written == Written(proposal.family, proposal.text, proposal.program)


@pytest.mark.parametrize(
    "reply",
    [
        f"object_counting: {TEXT}\n{FENCED}",
        f"**Type:** object_counting\n**Question:** {TEXT}\n\n{FENCED}\n",
        f"Here is one.\n\n1. `object_counting`: {TEXT}\n{FENCED}\nI hope that it serves.",
        f"Question: {TEXT}\n{FENCED}",
        f"> {TEXT}\n{FENCED.replace('```python', '```py')}",
        f"- {TEXT}\r\n{FENCED.replace('```python', '```')}",
        f"Type - object_counting\nQ1) {TEXT}\n{FENCED.replace('```python', '``` Python ')}",
    ],
)
def test_any_decoration_of_a_question_is_removed(reply):
    assert parse(reply) == Written("object_counting", TEXT, PROGRAM)


def test_chatter_before_a_question_of_several_lines_is_dropped():
    text = (
        FAMILIES["object_rel_direction_hard"]
        .forms[0]
        .write({"standing": ("sofa",), "facing": ("tv",), "target": ("lamp",)})
    )
    assert "\n" in text
    written = parse(f"Sure! Let me think about the sofa.\n{text}\n{FENCED}")
    assert (written.family, written.text) == ("object_rel_direction_hard", text)


def test_a_question_without_a_form_is_open_and_the_last_one_counts():
    written = parse(f"I look at the room.\nWhich is taller, the bed or the door?\n{FENCED}")
    assert (written.family, written.text) == ("open", "Which is taller, the bed or the door?")


@pytest.mark.parametrize(
    ("reply", "detail"),
    [
        ("", "0 whole fenced programs"),
        (f"{TEXT}\n{PROGRAM}", "0 whole fenced programs"),
        (f"{TEXT}\n```python\n{PROGRAM}", "0 whole fenced programs"),
        (f"{TEXT}\n{FENCED}\n{FENCED}", "2 whole fenced programs"),
        (f"{TEXT}\n```python\n```", "0 whole fenced programs of 2 fence marks"),
        (f"{TEXT}\n```python\n\n\n```", "is empty"),
        (FENCED, "no question stands before"),
        (f"object_counting:\n{FENCED}", "no question stands before"),
        (f"**\n{FENCED}", "no question stands before"),
    ],
)
def test_a_reply_without_question_or_exactly_one_program_is_unusable(reply, detail):
    parsed = parse(reply)
    assert isinstance(parsed, Unusable) and detail in parsed.detail


def test_a_program_is_kept_character_for_character():
    program = 'def answer(scene):\n\treturn count(1)  # "```" is not here\n\n'.replace("```", "´´´")
    assert parse(f"{TEXT}\n```python\n{program}```").program.rstrip("\n") == program.rstrip("\n")


def test_every_family_is_recognised_by_its_name():
    for name in FAMILIES:
        assert parse(f"{name}: What is this?\n{FENCED}").family == name
