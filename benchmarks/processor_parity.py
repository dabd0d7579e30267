"""Is what the model reads what transformers' own processor would make of it?

    python benchmarks/processor_parity.py --golden FOLDER [--scenes FOLDER] [--checkpoint FOLDER] [--out FILE]

A golden file is what some version's Qwen3VLProcessor made of real pictures: an .npz with `input_ids`, `positions` (those of
`get_rope_index`), `grid`, `first_patches`, and `patch_mean` and `patch_square` of every patch; beside it a .json with the
conversation (`messages`) and the pictures: `images` or `frames`, which are files in `folder` below the folder of scenes, the
size (width, height) to which each was resized first (`sizes`), and of a video its `video_metadata`. Sizes are chosen and
pictures resized here as well. Whether a video has marks around it (model.video_form) is what the golden tokens show.

Positions are also compared with `get_rope_index` of the installed transformers, and the patches with those of pictures
that Pillow has resized. The checkpoint, of which tokenizer, template, config and processor settings are read, is found
beside the golden files. The last line is one JSON object: how many files, of how many of them all tokens and all
positions are equal, and the largest difference of a number in the first patches (of -1 to 1; null where some file's
patches cannot be compared).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as Pillow
from record import ROOT, provenance, write_report
from torch import Tensor
from transformers import AutoModelForImageTextToText, AutoTokenizer, Qwen3VLConfig

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.footage.read_frames import resized
from lightning_ouro.scenes.pixel_budget import FRAME_TOKENS, JOINED, capped, shown_size
from lightning_ouro.scenes.types import Image, Video, Views
from lightning_ouro.solver.checkpoint import patch_spec, read_config
from lightning_ouro.solver.encoding import Prefix, RowEncoder, Segment
from lightning_ouro.solver.patches import PatchSpec, Visual, grid_of, patches_of
from lightning_ouro.solver.prompt_form import PromptForm

PACKAGES = ("lightning_ouro", "torch", "transformers", "numpy", "pillow")
SHARED = ROOT.parent / "shared" / "data"  # real data beside the project, for those who have it
BUDGETS = {  # pixels, of Qwen3-VL's own settings, where the checkpoint has none
    "image": {"shortest_edge": 65536, "longest_edge": 16777216},
    "video": {"shortest_edge": 4096, "longest_edge": 25165824},
}
DEFAULT_FPS = 24  # of transformers, for a video that has none
Pixels = np.ndarray[Any, np.dtype[np.uint8]]


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


def main(args: Sequence[str] | None = None) -> None:
    """Compares every file, reports, and prints the summary."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--golden", type=Path, required=True, help="folder of golden files")
    parser.add_argument("--scenes", type=Path, help="folder below which the pictures lie")
    parser.add_argument("--checkpoint", type=Path, help="folder of the checkpoint that they were made with")
    parser.add_argument("--out", type=Path, help="also write the report to this file")
    given = parser.parse_args(args)
    report: dict[str, Any] = provenance("processor_parity.py", args, PACKAGES)
    names = sorted(path for path in given.golden.glob("*.json") if path.with_suffix(".npz").is_file())
    places = (given.golden, given.golden.parent, SHARED / "qwen3_vl_4b")
    folder = given.checkpoint or next((place for place in places if (place / "config.json").is_file()), None)
    if folder is None:
        parser.error(f"no config.json lies in {', '.join(map(str, places))}; pass --checkpoint")
    checkpoint = Checkpoint.read(folder)
    scenes = (
        [given.scenes]
        if given.scenes
        else [given.golden.parents[1] / "scenes", SHARED / "scenes", given.golden]
    )
    report["files"] = {path.stem: compared(path, scenes, checkpoint) for path in names}
    report["summary"] = summary(list(report["files"].values()))
    if given.out:
        write_report(given.out, report)
    print(json.dumps(report["summary"]))


