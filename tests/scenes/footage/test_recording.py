import numpy as np
import pytest

from lightning_ouro.scenes.footage.recording import rigid

POSES = np.tile(np.eye(4), (3, 1, 1))


def spoilt(row, column, value):
    """Three poses, of which the second has a wrong entry."""
    poses = POSES.copy()
    poses[1, row, column] = value
    return poses


def test_rotations_and_translations_are_rigid():
    cos, sin = np.cos(0.7), np.sin(0.7)
    turned = np.array([[cos, -sin, 0, 3], [sin, cos, 0, -2], [0, 0, 1, 1], [0, 0, 0, 1]])
    assert rigid(np.stack([turned, np.eye(4)])).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e6, -1e300])
@pytest.mark.parametrize(("row", "column"), [(0, 0), (1, 3), (3, 3)])
def test_poses_that_are_not_finite_or_far_away_are_invalid(row, column, value):
    assert rigid(spoilt(row, column, value)).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [(0, 0, 1.1), (0, 0, 0.0), (0, 0, -1.0), (0, 1, 0.1), (3, 0, 0.1), (3, 3, 0.0)],
)
def test_scaled_sheared_mirrored_and_projective_matrices_are_invalid(row, column, value):
    assert rigid(spoilt(row, column, value)).tolist() == [True, False, True]


def test_no_poses_are_no_error():
    assert rigid(np.zeros((0, 4, 4))).shape == (0,)
