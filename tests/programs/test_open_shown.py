"""What frames don't show. The film is one frame that looks along y; what is in it is computed here by hand."""

from dataclasses import replace

import numpy as np
import pytest

from lightning_ouro.programs.open_shown import ShownByFrames
from lightning_ouro.programs.pictures import Pictures
from lightning_ouro.programs.sandbox import LoadedScene
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.scenes.types import Views

EYE = (0.0, -4.0, 1.0)
BOXES = [
    ("sofa", (0, 0, 0.4), (2, 0.8, 0.8)),
    ("lamp", (1.5, 0, 0.8), (0.3, 0.3, 1.6)),
    ("wardrobe", (-1.2, 1, 2.0), (0.8, 0.6, 4.0)),
]


def answering(expression):
    return f"import math\n\n\ndef answer(scene):\n    return {expression}\n"


@pytest.fixture
def film(sandbox, make_scene):
    """What becomes of an answer, where frames show these shares of sofa, lamp and wardrobe.

    The picture reaches 45 degrees to either side and 30 up and down. 5 m from the camera, that is 2.9 m up: the
    wardrobe's top, 3 m above it and 4.7 to 5.3 m away, is outside.
    """

    def verdict(expression, shares=((0.05, 0.05, 0.05),)):
        focal, frames = 64.0, len(shares)
        height = 2 * focal * np.tan(np.radians(30))
        intrinsics = np.tile([[focal, 0, 64], [0, focal, height / 2], [0, 0, 1]], (frames, 1, 1))
        poses = np.tile(np.eye(4), (frames, 1, 1))
        poses[:, :3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
        poses[:, :3, 3] = EYE
        visibility = np.array(shares, np.float32)
        views = Views(np.arange(frames) * 2.0, intrinsics, poses, visibility, (round(height), 128))
        exact = scene_geometry(make_scene(BOXES, floor_area=60), views)
        frames, program = ShownByFrames(exact), answering(expression)
        (answer,) = sandbox.run(program, LoadedScene([exact])).answers
        runs = lambda world: sandbox.run(program, world).failure is None  # noqa: E731
        guesses = [sandbox.run(program, world) for world in frames.guessed]
        is_kept = any(guess.failure is None and all(map(answer.agrees, guess.answers)) for guess in guesses)
        return is_kept, frames.lacks(runs), frames.lacks_at_cameras(runs)

    return verdict


def of(name, attribute):
    return f"scene.unique('{name}').{attribute}"


KEPT = [
    f"metres({of('lamp', 'height')})",
    f"metres({of('sofa', 'longest_side')})",
    f"metres({of('wardrobe', 'center')}[2])",  # 1 m above the eye, in the picture
    f"choice('yes' if {of('wardrobe', 'height')} > {of('sofa', 'height')} else 'no', ['yes', 'no'])",  # 2 m, or 8
    f"metres({of('sofa', 'center')}[2] + {of('sofa', 'height')} / 2)",
    "metres(scene.distance(scene.unique('lamp'), scene.unique('wardrobe')))",
]
LOST = [
    f"metres({of('wardrobe', 'height')})",
    f"metres({of('wardrobe', 'longest_side')})",
    f"metres({of('wardrobe', 'center')}[2] + {of('wardrobe', 'height')} / 2)",
    f"choice('yes' if {of('wardrobe', 'height')} > 2.5 else 'no', ['yes', 'no'])",  # half of it is 2 m
    f"metres({of('wardrobe', 'height')} + {of('sofa', 'height')})",
    f"metres({of('wardrobe', 'extents')}[2])",
]


@pytest.mark.parametrize("expression", KEPT)
def test_what_is_framed_is_not_guessed(film, expression):
    assert film(expression)[0]


@pytest.mark.parametrize("expression", LOST)
def test_an_answer_that_needs_an_end_outside_of_the_picture_is_not_kept(film, expression):
    assert not film(expression)[0]


def test_an_end_is_where_it_is_if_only_the_other_one_is_outside(film):
    bottom = f"metres(0.5 + {of('wardrobe', 'center')}[2] - {of('wardrobe', 'height')} / 2)"
    assert film(bottom)[0] and not film(bottom.replace("- ", "+ "))[0]


@pytest.mark.parametrize(
    ("expression", "least"),
    [
        (f"metres({of('lamp', 'height')})", 0.01),
        (f"metres({of('lamp', 'longest_side')})", 0.01),
        (f"metres({of('lamp', 'center')}[0])", 0.005),
        ("metres(scene.distance(scene.unique('lamp'), scene.unique('wardrobe')))", 0.005),
        (
            "metres(scene.direction(scene.unique('sofa'), scene.unique('wardrobe'), scene.unique('lamp')) / 10)",
            0.005,
        ),
    ],
)
def test_places_need_half_a_percent_of_a_frame_and_sizes_one(film, expression, least, monkeypatch):
    # The lamp is so near that it should fill more: another reason to take it for hidden.
    monkeypatch.setattr(Pictures, "_is_filled", np.array(True))
    for share, is_kept in ((least + 0.0001, True), (least - 0.0001, False)):
        assert film(expression, [(0.05, share, 0.05)])[0] == is_kept


def test_of_two_guesses_one_is_larger_and_the_other_smaller(film):
    """1.6 m against 4 m: the lamp is taller if it is twice and the wardrobe half as high, at most."""
    taller = "choice(max(['lamp', 'wardrobe'], key=lambda x: scene.unique(x).height), ['lamp', 'wardrobe'])"
    assert film(taller)[0]  # the wardrobe has 2 m at least
    assert not film(taller, [(0.05, 0.009, 0.05)])[0]  # the lamp 3.2 at most


def test_a_camera_tells_places_of_what_its_own_frame_shows(film):
    shown, hidden = (0.05, 0.05, 0.05), (0.05, 0.0, 0.05)
    for moment, problem in ((0, None), (1, "where the middle")):
        camera = f"scene.cameras[{moment}]"
        aside = f"metres(math.dist({camera}.position, scene.unique('lamp').center))"
        found = film(aside, [shown, hidden])[2]
        assert found is None if problem is None else found.startswith(problem)
    assert film("metres(scene.unique('lamp').center[0])", [shown, hidden])[2] is None
    distance = "metres(scene.camera_distance(scene.cameras[1], scene.unique('{}')))"
    assert film(distance.format("sofa"), [shown, hidden])[1] is None
    assert "from a camera" in film(distance.format("lamp"), [shown, hidden])[1]


def test_the_floor_area_needs_what_room_sizes_need(sandbox, room, walk):
    area = answering("square_metres(scene.floor_area)")
    for square_metres, is_told in ((40.0, True), (20.0, False)):  # the boxes spread over 25
        exact = scene_geometry(replace(room, floor_area=square_metres), walk)
        found = ShownByFrames(exact).lacks(lambda world: sandbox.run(area, world).failure is None)
        assert (found is None) == is_told


def test_without_frames_nothing_is_guessed(sandbox, room):
    frames = ShownByFrames(scene_geometry(room))
    outcome = sandbox.run(answering(f"metres({of('tv', 'height')})"), frames.guessed[0])
    assert {round(answer.value, 9) for answer in outcome.answers} == {0.7}