def summary(files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the last line says."""
    differences = [each.get("patch_difference") for each in files]
    known = [each for each in differences if each is not None]
    return {
        "files": len(files),
        "ids_equal": sum(each.get("ids_equal", False) for each in files),
        "positions_equal": sum(each.get("positions_equal", False) for each in files),
        "patch_difference": max(known, default=None) if len(known) == len(files) else None,
    }


def compared(path: Path, scenes: Sequence[Path], checkpoint: Checkpoint) -> dict[str, Any]:
    """One golden file's comparison; with `problem` in a line where it cannot be made."""
    try:
        found = _compared(path, scenes, checkpoint)
    except (InputError, OSError, KeyError, ValueError, TypeError) as error:
        found = {"problem": f"{type(error).__name__}: {error}"}
    print(f"{path.name}: {json.dumps(found)}", file=sys.stderr)
    return found


def _compared(path: Path, scenes: Sequence[Path], checkpoint: Checkpoint) -> dict[str, Any]:
    said = json.loads(path.read_text("utf8"))
    with np.load(path.with_suffix(".npz")) as arrays:
        golden = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    segments, system = conversation(said, scenes, checkpoint)
    visuals = [segment for segment in segments if not isinstance(segment, str)]
    form = form_of(golden["input_ids"], visuals, checkpoint)
    encoder = RowEncoder(checkpoint.tokenizer, checkpoint.config, checkpoint.spec, PromptForm(form, system))
    turn, grids = (
        encoder.turn(segments, is_whole=True),
        [grid_of(visual, checkpoint.spec) for visual in visuals],
    )
    found = {
        "transformers": said.get("transformers"),
        "pictures": [
            f"{len(visual.frames)} of {'{} x {}'.format(*visual.frames.shape[1:3])}" for visual in visuals
        ],
        "video_form": form if any(isinstance(visual, Video) for visual in visuals) else None,
        "tokens": len(golden["input_ids"]),
        "ids_equal": turn.ids.tolist() == golden["input_ids"].tolist(),
        "positions_equal": turn.positions.tolist() == golden["positions"].tolist(),
        "positions_equal_installed": torch.equal(
            turn.positions, installed_positions(turn, visuals, checkpoint)
        ),
        "grid_equal": grids == [tuple(grid) for grid in golden["grid"].tolist()],
    }
    return found | patch_differences(visuals, golden, checkpoint.spec)


def conversation(
    said: Mapping[str, Any], scenes: Sequence[Path], checkpoint: Checkpoint
) -> tuple[list[Segment], str | None]:
    """The user's turn with its pictures as they are shown, and what the system says before it, if anything."""
    pictures = {"image": images(said, scenes, checkpoint), "video": videos(said, scenes, checkpoint)}
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


def images(said: Mapping[str, Any], scenes: Sequence[Path], checkpoint: Checkpoint) -> list[Visual]:
    """The images, each at the size that the image processor chooses."""
    least, most = edges(said, "image", checkpoint)
    shown: list[Visual] = []
    for pixels in opened(said, said.get("images", []), scenes):
        height, width = pixels.shape[:2]
        shown.append(Image(resized(pixels, shown_size(height, width, checkpoint.token, least, most))))
    return shown


def videos(said: Mapping[str, Any], scenes: Sequence[Path], checkpoint: Checkpoint) -> list[Visual]:
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
        shown.append(Video(np.stack([resized(frame, size) for frame in pixels]), views))
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


def form_of(ids: Tensor, visuals: Sequence[Visual], checkpoint: Checkpoint) -> Any:
    """The form in which tokens write videos: wrapped has one more pair of marks for each of them."""
    start = checkpoint.tokenizer.convert_tokens_to_ids("<|vision_start|>")
    groups = sum(grid_of(visual, checkpoint.spec)[0] for visual in visuals)
    return "plain" if int((ids == start).sum()) <= groups else "wrapped"


def installed_positions(turn: Prefix, visuals: Sequence[Visual], checkpoint: Checkpoint) -> Tensor:
    """Positions `(3, P)` by the installed transformers' `get_rope_index`."""
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(checkpoint.config).model
    config, kinds = checkpoint.config, {"image": Image, "video": Video}
    types = (turn.ids == config.image_token_id).int() + 2 * (turn.ids == config.video_token_id).int()
    grids = {
        f"{name}_grid_thw": torch.tensor(
            [grid_of(each, checkpoint.spec) for each in visuals if isinstance(each, kind)]
        )
        for name, kind in kinds.items()
        if any(isinstance(each, kind) for each in visuals)
    }
    positions, _ = model.get_rope_index(turn.ids[None], mm_token_type_ids=types[None], **grids)
    return positions[:, 0]


def patch_differences(
    visuals: Sequence[Visual], golden: Mapping[str, Tensor], spec: PatchSpec
) -> dict[str, float | None]:
    """How far patches are from the golden ones: the largest and mean difference of the first, and of every mean."""
    ours, first = patches_of(visuals, spec), golden["first_patches"]
    if len(ours) != len(golden["patch_mean"]):
        return {"patch_difference": None}
    difference = (ours[: len(first)] - first).abs()
    moments = ((ours.mean(1), golden["patch_mean"]), (ours.square().mean(1), golden["patch_square"]))
    return {
        "patch_difference": float(difference.max()),
        "patch_difference_mean": float(difference.mean()),
        "moment_difference": max(float((mine - theirs).abs().max()) for mine, theirs in moments),
    }


if __name__ == "__main__":
    main()
