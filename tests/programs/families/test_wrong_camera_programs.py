"""Wrong programs under correct texts, for families about the camera."""

import pytest

from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.sandbox import LoadedScene
from lightning_ouro.programs.scene_geometry import jittered, scene_geometry

_TIMES = "first, second = scene.camera($times0), scene.camera($times1)\n"
_MOVE = _TIMES + "right, forward, up = scene.motion(first, second)\n"
_WAY = 'way = ("forward" if forward > 0 else "back") if abs(forward) > abs(right) else "right" if right > 0 else "left"\n'
_FOUR = 'among=["left", "right", "forward", "back"]'
MOVE = {
    "times swapped": (("motion(first, second)", "motion(second, first)"),),
    "as seen at the end": f"{_TIMES}right, forward, up = scene.motion(second, first)\n"
    f"right, forward = -right, -forward\n{_WAY}return choice(way, {_FOUR})",
    "axes swapped": (("right, forward, up", "forward, right, up"),),
    "forward is back": (("forward > 0", "forward < 0"),),
    "right is left": (("right > 0", "right < 0"),),
    "the lesser axis": (("abs(forward) > abs(right)", "abs(forward) < abs(right)"),),
    "signs ignored": (("abs(forward) > abs(right)", "forward > right"),),
    "always along the view": (("abs(forward) > abs(right)", "abs(forward) >= 0"),),
    "always aside": (("abs(forward) > abs(right)", "abs(forward) < 0"),),
    "axes of the room": _TIMES + "right = second.position[0] - first.position[0]\n"
    f"forward = second.position[1] - first.position[1]\n{_WAY}return choice(way, {_FOUR})",
    "the turn": _TIMES + f'return choice("left" if scene.turn(first, second) > 0 else "right", {_FOUR})',
    "until the end": (("scene.camera($times1)", "scene.cameras[-1]"),),
    "from the start": "first, second = scene.cameras[0], scene.camera($times1)\n"
    f"right, forward, up = scene.motion(first, second)\n{_WAY}return choice(way, {_FOUR})",
    "one frame later": _TIMES + "first = scene.cameras[first.id + 1]\n"
    f"right, forward, up = scene.motion(first, second)\n{_WAY}return choice(way, {_FOUR})",
    "an option missing": ((_FOUR, 'among=sorted({way, "left", "right"})'),),
    "options more": ((_FOUR, _FOUR[:-1] + ', "up", "down"]'),),
    "other words": (('"back"', '"backward"'),),
    "metres": f"{_MOVE}return metres(0.01 + abs(forward))",
    "always forward": f'return choice("forward", {_FOUR})',
    "always left": f'return choice("left", {_FOUR})',
}
TURN = {
    "times swapped": (("turn(first, second)", "turn(second, first)"),),
    "right is left": (("> 0", "< 0"),),
    "by more than a quarter": (("> 0", "> 90"),),
    "unless far to the right": (("> 0", "> -90"),),
    "size only": (("scene.turn(first, second) > 0", "abs(scene.turn(first, second)) > 0"),),
    "the motion": _MOVE + 'return choice("right" if right > 0 else "left", among=["left", "right"])',
    "options more": (('among=["left", "right"]', _FOUR),),
    "back too": (('among=["left", "right"]', 'among=["left", "right", "back"]'),),
    "until the end": "first, second = scene.camera($times0), scene.cameras[-1]\n"
    'return choice("left" if scene.turn(first, second) > 0 else "right", among=["left", "right"])',
    "from the start": "first, second = scene.cameras[0], scene.camera($times1)\n"
    'return choice("left" if scene.turn(first, second) > 0 else "right", among=["left", "right"])',
    "the next frame": "first = scene.camera($times0)\nsecond = scene.cameras[first.id + 1]\n"
    'return choice("left" if scene.turn(first, second) > 0 else "right", among=["left", "right"])',
    "by y": (("scene.turn(first, second) > 0", "second.forward[1] < first.forward[1]"),),
    "capitals": (('"left"', '"Left"'), ('"right"', '"Right"')),
    "degrees": f"{_TIMES}return metres(abs(scene.turn(first, second)) / 10)",
    "always left": 'return choice("left", among=["left", "right"])',
}

