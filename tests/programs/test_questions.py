import json

import pytest

from lightning_ouro.programs.questions import Question

NUMBER = Question(
    "n", "s", "object_counting", "How many chair(s) are in this room?", None, "count", "4", "p", 1.0, {}, 0
)
CHOICE = Question(
    "c",
    "s",
    "object_rel_distance",
    "Which is closest?",
    ("sofa", "tv"),
    None,
    "B",
    "p",
    0.75,
    {"target": ("bed",)},
    2,
)


def test_prompts_are_exactly_those_of_vsi_bench():
    """thinking-in-space @51e089c, lmms_eval/tasks/vsibench/utils.py, with options as its records hold them."""
    assert NUMBER.prompt == (
        "These are frames of a video.\nHow many chair(s) are in this room?\n"
        "Please answer the question using a single word or phrase."
    )
    assert CHOICE.prompt == (
        "These are frames of a video.\nWhich is closest?\nOptions:\nA. sofa\nB. tv\n"
        "Answer with the option's letter from the given choices directly."
    )


@pytest.mark.parametrize("question", [NUMBER, CHOICE], ids=["number", "choice"])
def test_a_question_survives_a_line_of_json(question):
    assert Question.from_json(json.loads(json.dumps(question.to_json()))) == question


def test_an_unknown_field_is_named_in_the_error():
    with pytest.raises(TypeError, match="colour"):
        Question.from_json(NUMBER.to_json() | {"colour": "red"})


def test_only_choices_have_a_guess_rate():
    assert CHOICE.guess_rate == 0.5 and NUMBER.guess_rate is None
