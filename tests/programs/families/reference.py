"""Answers and rules computed by other means: shapely on the floor, bounded least squares in space, pixels.

Nothing here uses the package's geometry; what frames show is read by `film`. Each family has a function that
returns the answer and what speaks against the question.
"""

import cmath
import math
from itertools import combinations, pairwise, product

import numpy as np
from shapely import LineString, MultiPoint, Point, Polygon
from shapely.ops import nearest_points as nearest

from .called import TAKEN, not_clear
from .film import (
    PLACED,
    PRESENT,
    SIZED,
    apart,
    corners,
    floor_of,
    middles,
    nearest_point,
    outline,
    place,
    turn,
    within,
)

SIDES = {"easy": (180, 360), "medium": (135, 225, 360), "hard": (90, 180, 270, 360)}
NAMES = {
    "easy": ("left", "right"),
    "medium": ("left", "back", "right"),
    "hard": ("front-left", "back-left", "back-right", "front-right"),
}


def small(film, objects, share):
    return [f"{obj.category} is hardly seen" for obj in objects if film.share(obj) < share]


def headings(objects, pairs):
    """What speaks against directions between objects: too close on the floor, or out of reach."""
    found = [
        f"{a.category} and {b.category} stand together"
        for a, b in pairs
        if outline(a).distance(outline(b)) < 0.3
    ]
    found += [f"{a.category} and {b.category} coincide" for a, b in pairs if abs(place(a) - place(b)) < 0.5]
    return found


def never_centred(film, objects):
    hidden = [obj for obj in objects if not film.is_framed(PRESENT, obj, obj.center, middles(obj))]
    return [f"{obj.category} is never centred" for obj in hidden] + apart_in_film(film, objects)


def apart_in_film(film, objects):
    frames = {int(frame) for obj in objects for frame in np.flatnonzero(film.shares[:, obj.id] >= PRESENT)}
    return [] if film.linked(frames) else ["what nothing links"]


def reachable(film, objects):
    ground = floor_of(film)
    if ground is None:
        return ["where is the floor?"]
    off = [obj for obj in objects if corners(obj)[:, 2].max() < ground - 0.2]
    off += [obj for obj in objects if corners(obj)[:, 2].min() - ground >= 1.8]
    return [f"{obj.category} hangs, or lies below" for obj in off]


def shown_floor(film):
    """The share of random points on the floor that are in a picture and not behind a box higher than the camera."""
    floor = Polygon(film.scene.floor)
    rng, low, high = np.random.default_rng(0), *np.reshape(floor.bounds, (2, 2))
    points = [point for point in rng.uniform(low, high, (80, 2)) if floor.contains(Point(point))]
    ground = floor_of(film) or min(corners(obj)[:, 2].min() for obj in film.scene.objects)

    def is_shown(point):
        for frame in film.tellings:
            if math.dist(film.eye(frame)[:3], point) > 10:
                continue
            high = [obj for obj in film.scene.objects if corners(obj)[:, 2].max() > film.eye(frame)[2]]
            if film.pixel(frame, point) is not None and film.in_sight(frame, point, boxes=high):
                return True
        return False

    return np.mean([is_shown(np.array([*point, ground])) for point in points])


def off_floor(film, objects):
    floor = Polygon(film.scene.floor)
    ground = floor_of(film) or -math.inf
    far = [obj for obj in objects if floor.distance(Point(obj.center[:2])) > 0.5]
    far += [obj for obj in objects if corners(obj)[:, 2].max() < ground - 0.2]
    return [f"{obj.category} stands elsewhere" for obj in far]


