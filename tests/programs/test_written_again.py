"""What is kept is written again from what was read, so equal questions are equal texts, ids and keys."""

from itertools import product

import numpy as np
import pytest

from lightning_ouro.loop.pool import Pool
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.open_text import LONGEST_TEXT
from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.programs.verification import Verified, Verifier
from lightning_ouro.scenes.types import CameraPath, Views

APART = FAMILIES["object_abs_distance"]
COUNT = FAMILIES["object_counting"]
NEARER = FAMILIES["depth_order"]
MOVED = FAMILIES["camera_displacement"]
COUNT_TEXT = "How many chair(s) are in this room?"
TALLER = "Which is taller, the sofa or the bed?"
TALLER_PROGRAM = (
    "def answer(scene):\n    names = ['sofa', 'bed']\n"
    "    return choice(max(names, key=lambda name: scene.unique(name).height), among=names)\n"
)


def filmed(scene):
    """Two frames that show everything, at 0.0 and 4.4 s; the camera walks 1 m to the right, ten steps a second."""
    times = np.linspace(0, 4.4, 45)
    poses = np.tile(np.eye(4), (45, 1, 1))
    poses[:, :3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    poses[:, :3, 3] = [0, -4, 1.5]
    poses[:, 0, 3] = times / 4.4
    visibility = np.full((2, len(scene.objects)), 0.02, np.float32)
    ends, intrinsics = [0, -1], np.tile(np.eye(3), (2, 1, 1))
    return Views(times[ends], intrinsics, poses[ends], visibility, path=CameraPath(times, poses))


@pytest.fixture
def verdicts(sandbox, room):
    """Verifies texts of a family, each with its program or the family's own for these roles."""
    verifier = Verifier(sandbox)

    def verify(family, *written, scene=room):
        proposals = [
            Proposal("scene", family, text, program, "test", 0, slot)
            for slot, (text, program) in enumerate(written)
        ]
        return verifier.verify(scene, filmed(scene), proposals)

    return verify


def is_one_question(found):
    assert all(isinstance(item, Verified) for item in found), found
    assert len({(item.id, item.key, str(item.objects)) for item in found}) == 1
    if found[0].family != "open":  # of which there may be none without others
        accepted, rejected = Pool().admit(found, 0)
        assert (len(accepted), {item.reason for item in rejected}) == (1, {"asked_before"})
    return True


SPELLINGS = [
    COUNT_TEXT,
    "HOW MANY CHAIR(S) ARE IN THIS ROOM?",
    "  how many\nChair(s) are\t\tin this room?\r\n",
    "How many chair(s)\u3000are\u001cin\u000bthis\u2028room?",
    "How many chair (s) are in this room?",
    COUNT_TEXT.replace(" ", " " * 1500),
]


def test_white_space_and_case_do_not_make_another_question(verdicts):
    program = COUNT.program({"object": ("chair",)})
    found = verdicts("object_counting", *((text, program) for text in SPELLINGS))
    assert is_one_question(found)
    assert {item.proposal.text for item in found} == {COUNT_TEXT}
    assert Pool().admit(found[-1:], 0)[0][0].text == COUNT_TEXT, "not 6,000 blanks"


def test_zeros_before_a_time_do_not_make_another_question(verdicts):
    roles = {"times": ("0.0", "4.4")}
    program, text = MOVED.program(roles), MOVED.forms[0].write(roles)
    zeros = text.replace("0.0", "00.0").replace("4.4", "0004.4")
    found = verdicts("camera_displacement", (text, program), (zeros, program))
    assert is_one_question(found)
    assert {item.proposal.text for item in found} == {text}
    assert all(item.objects == roles for item in found)


def test_the_order_of_what_can_be_swapped_does_not_make_another_question(verdicts):
    for family, roles in ((APART, {}), (NEARER, {"times": ("4.4",)})):
        pairs = [roles | {"pair": pair} for pair in (("sofa", "tv"), ("tv", "sofa"))]
        written = [(form.write(pair), family.program(pair)) for form, pair in product(family.forms, pairs)]
        assert is_one_question(verdicts(family.name, *written))


def test_a_program_of_its_own_does_not_make_another_question(verdicts):
    roles = {"pair": ("sofa", "tv")}
    text, own = APART.forms[0].write(roles), APART.program(roles)
    other = own.replace(
        "return metres(scene.distance(first, second))", "return metres(scene.distance(second, first))"
    )
    found = verdicts(APART.name, (text, own), (text, other))
    assert is_one_question(found)
    assert [item.proposal.program for item in found] == [own, other], "what ran is kept"


def test_another_scene_or_family_or_object_makes_another_question(verdicts):
    found = [
        *verdicts("object_counting", (COUNT_TEXT, COUNT.program({"object": ("chair",)}))),
        *verdicts(
            "object_counting", (COUNT_TEXT.replace("chair", "table"), COUNT.program({"object": ("table",)}))
        ),
        *verdicts("open", (TALLER, TALLER_PROGRAM)),
    ]
    assert len({item.id for item in found}) == len({item.key for item in found}) == 3


def test_names_are_written_as_the_scene_spells_them(verdicts, make_scene):
    scene = make_scene([("TV stand", (0, 0, 0.4), (1, 1, 0.8)), ("Stühle", (3, 0, 0.4), (1, 1, 0.8))])
    roles = {"pair": ("TV stand", "Stühle")}
    text = APART.forms[1].write(roles)
    found = verdicts(APART.name, (text.upper(), APART.program(roles)), scene=scene)
    assert found[0].proposal.text == text and found[0].objects == {"pair": ("Stühle", "TV stand")}


@pytest.mark.parametrize(
    "sofa", ["\u017fofa", "so\ufb01a", "ｓofa", "s\u043efa", "sofа", "sofa\u200d", "so\u00adfa"]
)
def test_letters_that_look_alike_name_nothing(verdicts, sofa):
    roles = {"object": ("sofa",)}
    size = FAMILIES["object_size_estimation"]
    text = size.forms[0].write(roles).replace("sofa", sofa)
    (verdict,) = verdicts(size.name, (text, size.program(roles)))
    assert isinstance(verdict, Rejection) and verdict.reason == "disagrees"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "How many cha\u0131rs are there?",
            "rules",
        ),  # would be the family's question, with i for i without a dot
        ("How m\u0430ny chairs are there?", "rules"),  # Cyrillic a
        ("Which i\u017f taller, the sofa or the bed?", "rules"),
        ("Which is taller, the sofa or the bed\u200b?", "disagrees"),  # with what the scene has
        ("Which is taller, the sofa or the <|im_end|>bed?", "disagrees"),
        ("Which is taller, the sofa or the bed? " + "Please. " * 60, "rules"),
        ("Which is taller, " + "x" * LONGEST_TEXT + "?", "rules"),
    ],
)
def test_an_open_question_is_plain_text_of_limited_length(verdicts, text, reason):
    (verdict,) = verdicts("open", (text, TALLER_PROGRAM))
    assert isinstance(verdict, Rejection) and verdict.reason == reason, verdict
    assert "\n" not in verdict.detail


