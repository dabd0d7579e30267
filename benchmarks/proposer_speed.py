"""How much faster is one prefill for a scene's proposals than `generate` for each? A part of `proposer.py`.

Both draw every token with the same random generators, so they have to write the same texts, which is checked.
They take turns; the best time of each counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList

from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.proposer.model import ModelProposer, Sampler, as_proposal, generator
from lightning_ouro.proposer.protocol import Brief
from lightning_ouro.solver.loading import as_base
from lightning_ouro.solver.module import SolverModule
from lightning_ouro.solver.patches import frames_to_patches, grid_of, joined_frames

TURNS = 2


class ForceSampled(LogitsProcessor):
    """Has `generate` write the tokens that a sampler draws."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def __call__(self, ids: Tensor, logits: Tensor) -> Tensor:
        """Leaves one token possible."""
        token = self._sampler(logits, [0])
        return torch.full_like(logits, -torch.inf).scatter(1, token[:, None], 0.0)


def measure_speed(
    solver: SolverModule, proposer: ModelProposer, briefs: Sequence[Brief], max_new_tokens: int
) -> dict[str, Any]:
    """Proposals per second both ways, and whether the texts are the same."""
    methods: dict[str, Callable[[], list[str]]] = {
        "together": lambda: [text_of(item) for item in proposer.propose(briefs)],
        "alone": lambda: generate_each(solver, proposer, briefs, max_new_tokens),
    }
    seconds: dict[str, float] = {}
    texts: dict[str, list[str]] = {}
    for _ in range(TURNS):
        for name, write in methods.items():
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


def generate_each(
    solver: SolverModule, proposer: ModelProposer, briefs: Sequence[Brief], max_new_tokens: int
) -> list[str]:
    """The same proposals by transformers' `generate`, each with a prefill of its own."""
    assert solver.loaded is not None, "configure_model comes first"
    qwen, tokenizer, spec = solver.loaded.qwen, solver.loaded.tokenizer, solver.loaded.spec
    texts: list[str] = []
    for brief in briefs:
        video = brief.video()
        assert video is not None, "rendered scenes have a video"
        prompt = proposer.prompt_writer(solver).write(brief, scene_geometry(brief.scene, brief.views))
        row = solver.encoder.row_of_replies(video, prompt.text, [None])
        ids = torch.cat([row.prefix.ids, row.suffixes[0].ids])[None]
        inputs = {
            "input_ids": ids,
            "pixel_values_videos": frames_to_patches(joined_frames(video, spec), spec),
            "video_grid_thw": torch.tensor([grid_of(video, spec)]),
            "mm_token_type_ids": 2 * (ids == qwen.config.video_token_id).int(),
        }
        for slot in range(brief.slots):
            forced = LogitsProcessorList([ForceSampled(Sampler([generator(brief, slot)], 1.0, 1.0))])
            with as_base(solver.loaded.net), torch.no_grad():
                reply = qwen.generate(
                    **inputs,
                    max_new_tokens=max_new_tokens,
                    do_sample=False,
                    logits_processor=forced,
                    eos_token_id=tokenizer.convert_tokens_to_ids("<|im_end|>"),
                    pad_token_id=0,
                )
            text = tokenizer.decode(reply[0, ids.shape[1] :], skip_special_tokens=True)
            texts.append(text_of(as_proposal(proposer.name, brief, slot, prompt.short, text)))
    return texts


def text_of(item: Proposal | Rejection) -> str:
    """Text and program of a proposal, even of one that could not be parsed."""
    proposal = item.proposal if isinstance(item, Rejection) else item
    return f"{proposal.text}\n{proposal.program}"
