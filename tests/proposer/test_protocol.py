"""What a brief says."""

from dataclasses import replace

from lightning_ouro.programs.questions import Question


def asked(family, **objects):
    return Question("q", "s", family, "", None, None, "1", "", 1.0, objects, 0)


def test_more_is_asked_about_main_objects_of_hard_questions_and_less_about_those_of_easy_ones_only(brief):
    recent = {
        "easy": [
            asked("object_counting", object=("chair",)),
            asked("object_abs_distance", pair=("bed", "sofa")),
        ],
        "frontier": [asked("object_counting", object=("bed",)), asked("room_size_estimation")],
        "hard": [asked("object_rel_direction_hard", target=("lamp",), standing=("door",), facing=("tv",))],
        "ambiguous": [asked("object_size_estimation", object=("stool",))],
    }
    assert replace(brief, recent=recent).asked_about == {
        **{"chair": False, "sofa": False, "stool": False, "bed": True, "lamp": True}
    }
    assert replace(brief, recent={}).asked_about == {}
