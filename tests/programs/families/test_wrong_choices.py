"""Wrong programs under correct texts, for families that answer with a choice about objects."""

import pytest

from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.sandbox import LoadedScene
from lightning_ouro.programs.scene_geometry import jittered, scene_geometry

_NEAREST = "target = scene.unique($target0)\nnames = $options*\n"
_APART = "min(scene.distance(target, it) for it in scene.all(name))"
REL_DISTANCE = {
    "farthest": f"{_NEAREST}return choice(max(names, key=lambda name: {_APART}), among=names)",
    "second": f"{_NEAREST}return choice(sorted(names, key=lambda name: {_APART})[1], among=names)",
    "centroids": f"import math\n{_NEAREST}near = min(names, key=lambda name: "
    "min(math.dist(target.center, it.center) for it in scene.all(name)))\nreturn choice(near, among=names)",
    "centroids on the floor": f"import math\n{_NEAREST}near = min(names, key=lambda name: "
    "min(math.dist(target.center[:2], it.center[:2]) for it in scene.all(name)))\nreturn choice(near, among=names)",
    "the first of each": f"{_NEAREST}near = min(names, key=lambda name: scene.distance(target, scene.all(name)[0]))\n"
    "return choice(near, among=names)",
    "the last of each": f"{_NEAREST}near = min(names, key=lambda name: scene.distance(target, scene.all(name)[-1]))\n"
    "return choice(near, among=names)",
    "the farthest of each": _NEAREST + "near = min(names, key=lambda name: "
    "max(scene.distance(target, it) for it in scene.all(name)))\nreturn choice(near, among=names)",
    "swapped roles": "target = scene.all($options0)[0]\nnames = [$target0, *$options*[1:]]\n"
    f"return choice(min(names, key=lambda name: {_APART}), among=names)",
    "near another": _NEAREST.replace("scene.unique($target0)", "scene.all($options0)[0]")
    + f"return choice(min(names[1:], key=lambda name: {_APART}), among=names)",
    "an option missing": f"{_NEAREST}near = min(names, key=lambda name: {_APART})\n"
    "return choice(near, among=[near, *[name for name in names if name != near][:2]])",
    "an option more": f"{_NEAREST}near = min(names, key=lambda name: {_APART})\n"
    "return choice(near, among=[*names, $target0])",
    "the first named": "names = $options*\nreturn choice(names[0], among=names)",
    "by alphabet": "names = $options*\nreturn choice(min(names), among=names)",
    "the largest": "names = $options*\n"
    "return choice(max(names, key=lambda name: scene.all(name)[0].longest_side), among=names)",
    "near the camera": "names = $options*\nreturn choice(min(names, key=lambda name: "
    "min(scene.camera_distance(scene.cameras[0], it) for it in scene.all(name))), among=names)",
    "the distance": f"{_NEAREST}return metres(0.01 + min({_APART} for name in names))",
    "in capitals": f"{_NEAREST}near = min(names, key=lambda name: {_APART})\n"
    "return choice(near.upper(), among=[name.upper() for name in names])",
}

