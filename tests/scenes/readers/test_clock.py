"""Times from any clock become seconds from the start, and broken stamps cost themselves."""

import random
import warnings
from itertools import pairwise

import numpy as np
import pytest

from lightning_ouro.scenes.readers.clock import frame_times, rising
from lightning_ouro.scenes.types import FrameBudget
from tests.scenes.readers.film import film
from tests.scenes.readers.said import said
from tests.scenes.readers.write_plain_folder import read, write

BUDGET = FrameBudget(10, 96, 128)
EPOCH = 1_790_000_000
EVERY = np.arange(300) / 30


@pytest.fixture(scope="module")
def filmed():
    return film(3, frames=10, height=24, width=32)


def loaded(folder, filmed, stamp, pose=lambda place, pose: pose):
    def change(scene, frames):
        for place, frame in enumerate(frames["frames"]):
            frame["time"], frame["pose"] = stamp(place), pose(place, frame["pose"])

    return read(write(folder, filmed, change=change))


@pytest.mark.parametrize("number", [1, 2, 7, 30])
def test_the_most_rising_stamps_are_kept_as_by_trying_all(number):
    draw = random.Random(number)
    for _ in range(50):
        stamps = [draw.randrange(12) for _ in range(min(number, 9))]
        rows = [[p for p in range(len(stamps)) if mask >> p & 1] for mask in range(1 << len(stamps))]
        best = max(len(row) for row in rows if all(stamps[a] < stamps[b] for a, b in pairwise(row)))
        kept = rising(stamps)
        assert len(kept) == best and all(stamps[a] < stamps[b] for a, b in pairwise(kept))


CLOCKS = {
    "seconds since 1970": (lambda place: EPOCH + 0.5 * place, "times begin at 1790000000"),
    "milliseconds since 1970": (lambda place: 1000 * EPOCH + 500 * place, "taken for milliseconds"),
    "microseconds since 1970": (lambda place: 10**6 * EPOCH + 500_000 * place, "taken for microseconds"),
    "nanoseconds since 1970": (lambda place: 10**9 * EPOCH + 500_000_000 * place, "taken for nanoseconds"),
    "nanoseconds from the start": (lambda place: 500_000_000 * place, "taken for nanoseconds"),
    "milliseconds from the start": (lambda place: 500 * place, "taken for milliseconds"),
    "seconds since switched on": (lambda place: 40_408.25 + 0.5 * place, "times begin at 40408.25"),
    "seconds before an event": (lambda place: -3 + 0.5 * place, "times begin at -3"),
}


@pytest.mark.parametrize("name", CLOCKS)
def test_every_clock_counts_from_the_start(tmp_path, filmed, name):
    stamp, message = CLOCKS[name]
    scene = loaded(tmp_path / "room", filmed, stamp)
    with pytest.warns(UserWarning, match=message):
        video = scene.footage.load(scene, BUDGET)
    np.testing.assert_allclose(video.views.timestamps, 0.5 * np.arange(10), atol=1e-6)


def test_milliseconds_are_told_by_a_camera_that_hardly_moves(tmp_path, filmed):
    def nearly_still(place, pose):
        return (np.array(filmed.poses[0]) + np.eye(4, k=3) * place * 0.01).tolist()

    still = loaded(tmp_path / "smooth", filmed, lambda place: 33 * place, nearly_still)
    with pytest.warns(UserWarning, match="taken for milliseconds, because frames would be 33 s apart"):
        assert still.footage.load(still, BUDGET).views.timestamps[-1] == pytest.approx(0.297)
    far = loaded(tmp_path / "far", filmed, lambda place: 33 * place)
    with pytest.warns(UserWarning, match="frames are 33 s apart; are their times in seconds"):
        assert far.footage.load(far, BUDGET).views.timestamps[-1] == 297


@pytest.mark.parametrize("start", [0.0, 2.5, 20.0])
def test_times_from_the_start_are_kept_and_nothing_is_said(tmp_path, filmed, start):
    scene = loaded(tmp_path / "room", filmed, lambda place: start + 2.5 * place)
    np.testing.assert_array_equal(
        scene.footage.load(scene, BUDGET).views.timestamps, start + 2.5 * np.arange(10)
    )


