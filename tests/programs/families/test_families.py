import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lightning_ouro.programs.answers import Answer
from lightning_ouro.programs.families import FAMILIES, read
from lightning_ouro.programs.families.base import shuffled
from lightning_ouro.programs.world import World, world
from lightning_ouro.scenes.types import Scene, SceneObject

ANY = Answer("count", 2)
SCENES = 40


def moved(scene: Scene, turn: np.ndarray, shift: np.ndarray) -> Scene:
    """The whole scene turned (or mirrored) about the origin and shifted."""
    objects = tuple(
        SceneObject(thing.id, thing.category, turn @ thing.center + shift, thing.size, turn @ thing.rotation)
        for thing in scene.objects
    )
    return Scene(scene.id, scene.source, objects, scene.counts, scene.complete, scene.floor_area, None, scene.footage)


def richest(scenes: dict[str, Scene]) -> list[Scene]:
    return sorted(scenes.values(), key=lambda scene: -len(world(scene).unique_categories()))


def some_questions(scene: Scene, most: int = 6):
    rng, room = np.random.default_rng(0), world(scene)
    for family in FAMILIES.values():
        for _, roles in zip(range(most), family.candidates(room, rng), strict=False):
            yield family, roles


def values(sandbox, scene, questions):
    loaded = sandbox.load([world(scene)])
    return [sandbox.run(family.program(roles), loaded).answers[0] for family, roles in questions]


def test_every_form_is_read_back_by_its_family_alone(official_scenes):
    for scene in list(official_scenes.values())[::10]:
        for family, roles in some_questions(scene):
            for form in family.forms:
                text = form.write(roles)
                assert read(text) == (family, roles)
                assert read(f"  {text.upper()}\n")[0] is family
                assert [other.name for other in FAMILIES.values() if other.parse(text) is not None] == [family.name]


def test_a_role_that_is_named_twice_has_to_be_one_object():
    text = "If I am standing by the bed and facing the sofa, is the tv to the left or the right of the {}?"
    assert read(text.format("sofa")) is not None
    assert read(text.format("lamp")) is None


@pytest.mark.parametrize("text", ["", "How many chairs?", "What is this?", "How many a, b(s) are in this room?"])
def test_other_sentences_belong_to_no_family(text):
    assert read(text) is None


@pytest.mark.parametrize("name", FAMILIES)
def test_candidates_are_distinct_pass_their_rules_and_repeat_for_the_same_seed(official_scenes, name):
    family, seen = FAMILIES[name], 0
    for scene in list(official_scenes.values())[-SCENES:]:
        room = world(scene)
        roles = [r for r, _ in zip(family.candidates(room, np.random.default_rng(1)), range(60), strict=False)]
        again = [r for r, _ in zip(family.candidates(room, np.random.default_rng(1)), range(60), strict=False)]
        assert roles == again
        assert len({family.key(scene.id, each) for each in roles}) == len(roles)
        assert all(family.check(room, each, ANY) is None for each in roles)
        seen += len(roles)
    assert seen >= SCENES


@pytest.mark.parametrize("name", FAMILIES)
def test_an_empty_scene_offers_no_candidates_but_its_floor(make_scene, name):
    found = list(FAMILIES[name].candidates(world(make_scene([])), np.random.default_rng(0)))
    assert found == ([{}] if name == "room_size_estimation" else [])


def test_shuffled_numbers_are_all_there_once():
    assert sorted(shuffled(50, np.random.default_rng(0))) == list(range(50))
    assert len(set(shuffled(10**9, np.random.default_rng(0), 100))) == 100


@pytest.mark.parametrize("seed", range(3))
def test_turning_and_moving_a_scene_changes_no_answer(official_scenes, sandbox, seed):
    rng = np.random.default_rng(seed)
    scene = richest(official_scenes)[seed]
    turn = Rotation.from_euler("z", rng.uniform(0, 2 * np.pi)).as_matrix()
    other = moved(scene, turn, rng.normal(size=3) * 10)
    questions = list(some_questions(scene))
    for before, after in zip(values(sandbox, scene, questions), values(sandbox, other, questions), strict=True):
        assert before.equals(after)
    for family, roles in questions:
        assert family.check(world(other), roles, ANY) is None


def test_mirroring_a_scene_swaps_left_and_right(official_scenes, sandbox):
    scene = richest(official_scenes)[0]
    other = moved(scene, np.diag([-1.0, 1.0, 1.0]), np.zeros(3))
    questions = list(some_questions(scene, 12))
    swap = {"left": "right", "right": "left"}
    seen = set()
    for (family, _), before, after in zip(
        questions, values(sandbox, scene, questions), values(sandbox, other, questions), strict=True
    ):
        if family.name.startswith("object_rel_direction"):
            expected = "-".join(swap.get(part, part) for part in before.value.split("-"))
            assert after.value == expected
            seen.add(before.value)
        else:
            assert before.equals(after)
    assert {"left", "right"} <= seen


