"""`python -m lightning_ouro show SCENES`: one picture of a scene, so that a person sees in a second if it is right.

Frames with the boxes of what they show, each category in its colour, and the room from above with labels, floor, and
the way of the camera. Boxes that do not lie on their objects, or a camera that walks through walls: a wrong reader.
"""

from __future__ import annotations

import colorsys
import hashlib
import math
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.reading import read_one
from lightning_ouro.scenes.types import CORNER_SIGNS, FrameBudget, Scene, Video

VISIBLE = 0.003  # of a frame's pixels; the boxes of what is seen less are left out
EDGES = [
    pair for pair in combinations(range(8), 2) if (CORNER_SIGNS[pair[0]] != CORNER_SIGNS[pair[1]]).sum() == 1
]
_NEAR = 0.05  # metres before the camera at which edges are cut off
_MARGIN = 24  # pixels round the plan
_TITLE = 22  # pixels

Floats = NDArray[np.float64]
Colour = tuple[int, int, int]


def show(
    scenes: Path, id: str | None = None, out: Path = Path("scene.png"), num_frames: int = 9, width: int = 1600
) -> None:
    """Draws a contact sheet: frames with projected boxes, and the room from above.

    Args:
        scenes: Where the scene lies: a store, a data set's root or one scene, in any layout that the readers know.
        id: Which scene; null: the first.
        out: The picture, a PNG.
        num_frames: Frames to draw, evenly over the recording.
        width: Pixels of the picture.

    Raises:
        InputError: the scene is not there or cannot be used, or the picture cannot be written.
    """
    if num_frames < 1 or width < 400:
        raise InputError(
            f"num_frames={num_frames}, width={width}: at least one frame and 400 pixels are needed"
        )
    scene = read_one(scenes, id)
    side = width * 2 // 3 // math.ceil(math.sqrt(num_frames)) // 4  # quarters of a cell's width
    video = scene.footage.load(scene, FrameBudget(num_frames, 3 * side, 4 * side, token=4))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        contact_sheet(scene, video, width).save(out)
    except (OSError, ValueError) as problem:
        raise InputError(f"{out}: cannot be written as a picture ({problem})") from None
    print(f"{out}: scene {scene.id}, {len(scene.objects)} objects, {len(video.frames)} frames")