def counting(film, roles):
    numbers, against = {}, []
    for category in roles["object"]:
        objects = [obj for obj in film.scene.objects if obj.category == category]
        numbers[category] = len(objects)
        against += small(film, objects, PRESENT)
        known = category in film.scene.complete and film.scene.counts.get(category) == len(objects)
        against += [] if known else [f"it is not known how many {category} there are"]
        labels = {obj.category for obj in film.scene.objects}
        against += [f"{category} is said of others"] if not_clear(category, labels) else []
        taken = {label for label in labels if frozenset((category, label)) in TAKEN and not objects}
        against += [f"one may take a {label} for a {category}" for label in taken]
        against += off_floor(film, objects)
        against += ["the floor is not shown"] if not objects and shown_floor(film) < 0.4 else []
        for a, b in combinations(objects, 2):
            grid = np.stack(np.meshgrid(*[np.linspace(-0.45, 0.45, 5)] * 3), -1).reshape(-1, 3) * a.size
            inside = np.abs((a.center + grid @ a.rotation.T - b.center) @ b.rotation) <= b.size / 2
            against += ["one box twice"] if inside.all(axis=1).mean() > 0.6 else []
            against += (
                ["one in another"]
                if within(a.center[None], b).any() or within(b.center[None], a).any()
                else []
            )
    if len(roles["object"]) == 2:
        against += [] if len(numbers) == 2 else ["one category twice"]
        against += [] if any(numbers.values()) else ["nothing is there"]
    return sum(numbers.values()), against


def size(film, roles):
    obj = film.only(*roles["object"])
    extents = np.ptp(corners(obj) @ obj.rotation, axis=0)
    longest = float(extents.max())
    against = small(film, [obj], SIZED)
    half = obj.rotation[:, int(extents.argmax())] * longest / 2
    grid = np.array(list(product((0, 0.475, -0.475), repeat=3))) * obj.size
    grid = np.unique(np.where(np.arange(3) == int(extents.argmax()), 0, grid), axis=0)
    for end in (obj.center + half, obj.center - half):
        face = end + grid @ obj.rotation.T
        against += [] if film.is_framed(SIZED, obj, end, face) else ["an end is never shown"]
    return 100 * longest, against


def room(film, roles):
    floor = Polygon(film.scene.floor)
    covered = MultiPoint([corner[:2] for obj in film.scene.objects for corner in corners(obj)]).convex_hull
    against = ["the outline has another area"] if abs(floor.area / film.scene.floor_area - 1) > 0.1 else []
    against += ["the objects spread over more"] if covered.area > 1.1 * film.scene.floor_area else []
    against += off_floor(film, [obj for obj in film.scene.objects if film.share(obj) >= PRESENT])
    return floor.area, against + (["half of the floor is not shown"] if shown_floor(film) < 0.4 else [])


def gap_shown(film, a, b, least):
    """Whether one of the points that are nearly closest is framed, on both boxes."""
    steps = np.stack(np.meshgrid(*[np.linspace(-0.5, 0.5, 9)] * 3), -1).reshape(-1, 3)
    for here, there in ((a, b), (b, a)):
        points = here.center + (steps * here.size) @ here.rotation.T
        outside = np.abs((points - there.center) @ there.rotation) - there.size / 2
        distances = np.linalg.norm(np.maximum(outside, 0), axis=1)
        near = points[distances <= distances.min() + 0.05]
        if not any(film.is_framed(PRESENT, here, point) for point in near):
            return False
    return True


def abs_distance(film, roles):
    a, b = map(film.only, roles["pair"])
    least = apart(a, b)
    against = (
        small(film, [a, b], PLACED) + (["too close"] if least < 0.2 else []) + apart_in_film(film, [a, b])
    )
    return least, against + ([] if gap_shown(film, a, b, least) else ["an end is never shown"])