_THING = "thing, camera = scene.unique($object0), scene.camera($times0)\n"
OBJECT = {
    "the centre": f"import math\n{_THING}return metres(math.dist(camera.position, thing.center))",
    "the centre on the floor": f"import math\n{_THING}return metres(math.dist(camera.position[:2], thing.center[:2]))",
    "the centre less half a side": f"import math\n{_THING}"
    "return metres(abs(math.dist(camera.position, thing.center) - thing.longest_side / 2))",
    "the start": f"{_THING}return metres(scene.camera_distance(scene.cameras[0], thing))",
    "the end": f"{_THING}return metres(scene.camera_distance(scene.cameras[-1], thing))",
    "one frame before": f"{_THING}return metres(scene.camera_distance(scene.cameras[camera.id - 1], thing))",
    "the nearest frame": f"{_THING}return metres(min(scene.camera_distance(one, thing) for one in scene.cameras))",
    "the farthest frame": f"{_THING}return metres(max(scene.camera_distance(one, thing) for one in scene.cameras))",
    "the nearest object": f"{_THING}return metres(min(scene.camera_distance(camera, one) for one in scene.objects))",
    "another object": f"{_THING}return metres(scene.camera_distance(camera, scene.objects[thing.id - 1]))",
    "centimetres": f"{_THING}return centimetres(100 * scene.camera_distance(camera, thing))",
    "a factor of 100": f"{_THING}return metres(scene.camera_distance(camera, thing) / 100)",
    "one more": f"{_THING}return metres(scene.camera_distance(camera, thing) + 1)",
    "rounded": f"{_THING}return metres(round(scene.camera_distance(camera, thing), 1))",
    "heights": f"{_THING}return metres(camera.position[2] + thing.center[2])",
    "along the view": _THING
    + "x, y = thing.center[0] - camera.position[0], thing.center[1] - camera.position[1]\n"
    "return metres(0.1 + abs(x * camera.forward[0] + y * camera.forward[1]))",
    "a constant": "return metres(2.0)",
}

_DEPTH = "camera = scene.camera($times0)\nnames = $pair*\n"
_BY = "key=lambda name: scene.camera_distance(camera, scene.unique(name))"
DEPTH = {  # not by centres: that order is the same, or the question is not kept
    "farther": (("min(", "max("),),
    "at the start": f"{_DEPTH}camera = scene.cameras[0]\nreturn choice(min(names, {_BY}), among=names)",
    "at the end": f"{_DEPTH}camera = scene.cameras[-1]\nreturn choice(min(names, {_BY}), among=names)",
    "one frame before": f"{_DEPTH}camera = scene.cameras[camera.id - 1]\nreturn choice(min(names, {_BY}), among=names)",
    "over all frames": f"{_DEPTH}return choice(min(names, key=lambda name: "
    "min(scene.camera_distance(one, scene.unique(name)) for one in scene.cameras)), among=names)",
    "the first named": f"{_DEPTH}return choice(names[0], among=names)",
    "the second named": f"{_DEPTH}return choice(names[1], among=names)",
    "by alphabet": f"{_DEPTH}return choice(min(names), among=names)",
    "the smaller": f"{_DEPTH}return choice(min(names, key=lambda name: scene.unique(name).longest_side), among=names)",
    "the lower": f"{_DEPTH}return choice(min(names, key=lambda name: scene.unique(name).center[2]), among=names)",
    "seen first": f"{_DEPTH}return choice(min(names, key=scene.first_sight), among=names)",
    "an option more": f'{_DEPTH}return choice(min(names, {_BY}), among=[*names, "neither"])',
    "an option replaced": f'{_DEPTH}near = min(names, {_BY})\nreturn choice(near, among=[near, "neither"])',
    "capitals": f"{_DEPTH}return choice(min(names, {_BY}).upper(), among=[name.upper() for name in names])",
    "along the view": f"{_DEPTH}return choice(min(names, key=lambda name: sum((scene.unique(name).center[i] - "
    "camera.position[i]) * camera.forward[i] for i in range(2))), among=names)",
    "the distance": f"{_DEPTH}return metres(scene.camera_distance(camera, scene.unique(names[0])))",
}

