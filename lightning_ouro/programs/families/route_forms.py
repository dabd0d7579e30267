"""Sentences for routes of one to three turns, with a blank for each turn."""

from __future__ import annotations

from dataclasses import dataclass

from lightning_ouro.programs.families.forms import Form

MOST_TURNS = 3


@dataclass(frozen=True)
class Shape:
    """What a route asks for.

    Attributes:
        stops: Number of stops after the start.
        faces_first: Whether the walker already faces the first stop, so that the first turn is not asked for.
    """

    stops: int
    faces_first: bool


SHAPES = tuple(Shape(turns + faces, faces) for turns in range(1, MOST_TURNS + 1) for faces in (False, True))
_BLANKS = ("[please fill in]", "[turn]", "[which way?]")


def route_form(shape: Shape, style: int) -> Form:
    """The sentence for a route of this shape in one of three styles; the first is VSI-Bench's."""
    names = ["{start[0]}", *(f"{{via[{i}]}}" for i in range(shape.stops - 1)), "{end[0]}"]
    faced = names[1] if shape.faces_first else "{facing[0]}"
    blank = _BLANKS[style]
    steps = [step for name in names[1:] for step in (blank, f"Go forward until the {name}")]
    asked = steps[1:] if shape.faces_first else steps
    listed = " ".join(f"{number}. {step}" for number, step in enumerate(asked, 1))
    return Form(
        (
            f"You are a robot beginning at the {names[0]} and facing the {faced}. You want to navigate to the "
            f"{names[-1]}. You will perform the following actions (Note: for each {blank}, choose either 'turn back,' "
            f"'turn left,' or 'turn right.'): {listed}. You have reached the final destination.",
            f"I stand at the {names[0]}, face the {faced} and want to walk to the {names[-1]}. Which turns complete my "
            f"route? {listed}.",
            f"A robot at the {names[0]} looks at the {faced} and has to reach the {names[-1]}. Fill in its turns: "
            f"{listed}.",
        )[style]
    )


FORMS = tuple(route_form(shape, style) for style in range(len(_BLANKS)) for shape in SHAPES)
