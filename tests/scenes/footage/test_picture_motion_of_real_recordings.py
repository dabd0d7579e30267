"""Pictures of two real recordings tell in which convention their poses are."""

import re

import imageio.v3 as iio
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.footage.picture_motion import check_motion

from .test_picture_motion import MISTAKES, Named, Pictures, said


def office(scenes):
    """The pictures, poses and lens of a real walk."""
    folder = scenes / "hololens_office"
    names = (folder / "frame_names.txt").read_text().split()
    poses = np.loadtxt(folder / "poses.txt").reshape(-1, 4, 4)
    return [folder / "color" / f"{name}.jpg" for name in names], poses, np.loadtxt(folder / "K.txt")


def cabinet(scenes):
    folder = scenes / "tum_fr3_cabinet"
    rows = np.loadtxt(folder / "truth_cam_poses.txt")
    poses = np.tile(np.eye(4), (len(rows), 1, 1))
    poses[:, :3, 3], poses[:, :3, :3] = rows[:, 1:4], Rotation.from_quat(rows[:, 4:8]).as_matrix()
    lens = np.array([[535.4, 0, 320.1], [0, 539.2, 247.6], [0, 0, 1]])
    return [folder / "raw_imgs" / f"{number:04d}_rgb_raw.jpg" for number in range(len(rows))], poses, lens


class Files(Pictures):
    """Pictures on disk."""

    def __init__(self, paths, poses, lens):
        super().__init__([iio.imread(paths[0])], poses, lens)
        self._paths = paths

    def images(self, frame_indices):
        yield from (iio.imread(self._paths[index]) for index in frame_indices)


@pytest.mark.parametrize(("real", "least"), [(office, 13), (cabinet, 10)])
def test_real_recordings_are_told_apart_from_mistaken_ones(shared_data, real, least):
    paths, poses, lens = real(shared_data / "scenes")
    for step in (1, 2, 5, 12, 30):
        assert said(Files(paths[::step], poses[::step], lens)) == []
    told = 0
    for change, message in MISTAKES.values():
        try:
            check_motion(Named, Files(paths, change(poses), lens))
        except BadSceneError as problem:
            assert re.search(message, str(problem))
            told += 1
    assert told >= least  # the cabinet's 58 pictures are far apart, and share few corners
