import numpy as np
import pytest

from lightning_ouro.programs.first_seen import FirstSeen, find_first_seen, seen_objects

PIXELS = 96 * 128  # of a frame; 0.3 % of them are 36.9 pixels, 0.05 % are 6.1


def shares(*frames):
    """Visibility `(frames, objects)` from numbers of pixels."""
    return np.array(frames, np.float32) / np.float32(PIXELS)


@pytest.mark.parametrize(("pixels", "is_seen"), [(36, False), (37, True), (0, False), (PIXELS, True)])
def test_an_object_is_seen_from_3_in_1000_pixels_upwards(pixels, is_seen):
    visibility = shares([0, 0], [0, pixels])
    assert seen_objects(visibility) == (frozenset({1}) if is_seen else frozenset())
    assert (find_first_seen(visibility, [1]) is not None) == is_seen


@pytest.mark.parametrize("share", [0.003, np.float32(0.003)])
def test_exactly_3_in_1000_pixels_are_enough(share):
    visibility = np.full((1, 1), share, np.float32)
    assert seen_objects(visibility) == {0}
    assert find_first_seen(visibility, [0]) == FirstSeen(0, pytest.approx(1))


def test_pixels_of_two_frames_or_two_objects_are_not_added_up():
    visibility = shares([30, 30], [30, 30])
    assert seen_objects(visibility) == frozenset()
    assert find_first_seen(visibility, [0, 1]) is None


def test_a_category_is_first_seen_in_the_first_frame_that_shows_any_of_its_objects():
    visibility = shares([0, 0, 500], [0, 400, 0], [900, 0, 0])
    groups = ([0], [1], [2], [0, 1], [0, 1, 2])
    assert [find_first_seen(visibility, indices).frame for indices in groups] == [2, 1, 0, 1, 0]
    assert find_first_seen(visibility, [0, 1, 2]).clearness == pytest.approx(500 / PIXELS / 0.003)


@pytest.mark.parametrize(("pixels", "is_clear"), [(0, True), (6, True), (7, False), (36, False)])
def test_more_than_5_in_10000_pixels_in_an_earlier_frame_make_it_doubtful(pixels, is_clear):
    first_seen = find_first_seen(shares([0], [pixels], [0], [3000]), [0])
    assert first_seen.frame == 3
    assert (first_seen.clearness >= 1) == is_clear
    if pixels:
        assert first_seen.clearness == pytest.approx(0.0005 * PIXELS / pixels)


def test_exactly_5_in_10000_pixels_are_at_the_limit():
    assert find_first_seen(np.array([[0.0005], [0.5]], np.float32), [0]).clearness == pytest.approx(1)


def test_a_later_trace_or_one_of_another_category_leaves_no_doubt():
    first_seen = find_first_seen(shares([3000, 30], [30, 3000]), [0])
    assert first_seen.clearness == pytest.approx(3000 / PIXELS / 0.003)


def test_traces_of_one_category_in_one_frame_add_up():
    assert find_first_seen(shares([4, 4], [3000, 0]), [0, 1]).clearness == pytest.approx(0.0005 * PIXELS / 8)
    assert find_first_seen(shares([4, 0], [0, 4], [3000, 0]), [0, 1]).clearness > 1


def test_without_frames_or_objects_nothing_is_seen():
    for shape in ((0, 3), (3, 0)):
        assert seen_objects(np.zeros(shape, np.float32)) == frozenset()
    assert find_first_seen(np.zeros((0, 3), np.float32), [0]) is None
    assert find_first_seen(shares([3000]), []) is None


@pytest.mark.parametrize(("possible", "clearness"), [(0.0005, 1.0), (0.001, 0.5), (0.0, 0.02 / 0.003)])
def test_what_an_earlier_frame_may_show_makes_it_doubtful(possible, clearness):
    visibility = np.array([[0.0], [0.02]], np.float32)
    at_most = np.array([[possible], [0.02]], np.float32)
    first_seen = find_first_seen(visibility, [0], at_most)
    assert first_seen == FirstSeen(1, pytest.approx(clearness))