@pytest.fixture
def placed(make_scene):
    """Someone stands by `a` at the origin and faces `b` at (0, 2.6)."""

    def place(target: tuple[float, float], size: float = 0.2) -> World:
        sizes = [(0.2, 0.2, 0.2), (0.2, 0.2, 0.2), (size, size, size)]
        centers = [(0, 0, 0), (0, 2.6, 0), (*target, 0)]
        return world(make_scene(list(zip("abt", centers, sizes, strict=True))))

    return place


def at(degrees: float, distance: float = 2.0) -> tuple[float, float]:
    """A place so many degrees counter-clockwise of (0, 1)."""
    return -distance * np.sin(np.radians(degrees)), distance * np.cos(np.radians(degrees))


@pytest.mark.parametrize(
    ("level", "degrees", "kept"),
    [
        ("easy", 90, True),
        ("easy", 171, False),
        ("easy", 189, False),
        ("easy", 192, True),
        ("easy", 9, False),
        ("medium", 126, False),
        ("medium", 144, False),
        ("medium", 180, True),
        ("medium", 216, False),
        ("medium", 351, False),
        ("hard", 45, True),
        ("hard", 81, False),
        ("hard", 99, False),
        ("hard", 261, False),
        ("hard", 279, False),
        ("hard", 315, True),
    ],
)
def test_directions_keep_ten_degrees_from_every_boundary_on_both_sides(placed, level, degrees, kept):
    roles = {"standing": ("a",), "facing": ("b",), "target": ("t",)}
    problem = FAMILIES[f"object_rel_direction_{level}"].check(placed(at(degrees)), roles, ANY)
    assert (problem is None) == kept
    assert kept or "boundary" in problem


def test_a_direction_is_dropped_if_more_than_two_corners_lie_in_another_sector(placed):
    roles = {"standing": ("a",), "facing": ("b",), "target": ("t",)}
    problem = FAMILIES["object_rel_direction_hard"].check(placed(at(75), size=1.4), roles, ANY)
    assert "corners" in problem


@pytest.mark.parametrize("distance", [0.45, 5.3])
def test_directions_need_objects_that_are_neither_close_nor_far(placed, distance):
    roles = {"standing": ("a",), "facing": ("b",), "target": ("t",)}
    assert "apart" in FAMILIES["object_rel_direction_easy"].check(placed((-distance, 0)), roles, ANY)


def test_relative_distance_needs_four_options_with_clearly_different_distances(make_scene):
    family = FAMILIES["object_rel_distance"]
    near = [("x", (0, 0, 0), (0.2, 0.2, 0.2))]
    far = [(name, (d + 0.2, 0, 0), (0.2, 0.2, 0.2)) for name, d in zip("abcd", (0.5, 0.7, 0.9, 1.1), strict=True)]
    roles = {"target": ("x",), "options": ("a", "b", "c", "d")}
    assert family.check(world(make_scene(near + far)), roles, ANY) is None
    assert "differ" in family.check(world(make_scene(near + far, floor_area=41)), roles, ANY)
    close = [("a", (0.3, 0, 0), (0.2, 0.2, 0.2)), *far[1:]]
    assert "nearest" in family.check(world(make_scene(near + close)), roles, ANY)
    assert "four" in family.check(world(make_scene(near + far)), roles | {"options": ("a", "b", "c", "c")}, ANY)


def test_relative_distance_asks_for_the_nearest_instance_to_be_shown(make_scene):
    family = FAMILIES["object_rel_distance"]
    boxes = [("x", 0.0), ("a", 5.0), ("a", 0.7), ("b", 1.2), ("c", 1.7), ("d", 2.2)]
    room = world(make_scene([(name, (x, 0, 0), (0.2, 0.2, 0.2)) for name, x in boxes]))
    roles = {"target": ("x",), "options": ("a", "b", "c", "d")}
    assert family.check(room, roles, ANY) is None
    assert family.must_show(room, roles) == {0, 2, 3, 4, 5}


def test_counting_needs_two_of_a_complete_category(make_scene, room):
    family = FAMILIES["object_counting"]
    assert family.check(world(room), {"object": ("chair",)}, ANY) is None
    assert "at least 2" in family.check(world(room), {"object": ("sofa",)}, ANY)
    partly = make_scene([("chair", (0, 0, 0), (1, 1, 1))] * 2, complete=set())
    assert "annotated" in family.check(world(partly), {"object": ("chair",)}, ANY)


def test_symmetric_roles_have_one_key():
    family = FAMILIES["object_abs_distance"]
    assert family.key("s", {"pair": ("tv", "bed")}) == family.key("s", {"pair": ("bed", "tv")})
    family = FAMILIES["object_rel_direction_easy"]
    roles = {"standing": ("tv",), "facing": ("bed",), "target": ("sofa",)}
    assert family.key("s", roles) != family.key("s", roles | {"standing": ("bed",), "facing": ("tv",)})