ANGLE = "scene.direction(standing, facing, target)"
ANGLES = {  # in place of the right angle
    "standing and facing swapped": "scene.direction(facing, standing, target)",
    "facing and target swapped": "scene.direction(standing, target, facing)",
    "standing and target swapped": "scene.direction(target, facing, standing)",
    "all swapped": "scene.direction(facing, target, standing)",
    "clockwise": "(360 - scene.direction(standing, facing, target)) % 360",
    "facing away": "(scene.direction(standing, facing, target) + 180) % 360",
    "a third object": "scene.direction(standing, scene.objects[6], target)",
    "a third place": "scene.direction(scene.objects[9], facing, target)",
    "a quarter off": "(scene.direction(standing, facing, target) + 90) % 360",
    "halved": "scene.direction(standing, facing, target) / 2",
    "in radians": "scene.direction(standing, facing, target) * 3.14159 / 180",
}
TAILS = {  # changes of the right program after its angle
    "easy": {
        "names swapped": (('"left" if angle', '"right" if angle'), ('else "right"', 'else "left"')),
        "90": (("angle < 180", "angle < 90"),),
        "270": (("angle < 180", "angle < 270"),),
        "beyond": (("angle < 180", "angle > 180"),),
        "an option more": (('among=["left", "right"]', 'among=["left", "right", "back"]'),),
        "always left": (("angle < 180", "angle < 360"),),
        "capitals": (('"left"', '"Left"'), ('"right"', '"Right"')),
        "by x": (("angle < 180", "target.center[0] < standing.center[0]"),),
    },
    "medium": {
        "names swapped": (('"left" if angle', '"right" if angle'), ('else "right"', 'else "left"')),
        "90": (("angle < 135", "angle < 90"),),
        "90 and 270": (("angle < 135", "angle < 90"), ("angle < 225", "angle < 270")),
        "never back": (("angle < 135", "angle < 180"), ("angle < 225", "angle < 180")),
        "back up to the right": (("angle < 225", "angle < 330"),),
        "an option missing": (('among=["left", "right", "back"]', 'among=sorted({side, "left", "right"})'),),
        "an option more": (('"back"])', '"back", "front"])'),),
        "behind": (('"back"', '"behind"'),),
    },
    "hard": {
        "names in another order": (
            ('"front-left", "back-left", "back-right", "', '"front-left", "back-right", "back-left", "'),
        ),
        "clockwise names": (("int(angle // 90)", "3 - int(angle // 90)"),),
        "off by one": (("int(angle // 90)", "int(angle // 90) - 1"),),
        "sectors ahead": (("int(angle // 90)", "int((angle + 45) % 360 // 90)"),),
        "halves": (("int(angle // 90)", "int(angle // 180) * 2"),),
        "an option more": (("among=sides", 'among=[*sides, "front"]'),),
        "left and right": (
            ("return", 'sides = ["left", "left", "right", "right"]\n    return'),
            ("among=sides", 'among=["left", "right"]'),
        ),
        "other words": (('"back-', '"rear-'),),
    },
}
_ORDERS = '[", ".join(order) for order in permutations(names)]'
_SEEN = "from itertools import permutations\nnames = $objects*\nseen = sorted(names, key=scene.first_sight)\n"
APPEARANCE = {
    "backwards": f'{_SEEN}return choice(", ".join(seen[::-1]), among={_ORDERS})',
    "as named": f'{_SEEN}return choice(", ".join(names), among={_ORDERS})',
    "by alphabet": f'{_SEEN}return choice(", ".join(sorted(names)), among={_ORDERS})',
    "by alphabet, backwards": f'{_SEEN}return choice(", ".join(sorted(names)[::-1]), among={_ORDERS})',
    "as listed in the scene": f"{_SEEN}first = sorted(names, key=lambda name: scene.all(name)[0].id)\n"
    f'return choice(", ".join(first), among={_ORDERS})',
    "by distance from the first camera": f"{_SEEN}near = sorted(names, key=lambda name: "
    "min(scene.camera_distance(scene.cameras[0], it) for it in scene.all(name)))\n"
    f'return choice(", ".join(near), among={_ORDERS})',
    "by size": f"{_SEEN}large = sorted(names, key=lambda name: -scene.all(name)[0].longest_side)\n"
    f'return choice(", ".join(large), among={_ORDERS})',
    "the first two swapped": f"{_SEEN}seen[0], seen[1] = seen[1], seen[0]\n"
    f'return choice(", ".join(seen), among={_ORDERS})',
    "the last two swapped": f"{_SEEN}seen[2], seen[3] = seen[3], seen[2]\n"
    f'return choice(", ".join(seen), among={_ORDERS})',
    "one later": f'{_SEEN}return choice(", ".join([*seen[1:], seen[0]]), among={_ORDERS})',
    "an option missing": f'{_SEEN}orders = {_ORDERS}\nright = ", ".join(seen)\n'
    "return choice(right, among=[right, *[order for order in orders if order != right][1:]])",
    "four options": f'{_SEEN}orders = {_ORDERS}\nright = ", ".join(seen)\n'
    "return choice(right, among=[right, *[order for order in orders if order != right][:3]])",
    "the first": f"{_SEEN}return choice(seen[0], among=names)",
    "three of them": f'{_SEEN}return choice(", ".join(seen[:3]), '
    'among=[", ".join(order) for order in permutations(names, 3)])',
    "without commas": f'{_SEEN}return choice(" ".join(seen), among=[" ".join(order) for order in permutations(names)])',
    "seconds": f"{_SEEN}return metres(1 + scene.first_sight(seen[0]))",
}