def rel_distance(film, roles):
    target = film.only(*roles["target"])
    nearest, against = {}, []
    for name in roles["options"]:
        objects = [obj for obj in film.scene.objects if obj.category == name]
        nearest[name] = min((apart(target, obj), obj.id) for obj in objects)
        against += [f"which {name}?"] if "order" in roles and len(objects) > 1 else []
    metres = sorted(distance for distance, _ in nearest.values())
    gap = 0.3 if film.scene.floor_area > 40 else 0.15
    against += ["an option is too close"] if metres[0] < 0.15 else []
    against += ["two options are about as close"] if min(np.diff(metres)) <= gap else []
    objects = [film.scene.objects[index] for _, index in nearest.values()]
    against += small(film, [target, *objects], PLACED) + apart_in_film(film, [target, *objects])
    against += [
        "an end is never shown" for obj in objects if not gap_shown(film, target, obj, apart(target, obj))
    ]
    if "order" in roles:
        middle = max(objects, key=lambda obj: math.dist(obj.center, target.center))
        farthest = max(nearest, key=nearest.get)
        return farthest, against + (
            [] if middle.category == farthest else ["another has the farthest middle"]
        )
    return min(nearest, key=nearest.get), against


def direction(level):
    def answer(film, roles):
        ahead = "away" if "away" in roles else "facing"
        three = standing, facing, target = [film.only(*roles[role]) for role in ("standing", ahead, "target")]

        def seen(here, there, target):
            """One who faces away looks at what lies opposite, mirrored in the place where one stands."""
            return turn(here, 2 * place(here) - place(there) if ahead == "away" else there, target)

        def side(*ends):
            return NAMES[level][np.searchsorted(SIDES[level], seen(*ends), side="right")]

        angle, right = seen(*three), side(*three)
        from_boundary = min(
            abs(cmath.phase(cmath.rect(1, math.radians(angle - end)))) for end in SIDES[level]
        )
        against = ["near a boundary"] if from_boundary < math.radians(10) else []
        for index, obj in enumerate(three):
            ends = [[*three[:index], corner, *three[index + 1 :]] for corner in corners(obj)]
            against += (
                [f"depends on a corner of {obj.category}"] if sum(side(*e) != right for e in ends) > 2 else []
            )
        against += ["far or close" for a, b in combinations(three, 2) if not 0.3 <= apart(a, b) <= 5]
        against += headings(three, [(standing, facing), (standing, target)]) + reachable(film, [standing])
        against += never_centred(film, three)
        return right, against + small(film, three, PLACED)

    return answer


def appearance(film, roles):
    first, against = {}, []
    for name in roles["objects"]:
        shares = film.shares[:, [obj.id for obj in film.scene.objects if obj.category == name]]
        frame = int(np.argmax(shares.max(axis=1) >= PRESENT))
        first[name] = film.views.timestamps[frame]
        against += [f"{name} is never seen"] if shares.max() < PRESENT else []
        against += [f"{name} shows before"] if (shares[:frame].sum(axis=1) > 0.0005).any() else []
    against += ["two at once"] if min(np.diff(sorted(first.values()))) <= 1 else []
    return ", ".join(sorted(first, key=first.get)), against


