"""Reads sampled frames of a recording; a broken one is replaced by others, as if it had not been recorded.

An image or depth map that cannot be read costs itself. Then the frames are chosen anew among the others. Where more
than a fifth of those that were tried are broken, the recording is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.errors import BadSceneError
from lightning_ouro.scenes.footage.recording import Recording, Shares
from lightning_ouro.scenes.footage.visibility import completed, measured_shares
from lightning_ouro.scenes.readers.left_out import LeftOut
from lightning_ouro.scenes.types import Scene


@dataclass(frozen=True, eq=False)
class ReadFrames:
    """Some frames of a recording.

    Attributes:
        indices: The `T` frames, rising.
        images: uint8 `(T, H, W, 3)`.
        visibility: `(T, objects)` share of the pixels that each object fills for certain.
        possible: The same at most.
    """

    indices: list[int]
    images: NDArray[np.uint8]
    visibility: NDArray[np.float32]
    possible: NDArray[np.float32]


def read_frames(scene: Scene, recording: Recording, wanted: int, size: tuple[int, int]) -> ReadFrames:
    """Reads `wanted` frames, evenly sampled from those that are whole; all if there are no more.

    Args:
        scene: The scene.
        recording: Its recording, with at least one valid frame.
        wanted: Number of frames.
        size: Height and width to which images are resized.

    Raises:
        BadSceneError: too many frames are broken.
    """
    images: dict[int, NDArray[np.uint8]] = {}
    shares: dict[int, Shares | None] = {}
    whole, broken = list(range(len(recording.shots.times))), LeftOut("frames tried")
    while True:
        indices = [whole[place] for place in uniform_indices(len(whole), wanted)]
        missing = [index for index in indices if index not in shares]
        if not missing:
            break
        for index, image in images_or_problems(recording, missing, size):
            try:
                if isinstance(image, BadSceneError):
                    raise image
                images[index], shares[index] = image, measured_shares(scene, recording, index)
            except BadSceneError as problem:
                broken.add(problem)
                whole.remove(index)
        broken.check(len(shares) + len(broken))
    broken.say(scene.id, len(shares) + len(broken))
    stacked = np.stack([images[index] for index in indices])
    shown = completed(scene, recording.shots, indices, [shares[index] for index in indices])
    certain, possible = (np.stack([getattr(one, name) for one in shown]) for name in ("certain", "possible"))
    return ReadFrames(indices, stacked, certain, possible)


def images_or_problems(
    recording: Recording, indices: Sequence[int], size: tuple[int, int]
) -> Iterator[tuple[int, NDArray[np.uint8] | BadSceneError]]:
    """Each frame's resized image, or why it cannot be read; no variable keeps a full image alive.

    Args:
        recording: Where they are read.
        indices: Of the frames, rising, so that a video is decoded once.
        size: Height and width.
    """
    done = 0
    while done < len(indices):
        images = iter(recording.images(indices[done:]))
        for index in indices[done:]:
            done += 1
            try:
                yield index, resized(next(images), size)
            except BadSceneError as problem:
                yield index, problem
                break  # a generator that raised is exhausted
            except StopIteration:
                raise ValueError("the recording's images are shorter than the list of its frames") from None


def uniform_indices(num_frames: int, wanted: int) -> list[int]:
    """Indices of `wanted` of `num_frames` frames, including the first and the last; all if there are no more.

    Chosen like the official evaluation of VSI-Bench: `np.linspace(0, num_frames - 1, wanted, dtype=int)`.
    """
    if num_frames <= wanted:
        return list(range(num_frames))
    return np.linspace(0, num_frames - 1, wanted, dtype=int).tolist()


def resized(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The image `(H, W, 3)` at a height and width, to the bit as Qwen3-VL's processor resizes it on a CPU.

    That is torchvision's bicubic resizing with antialiasing, which is this call of torch. Pillow's differs by up to 3
    of 255 levels (benchmarks/README.md), and takes six times as long.
    """
    if image.shape[:2] == size:
        return image
    # Imported late: it takes a second that reading metadata does without.
    import torch

    pixels = torch.from_numpy(np.require(image, requirements=["C", "W"])).permute(2, 0, 1)[None]
    scaled = torch.nn.functional.interpolate(pixels, size, mode="bicubic", antialias=True)
    return scaled[0].permute(1, 2, 0).contiguous().numpy()
