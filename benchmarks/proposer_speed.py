"""How much faster are a scene's proposals from one prefill than `generate` for each? A part of `proposer.py`.

Both draw each token by the same generators, so they write the same texts, which is checked. In turns, best of two.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList

from lightning_ouro.programs.questions import Rejection
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.proposer.model import ModelProposer, Sampler, as_proposal, generator
from lightning_ouro.proposer.protocol import Brief
from lightning_ouro.solver.loading import as_base
from lightning_ouro.solver.module import SolverModule
from lightning_ouro.solver.patches import frames_to_patches, video_grid

TURNS = 2


class ByGenerator(LogitsProcessor):
    """Lets `generate` write what a sampler draws."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def __call__(self, ids: Tensor, logits: Tensor) -> Tensor:
        """Leaves one token possible."""
        token = self._sampler(logits, [0])
        return torch.full_like(logits, -torch.inf).scatter(1, token[:, None], 0.0)


def speed(
    solver: SolverModule, proposer: ModelProposer, briefs: Sequence[Brief], longest: int
) -> dict[str, Any]:
    """Proposals a second both ways, and whether the texts are the same."""
    ways: dict[str, Callable[[], list[str]]] = {
        "together": lambda: [said(item) for item in proposer.propose(briefs)],
        "alone": lambda: one_by_one(solver, proposer, briefs, longest),
    }
    seconds: dict[str, float] = {}
    texts: dict[str, list[str]] = {}
    for _ in range(TURNS):
        for name, write in ways.items():
            started = time.perf_counter()
            texts[name] = write()
            seconds[name] = min(seconds.get(name, float("inf")), time.perf_counter() - started)
    number = len(texts["together"])
    return {
        "proposals": number,
        "a_second": round(number / seconds["together"], 2),
        "a_second_naive": round(number / seconds["alone"], 2),
        "speedup_naive": round(seconds["alone"] / seconds["together"], 2),
        "same_texts": texts["together"] == texts["alone"],
    }


def one_by_one(
    solver: SolverModule, proposer: ModelProposer, briefs: Sequence[Brief], longest: int
) -> list[str]:
    """The same proposals by transformers' `generate`, each with a prefill of its own."""
    assert solver.loaded is not None
    qwen, tokenizer, spec, found = (
        solver.loaded.qwen,
        solver.loaded.tokenizer,
        solver.loaded.spec,
        list[str](),
    )
    for brief in briefs:
        video = brief.video()
        assert video is not None
        prompt = proposer.writer(solver).write(brief, scene_geometry(brief.scene, brief.views))
        row = solver.encoder.replies(video, prompt.text, [None])
        ids = torch.cat([row.prefix.ids, row.suffixes[0].ids])[None]
        inputs = {
            "input_ids": ids,
            "pixel_values_videos": frames_to_patches(video.frames, spec),
            "video_grid_thw": torch.tensor([video_grid(video.frames.shape, spec)]),
            "mm_token_type_ids": 2 * (ids == qwen.config.video_token_id).int(),
        }
        for slot in range(brief.slots):
            by_generator = LogitsProcessorList([ByGenerator(Sampler([generator(brief, slot)], 1.0, 1.0))])
            end = tokenizer.convert_tokens_to_ids("<|im_end|>")
            with as_base(solver.loaded.net), torch.no_grad():
                reply = qwen.generate(
                    **inputs,
                    max_new_tokens=longest,
                    do_sample=False,
                    logits_processor=by_generator,
                    eos_token_id=end,
                    pad_token_id=0,
                )
            text = tokenizer.decode(reply[0, ids.shape[1] :], skip_special_tokens=True)
            found.append(said(as_proposal(proposer.name, brief, slot, prompt.short, text)))
    return found


def said(item: Any) -> str:
    """Text and program of a proposal, or the text that could not be read."""
    proposal = item.proposal if isinstance(item, Rejection) else item
    return f"{proposal.text}\n{proposal.program}"
