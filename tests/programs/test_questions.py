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


def test_prompts_are_vsi_benchs_to_the_letter():
    """thinking-in-space @51e089c, lmms_eval/tasks/vsibench/utils.py, with its options as records hold them."""
    assert NUMBER.prompt == (
        "These are frames of a video.\nHow many chair(s) are in this room?\n"
        "Please answer the question using a single word or phrase."
    )
    assert CHOICE.prompt == (
        "These are frames of a video.\nWhich is closest?\nOptions:\nA. sofa\nB. tv\n"
        "Answer with the option's letter from the given choices directly."
    )


@pytest.mark.parametrize("question", [NUMBER, CHOICE], ids=["number", "choice"])
def test_a_question_survives_one_line_of_json(question):
    assert Question.from_json(json.loads(json.dumps(question.to_json()))) == question


def test_a_foreign_field_is_named():
    with pytest.raises(TypeError, match="colour"):
        Question.from_json(NUMBER.to_json() | {"colour": "red"})


def test_only_choices_can_be_guessed():
    assert CHOICE.guess_rate == 0.5 and NUMBER.guess_rate is None
