"""What the installed transformers' Qwen3VLProcessor makes of a video in a prompt.

A user's own inference feeds what that processor writes, so it is asked, by its own code: `Qwen3VLProcessor.__call__`
runs on a prompt with a video, with the tokenizer of the tiny model. A stand-in takes the place of the video processor,
which cannot be had without torchvision: it returns a grid of two groups of frames, and nothing is resized. The tokens
that come out are compared with those of both forms that are known here.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Literal, cast

import numpy as np
from transformers import AutoTokenizer

from lightning_ouro.errors import InputError, on_one_line
from lightning_ouro.solver.chat_template import IMAGE_PAD, VIDEO_PAD, VISION_END, VISION_START
from lightning_ouro.solver.checkpoint import checkpoint_folder

WrittenForm = Literal["wrapped", "plain"]

GROUPS = (0.5, 2.5)  # seconds, of the groups of frames that the stand-in returns


def installed_video_form() -> WrittenForm:
    """The form in which the installed processor writes a video.

    Raises:
        InputError: it cannot be asked, or writes it in a form that is not known here.
    """
    tokenizer = AutoTokenizer.from_pretrained(checkpoint_folder("tiny"))
    try:
        # Imported late: it takes a second, which runs that are told their form can do without.
        from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor

        written = _asked(Qwen3VLProcessor, tokenizer)
    except Exception as error:  # another version may fail in any way
        raise InputError(
            "model.video_form=auto: the processor of the installed transformers cannot be asked "
            f"({type(error).__name__}: {on_one_line(error)}); set model.video_form to wrapped, as transformers does "
            "since 5.10, or to plain"
        ) from error
    groups = "".join(f"<{time:.1f} seconds>{VISION_START}{VIDEO_PAD}{VISION_END}" for time in GROUPS)
    forms = {"wrapped": f"a{VISION_START}{groups}{VISION_END}b", "plain": f"a{groups}b"}
    for form, text in forms.items():
        if written == tokenizer(text)["input_ids"]:
            return cast(WrittenForm, form)
    raise InputError(
        f"model.video_form=auto: the processor of the installed transformers writes a video as "
        f"{tokenizer.decode(written)!r}, which this version does not know; set model.video_form to wrapped or plain"
    )


def _asked(processor_class: Any, tokenizer: Any) -> list[int]:
    """The tokens of a prompt with a video of four frames, one second apart, of one token each."""
    processor = object.__new__(processor_class)  # its __init__ insists on transformers' own video processor
    processor.image_processor, processor.chat_template = None, None
    processor.tokenizer, processor.video_processor = tokenizer, _StandIn()
    marks = {"image": IMAGE_PAD, "video": VIDEO_PAD, "vision_start": VISION_START, "vision_end": VISION_END}
    for name, mark in marks.items():
        setattr(processor, f"{name}_token", mark)
        setattr(processor, f"{name}_token_id", tokenizer.convert_tokens_to_ids(mark))
    prompt, video = f"a{VISION_START}{VIDEO_PAD}{VISION_END}b", np.zeros((4, 3, 32, 32), np.uint8)
    return [int(token) for token in processor(text=[prompt], videos=[video])["input_ids"][0]]


class _StandIn:
    """Answers as transformers' video processor would, of a video of 32 x 32 pixels."""

    patch_size, temporal_patch_size, merge_size = 16, 2, 2
    model_input_names = ("pixel_values_videos", "video_grid_thw")

    def __call__(self, videos: Any = None, **_: Any) -> dict[str, Any]:
        times = SimpleNamespace(fps=1.0, frames_indices=[0, 1, 2, 3])
        patches = np.zeros((8, 1536), np.float32)
        return {
            "pixel_values_videos": patches,
            "video_grid_thw": np.array([[2, 2, 2]]),
            "video_metadata": [times],
        }