def route(film, roles):
    stops = [film.only(name) for name in (*roles["start"], *roles.get("via", ()), *roles["end"])]
    faced = [film.only(name) for name in roles.get("facing", ())]
    legs, floor = list(pairwise(stops)), Polygon(film.scene.floor)
    ground = floor_of(film) or 0.0
    against = headings(stops, [*legs, *((stops[0], obj) for obj in faced)]) + reachable(film, stops)
    for a, b in legs:
        way = LineString([a.center[:2], b.center[:2]])
        ends = [Point(a.center[:2]), Point(b.center[:2])]
        for obj in film.scene.objects:
            heights, shape = corners(obj)[:, 2] - ground, outline(obj)
            if heights.min() >= 1.8 or heights.max() <= 0.1:
                continue
            if any(shape.distance(end) < 1e-9 for end in ends):
                through = shape.intersection(way).length if obj is not a and obj is not b else 0
                against += [f"it leads through {obj.category}"] if through > 0.5 else []
                continue
            against += [f"{obj.category} is in the way"] if shape.distance(way) < 0.2 - 1e-6 else []
        against += [] if floor.covers(way) else ["the way leaves the floor"]
    boxes = [obj.category for obj in film.scene.objects]
    against += [f"where is every {name}?" for name, n in film.scene.counts.items() if n > boxes.count(name)]
    looks = [obj.center[:2] for obj in faced] or [2 * stops[1].center[:2] - stops[0].center[:2]]
    ways = [place(looks[0]) - place(stops[0])] if faced else []
    ways += [place(b) - place(a) for a, b in legs]
    turns = [math.degrees(cmath.phase(after / before)) for before, after in pairwise(ways)]
    against += ["a turn is unclear" for t in turns if abs(t) < 30 or abs(abs(t) - 135) < 10]
    for before, stop, after in zip(stops, stops[1:], stops[2:], strict=False):
        way = LineString([before.center[:2], stop.center[:2]])
        reached = complex(*nearest(Point(before.center[:2]), way.intersection(outline(stop)))[1].coords[0])
        here, there = (
            math.degrees(cmath.phase((place(after) - point) / (place(stop) - place(before))))
            for point in (place(stop), reached)
        )
        same = (abs(here) > 135) == (abs(there) > 135) and (abs(here) > 135 or (here > 0) == (there > 0))
        against += [] if same else [f"at the near end of the {stop.category} it is another turn"]
    against += never_centred(film, stops + faced)
    names = ["Turn Back" if abs(t) > 135 else "Turn Left" if t > 0 else "Turn Right" for t in turns]
    return ", ".join(names), against + small(film, stops + faced, PLACED)


def in_frame(film, obj, seconds):
    """The distance to an object's nearest point, that to its centre, and what speaks against seeing the point."""
    frame = film.frame(seconds)
    eye = film.eye(frame)[:3]
    point = nearest_point(obj, eye)
    pixel, against = film.pixel(frame, point), []
    if film.shares[frame, obj.id] < PLACED:
        against.append(f"{obj.category} is hardly seen")
    if pixel is None:
        against.append(f"the nearest point of {obj.category} is outside")
    else:  # the point is on the box's edge, so the pixel beside it may be the one that shows the object
        column, row = int(pixel[0]), int(pixel[1])
        window = film.ids[frame][max(0, row - 2) : row + 3, max(0, column - 2) : column + 3]
        against += [] if (window == obj.id).any() else [f"the nearest point of {obj.category} is hidden"]
    return math.dist(point, eye), math.dist(obj.center, eye), against


def camera_distance(film, roles):
    metres, _, against = in_frame(film, film.only(*roles["object"]), *roles["times"])
    return metres, against + ([] if 0.2 <= metres <= 10 else ["too close or far"])


def depth(film, roles):
    near = {name: in_frame(film, film.only(name), *roles["times"]) for name in roles["pair"]}
    (a, middle_a, against_a), (b, middle_b, against_b) = near.values()
    against = [*against_a, *against_b] + (["about as far"] if abs(a - b) <= 0.15 else [])
    against += ["the middles say otherwise"] if (a < b) != (middle_a < middle_b) else []
    return min(near, key=lambda name: near[name][0]), against


def displacement(film, roles):
    first, second = (film.eye(film.frame(seconds)) for seconds in roles["times"])
    metres = math.dist(first, second)
    blank = [f"nothing at {time}" for time in roles["times"] if film.shares[film.frame(time)].max() < PRESENT]
    blank += [] if film.linked(map(film.frame, roles["times"])) else ["what nothing links"]
    return metres, blank + ([] if 0.2 <= metres <= 10 else ["too close or far"])


REFERENCE = {
    "object_counting": counting,
    "object_size_estimation": size,
    "room_size_estimation": room,
    "object_abs_distance": abs_distance,
    "object_rel_distance": rel_distance,
    **{f"object_rel_direction_{level}": direction(level) for level in NAMES},
    "obj_appearance_order": appearance,
    "route_planning": route,
    "camera_obj_distance": camera_distance,
    "depth_order": depth,
    "camera_displacement": displacement,
}