def contact_sheet(scene: Scene, video: Video, width: int) -> Image.Image:
    """The picture, about `width` pixels wide."""
    columns = math.ceil(math.sqrt(len(video.frames)))
    cells = [framed(scene, video, place) for place in range(len(video.frames))]
    cell = cells[0].size
    rows = math.ceil(len(cells) / columns)
    plan = from_above(scene, video, max(200, width - columns * cell[0]), max(200, rows * cell[1]))
    sheet = Image.new(
        "RGB", (columns * cell[0] + plan.width, _TITLE + max(rows * cell[1], plan.height)), "white"
    )
    for place, picture in enumerate(cells):
        sheet.paste(picture, (place % columns * cell[0], _TITLE + place // columns * cell[1]))
    sheet.paste(plan, (columns * cell[0], _TITLE))
    benchmarks = f", in {', '.join(scene.benchmarks)}" if scene.benchmarks else ""
    title = f"{scene.id} ({scene.source}{benchmarks}): {len(scene.objects)} objects, floor {scene.floor_area:.1f} m2"
    ImageDraw.Draw(sheet).text((6, 4), title, fill="black", font=_font(14))
    return sheet


def framed(scene: Scene, video: Video, place: int) -> Image.Image:
    """One frame with its time and the boxes of what it shows."""
    picture = Image.fromarray(video.frames[place])
    draw, views = ImageDraw.Draw(picture), video.views
    for thing in scene.objects:
        if views.visibility[place, thing.id] < VISIBLE:
            continue
        lines = projected_edges(thing.corners(), views.intrinsics[place], views.poses[place])
        for line in lines:
            draw.line([tuple(end) for end in line], fill=colour_of(thing.category), width=2)
        if lines:
            ends = np.clip(np.concatenate(lines), 0, np.array(picture.size) - 1)
            _label(draw, (ends.min(axis=0) + ends.max(axis=0)) / 2, thing.category)
    _label(draw, np.array([24.0, 9.0]), f"{views.timestamps[place]:.1f} s")
    return picture


def projected_edges(corners: Floats, intrinsics: Floats, pose: Floats) -> list[Floats]:
    """The parts of a box's edges before the camera, `(2, 2)` pixels each."""
    seen = (corners - pose[:3, 3]) @ pose[:3, :3]
    lines = []
    for one, other in EDGES:
        ends = seen[[one, other]]
        if (ends[:, 2] < _NEAR).all():
            continue
        near = ends[:, 2].argmin()
        if ends[near, 2] < _NEAR:
            share = (_NEAR - ends[near, 2]) / (ends[1 - near, 2] - ends[near, 2])
            ends[near] += share * (ends[1 - near] - ends[near])
        flat = ends @ intrinsics.T
        lines.append(flat[:, :2] / flat[:, 2:])
    return lines


def from_above(scene: Scene, video: Video, width: int, height: int) -> Image.Image:
    """The room from above, x to the right and y up: boxes with labels, the floor, and the camera's way."""
    picture = Image.new("RGB", (width, height), "white")
    draw, cameras = ImageDraw.Draw(picture), video.views.poses
    shadows = [thing.corners()[:, :2] for thing in scene.objects]
    outline = [] if scene.floor is None else [scene.floor]
    every = np.concatenate([*shadows, cameras[:, :2, 3], *outline])
    low, high = every.min(axis=0), every.max(axis=0)
    scale = ((np.array([width, height]) - 2 * _MARGIN) / np.maximum(high - low, 1e-6)).min()

    def pixels(points: Floats) -> Floats:
        return np.array([1, -1]) * (points - (low + high) / 2) * scale + np.array([width, height]) / 2

    for corners in outline:
        draw.polygon([tuple(corner) for corner in pixels(corners)], outline="gray", fill=(244, 244, 240))
    for thing in sorted(scene.objects, key=lambda thing: -float(thing.size.prod())):
        corners = pixels(thing.corners()[:, :2])
        for one, other in EDGES:
            draw.line([tuple(corners[one]), tuple(corners[other])], fill=colour_of(thing.category), width=2)
    for thing in scene.objects:
        _label(draw, pixels(thing.center[None, :2])[0], thing.category)
    _draw_way(draw, pixels(cameras[:, :2, 3]), cameras[:, :2, 2] * np.array([1, -1]))
    draw.line([(_MARGIN, height - 10), (_MARGIN + scale, height - 10)], fill="black", width=3)
    draw.text((_MARGIN + scale + 6, height - 16), "1 m", fill="black", font=_font(11))
    return picture


def _draw_way(draw: ImageDraw.ImageDraw, places: Floats, directions: Floats) -> None:
    draw.line([tuple(place) for place in places], fill=(120, 120, 120), width=1)
    for number, (place, direction) in enumerate(zip(places, directions, strict=True)):
        draw.line([tuple(place), tuple(place + 14 * direction)], fill="black", width=2)
        draw.text(tuple(place + 2), str(number), fill="black", font=_font(10))


def colour_of(category: str) -> Colour:
    """A strong colour, the same for a category wherever it stands."""
    hue = int.from_bytes(hashlib.sha256(category.encode()).digest()[:4]) / 2**32
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.9, 0.85)
    return round(255 * red), round(255 * green), round(255 * blue)


def _label(draw: ImageDraw.ImageDraw, middle: Floats, text: str) -> None:
    box = draw.textbbox((float(middle[0]), float(middle[1])), text, anchor="mm", font=_font(11))
    draw.rectangle(box, fill=(255, 255, 255))
    draw.text((float(middle[0]), float(middle[1])), text, fill=(0, 0, 0), anchor="mm", font=_font(11))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
