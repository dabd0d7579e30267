import dataclasses

import numpy as np
import pytest

from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.programs.verification import Verified, Verifier
from lightning_ouro.scenes.types import Views

SIZE = FAMILIES["object_size_estimation"]
COUNT = FAMILIES["object_counting"]
APART = FAMILIES["object_abs_distance"]
NEAREST = FAMILIES["object_rel_distance"]
SIDE = FAMILIES["object_rel_direction_easy"]


def proposal(family, roles, form=0, program=None, claimed=None, slot=0):
    text = family.forms[form].write(roles)
    program = program or family.program(roles)
    return Proposal("scene", claimed or family.name, text, program, proposer="test", round=0, slot=slot)


def all_visible(scene):
    return np.full((2, len(scene.objects)), 0.01, np.float32)


def filmed(visibility):
    """Two frames from (0, -4, 1.5) and (1, -4, 1.5), both looking along y."""
    poses = np.tile(np.eye(4), (2, 1, 1))
    poses[:, :3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    poses[:, :3, 3] = [[0, -4, 1.5], [1, -4, 1.5]]
    return Views(np.array([0.0, 4.0]), np.tile(np.eye(3), (2, 1, 1)), poses, visibility)


@pytest.fixture
def verify(sandbox):
    verifier = Verifier(sandbox)

    def verify_one(scene, proposal, visibility=None):
        visibility = all_visible(scene) if visibility is None else visibility
        (verdict,) = verifier.verify(scene, filmed(visibility), [proposal])
        return verdict

    return verify_one


SOFA = {"object": ("sofa",)}
SOFA_PROGRAM = SIZE.program(SOFA)
GUESS = "def answer(scene):\n    return centimetres(200.0)\n"  # right for the sofa without naming it


@pytest.mark.parametrize(
    ("reason", "detail", "proposed"),
    [
        ("syntax", "line 1", proposal(SIZE, SOFA, program="def answer(scene)")),
        ("syntax", "yield", proposal(SIZE, SOFA, program="def answer(scene):\n    yield 1")),
        (
            "runtime",
            "line 2",
            proposal(SIZE, SOFA, program="def answer(scene):\n    return centimetres(1 / 0)"),
        ),
        ("runtime", "2 objects", proposal(SIZE, {"object": ("chair",)})),
        ("limit", "Recursion", proposal(SIZE, SOFA, program="def answer(scene):\n    return answer(scene)")),
        ("untyped", "float", proposal(SIZE, SOFA, program="def answer(scene):\n    return 200.0")),
        (
            "range",
            "0 or less",
            proposal(SIZE, SOFA, program="def answer(scene):\n    return centimetres(-200.0)"),
        ),
        ("unnamed", "'bed'", proposal(SIZE, SOFA, program=SIZE.program({"object": ("bed",)}))),
        (
            "disagrees",
            "no form",
            dataclasses.replace(proposal(SIZE, SOFA), text="Please tell me how big the sofa is."),
        ),
        ("disagrees", "claims", proposal(SIZE, SOFA, claimed="object_counting")),
        (
            "disagrees",
            "centimetres(20",
            proposal(SIZE, SOFA, program=SOFA_PROGRAM.replace("100 *", "10 *")),
        ),
        ("disagrees", "'unicorn'", proposal(SIZE, {"object": ("unicorn",)}, program=GUESS)),
        (
            "disagrees",
            "metres(2",
            proposal(SIZE, SOFA, program=SOFA_PROGRAM.replace("centimetres(100 * ", "metres(")),
        ),
        ("rules", "at least 2", proposal(COUNT, {"object": ("sofa",)})),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_failing_check_has_its_own_reason(room, verify, reason, detail, proposed):
    verdict = verify(room, proposed)
    assert isinstance(verdict, Rejection)
    assert (verdict.reason, verdict.proposal) == (reason, proposed)
    assert detail in verdict.detail
    assert "\n" not in verdict.detail


def test_a_constant_that_is_right_on_the_exact_metadata_still_disagrees(room, verify):
    assert verify(room, proposal(SIZE, SOFA, program=GUESS)).reason == "disagrees"


def test_a_program_with_swapped_roles_disagrees(room, verify):
    roles = {"standing": ("sofa",), "facing": ("tv",), "target": ("bed",)}
    swapped = {"standing": ("sofa",), "facing": ("bed",), "target": ("tv",)}
    verdict = verify(room, proposal(SIDE, roles, program=SIDE.program(swapped)))
    assert verdict.reason == "disagrees"
    assert "right" in verdict.detail
    assert "left" in verdict.detail


def test_a_program_in_the_proposers_own_words_is_accepted(room, verify):
    program = (
        "def answer(scene):\n"
        "    things = {thing.category: thing for thing in scene.objects}\n"
        "    gap = scene.distance(things['tv'], things['sofa'])\n"
        "    return metres(gap)\n"
    )
    verdict = verify(room, proposal(APART, {"pair": ("sofa", "tv")}, form=2, program=program))
    assert isinstance(verdict, Verified)
    assert verdict.answer.value == pytest.approx(2.5)
    assert verdict.objects == {"pair": ("sofa", "tv")}
    assert verdict.margin == 1


def test_the_case_of_a_text_does_not_matter(room, verify):
    proposed = proposal(SIZE, SOFA)
    assert isinstance(
        verify(room, dataclasses.replace(proposed, text=f" {proposed.text.upper()} ")), Verified
    )


def test_an_object_that_no_frame_shows_is_unseen(room, verify):
    proposed = proposal(APART, {"pair": ("sofa", "tv")})
    visibility = all_visible(room)
    visibility[:, 1] = 0.0029
    verdict = verify(room, proposed, visibility)
    assert (verdict.reason, verdict.detail) == ("unseen", "no frame shows tv 1")
    visibility[1, 1] = 0.0049
    verdict = verify(room, proposed, visibility)
    assert (verdict.reason, verdict.detail) == ("unseen", "no frame shows tv 1 with 0.5% of its pixels")
    visibility[1, 1] = 0.0051
    assert isinstance(verify(room, proposed, visibility), Verified)


def test_counting_needs_every_object_shown_and_room_size_none(room, verify):
    visibility = all_visible(room)
    visibility[:, 6] = 0
    assert verify(room, proposal(COUNT, {"object": ("chair",)}), visibility).reason == "unseen"
    size = proposal(FAMILIES["room_size_estimation"], {})
    assert isinstance(verify(room, size, np.zeros_like(visibility)), Verified)


def test_an_answer_that_changes_under_noise_is_unstable(make_scene, verify):
    # Two parallel walls of 20 m: 2 degrees move their ends by 35 cm, more than the gap between them.
    scene = make_scene([("wall", (0, 0, 0), (20, 0.05, 1)), ("fence", (0, 0.27, 0), (20, 0.05, 1))])
    verdict = verify(scene, proposal(APART, {"pair": ("wall", "fence")}))
    assert verdict.reason == "unstable"
    assert "%" in verdict.detail


def test_counts_and_room_size_have_the_widest_margin(room, verify):
    assert verify(room, proposal(COUNT, {"object": ("chair",)})).margin == 1
    assert verify(room, proposal(FAMILIES["room_size_estimation"], {})).margin == 1


def test_the_options_of_a_choice_are_sorted(room, verify):
    roles = {"target": ("lamp",), "options": ("bed", "sofa", "tv", "stove")}
    verdict = verify(room, proposal(NEAREST, roles))
    assert verdict.answer.value == "sofa"
    assert verdict.options == ("bed", "sofa", "stove", "tv")


def test_verdicts_are_in_the_order_of_the_proposals(room, sandbox):
    proposed = [
        proposal(SIZE, SOFA, slot=0),
        proposal(SIZE, SOFA, slot=1, program="oops("),
        proposal(COUNT, {"object": ("table",)}, slot=2),
    ]
    verdicts = Verifier(sandbox).verify(room, filmed(all_visible(room)), proposed)
    assert [verdict.proposal.slot for verdict in verdicts] == [0, 1, 2]
    assert [type(verdict) for verdict in verdicts] == [Verified, Rejection, Verified]
    assert Verifier(sandbox).verify(room, filmed(all_visible(room)), []) == []


def test_of_several_programs_in_other_words_each_is_held_against_its_own_text(room, sandbox):
    names, wrong = ["sofa", "tv", "bed", "lamp", "stove"], {"tv": "sofa", "lamp": "bed"}
    proposed = [
        proposal(
            SIZE,
            {"object": (name,)},
            program=(
                "def answer(scene):\n"
                f"    named, asked = scene.unique({name!r}), scene.unique({wrong.get(name, name)!r})\n"
                "    return centimetres(100 * max(asked.size))\n"
            ),
            slot=slot,
        )
        for slot, name in enumerate(names)
    ]
    verifier, views = Verifier(sandbox), filmed(all_visible(room))
    together = verifier.verify(room, views, proposed)
    assert together == [verdict for each in proposed for verdict in verifier.verify(room, views, [each])]
    accepted = [name for name, verdict in zip(names, together, strict=True) if isinstance(verdict, Verified)]
    assert accepted == [name for name in names if name not in wrong]