BROKEN = {
    "missing": (3, None, "frame 3: time is missing"),
    "a fall back": (3, 0.0, "time does not rise at frame 3"),
    "a leap ahead": (3, 77.0, "time does not rise at frame 3"),
    "a first 0 of another clock": (0, -EPOCH, "is far off at frame 0"),
    "a last stamp of another clock": (9, EPOCH, "is far off at frame 9"),
    "text": (3, "3.0", "frame 3: time is '3.0'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_stamp_costs_its_frame(tmp_path, filmed, name):
    place, value, message = BROKEN[name]
    scene = loaded(tmp_path / "room", filmed, lambda at: value if at == place else float(at))
    is_refused, text = said(lambda: scene.footage.load(scene, BUDGET))
    assert not is_refused and "1 of 10 frames left out" in text and message in text


def test_stamps_without_order_cost_the_scene(tmp_path, filmed):
    stamps = random.Random(0).sample(range(10), 10)
    scene = loaded(tmp_path / "room", filmed, lambda place: stamps[place])
    assert said(lambda: scene.footage.load(scene, BUDGET))[0]
    scene = loaded(tmp_path / "same", filmed, lambda place: 1.0)
    assert said(lambda: scene.footage.load(scene, BUDGET))[0]


def microseconds(times):
    return [round(1e6 * time) for time in times]


def by_stamps(stamps):
    return frame_times(stamps, EVERY[: len(stamps)], 1e-6, "those of frames at 30 Hz")


def test_a_sensors_clock_is_believed_where_it_runs():
    jitter = np.random.default_rng(0).uniform(-0.01, 0.01, 300)
    for true in (EVERY, EVERY + jitter, 4 * EVERY, EVERY + (EVERY > 5) * 20.0):
        for start in (0, 36_000, EPOCH):
            times, said_of = by_stamps(microseconds(start + 1 + true - true[0]))
            np.testing.assert_allclose(times, true - true[0], atol=2e-6)
            assert said_of is None


IMPLAUSIBLE = {
    "none": [0] * 300,
    "all the same": [EPOCH] * 300,
    "random": random.Random(0).sample(range(36_000_000_000), 300),
    "random but sorted": sorted(random.Random(0).sample(range(36_000_000_000), 300)),
    "half missing": [0 if place % 2 else 33_333 * place for place in range(300)],
    "nanoseconds": [33_333_333 * place for place in range(300)],
    "milliseconds": [33 * place for place in range(300)],
    "another clock in the middle": [33_333 * place + (place > 150) * 36_000_000_000 for place in range(300)],
    "backwards": [33_333 * place for place in reversed(range(300))],
}


@pytest.mark.parametrize("name", IMPLAUSIBLE)
def test_what_is_no_clock_gives_way_to_the_frame_rate_and_is_said(name):
    times, said_of = by_stamps(IMPLAUSIBLE[name])
    np.testing.assert_array_equal(times, EVERY)
    assert said_of == "its timestamps are missing or not those of a clock; times are those of frames at 30 Hz"


def test_hours_between_two_of_a_few_frames_are_no_clock():
    times, said_of = by_stamps([33_333 * place + (place > 5) * 36_000_000_000 for place in range(12)])
    np.testing.assert_array_equal(times, EVERY[:12])
    assert "times are those of frames at 30 Hz" in said_of


@pytest.mark.parametrize("places", [[0], [0, 1, 2, 3, 4], [299], [7, 8, 100], [298, 299]])
@pytest.mark.parametrize("value", [0, 1, 1 << 63])
def test_a_few_broken_stamps_are_filled_in(places, value):
    stamps = microseconds(36_000 + EVERY)
    for place in places:
        stamps[place] = value
    times, said_of = by_stamps(stamps)
    np.testing.assert_allclose(times, EVERY, atol=1e-3)
    assert said_of == f"{len(places)} of 300 timestamps are broken, and were interpolated"


def test_two_frames_of_one_stamp_are_both_good():
    times, said_of = by_stamps([33_333 * (place // 2) for place in range(300)])
    np.testing.assert_allclose(times, (np.arange(300) // 2) * 0.033333)
    assert said_of is None


def remarks(folder, filmed, stamp):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scene = loaded(folder, filmed, stamp)
        scene.footage.load(scene, BUDGET)
    return [str(warning.message) for warning in caught]


def test_numbers_of_frames_are_not_taken_for_seconds_without_a_word(tmp_path, filmed):
    (said_of_numbers,) = remarks(tmp_path / "numbers", filmed, lambda place: 3 * place)
    assert "times are written as whole numbers; are they numbers of frames?" in said_of_numbers
    assert not remarks(tmp_path / "seconds", filmed, lambda place: 3.25 * place)


def test_a_clock_that_is_set_ahead_within_a_recording_is_named(tmp_path, filmed):
    def jump(hours):
        return remarks(tmp_path / str(hours), filmed, lambda place: 0.5 * place + 3600 * hours * (place > 5))

    assert "3600 s pass between two frames" in jump(1)[0] and not jump(0)
