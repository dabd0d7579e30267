"""Each reason for a rejection is given to one proposal that was made for it, and to nothing else."""

import dataclasses

import numpy as np
import pytest

from lightning_ouro.loop.pool import FREE, Pool
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.questions import REASONS, Proposal, Rejection
from lightning_ouro.programs.verification import Verifier
from lightning_ouro.scenes.types import Views

SOFA = {"object": ("sofa",)}
PAIR = {"pair": ("sofa", "tv")}


def asked(name, roles, program=None, slot=0, scene="scene"):
    family = FAMILIES[name]
    return Proposal(
        scene, name, family.forms[0].write(roles), program or family.program(roles), "test", 0, slot
    )


def size(body, before=""):
    """The sofa's size by a program of this body."""
    return asked("object_size_estimation", SOFA, f"{before}def answer(scene):\n    {body}\n")


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
    "unnamed": asked(
        "object_size_estimation", SOFA, FAMILIES["object_size_estimation"].program({"object": ("bed",)})
    ),
    "disagrees": size("return centimetres(100 * scene.unique('sofa').height)"),
    "rules": asked("object_counting", SOFA),
    "unseen": asked("object_size_estimation", {"object": ("lamp",)}),
    "unstable": asked("object_abs_distance", {"pair": ("wall", "fence")}, scene="narrow"),
}


@pytest.fixture
def judge(room, make_scene, sandbox):
    """What became of proposals about `room`, of which no frame shows the lamp, or about a narrow gap."""
    # Two parallel walls of 20 m: 2 degrees move their ends by 35 cm, more than the gap between them.
    boxes = [("wall", (0, 0, 0), (20, 0.05, 1)), ("fence", (0, 0.27, 0), (20, 0.05, 1))]
    narrow = make_scene(boxes, id="narrow")
    verifier = Verifier(sandbox)

    def judged(*proposals):
        scene = narrow if proposals[0].scene_id == "narrow" else room
        shown = np.full((2, len(scene.objects)), 0.02, np.float32)
        shown[:, [thing.id for thing in scene.objects if thing.category == "lamp"]] = 0
        views = Views(
            np.array([0.0, 4.0]), np.tile(np.eye(3), (2, 1, 1)), np.tile(np.eye(4), (2, 1, 1)), shown
        )
        return verifier.verify(scene, views, proposals)

    return judged


@pytest.mark.parametrize("reason", TRIGGERS)
def test_a_proposal_made_for_one_reason_is_turned_down_for_it(judge, reason):
    (verdict,) = judge(TRIGGERS[reason])
    assert isinstance(verdict, Rejection)
    assert (verdict.reason, verdict.proposal) == (reason, TRIGGERS[reason])
    assert verdict.detail and "\n" not in verdict.detail


def test_the_same_proposals_without_their_fault_pass_together(judge):
    faultless = [size(RIGHT), size(RIGHT, "import math\n"), asked("object_abs_distance", PAIR)]
    faultless.append(asked("object_counting", {"object": ("chair",)}))
    assert not any(isinstance(verdict, Rejection) for verdict in judge(*faultless))


def test_a_question_is_asked_once(judge):
    first, swapped = (
        asked("object_abs_distance", PAIR),
        asked("object_abs_distance", {"pair": ("tv", "sofa")}, slot=1),
    )
    accepted, rejected = Pool().admit(judge(first, swapped), 0)
    assert [question.objects for question in accepted] == [PAIR]
    assert [(rejection.reason, rejection.proposal) for rejection in rejected] == [("asked_before", swapped)]


def test_an_answer_that_is_given_too_often_is_common(judge):
    (chairs,) = judge(asked("object_counting", {"object": ("chair",)}))
    elsewhere = [
        dataclasses.replace(
            chairs, id=str(i), proposal=dataclasses.replace(chairs.proposal, scene_id=f"s{i}")
        )
        for i in range(FREE + 1)
    ]
    accepted, rejected = Pool().admit(elsewhere, 0)
    assert (len(accepted), [rejection.reason for rejection in rejected]) == (FREE, ["common"])


def test_every_reason_is_tried_here():
    assert set(REASONS) == {
        *TRIGGERS,
        "unusable",
        "asked_before",
        "common",
        "blind",
    }  # the rest is not the verifier's