_SHIFT = "import math\n" + _TIMES
DISPLACEMENT = {
    "on the floor": f"{_SHIFT}return metres(math.dist(first.position[:2], second.position[:2]))",
    "along the way": _SHIFT + "cameras = scene.cameras[first.id:second.id + 1]\n"
    "return metres(sum(math.dist(one.position, other.position) for one, other in zip(cameras, cameras[1:])))",
    "until the end": f"{_SHIFT}return metres(0.001 + math.dist(first.position, scene.cameras[-1].position))",
    "from the start": f"{_SHIFT}return metres(0.001 + math.dist(scene.cameras[0].position, second.position))",
    "one frame more": _SHIFT + "later = scene.cameras[(second.id + 1) % len(scene.cameras)]\n"
    "return metres(0.001 + math.dist(first.position, later.position))",
    "round the corner": _SHIFT
    + "return metres(sum(abs(a - b) for a, b in zip(first.position, second.position)))",
    "squared": _SHIFT + "return metres(sum((a - b) ** 2 for a, b in zip(first.position, second.position)))",
    "aside only": f"{_SHIFT}return metres(0.001 + abs(scene.motion(first, second)[0]))",
    "ahead only": f"{_SHIFT}return metres(0.001 + abs(scene.motion(first, second)[1]))",
    "upwards only": f"{_SHIFT}return metres(0.001 + abs(scene.motion(first, second)[2]))",
    "per second": f"{_SHIFT}return metres(math.dist(first.position, second.position) / (second.time - first.time))",
    "seconds": f"{_SHIFT}return metres(second.time - first.time)",
    "centimetres": f"{_SHIFT}return centimetres(100 * math.dist(first.position, second.position))",
    "rounded": f"{_SHIFT}return metres(round(math.dist(first.position, second.position), 1))",
    "the turn": f"{_SHIFT}return metres(0.001 + abs(scene.turn(first, second)) / 10)",
    "a constant": "return metres(1.5)",
}

WRONG = {
    "move": ("camera_motion", MOVE),
    "turn": ("camera_motion", TURN),
    "distance": ("camera_obj_distance", OBJECT),
    "depth": ("depth_order", DEPTH),
    "displacement": ("camera_displacement", DISPLACEMENT),
}


@pytest.mark.parametrize("which", WRONG)
def test_wrong_programs_disagree_with_their_text(den, try_out, which):
    name, wrongs = WRONG[which]
    assert len(wrongs) >= 10
    by_name = try_out(
        den, FAMILIES[name], wrongs, keep=lambda roles: roles.get("motion", (which,)) == (which,)
    )
    for wrong, verdicts in by_name.items():
        assert "disagrees: the text" in verdicts, wrong
        assert verdicts <= {"disagrees: the text", "the same"}, wrong


def test_a_wrong_time_is_detected_at_every_time(den, judge):
    family, (scene, views) = FAMILIES["camera_obj_distance"], den
    times = scene_geometry(scene, views).times
    for seconds in times[1:]:
        roles = {"object": ("tv",), "times": (seconds,)}
        programs = {other: family.program(roles | {"times": (other,)}) for other in times}
        verdicts = judge(den, family, roles, programs)
        assert verdicts.pop(seconds) == "accepted"
        assert {verdict.partition(" means ")[0] for verdict in verdicts.values()} == {"disagrees: the text"}


def test_a_constant_distance_that_is_right_by_luck_is_detected(den, judge):
    family, roles = FAMILIES["camera_obj_distance"], {"object": ("tv",), "times": ("8.6",)}
    exact = scene_geometry(*den).camera_distances[2, 1]
    programs = {
        "right": family.program(roles),
        "constant": f"return metres({exact!r})".replace("np.float64", ""),
    }
    verdicts = judge(den, family, roles, programs)
    assert verdicts["right"] == "accepted"
    assert verdicts["constant"].startswith("disagrees: the text means")


def test_a_constant_order_that_is_right_by_luck_is_detected_under_noise(
    make_scene, make_views, sandbox, judge
):
    family, roles = FAMILIES["depth_order"], {"pair": ("wall", "shelf"), "times": ("0.0",)}
    boxes = [("wall", (1.5, 2.0, 1), (3, 0.1, 2)), ("shelf", (-1.5, 2.16, 1), (3, 0.1, 2))]
    views = make_views([(0, 0, 1)], objects=2)
    for number in range(300):
        scene = make_scene(boxes, scene_id=f"luck {number}")
        loaded = LoadedScene([scene_geometry(scene, views), *jittered(scene, views)])
        nearer = [answer.value for answer in sandbox.run(family.program(roles), loaded).answers]
        if 5 <= nearer.count("wall") < 9 and nearer[0] == "wall":
            break
    programs = {"right": family.program(roles), "constant": 'return choice("wall", among=["wall", "shelf"])'}
    verdicts = judge((scene, views), family, roles, programs)
    assert verdicts["right"] == "accepted"
    assert verdicts["constant"].startswith("disagrees: the text means")
