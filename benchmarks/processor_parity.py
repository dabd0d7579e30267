"""Is what the model reads what transformers' own processor would make of it?

    python benchmarks/processor_parity.py --golden FOLDER [--scenes FOLDER] [--checkpoint FOLDER] [--out FILE]

A golden file is what some Qwen3VLProcessor made of real pictures: an .npz with `input_ids`, `positions` (those of
`get_rope_index`), `grid`, `first_patches`, and `patch_mean` and `patch_square` of every patch. The .json beside it has
the conversation (`messages`) and the pictures, `images` or `frames`, which are files in `folder` below the folder of
scenes; the size (width, height) to which each was resized first (`sizes`, or `size` for all); and a video's
`video_metadata`. Here the sizes are chosen and the pictures resized anew. Whether marks stand around a video
(model.video_form) is what the golden tokens show.

Positions are also compared with `get_rope_index` of the installed transformers, and patches with those of pictures that
Pillow has resized. The checkpoint, of which tokenizer, template, config and processor settings are read, is looked for
beside the golden files. The last line is one JSON object: the number of files, of how many of them all tokens and all
positions are equal, and the largest difference of a number in the first patches (numbers are -1 to 1; null where the
patches of a file cannot be compared).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from golden_files import Checkpoint, Pixels, conversation, form_of
from PIL import Image as Pillow
from record import ROOT, provenance, write_report
from torch import Tensor
from transformers import AutoModelForImageTextToText

from lightning_ouro.errors import InputError
from lightning_ouro.scenes.footage.read_frames import resized
from lightning_ouro.scenes.types import Image, Video
from lightning_ouro.solver.encoding import Prefix, RowEncoder, Segment
from lightning_ouro.solver.patches import PatchSpec, Visual, grid_of, patches_of
from lightning_ouro.solver.prompt_form import PromptForm

PACKAGES = ("lightning_ouro", "torch", "transformers", "numpy", "pillow")
SHARED = ROOT.parent / "shared" / "data"  # real data beside the project, for those who have it


def main(args: Sequence[str] | None = None) -> None:
    """Compares every file, reports, and prints the summary."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--golden", type=Path, required=True, help="folder of golden files")
    parser.add_argument(
        "--scenes", type=Path, help="folder below which the pictures lie; else beside the files"
    )
    parser.add_argument("--checkpoint", type=Path, help="folder of the checkpoint that they were made with")
    parser.add_argument("--out", type=Path, help="also write the report to this file")
    given = parser.parse_args(args)
    report: dict[str, Any] = provenance("processor_parity.py", args, PACKAGES)
    golden = given.golden.resolve()
    names = sorted(path for path in golden.glob("*.json") if path.with_suffix(".npz").is_file())
    places = (golden, golden.parent, SHARED / "qwen3_vl_4b")
    folder = given.checkpoint or next((place for place in places if (place / "config.json").is_file()), None)
    if folder is None:
        parser.error(f"no config.json lies in {', '.join(map(str, places))}; pass --checkpoint")
    checkpoint = Checkpoint.read(folder)
    named = [given.scenes, given.scenes / "scenes"] if given.scenes else []
    scenes = [*named, golden.parents[1] / "scenes", SHARED / "scenes", golden]
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
    segments, system = conversation(said, scenes, checkpoint, resized)
    visuals = visuals_of(segments)
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
    by_pillow = visuals_of(conversation(said, scenes, checkpoint, pillow_resized)[0])
    other = patch_differences(by_pillow, golden, checkpoint.spec)
    return found | patch_differences(visuals, golden, checkpoint.spec) | {"pillow": other}


def visuals_of(segments: Sequence[Segment]) -> list[Visual]:
    """Images, then videos, as the processor returns their patches; each kind in its order."""
    return sorted(
        (segment for segment in segments if not isinstance(segment, str)),
        key=lambda visual: isinstance(visual, Video),
    )


def pillow_resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """As `resized`, by Pillow."""
    return np.asarray(Pillow.fromarray(pixels).resize(size[::-1], Pillow.Resampling.BICUBIC))


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
