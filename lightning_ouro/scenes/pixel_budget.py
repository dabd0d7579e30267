"""The size at which a picture is shown, from a budget of pixels, as Qwen3-VL's processors choose it.

`smart_resize` of transformers (qwen3_vl/video_processing_qwen3_vl.py and qwen2_vl/image_processing_qwen2_vl.py, 5.24;
4.57 gives the same where it gives any) scales a picture at nearly its own aspect ratio to whole tokens. Its budget is
`size` in the processor's settings: `longest_edge` is the largest number of pixels, `shortest_edge` the smallest, of an
image or of all frames of a video together. `cap_pixels_per_frame` limits each frame, too, as qwen-vl-utils does.
"""

from __future__ import annotations

import math

JOINED = 2  # frames that a patch of Qwen3-VL spans
FRAME_TOKENS = 768  # of a frame, to which `cap_pixels_per_frame` limits it: max_video_tokens of transformers


def shown_size(
    height: float, width: float, token: int, least: int, most: int, num_frames: int = 1, joined: int = 1
) -> tuple[int, int]:
    """Height and width in pixels, multiples of a token's side, at which a picture is shown.

    Args:
        height: Of the picture, in pixels.
        width: Likewise.
        token: Side of a token in pixels.
        least: Smallest number of pixels of all frames; a smaller picture is enlarged.
        most: Largest number of pixels of all frames. Only where a single row or column of tokens has more is it
            exceeded.
        num_frames: Number of frames; 1 for an image.
        joined: Number of frames that a patch spans, `JOINED` for a video; 1 for an image, whose repetition does not
            count.
    """
    if num_frames > 1 and min(height, width) < token:
        scale = max(token / height, token / width)
        height, width = int(height * scale), int(width * scale)
    sides = (height, width)
    rows, columns = (round(side / token) for side in sides)
    pixels = round(num_frames / joined) * joined * rows * columns * token**2
    if pixels > most:
        shrink = math.sqrt(num_frames * height * width / most)
        rows, columns = (max(1, math.floor(side / shrink / token)) for side in sides)
    elif pixels < least:
        enlarge = math.sqrt(least / (num_frames * height * width))
        rows, columns = (math.ceil(side * enlarge / token) for side in sides)
    return max(1, rows) * token, max(1, columns) * token


def capped(least: int, most: int, num_frames: int, frame_pixels: int) -> int:
    """Largest number of pixels of all frames, where each frame is limited as well (`cap_pixels_per_frame`).

    Args:
        least: As `shown_size`; a frame may always have 1.05 times that.
        most: As `shown_size`.
        num_frames: Number of frames.
        frame_pixels: Largest number of pixels of a frame, `FRAME_TOKENS` tokens in transformers.
    """
    return num_frames * max(min(frame_pixels, most // num_frames), int(1.05 * least))
