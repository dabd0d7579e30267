"""What is read from a reply is the question that was written: the same words, numbers and signs, or nothing."""

import random
import re

import pytest

from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.proposer.parsing import LONGEST_REPLY, MOST_LINES, Unusable, Written, parse

FENCED = "```python\ndef answer(scene):\n    return count(1)\n```"
COUNT = "How many chair(s) are in this room?"
TALLER = "Which is taller, the bed or the door?"
HARD = (
    FAMILIES["object_rel_direction_hard"]
    .forms[0]
    .write({"standing": ("sofa",), "facing": ("tv",), "target": ("lamp",)})
)


def read(before, behind=""):
    """Family and text of a reply with a program, or None."""
    written = parse(f"{before}\n{FENCED}{behind}")
    return (written.family, " ".join(written.text.split())) if isinstance(written, Written) else None


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        # Numbers and signs at the start belong to the question.
        ("open: 2.5 m or less from the sofa, how many chairs are there?", None),
        ("open\n4.4 s after the start, is the bed nearer to the camera than the door?", None),
        ("open: -1 chairs sounds wrong: how many chairs are lower than the sofa?", None),
        ("2.5 m or less from the sofa, how many chairs are there?", None),
        ("2. 5 m from the sofa, how many chairs are there?", None),
        ("1) 5 m from the sofa, how many chairs are there?", None),
        ("- 5 m from the sofa, how many chairs are there?", None),
        ("-5 m from the sofa, how many chairs are there?", None),
        ("+5 m from the sofa, how many chairs are there?", None),
        ("> 5 m from the sofa, how many chairs are there?", None),
        (">5 m from the sofa, how many chairs are there?", None),
        ("<5 m from the sofa, how many chairs are there?", None),
        ("* 5 m from the sofa, how many chairs are there?", None),
        ("# 5 m from the sofa, how many chairs are there?", None),
        ("#5 of the chairs, is it low?", None),
        ("± 5 m from the sofa, how many chairs are there?", None),
        ("≥ 5 m from the sofa, how many chairs are there?", None),
        (".5 m from the sofa, how many chairs are there?", None),
        (": how many chairs are there?", None),
        ("(5 m from the sofa) how many chairs are there?", None),
        ("> Than 5 m, how many chairs are there?", None),
        ("5: is that the number of chairs?", None),
        ("5 - is that the number of chairs?", None),
        ("10. floor or 9. floor, which is this?", None),
        ("~~TALLER~~", None),
        ("not open: is the door lower than the bed?", None),
        ("Open door or closed door, which is taller?", None),
        ("openly, which is taller?", None),
        ("text books or comics, which are taller?", None),
        ("family table or desk, which is taller?", None),
        ("type 2 chairs or type 3 chairs, which are taller?", None),
        ("Family: table or sofa, which is for it?", None),
        ("Type - writer or printer, which is taller?", None),
        ("Q-tips or pens, which are longer?", None),
        ("question mark or letter, which is on the wall?", None),
        ('"Bed" or "door", which is taller, "bed" or "door"', None),
        ("*bed* or *door*, which is taller, *bed* or *door*", None),
        ("What is at object_counting: a chair or a table?", None),
        # A broken line of one sentence is joined.
        (
            "Of the bed and the door, which one stands open\nwider than the other?\nType: open",
            "Of the bed and the door, which one stands open wider than the other?",
        ),
        ("5 m or less\nfrom the sofa,\nhow many chairs are there?", None),
        ("Which of the doors stands\nopen", "Which of the doors stands open"),
        ("Which wall is the one in\nquestion", "Which wall is the one in question"),
        # Labels and decoration go.
        (f"open: {TALLER}", TALLER),
        (f"open:{TALLER}", TALLER),
        (f"**open:** {TALLER}", TALLER),
        (f"**open**: {TALLER}", TALLER),
        (f"**Open**\n{TALLER}", TALLER),
        (f"**Type:** open\n**Question:** {TALLER}", TALLER),
        (f"Type: `open`\n\nQuestion: {TALLER}", TALLER),
        (f"Family - open\nQ: {TALLER}", TALLER),
        (f"Question 3: {TALLER}", TALLER),
        (f"Q3) {TALLER}", TALLER),
        (f"Question:\n{TALLER}", TALLER),
        (f"**Question**\n{TALLER}", TALLER),
        (f"Question - {TALLER}", TALLER),
        (f"**Question: {TALLER}**", TALLER),
        (f"1. **{TALLER}**", TALLER),
        (f"1. {TALLER}", TALLER),
        (f"- {TALLER}", TALLER),
        (f"• {TALLER}", TALLER),
        (f'"{TALLER}"', TALLER),
        (f"`{TALLER}`", TALLER),
        (f"{TALLER}\nType: open", TALLER),
        (f"Question: {TALLER}\nFamily: open", TALLER),
        (f"---\n{TALLER}\n* * *", TALLER),
        ("Is 1.8 m\n>\nthe height of the bed?", "Is 1.8 m > the height of the bed?"),
        (f"Here is one.\nopen: {TALLER}", TALLER),
        (f"Here is one.\n\n**open**\n{TALLER}", TALLER),
        (f"Sure! Here is my question:\n{TALLER}", TALLER),
        (f"Okay, let me think about the bed and the door.\n{TALLER}", TALLER),
        ("Question 2: 5 m or less, how many chairs are there?", "5 m or less, how many chairs are there?"),
    ],
)
def test_a_question_is_read_with_all_that_belongs_to_it(reply, text):
    whole = " ".join(reply.removeprefix("open: ").removeprefix("open\n").split())
    assert read(reply) == ("open", text or whole)


