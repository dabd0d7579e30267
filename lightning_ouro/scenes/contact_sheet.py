"""One image of a scene from which a person sees in a second whether it was read correctly.

`contact_sheet` puts together frames with the boxes of the objects that they show, one colour per category,
and a floor plan with labelled boxes, the floor's outline and the camera's path. Boxes that do not lie on
their objects, or a camera that walks through walls, mean that the reader is wrong.
"""

from __future__ import annotations

import colorsys
import hashlib
import math
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lightning_ouro.scenes.types import CORNER_SIGNS, Scene, Video

VISIBLE = (
    0.003  # share of a frame that an object must fill for its box to be drawn, as in `programs.first_seen`
)
EDGES = [  # of a box, as pairs of corners that differ in one sign
    pair for pair in combinations(range(8), 2) if (CORNER_SIGNS[pair[0]] != CORNER_SIGNS[pair[1]]).sum() == 1
]
_NEAR = 0.05  # metres in front of the camera at which edges are clipped
_MARGIN = 24  # pixels around the floor plan
_TITLE = 22  # pixels, height of the title
_ARROW = 14  # pixels, length of a camera's viewing direction on the floor plan

Floats = NDArray[np.float64]
Colour = tuple[int, int, int]


def contact_sheet(scene: Scene, video: Video, width: int) -> Image.Image:
    """The image, about `width` pixels wide: the frames in a grid, and the floor plan to the right of them."""
    columns = math.ceil(math.sqrt(len(video.frames)))
    cells = [annotated_frame(scene, video, index) for index in range(len(video.frames))]
    cell_width, cell_height = cells[0].size
    height = math.ceil(len(cells) / columns) * cell_height
    plan = floor_plan(scene, video, max(200, width - columns * cell_width), max(200, height))
    size = (columns * cell_width + plan.width, _TITLE + max(height, plan.height))
    sheet = Image.new("RGB", size, "white")
    for index, cell in enumerate(cells):
        sheet.paste(cell, (index % columns * cell_width, _TITLE + index // columns * cell_height))
    sheet.paste(plan, (columns * cell_width, _TITLE))
    ImageDraw.Draw(sheet).text((6, 4), _title(scene), fill="black", font=_font(14))
    return sheet


def annotated_frame(scene: Scene, video: Video, frame_index: int) -> Image.Image:
    """One frame with its time and the boxes of the objects visible in it."""
    image = Image.fromarray(video.frames[frame_index])
    draw, views = ImageDraw.Draw(image), video.views
    for item in scene.objects:
        if views.visibility[frame_index, item.id] < VISIBLE:
            continue
        edges = projected_edges(item.corners(), views.intrinsics[frame_index], views.poses[frame_index])
        for edge in edges:
            draw.line([tuple(end) for end in edge], fill=colour_of(item.category), width=2)
        if edges:
            ends = np.clip(np.concatenate(edges), 0, np.array(image.size) - 1)
            _label(draw, (ends.min(axis=0) + ends.max(axis=0)) / 2, item.category)
    _label(draw, np.array([24.0, 9.0]), f"{views.timestamps[frame_index]:.1f} s")
    return image


def projected_edges(corners: Floats, intrinsics: Floats, pose: Floats) -> list[Floats]:
    """The edges of a box in pixels, `(2, 2)` each, clipped to what lies in front of the camera.

    Args:
        corners: `(8, 3)` in the order of `CORNER_SIGNS`, metres.
        intrinsics: `(3, 3)` pinhole matrix.
        pose: `(4, 4)` camera to world.
    """
    in_camera = (corners - pose[:3, 3]) @ pose[:3, :3]
    edges = []
    for pair in EDGES:
        ends = in_camera[list(pair)]
        if (ends[:, 2] < _NEAR).all():
            continue
        nearer = ends[:, 2].argmin()
        if ends[nearer, 2] < _NEAR:
            share = (_NEAR - ends[nearer, 2]) / (ends[1 - nearer, 2] - ends[nearer, 2])
            ends[nearer] += share * (ends[1 - nearer] - ends[nearer])
        projected = ends @ intrinsics.T
        edges.append(projected[:, :2] / projected[:, 2:])
    return edges


def floor_plan(scene: Scene, video: Video, width: int, height: int) -> Image.Image:
    """The scene from above, x to the right and y up: floor, labelled boxes, and the camera's path."""
    image = Image.new("RGB", (width, height), "white")
    draw, cameras = ImageDraw.Draw(image), video.views.poses
    outlines = [] if scene.floor is None else [scene.floor]
    points = np.concatenate(
        [*(item.corners()[:, :2] for item in scene.objects), cameras[:, :2, 3], *outlines]
    )
    low, high = points.min(axis=0), points.max(axis=0)
    scale = ((np.array([width, height]) - 2 * _MARGIN) / np.maximum(high - low, 1e-6)).min()

    def to_pixels(points: Floats) -> Floats:
        return np.array([1, -1]) * (points - (low + high) / 2) * scale + np.array([width, height]) / 2

    for outline in outlines:
        draw.polygon([tuple(corner) for corner in to_pixels(outline)], outline="gray", fill=(244, 244, 240))
    for item in sorted(scene.objects, key=lambda item: -float(item.size.prod())):
        corners = to_pixels(item.corners()[:, :2])
        for start, end in EDGES:
            draw.line([tuple(corners[start]), tuple(corners[end])], fill=colour_of(item.category), width=2)
    for item in scene.objects:
        _label(draw, to_pixels(item.center[None, :2])[0], item.category)
    _draw_path(draw, to_pixels(cameras[:, :2, 3]), cameras[:, :2, 2] * np.array([1, -1]))
    draw.line([(_MARGIN, height - 10), (_MARGIN + scale, height - 10)], fill="black", width=3)
    draw.text((_MARGIN + scale + 6, height - 16), "1 m", fill="black", font=_font(11))
    return image


def colour_of(category: str) -> Colour:
    """A saturated colour that depends on the category's name alone."""
    hue = int.from_bytes(hashlib.sha256(category.encode()).digest()[:4]) / 2**32
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.9, 0.85)
    return round(255 * red), round(255 * green), round(255 * blue)


def _title(scene: Scene) -> str:
    benchmarks = f", in {', '.join(scene.benchmarks)}" if scene.benchmarks else ""
    count, area = len(scene.objects), scene.floor_area
    return f"{scene.id} ({scene.source}{benchmarks}): {count} objects, floor {area:.1f} m2"


def _draw_path(draw: ImageDraw.ImageDraw, positions: Floats, directions: Floats) -> None:
    draw.line([tuple(position) for position in positions], fill=(120, 120, 120), width=1)
    for index, (position, direction) in enumerate(zip(positions, directions, strict=True)):
        draw.line([tuple(position), tuple(position + _ARROW * direction)], fill="black", width=2)
        draw.text(tuple(position + 2), str(index), fill="black", font=_font(10))


def _label(draw: ImageDraw.ImageDraw, middle: Floats, text: str) -> None:
    box = draw.textbbox((float(middle[0]), float(middle[1])), text, anchor="mm", font=_font(11))
    draw.rectangle(box, fill=(255, 255, 255))
    draw.text((float(middle[0]), float(middle[1])), text, fill=(0, 0, 0), anchor="mm", font=_font(11))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