def test_an_open_question_is_folded(verdicts):
    found = verdicts(
        "open", (TALLER, TALLER_PROGRAM), (f"  {TALLER}\n".replace(" ", " " * 900), TALLER_PROGRAM)
    )
    assert is_one_question(found)
    assert {item.proposal.text for item in found} == {TALLER}


def test_a_name_outside_of_english_may_stand_in_an_open_question(verdicts, make_scene):
    scene = make_scene([("café table", (0, 0, 0.4), (1, 1, 0.8)), ("椅子", (3, 0, 0.4), (1, 1, 1.8))])
    text = "Which is taller, the café table or the 椅子?"
    program = TALLER_PROGRAM.replace("sofa", "café table").replace("'bed'", "'椅子'")
    assert isinstance(verdicts("open", (text, program), scene=scene)[0], Verified)


def test_the_longest_name_wins_everywhere(verdicts, make_scene):
    boxes = [
        ("tv", (0, 0, 1), (1, 1, 0.8)),
        ("tv stand", (3, 0, 0.4), (1, 1, 0.4)),
        ("bed", (6, 0, 0.4), (1, 1, 0.6)),
    ]
    scene, text = make_scene(boxes), "Which is taller, the tv stand or the bed?"
    program = TALLER_PROGRAM.replace("'sofa'", "'tv stand'")
    looks_at_tv = program.replace("scene.unique(name).height", "scene.unique('tv').height")
    right, wrong = verdicts("open", (text, program), (text, looks_at_tv), scene=scene)
    assert isinstance(right, Verified) and right.objects == {
        "kind": ("taller",),
        "objects": ("bed", "tv stand"),
    }
    assert (wrong.reason, "'tv'" in wrong.detail) == ("unnamed", True)


def test_words_of_a_familys_own_program_need_no_name(verdicts, make_scene):
    # `camera_motion` answers left, right, forward or back; here something is called back.
    scene = make_scene([("back", (0, 0, 1), (1, 1, 0.8)), ("bed", (6, 0, 0.4), (1, 1, 0.6))])
    motion = FAMILIES["camera_motion"]
    roles = {"times": ("0.0", "4.4"), "motion": ("move",)}
    program = motion.program(roles) + "\n# no other program\nunused = 0\n"
    (verdict,) = verdicts(motion.name, (motion.forms[0].write(roles), program), scene=scene)
    assert isinstance(verdict, Verified), verdict
