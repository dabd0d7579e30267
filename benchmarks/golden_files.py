"""Golden files, which hold what transformers' Qwen3VLProcessor made of real pictures: what they say, and the pictures.

`processor_parity.py` says what such a file holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image as Pillow
from torch import Tensor
from transformers import AutoTokenizer, Qwen3VLConfig

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.pixel_budget import FRAME_TOKENS, JOINED, capped, shown_size
from lightning_ouro.scenes.types import Image, Video, Views
from lightning_ouro.solver.checkpoint import patch_spec, read_config
from lightning_ouro.solver.encoding import Segment
from lightning_ouro.solver.patches import PatchSpec, Visual, grid_of

BUDGETS = {  # pixels, of Qwen3-VL's own settings, where the checkpoint has none
    "image": {"shortest_edge": 65536, "longest_edge": 16777216},
    "video": {"shortest_edge": 4096, "longest_edge": 25165824},
}
DEFAULT_FPS = 24  # of transformers, for a video that has none
Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Resize = Callable[[Pixels, tuple[int, int]], Pixels]  # to a height and width


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint's folder says of inputs: tokenizer with template, config, patches, and budgets of pixels."""

    tokenizer: Any
    config: Qwen3VLConfig
    spec: PatchSpec
    budgets: Mapping[str, Mapping[str, int]]

    @classmethod
    def read(cls, folder: Path) -> Checkpoint:
        """Reads all but weights."""
        config, tokenizer = read_config(str(folder)), AutoTokenizer.from_pretrained(folder)
        if (template := folder / "chat_template.json").is_file():
            tokenizer.chat_template = json.loads(template.read_text("utf8"))["chat_template"]
        files = {"image": "preprocessor_config.json", "video": "video_preprocessor_config.json"}
        sizes = {
            kind: json.loads((folder / name).read_text("utf8"))["size"]
            if (folder / name).is_file()
            else BUDGETS[kind]
            for kind, name in files.items()
        }
        return cls(tokenizer, config, patch_spec(str(folder), config), sizes)

    @property
    def token(self) -> int:
        """Side of a token in pixels."""
        return self.spec.patch_size * self.spec.merge_size


def conversation(
    said: Mapping[str, Any], scenes: Sequence[Path], checkpoint: Checkpoint, resize: Resize
) -> tuple[list[Segment], str | None]:
    """The user's turn with its pictures as they are shown, and what the system says before it, if anything."""
    how = (said, scenes, checkpoint, resize)
    pictures = {"image": images(*how), "video": videos(*how)}
    turns = {turn["role"]: turn["content"] for turn in said["messages"]}
    if [turn["role"] for turn in said["messages"]] not in (["user"], ["system", "user"]):
        raise InputError(
            f"turns of {[turn['role'] for turn in said['messages']]}: known are one user's, after a system's"
        )
    system = turns.get("system")
    if isinstance(system, list):
        system = "".join(part["text"] for part in system)
    content = turns["user"]
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    segments = [part["text"] if part["type"] == "text" else pictures[part["type"]].pop(0) for part in parts]
    return segments, system


def images(
    said: Mapping[str, Any], scenes: Sequence[Path], checkpoint: Checkpoint, resize: Resize
) -> list[Visual]:
    """The images, each at the size that the image processor chooses."""
    least, most = edges(said, "image", checkpoint)
    shown: list[Visual] = []
    for pixels in opened(said, said.get("images", []), scenes):
        height, width = pixels.shape[:2]
        shown.append(Image(resize(pixels, shown_size(height, width, checkpoint.token, least, most))))
    return shown


def videos(
    said: Mapping[str, Any], scenes: Sequence[Path], checkpoint: Checkpoint, resize: Resize
) -> list[Visual]:
    """The videos, each at the size that the video processor chooses; two frames share one time, as there."""
    frames, metadata = said.get("frames", []), said.get("video_metadata")
    several = frames and not isinstance(frames[0], str)
    pairs = zip(frames, metadata, strict=True) if several else [(frames, metadata)] if frames else []
    least, most = edges(said, "video", checkpoint)
    shown: list[Visual] = []
    for names, data in pairs:
        number = len(names)
        if said.get("cap_pixels_per_frame"):
            most = capped(least, most, number, FRAME_TOKENS * checkpoint.token**2)
        pixels = np.stack(opened(said, names, scenes))
        size = shown_size(*pixels.shape[1:3], checkpoint.token, least, most, number, JOINED)
        indices, fps = (data or {}).get("frames_indices"), (data or {}).get("fps")
        times = np.array(indices or range(number)) / (fps or DEFAULT_FPS)
        nothing = np.zeros((number, 3, 3)), np.zeros((number, 4, 4)), np.zeros((number, 0), np.float32)
        views = Views(times, *nothing, size, frames_per_time=checkpoint.spec.temporal_patch_size)
        shown.append(Video(np.stack([resize(frame, size) for frame in pixels]), views))
    return shown


def edges(said: Mapping[str, Any], kind: str, checkpoint: Checkpoint) -> tuple[int, int]:
    """Smallest and largest number of pixels: those that the file names, or the checkpoint's."""
    size = said.get("size")
    budget = size if isinstance(size, Mapping) else checkpoint.budgets[kind]
    return budget["shortest_edge"], budget["longest_edge"]


def opened(said: Mapping[str, Any], names: Sequence[str], scenes: Sequence[Path]) -> list[Pixels]:
    """The pictures of a file's folder, at the size to which they were resized before the processor saw them."""
    folder = next((place / said["folder"] for place in scenes if (place / said["folder"]).is_dir()), None)
    if folder is None:
        raise InputError(f"{said['folder']} lies in none of {', '.join(map(str, scenes))}; pass --scenes")
    size = said.get("size")
    one = None if isinstance(size, Mapping) else size
    found = []
    for index, name in enumerate(names):
        with Pillow.open(folder / name) as picture:
            sizes = said.get("sizes") or [one] * len(names)
            changed = picture.convert("RGB")
            found.append(np.asarray(changed.resize(sizes[index]) if sizes[index] else changed))
    return found


def form_of(ids: Tensor, visuals: Sequence[Visual], checkpoint: Checkpoint) -> Literal["wrapped", "plain"]:
    """The form in which tokens write videos: wrapped has one more pair of marks for each of them."""
    start = checkpoint.tokenizer.convert_tokens_to_ids("<|vision_start|>")
    groups = sum(grid_of(visual, checkpoint.spec)[0] for visual in visuals)
    return "plain" if int((ids == start).sum()) <= groups else "wrapped"
