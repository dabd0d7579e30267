"""Each reason for a rejection, with a proposal that is rejected for it alone."""

import dataclasses

import numpy as np
import pytest

from lightning_ouro.loop.common_answers import MIN_ALLOWED_REPEATS_OF_ONE
from lightning_ouro.loop.pool import Pool
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.questions import REASONS, Proposal, Rejection
from lightning_ouro.programs.verification import Verifier
from lightning_ouro.scenes.types import Views

SOFA = {"object": ("sofa",)}
PAIR = {"pair": ("sofa", "tv")}


def proposal(name, roles, program=None, slot=0, scene_id="scene"):
    family = FAMILIES[name]
    text, program = family.forms[0].write(roles), program or family.program(roles)
    return Proposal(scene_id, name, text, program, "test", 0, slot)


def size(body, before=""):
    """The question about the sofa's size with a program of this body."""
    return proposal("object_size_estimation", SOFA, f"{before}def answer(scene):\n    {body}\n")


RIGHT = "return centimetres(100 * scene.unique('sofa').longest_side)"

TRIGGERS = {
    "syntax": size("return centimetres(200"),
    "forbidden": size(RIGHT, "import os\n"),
    "type": size("return centimetres(100 * scene.unique('sofa').length)"),
    "runtime": size("return centimetres(100 * max(list(scene.unique('sofa').size)[3:]))"),
    "limit": size("return answer(scene)"),
    "untyped": size("return 100 * scene.unique('sofa').longest_side"),
    "unrepeatable": size(
        "calls.append(1)\n    return centimetres(100 * scene.unique('sofa').longest_side + len(calls))",
        "calls = []\n",
    ),
    "range": size("return centimetres(-100 * scene.unique('sofa').longest_side)"),
    "unnamed": proposal(
        "object_size_estimation", SOFA, FAMILIES["object_size_estimation"].program({"object": ("bed",)})
    ),
    "disagrees": size("return centimetres(100 * scene.unique('sofa').height)"),
    "rules": proposal("object_counting", SOFA),
    "unseen": proposal("object_size_estimation", {"object": ("lamp",)}),
    "unconfirmed": Proposal(
        "scene",
        "open",
        "How many centimeters high are the sofa and the tv together?",
        "def answer(scene):\n    return centimetres(100 * (scene.unique('sofa').height + scene.unique('tv').height))\n",
        "test",
        0,
        0,
    ),
    "unstable": proposal("object_abs_distance", {"pair": ("wall", "fence")}, scene_id="narrow"),
}


@pytest.fixture
def judge(room, make_scene, sandbox):
    """The verdicts on proposals about `room`, whose lamp no frame shows, or about a narrow gap."""
    # Two parallel walls of 20 m: 2 degrees move their ends by 35 cm, more than the gap between them.
    boxes = [("wall", (0, 0, 0), (20, 0.05, 1)), ("fence", (0, 0.27, 0), (20, 0.05, 1))]
    narrow = make_scene(boxes, scene_id="narrow")
    verifier = Verifier(sandbox)

    def judged(*proposals):
        scene = narrow if proposals[0].scene_id == "narrow" else room
        visibility = np.full((2, len(scene.objects)), 0.02, np.float32)
        visibility[:, [obj.id for obj in scene.objects if obj.category == "lamp"]] = 0
        intrinsics, poses = np.tile(np.eye(3), (2, 1, 1)), np.tile(np.eye(4), (2, 1, 1))
        views = Views(np.array([0.0, 4.0]), intrinsics, poses, visibility)
        return verifier.verify(scene, views, proposals)

    return judged


@pytest.mark.parametrize("reason", TRIGGERS)
def test_a_proposal_with_one_fault_is_rejected_for_that_reason(judge, reason):
    (verdict,) = judge(TRIGGERS[reason])
    assert isinstance(verdict, Rejection)
    assert (verdict.reason, verdict.proposal) == (reason, TRIGGERS[reason])
    assert verdict.detail and "\n" not in verdict.detail


def test_the_same_proposals_without_their_fault_pass(judge):
    faultless = [size(RIGHT), size(RIGHT, "import math\n"), proposal("object_abs_distance", PAIR)]
    faultless.append(proposal("object_counting", {"object": ("chair",)}))
    assert not any(isinstance(verdict, Rejection) for verdict in judge(*faultless))


def test_a_question_is_asked_only_once(judge):
    first, swapped = (
        proposal("object_abs_distance", PAIR),
        proposal("object_abs_distance", {"pair": ("tv", "sofa")}, slot=1),
    )
    accepted, rejected = Pool().admit(judge(first, swapped), 0)
    assert [question.objects for question in accepted] == [PAIR]
    assert [(rejection.reason, rejection.proposal) for rejection in rejected] == [("asked_before", swapped)]


def test_an_answer_that_is_too_frequent_is_common(judge):
    (chairs,) = judge(proposal("object_counting", {"object": ("chair",)}))
    elsewhere = [
        dataclasses.replace(
            chairs, id=str(i), proposal=dataclasses.replace(chairs.proposal, scene_id=f"s{i}")
        )
        for i in range(MIN_ALLOWED_REPEATS_OF_ONE + 1)
    ]
    accepted, rejected = Pool().admit(elsewhere, 0)
    assert (len(accepted), [rejection.reason for rejection in rejected]) == (
        MIN_ALLOWED_REPEATS_OF_ONE,
        ["common"],
    )


def test_every_reason_is_covered():
    not_the_verifiers = {"unusable", "asked_before", "common", "blind"}
    assert set(REASONS) == {*TRIGGERS, *not_the_verifiers}
