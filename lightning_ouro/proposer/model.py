"""The model that learns also asks: its base weights, adapter off, read a scene and write questions with programs.

All of a scene's proposals come from one prefill, several scenes at a time. Each proposal is sampled by a generator of
its own, seeded by (seed, round, scene, slot), so what is written does not depend on what is written beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, Protocol, final

import numpy as np
import torch
from rich.progress import track
from torch import Tensor
from transformers import PreTrainedTokenizerBase
from typing_extensions import override

from lightning_ouro.errors import InputError
from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.proposer.metadata import References
from lightning_ouro.proposer.parsing import Unusable, parse
from lightning_ouro.proposer.prompt import Kind, PromptWriter
from lightning_ouro.proposer.protocol import Brief, Proposer
from lightning_ouro.solver.answering import Choose
from lightning_ouro.solver.encoding import Row, RowEncoder
from lightning_ouro.solver.loading import Lora


class Writer(Protocol):
    """What a proposer needs of the solver."""

    checkpoint: str
    lora: Lora | None
    encoder: RowEncoder

    def write(self, rows: Sequence[Row], choose: Choose, max_new_tokens: int) -> list[str]:
        """The base's replies to rows."""


class ModelProposer(Proposer):
    """Proposes with the solver's base weights; no second copy of them.

    Args:
        prompt: The kind of prompt; auto: compact for the tiny model, full for any other.
        temperature: Of sampling.
        top_p: Only the likeliest tokens that make up this much probability are drawn.
        max_new_tokens: A proposal is cut there, and then mostly unusable.
        max_objects: At most so many objects of a scene are described.
        metadata_tokens: The description's budget.
        feedback_tokens: That of last round's questions.
        scenes_per_batch: Scenes whose proposals are written together.
    """

    name = "model"

    def __init__(
        self,
        prompt: Literal["auto", "full", "compact"] = "auto",
        temperature: float = 1.0,
        top_p: float = 1.0,
        max_new_tokens: int = 512,
        max_objects: int = 64,
        metadata_tokens: int = 3000,
        feedback_tokens: int = 1000,
        scenes_per_batch: int = 4,
    ) -> None:
        for name, value, most in (("temperature", temperature, 100), ("top_p", top_p, 1)):
            if not 0 < value <= most:
                raise InputError(f"loop.proposer.{name}={value} must be above 0 and at most {most}")
        for name, number in (("max_new_tokens", max_new_tokens), ("scenes_per_batch", scenes_per_batch)):
            if number < 1:
                raise InputError(f"loop.proposer.{name}={number} must be at least 1")
        self._prompt, self._temperature, self._top_p = prompt, temperature, top_p
        self._max_new_tokens, self._scenes_per_batch = max_new_tokens, scenes_per_batch
        self._limits = (max_objects, metadata_tokens, feedback_tokens)
        self._solver: Writer | None = None

    @override
    def attach(self, solver: Any) -> None:
        """Takes the solver.

        Raises:
            InputError: it has no adapter: what would be taken for its frozen base learns.
        """
        if solver.lora is None:
            raise InputError(
                "loop.proposer: ModelProposer writes with the weights under an adapter, and model.lora=null has none; "
                "take FrozenCopyProposer, or set model.lora.rank"
            )
        self._solver = solver

    @override
    def propose(
        self, briefs: Sequence[Brief], title: str = "", show_progress: bool = False
    ) -> list[Proposal | Rejection]:
        assert self._solver is not None, "the loop attaches the solver before it asks"
        found: list[Proposal | Rejection] = []
        starts = range(0, len(briefs), self._scenes_per_batch)
        for start in track(starts, f"{title}: proposing", transient=True, disable=not show_progress):
            found += self._together(briefs[start : start + self._scenes_per_batch])
        return found

    def _together(self, briefs: Sequence[Brief]) -> list[Proposal | Rejection]:
        assert self._solver is not None
        rows, slots = list[Row](), list[tuple[Brief, int, References]]()
        writer = self.writer(self._solver)
        for brief in briefs:
            prompt = writer.write(brief, scene_geometry(brief.scene, brief.views))
            rows.append(self._solver.encoder.replies(brief.video(), prompt.text, [None] * brief.slots))
            slots += [(brief, slot, prompt.short) for slot in range(brief.slots)]
        sampler = Sampler(
            [generator(brief, slot) for brief, slot, _ in slots], self._temperature, self._top_p
        )
        replies = self._solver.write(rows, sampler, self._max_new_tokens)
        return [as_proposal(self.name, *slot, reply) for slot, reply in zip(slots, replies, strict=True)]

    def writer(self, solver: Writer) -> PromptWriter:
        """Writes the prompts that this proposer gives to a solver's base."""
        kind: Kind = "compact" if solver.checkpoint == "tiny" else "full"
        kind = kind if self._prompt == "auto" else self._prompt
        return PromptWriter(kind, *self._limits, partial(count_tokens, solver.encoder.tokenizer))


def count_tokens(tokenizer: PreTrainedTokenizerBase, text: str) -> int:
    """How many tokens a text has."""
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])


def as_proposal(name: str, brief: Brief, slot: int, short: References, reply: str) -> Proposal | Rejection:
    """What a reply proposes, its short names written out, or a rejection that keeps it."""
    reply = short.resolved(reply)
    written = parse(reply)
    if isinstance(written, Unusable):
        raw = Proposal(brief.scene.id, "", reply, "", name, brief.round, slot)
        return Rejection(raw, "unusable", written.detail)
    return Proposal(brief.scene.id, written.family, written.text, written.program, name, brief.round, slot)


@final
class Sampler:
    """Draws a token of each question by its own generator.

    Args:
        generators: One for each question of the batch.
        temperature: Divides the logits.
        top_p: Only the likeliest tokens that make up this much probability are drawn.
    """

    def __init__(self, generators: Sequence[np.random.Generator], temperature: float, top_p: float) -> None:
        self._generators, self._temperature, self._top_p = generators, temperature, top_p

    def __call__(self, logits: Tensor, questions: Sequence[int]) -> Tensor:
        """Tokens `(Q,)` of logits `(Q, vocabulary)`: where each generator's number falls among the probabilities."""
        probabilities = torch.softmax(logits.float() / self._temperature, dim=-1).double()
        if self._top_p < 1:
            ordered, order = probabilities.sort(dim=-1, descending=True)
            beyond = ordered.cumsum(dim=-1) - ordered >= self._top_p
            probabilities = torch.zeros_like(ordered).scatter(-1, order, ordered.masked_fill(beyond, 0.0))
        edges = probabilities.cumsum(dim=-1)
        draws = torch.tensor(
            [self._generators[question].random() for question in questions], dtype=torch.float64
        )
        places = torch.searchsorted(edges, draws.to(edges.device)[:, None] * edges[:, -1:], right=True)
        return places.squeeze(1).clamp(max=logits.shape[-1] - 1)


def generator(brief: Brief, slot: int) -> np.random.Generator:
    """A proposal's own."""
    name = f"model {brief.seed} {brief.round} {brief.scene.id} {slot}"
    return np.random.default_rng(list(hashlib.sha256(name.encode()).digest()))
