"""The model being trained also writes the questions, with their programs, by its base weights (adapter off).

All proposals about a scene come from one prefill, several scenes at a time. Each proposal is sampled with its
own random generator, seeded by (seed, round, scene, slot), so it does not depend on what else is in the
batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal, final

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase
from typing_extensions import override

from lightning_ouro.errors import InputError
from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.progress import track
from lightning_ouro.proposer.derivation import derivation_prompt, second_generator
from lightning_ouro.proposer.parsing import LONGEST_REPLY, Unusable, fenced_program, parse
from lightning_ouro.proposer.prompt import Kind, PromptWriter
from lightning_ouro.proposer.protocol import Brief, Deriver, OpenProposal, Proposer, frozen_base
from lightning_ouro.proposer.short_names import ShortNames
from lightning_ouro.seeding import generator_named
from lightning_ouro.solver.checkpoint import has_tiny_vocabulary
from lightning_ouro.solver.data_tokens import data_tokens
from lightning_ouro.solver.encoding import Row
from lightning_ouro.solver.module import SolverModule


@final
class ModelProposer(Proposer, Deriver):
    """Writes with the solver's base weights, adapter off; needs model.lora, but no copy of the weights.

    Args:
        prompt: Kind of prompt: full, compact, or auto (compact for the tiny model and its copies, told
            by their vocabulary, full for any other).
        temperature: Sampling temperature, above 0 and at most 100; below 1 sharpens the distribution.
        top_p: Nucleus sampling: only the likeliest tokens whose probabilities add up to this are drawn, above
            0 and at most 1; 1 allows all.
        max_new_tokens: Maximum length of a proposal in tokens, at least 1; a longer one is cut off and
            usually rejected as unusable.
        max_objects: Maximum number of a scene's objects that the prompt describes; single objects come first,
            large ones before small ones.
        metadata_tokens: Maximum length of the scene's description in the prompt, in tokens; lines beyond it
            are cut.
        feedback_tokens: Maximum length of the list of last round's questions in the prompt, in tokens.
        scenes_per_batch: Number of scenes whose proposals are written together, at least 1; more is faster
            and takes more memory.
        second_programs: Number of programs that are written from an open question's text alone, of which most
            must give its answer, at least 0; 0 keeps only open questions whose wording the package knows, as
            a compact prompt does.
    """

    name = "model"

    # The defaults are chosen by hand with room to spare. In tokens of Qwen3-VL, the families' own proposals
    # take 99 on average and 345 at most (480 proposals, 20 procedural scenes), 47 objects over 32 frames take
    # 1,969, and a line of feedback takes 37 on average. Temperature and top_p leave the model's distribution
    # as it is.
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
        second_programs: int = 3,
    ) -> None:
        for name, value, highest in (("temperature", temperature, 100), ("top_p", top_p, 1)):
            if not 0 < value <= highest:
                raise InputError(f"loop.proposer.{name}={value} must be above 0 and at most {highest}")
        for name, number in (("max_new_tokens", max_new_tokens), ("scenes_per_batch", scenes_per_batch)):
            if number < 1:
                raise InputError(f"loop.proposer.{name}={number} must be at least 1")
        if second_programs < 0:
            raise InputError(f"loop.proposer.second_programs={second_programs} must be at least 0")
        self._second_programs = second_programs
        self._prompt, self._temperature, self._top_p = prompt, temperature, top_p
        self._max_new_tokens, self._scenes_per_batch = max_new_tokens, scenes_per_batch
        self._limits = (max_objects, metadata_tokens, feedback_tokens)
        self._solver: SolverModule | None = None

    @override
    def attach(self, solver: SolverModule) -> None:
        if frozen_base(solver) is None:
            raise InputError(
                "loop.proposer: ModelProposer writes with the frozen weights under an adapter, but "
                "model.lora=null trains all weights; set loop.proposer=FrozenCopyProposer or model.lora.rank"
            )
        self._solver = solver

    @override
    def base(self, solver: SolverModule) -> SolverModule | None:
        return frozen_base(solver)

    @override
    def propose(
        self, briefs: Sequence[Brief], title: str = "", show_progress: bool = False
    ) -> list[Proposal | Rejection]:
        assert self._solver is not None, "the loop attaches the solver first"
        return self.write_with(self._solver, self.name, briefs, title, show_progress)

    def write_with(
        self,
        solver: SolverModule,
        name: str,
        briefs: Sequence[Brief],
        title: str = "",
        show_progress: bool = False,
    ) -> list[Proposal | Rejection]:
        """Proposals by a given solver's base, recorded under the name of the proposer that asks for them.

        Uses no state of this object but its settings, so other proposers can write through it.
        """
        proposals: list[Proposal | Rejection] = []
        starts = range(0, len(briefs), self._scenes_per_batch)
        for start in track(starts, f"{title}: proposing", show=show_progress):
            proposals += self._write_batch(solver, name, briefs[start : start + self._scenes_per_batch])
        return proposals

    def _write_batch(
        self, solver: SolverModule, name: str, briefs: Sequence[Brief]
    ) -> list[Proposal | Rejection]:
        rows, slots = list[Row](), list[tuple[Brief, int, ShortNames]]()
        writer = self.prompt_writer(solver)
        for brief in briefs:
            prompt = writer.write(brief, brief.geometry())
            rows.append(solver.encoder.row_of_replies(brief.video(), prompt.text, [None] * brief.slots))
            slots += [(brief, slot, prompt.short) for slot in range(brief.slots)]
        generators = [generator(brief, slot) for brief, slot, _ in slots]
        sampler = Sampler(generators, self._temperature, self._top_p)
        replies = solver.generate_from_base(rows, sampler, self._max_new_tokens)
        return [as_proposal(name, *slot, reply) for slot, reply in zip(slots, replies, strict=True)]

    @override
    def derive(
        self, questions: Sequence[OpenProposal], title: str = "", show_progress: bool = False
    ) -> list[list[str]]:
        assert self._solver is not None, "the loop attaches the solver first"
        return self.derive_with(self._solver, questions, title, show_progress)

    def derive_with(
        self,
        solver: SolverModule,
        questions: Sequence[OpenProposal],
        title: str = "",
        show_progress: bool = False,
    ) -> list[list[str]]:
        """Programs by a given solver's base, as `derive` returns them.

        None with compact prompts: a model that was taught them alone knows no other task.
        """
        if self._second_programs == 0 or self._kind(solver) == "compact":
            return [[] for _ in questions]
        programs: list[list[str]] = []
        starts = range(0, len(questions), self._scenes_per_batch)
        for start in track(starts, f"{title}: deriving again", show=show_progress):
            programs += self._derive_batch(solver, questions[start : start + self._scenes_per_batch])
        return programs

    def _derive_batch(self, solver: SolverModule, questions: Sequence[OpenProposal]) -> list[list[str]]:
        rows, generators = list[Row](), list[np.random.Generator]()
        for item in questions:
            prompt = derivation_prompt(item.brief.geometry(), item.proposal.text)
            rows.append(solver.encoder.row_of_replies(None, prompt, [None] * self._second_programs))
            generators += [second_generator(item, attempt) for attempt in range(self._second_programs)]
        sampler = Sampler(generators, self._temperature, self._top_p)
        replies = iter(solver.generate_from_base(rows, sampler, self._max_new_tokens))
        return [
            [fenced_program(next(replies)) or "" for _ in range(self._second_programs)] for _ in questions
        ]

    def _kind(self, solver: SolverModule) -> Kind:
        kind: Kind = "compact" if has_tiny_vocabulary(solver.encoder.tokenizer) else "full"
        return kind if self._prompt == "auto" else self._prompt

    def prompt_writer(self, solver: SolverModule) -> PromptWriter:
        """The writer of the prompts that this proposer gives to a solver."""
        kind = self._kind(solver)
        return PromptWriter(kind, *self._limits, partial(count_tokens, solver.encoder.tokenizer))


def count_tokens(tokenizer: PreTrainedTokenizerBase, text: str) -> int:
    return len(data_tokens(tokenizer, text))


def as_proposal(name: str, brief: Brief, slot: int, short: ShortNames, reply: str) -> Proposal | Rejection:
    """Reads a reply, with its short names written out; one that cannot be read becomes a rejection."""
    expanded = short.expand(reply) if len(reply) <= LONGEST_REPLY else reply
    written = parse(expanded)
    if isinstance(written, Unusable):
        raw = Proposal(brief.scene.id, "", expanded[:LONGEST_REPLY], "", name, brief.round, slot)
        return Rejection(raw, "unusable", written.detail)
    return Proposal(brief.scene.id, written.family, written.text, written.program, name, brief.round, slot)


@final
class Sampler:
    """Samples the next token of each question with that question's own generator.

    Args:
        generators: One per question of the batch.
        temperature: Divides the logits.
        top_p: Only the likeliest tokens whose probabilities add up to this are drawn.
    """

    def __init__(self, generators: Sequence[np.random.Generator], temperature: float, top_p: float) -> None:
        self._generators, self._temperature, self._top_p = generators, temperature, top_p

    def __call__(self, logits: Tensor, questions: Sequence[int]) -> Tensor:
        """Tokens `(Q,)` for logits `(Q, vocabulary)`, by inverting the cumulative distribution."""
        probabilities = torch.softmax(logits.float() / self._temperature, dim=-1).double()
        if self._top_p < 1:
            descending, order = probabilities.sort(dim=-1, descending=True)
            outside = descending.cumsum(dim=-1) - descending >= self._top_p
            probabilities = torch.zeros_like(descending).scatter(
                -1, order, descending.masked_fill(outside, 0.0)
            )
        cumulative = probabilities.cumsum(dim=-1)
        draws = torch.tensor(
            [self._generators[question].random() for question in questions], dtype=torch.float64
        )
        thresholds = draws.to(cumulative.device)[:, None] * cumulative[:, -1:]
        tokens = torch.searchsorted(cumulative, thresholds, right=True)
        return tokens.squeeze(1).clamp(max=logits.shape[-1] - 1)


def generator(brief: Brief, slot: int) -> np.random.Generator:
    """The random generator of one proposal."""
    name = f"model {brief.seed} {brief.round} {brief.scene.id} {slot}"
    return generator_named(name)
