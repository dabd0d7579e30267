"""How high the floor is, told from handmade heights."""

import numpy as np
import pytest

from lightning_ouro.programs.ground_level import ground_level

EYES = np.array([1.4, 1.5, 1.6])


@pytest.mark.parametrize(
    ("bottoms", "level"),
    [
        ([0, 0, 0.02, 0.75, 1.2], 0),
        ([-0.75, 0, 0, 0.02, 0.03, 1.2], 0),  # a mat on a sunken floor
        ([1.2, 1.25, 1.3, 2.4], None),  # only what hangs on walls
        ([0.9, 0.9, 0.92, 0.95, 0.9, 1.2], None),  # only what stands on a worktop
        ([0, 0.75, 0.75, 1.2], None),  # one box on the floor: it may lie lower
        ([0], None),
        ([], None),
    ],
)
@pytest.mark.parametrize("raised", [0, -3.1])
def test_several_boxes_stand_on_the_floor_and_cameras_are_above_it(bottoms, level, raised):
    found = ground_level(np.array(bottoms, float) + raised, EYES + raised)
    assert found is None if level is None else found == pytest.approx(level + raised, abs=0.011)


def test_without_cameras_the_boxes_alone_tell():
    assert ground_level(np.array([1.2, 1.25, 2.4]), np.zeros(0)) == pytest.approx(1.225)
