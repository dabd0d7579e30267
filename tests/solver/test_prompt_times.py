"""Questions name times that stand in the prompt, and each such time is that of what one group of frames shows."""

import re
from dataclasses import replace

import numpy as np
import pytest

from lightning_ouro.programs.loaded_scene import LoadedScene
from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.programs.sandbox import Sandbox
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.programs.verification import Verified, Verifier
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.proposer.protocol import Brief
from lightning_ouro.scenes.synthetic.procedural import procedural_scene
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.patches import joined_frames

NAMED = ("camera_displacement", "camera_motion", "camera_obj_distance", "depth_order")


def filmed(number, **budget):
    scene = procedural_scene(number)
    return scene, scene.footage.load(scene, FrameBudget(**budget))


def proposals_about(scene, views, families=NAMED):
    brief = Brief(scene, views, 40, 0, 0, dict.fromkeys(families, 1.0), {}, {}, frozenset())
    return [item for item in GrammarProposer().propose([brief]) if isinstance(item, Proposal)]


def verdicts(scene, views, proposals):
    with Sandbox() as sandbox:
        return Verifier(sandbox).verify(scene, views, proposals)


def times_in_prompt(encoder, video):
    """The time before each group of frames, as the model reads it."""
    text = encoder.tokenizer.decode(encoder.prefix(video).ids)
    return re.findall(r"<(\d+\.\d) seconds>", text)


@pytest.mark.parametrize("number", range(3))
def test_each_time_of_an_accepted_question_stands_in_the_prompt_once(encoder, number):
    scene, video = filmed(number)
    asked = [item for item in verdicts(scene, video.views, proposals_about(scene, video.views))]
    texts = [item.proposal.text for item in asked if isinstance(item, Verified)]
    named = {time for text in texts for time in re.findall(r"\d+\.\d", text)}
    shown = times_in_prompt(encoder, video)
    assert len(texts) > 10 and len(named) > 3
    assert all(shown.count(time) == 1 for time in named)


def test_what_the_model_joins_behind_a_time_is_one_frame(encoder):
    _, video = filmed(0)
    frames = joined_frames(video, encoder.spec).reshape(8, 2, *video.frames.shape[1:])
    assert np.array_equal(frames[:, 0], frames[:, 1])
    assert times_in_prompt(encoder, video) == [f"{time:.1f}" for time in video.views.timestamps]


def test_no_family_names_times_that_two_frames_share(encoder):
    scene, video = filmed(0, frames_per_time=2)
    assert len(times_in_prompt(encoder, video)) == 4
    assert proposals_about(scene, video.views) == []


@pytest.mark.parametrize("times", ["own", "shared"])
def test_questions_about_frames_of_their_own_are_refused_where_two_share_a_time(times):
    scene, video = filmed(0)
    asked = [item for item in verdicts(scene, video.views, proposals_about(scene, video.views))]
    proposals = [item.proposal for item in asked if isinstance(item, Verified)]
    views = replace(video.views, frames_per_time=2)
    if times == "shared":
        means = dict(
            zip(scene_geometry(scene, video.views).times, scene_geometry(scene, views).times, strict=True)
        )
        proposals = [renamed(proposal, means) for proposal in proposals]
    judged = verdicts(scene, views, proposals)
    assert len(judged) > 10 and all(isinstance(item, Rejection) for item in judged)


def renamed(proposal, times):
    """The proposal with other times, in its text and its program."""
    text, program = (
        re.sub(r"\d+\.\d", lambda match: times.get(match[0], match[0]), written)
        for written in (proposal.text, proposal.program)
    )
    return replace(proposal, text=text, program=program)


def test_programs_find_no_camera_at_a_time_that_two_frames_share():
    scene, video = filmed(0, frames_per_time=2)
    geometry = scene_geometry(scene, video.views)
    program = f"def answer(scene):\n    return metres(scene.camera({geometry.times[0]}).position[2])\n"
    with Sandbox() as sandbox:
        outcome = sandbox.run(program, LoadedScene([geometry]))
    assert outcome.failure is not None and "there are []" in outcome.failure.detail


def test_an_odd_last_frame_has_its_time_for_itself(encoder):
    scene, video = filmed(0, num_frames=5, frames_per_time=2)
    first, second, last = times_in_prompt(encoder, video)
    geometry = scene_geometry(scene, video.views)
    assert geometry.times == (first, first, second, second, last)
    np.testing.assert_allclose(
        video.views.prompt_times, np.array([1, 1, 5, 5, 8]) / 8 * video.views.timestamps[-1]
    )


def test_categories_first_seen_behind_one_time_have_no_order():
    rooms = (filmed(number) for number in range(40))
    asked = ((*room, proposals_about(room[0], room[1].views, ["obj_appearance_order"])) for room in rooms)
    scene, video, own = next(room for room in asked if room[2])
    views = replace(video.views, frames_per_time=2)
    frames = scene_geometry(scene, views).first_seen
    judged = verdicts(scene, views, own)
    for proposal, verdict in zip(own, judged, strict=True):
        names = re.findall(r'"([^"]+)"', proposal.program.split("[")[1].split("]")[0])
        groups = {frames[name].frame // 2 for name in names}
        assert isinstance(verdict, Rejection) or len(groups) == 4
