"""Poses that are not in the mesh's world are refused."""

import numpy as np
import pytest

from lightning_ouro.errors import BadSceneError, InputError
from lightning_ouro.scenes.types import FrameBudget

from .test_iphone_recording import change_entries, load, read, recording


def change_each(folder, change):
    def each(entries):
        for number, record in enumerate(entries.values()):
            change(number, record)

    change_entries(folder, each)


def own(record, axes=(1.0, 1.0, 1.0)):
    """The phone's pose, with the camera's axes turned or not, rounded as files are."""
    return (np.array(record["pose"]) @ np.diag([*axes, 1.0])).round(6).tolist()


@pytest.mark.parametrize("axes", [(1.0, 1.0, 1.0), (1.0, -1.0, -1.0)], ids=["as it is", "with OpenCV's axes"])
def test_the_phones_own_poses_in_place_of_aligned_ones_are_refused_by_name(folder, axes):
    change_each(folder, lambda number, record: record.update(aligned_pose=own(record, axes)))
    with pytest.raises(BadSceneError, match=r"aligned_pose is pose, the phone's own, in all 12 entries"):
        recording(folder)
    change_each(folder, lambda number, record: record.pop("pose"))  # whoever knows better says so
    assert len(recording(folder).shots.times) == 12


def test_a_phone_that_was_aligned_by_chance_in_one_frame_is_left_alone(folder):
    change_each(folder, lambda number, record: number or record.update(aligned_pose=own(record)))
    assert len(recording(folder).shots.times) == 12


def test_a_recording_that_shows_next_to_nothing_of_its_scene_is_refused(folder):
    def elsewhere(number, record):
        record["aligned_pose"][0][3] += 40

    change_each(folder, elsewhere)
    scene = read(folder)
    assert len(scene.objects) >= 5
    with pytest.raises(InputError, match=r"only [01] of \d+ objects may be seen in 12 frames: poses, boxes"):
        load(scene, folder)
    few = FrameBudget(4, 120, 160, token=4)
    assert len(load(scene, folder, few).frames) == 4  # which may be a look at a corner