_LATER = "(scene.direction(here, before, after) + 180) % 360"
ROUTE = {
    "names swapped": (('"Turn Left" if', '"Turn Right" if'), ('else "Turn Right"', 'else "Turn Left"')),
    "90": (("angle < 135", "angle < 90"),),
    "270": (("angle < 225", "angle < 270"),),
    "never back": (("angle < 135", "angle < 180"), ("angle < 225", "angle < 180")),
    "always back": (("angle < 135", "angle < 0"), ("angle < 225", "angle < 360")),
    "where one came from": ((_LATER, "scene.direction(here, before, after)"),),
    "clockwise": ((_LATER, "(180 - scene.direction(here, before, after)) % 360"),),
    "before and after swapped": ((_LATER, "(scene.direction(here, after, before) + 180) % 360"),),
    "from the last stop": ((_LATER, "scene.direction(before, here, after)"),),
    "from the next stop": ((_LATER, "(scene.direction(after, here, before) + 180) % 360"),),
    "the way back": (("turns = ", "angles = angles[::-1]\n    turns = "),),
    "a turn left out": (("turns = ", "angles = angles[1:]\n    turns = "),),
    "a turn doubled": (("turns = ", "angles = [*angles, angles[-1]][:3]\n    turns = "),),
    "the first for all": (("turns = ", "angles = [angles[0] for _ in angles]\n    turns = "),),
    "an option missing": (
        ("return choice(turns, among=", "names = "),
        (
            "in every]",
            "in every]\n    return choice(turns, among=[turns, *[one for one in names if one != turns][1:]]",
        ),
    ),
    "without back": (
        ("return choice(turns, among=", "names = "),
        (
            "in every]",
            'in every]\n    return choice(turns, among=sorted({turns, *[one for one in names if "Back" not in one]})',
        ),
    ),
    "small letters": (('"Turn ', '"turn '),),
    "facing ignored": (("angles = [scene.direction(stops[0],", "angles = [scene.direction(stops[1],"),),
    "always left": (("angle < 135", "angle < 360"),),
}
# Rotating all three roles leaves left and right as they are, so that program is right for the easy level.
WRONG = {
    "object_rel_distance": REL_DISTANCE,
    **{
        f"object_rel_direction_{level}": tails
        | {
            name: ((ANGLE, angle),)
            for name, angle in ANGLES.items()
            if (level, name) != ("easy", "all swapped")
        }
        for level, tails in TAILS.items()
    },
    "obj_appearance_order": APPEARANCE,
    "route_planning": ROUTE,
}


def has_two_turns(roles):
    return "start" not in roles or len(roles.get("via", ())) + len(roles.get("facing", ())) > 1


@pytest.mark.parametrize("name", WRONG)
def test_wrong_programs_disagree_with_their_text(den, try_out, name):
    assert len(WRONG[name]) >= 10
    by_name = try_out(den, FAMILIES[name], WRONG[name], keep=has_two_turns)
    for wrong, verdicts in by_name.items():
        assert "disagrees: the text" in verdicts, wrong
        assert verdicts <= {"disagrees: the text", "the same"}, wrong


def small(*positions):
    return [(name, (x, y, 0.5), (0.05, 0.05, 0.05)) for name, (x, y) in zip("abcdt", positions, strict=False)]


LUCK = {  # as close to the limits as possible, so that noise changes some answers
    "object_rel_direction_easy": (
        [*small((0, 0), (0, 0.6)), ("t", (-0.11, 0.55, 1.0), (0.05, 0.05, 0.05))],
        {"standing": ("a",), "facing": ("b",), "target": ("t",)},
        '["left", "right"]',
    ),
    "object_rel_direction_hard": (
        [*small((0, 0), (0, 0.6)), ("t", (-0.55, 0.11, 0.5), (0.05, 0.05, 0.05))],
        {"standing": ("a",), "facing": ("b",), "target": ("t",)},
        '["front-left", "back-left", "back-right", "front-right"]',
    ),
    "object_rel_distance": (
        small((0.5, 0), (0, 0.652), (-0.82, 0), (0, -1.2), (0, 0)),
        {"target": ("t",), "options": ("a", "b", "c", "d")},
        '["a", "b", "c", "d"]',
    ),
    "route_planning": (
        [
            ("a", (0, 0, 0.5), (0.2, 0.2, 1)),
            ("b", (0, 3, 0.5), (0.2, 0.2, 1)),
            ("t", (-3, 3, 0.5), (0.2, 0.2, 1)),
            ("shelf", (0.52, 1.5, 0.5), (0.6, 0.6, 1)),  # only just clear of the leg from a to b
        ],
        {"start": ("a",), "via": ("b",), "end": ("t",)},
        '["Turn Left", "Turn Right", "Turn Back"]',
    ),
}


@pytest.mark.parametrize("name", LUCK)
def test_a_constant_that_is_right_by_luck_is_detected_under_noise(
    make_scene, make_views, sandbox, judge, name
):
    boxes, roles, among = LUCK[name]
    family, views = FAMILIES[name], make_views([(0, 0, 1.5)], objects=len(boxes))
    for number in range(100):
        scene = make_scene(boxes, scene_id=f"luck {number}")
        loaded = LoadedScene([scene_geometry(scene, views), *jittered(scene, views)])
        values = [answer and answer.value for answer in sandbox.run(family.program(roles), loaded).answers]
        if 5 <= values.count(values[0]) < 9:
            break
    programs = {"right": family.program(roles), "constant": f'return choice("{values[0]}", among={among})'}
    verdicts = judge((scene, views), family, roles, programs)
    assert verdicts["right"] == "accepted"
    assert verdicts["constant"].startswith("disagrees: the text means")