@pytest.mark.parametrize(
    "reply",
    [
        # A line beside the question may hold a condition, an answer or another question.
        f"object_counting: Leave out the chair by the lamp.\n{COUNT}",
        f"Leave out the chair by the lamp.\n{COUNT}",
        f"Leave out the chair by the lamp.\nobject_counting: {COUNT}",
        f"Leave out the chair by the lamp.\nQuestion: {COUNT}",
        f"Type: object_counting\nLeave out the chair by the lamp.\nQuestion: {COUNT}",
        f"In the first frame.\n{COUNT}",
        f"Not the chair.\n{COUNT}",
        f"Only this room.\n{COUNT}",
        f"Let me ask about the chairs without arms.\n{COUNT}",
        f"At the door.\n{TALLER}",
        f"Think about -1 chairs.\n{COUNT}",
        f"Is it about the bed < the door?\n{TALLER}",
        f"{COUNT}\nLeave out the chair by the lamp.",
        f"{COUNT}\nQuestion: {TALLER}",
        f"Question: {COUNT}\nQuestion: {TALLER}",
        f"object_counting: {COUNT}\nopen: {TALLER}",
        f"Type: object_counting\nopen: {TALLER}",
        f"open: {TALLER}\nThe answer is the door, is it not?",
        f"{TALLER}\nThe answer is the door.",
        f"{TALLER}\nThe door is.",
        f"The door is taller.\n{TALLER}",
        f"Answer: door\n{TALLER}",
        f"{TALLER}\nOptions: A. bed B. door",
        f"{TALLER}\nA. bed\nB. door",
        f"{TALLER}\n2",
        "Which of these is\nopen: the door or the window?",
        f"open: Sure!\n{TALLER}",
        f"{COUNT}\n{COUNT}",
        f"If the tv were gone:\n{HARD}",
        f"{HARD}\nBut turn around first.",
        "\n".join(["Here is one."] * MOST_LINES + [COUNT]),
    ],
)
def test_a_reply_with_more_than_one_question_is_unusable(reply):
    assert read(reply) is None


@pytest.mark.parametrize(
    "behind", ["\nLeave out the chair by the lamp.", "\n2", " Answer: door", "\nIt is not red."]
)
def test_what_stands_behind_the_program_counts_too(behind):
    assert read(COUNT) is not None and read(COUNT, behind) is None
    assert read(COUNT, "\n\nI hope that this helps you!\n---\n") is not None


@pytest.mark.parametrize("courtesy", ["", "Sure! Let me think about the sofa.\n", "Here is one:\n\n"])
def test_a_form_of_several_lines_is_read_whole(courtesy):
    for decorated in (HARD, HARD.replace("\n", "\n\n"), "\n".join(f"> {line}" for line in HARD.splitlines())):
        assert read(courtesy + decorated) == ("object_rel_direction_hard", " ".join(HARD.split()))


def test_the_family_that_is_claimed_is_kept_whatever_is_asked():
    assert read(f"object_abs_distance: {COUNT}") == ("object_abs_distance", COUNT)
    assert read(f"Type: OPEN\n{COUNT}") == ("open", COUNT)


LABELS = (
    "",
    "open: ",
    "**open:** ",
    "Question: ",
    "**Question:** ",
    "Type: open\n",
    "Q2) ",
    "1. open: ",
    "> open: ",
)
STARTS = (
    "",
    "2.5 m away, ",
    "-1 chair: ",
    "1. ",
    "3) ",
    "> ",
    "- ",
    "* ",
    "+ ",
    "# ",
    "(",
    "4.4 s in, ",
    '"',
    "…",
)
_WORDS = (
    "which is the taller of bed door open text question type family how many 2 5.5 -3 , : ; > < + - * # _"
)
WORDS = _WORDS.split()
ENDS = ("?", ".", "", "!", " 5?", ' "', "*", "**", ")", " open?", " 7")


def significant(text):
    """The words, numbers and signs of a text, but for marks that decorate."""
    return re.findall(r"[^\W_]+|[^\w\s*_`\"•]", text)


def test_no_word_number_or_sign_is_lost_from_random_questions():
    draw, kept = random.Random(0), 0
    for _ in range(6000):
        question = (
            draw.choice(STARTS) + " ".join(draw.choices(WORDS, k=draw.randrange(2, 9))) + draw.choice(ENDS)
        )
        if not significant(question) or re.match(r"[\W\d]*(open|text|question|type|family)", question):
            continue
        found = read(draw.choice(LABELS) + question)
        if found is not None:
            kept += 1
            # A bullet or the number of a list may go, but only in front of a capital letter: there is none here.
            assert significant(found[1]) == significant(question), question
    assert kept > 2000


def test_a_reply_beyond_the_limit_is_not_read():
    program = "#" * 30_000
    assert isinstance(parse(f"{COUNT}\n```\n{program}\n```"), Written)
    too_long = parse(f"{COUNT}\n```\n{program}\n```" + " " * LONGEST_REPLY)
    assert isinstance(too_long, Unusable) and "40000 are read" in too_long.detail


@pytest.mark.parametrize("text", ["\ud800", "\x00", "\u202e", "𝐀", "\x1b[31m", "{0}", "%s", "$x", "\\"])
def test_no_character_raises_or_is_lost(text):
    assert read(f"open: {text}Which is taller?") == ("open", f"{text}Which is taller?")
    for place in ("", f"{text}\n", f"{COUNT}\n{text}"):
        parse(f"{place}{FENCED}{text}")
