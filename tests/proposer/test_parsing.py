import pytest

from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.proposer.parsing import Unusable, Written, parse

PROGRAM = 'def answer(scene):\n    return count(scene.count("chair"))\n'
FENCED = f"```python\n{PROGRAM}```"
TEXT = "How many chair(s) are in this room?"


def test_what_the_grammar_writes_is_read_to_the_letter(brief):
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
def test_any_dress_of_a_question_is_taken_off(reply):
    assert parse(reply) == Written("object_counting", TEXT, PROGRAM)


def test_chatter_before_a_question_of_several_lines_is_left_out():
    text = (
        FAMILIES["object_rel_direction_hard"]
        .forms[0]
        .write({"standing": ("sofa",), "facing": ("tv",), "target": ("lamp",)})
    )
    assert "\n" in text
    written = parse(f"Sure! Let me think about the sofa.\n{text}\n{FENCED}")
    assert (written.family, written.text) == ("object_rel_direction_hard", text)


def test_what_follows_no_form_is_open_and_its_last_question_counts():
    written = parse(f"I look at the room.\nWhich is taller, the bed or the door?\n{FENCED}")
    assert (written.family, written.text) == ("open", "Which is taller, the bed or the door?")


@pytest.mark.parametrize(
    ("reply", "said"),
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
def test_without_one_fenced_program_and_a_question_a_reply_is_unusable(reply, said):
    found = parse(reply)
    assert isinstance(found, Unusable) and said in found.detail


def test_a_program_is_kept_to_the_letter():
    odd = 'def answer(scene):\n\treturn count(1)  # "```" is not here\n\n'.replace("```", "´´´")
    assert parse(f"{TEXT}\n```python\n{odd}```").program.rstrip("\n") == odd.rstrip("\n")


def test_every_family_is_read_by_its_name():
    for name in FAMILIES:
        assert parse(f"{name}: What is this?\n{FENCED}").family == name
