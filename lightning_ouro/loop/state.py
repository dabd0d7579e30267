"""The loop's state, independent of the Trainer: the round in progress, its plan, the pool and the ledger.

A round goes through `request` (what to ask for), `add_round` (what came of it), `plan_round` (what to train
on), `observe` (each sample's confidence, while it trains) and `finish_round` (confidences are recorded in the
ledger). Every rank holds the same state; between `plan_round` and `finish_round` each rank has observed its
own batches only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lightning_ouro.curriculum.feedback import build_feedback
from lightning_ouro.curriculum.histogram import skill_histograms
from lightning_ouro.curriculum.ledger import Ledger
from lightning_ouro.curriculum.loss_weights import LossKind
from lightning_ouro.curriculum.mixture import MIXTURES, MixtureKind
from lightning_ouro.curriculum.report import (
    PoolSummary,
    ProposalSummary,
    selection_rows,
    summarise_pool,
    summarise_proposals,
)
from lightning_ouro.curriculum.sampling import SAMPLING, SamplingKind
from lightning_ouro.curriculum.skill import SkillKind
from lightning_ouro.distributed import all_gather_list
from lightning_ouro.errors import InputError, check_fields, check_same
from lightning_ouro.loop.files import RoundFiles
from lightning_ouro.loop.plan import Plan, RoundSize, make_plan
from lightning_ouro.loop.pool import Pool
from lightning_ouro.loop.rounds import RankShard, RoundRequest, RoundResult
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.margins import FOR_ALL, FamilyMargins
from lightning_ouro.proposer.blind import BlindKind


@dataclass(frozen=True)
class LoopSettings:
    """How the loop chooses what to ask and what to train on; `ClosedLoop` has defaults and explanations."""

    proposals_per_scene: int
    sampling: SamplingKind
    mixture: MixtureKind
    skill: SkillKind
    feedback_per_band: int
    blind: BlindKind
    seed: int
    margins: FamilyMargins = FOR_ALL


@dataclass(frozen=True)
class FinishedRound:
    """Report of a finished round.

    Attributes:
        round_index: From 0.
        proposals: What became of its proposals.
        pool_summary: Statistics of the pool after it.
        histograms: Counts of the pool's latest skills by family and `overall`, `(20,)`.
    """

    round_index: int
    proposals: ProposalSummary
    pool_summary: PoolSummary
    histograms: Mapping[str, NDArray[np.int64]]


class LoopState:
    """The loop's state.

    Args:
        settings: Its settings.
        files: The run's folder of rounds; None keeps nothing, and then the state cannot be restored.
        scene_ids: The scenes that are there; questions about others, from before they were gone, are not drawn.
            None: all are there.

    Attributes:
        round: The round in progress, -1 before the first.
        finished: The last finished round, -1 before the first.
        plan: What the round in progress trains on; None until `plan_round`.
    """

    VERSION = 2

    def __init__(
        self,
        settings: LoopSettings,
        files: RoundFiles | None = None,
        scene_ids: frozenset[str] | None = None,
    ) -> None:
        self.settings, self._scene_ids = settings, scene_ids
        self.pool = Pool(files)
        self.ledger = Ledger(settings.skill)
        self.round = self.finished = -1
        self.plan: Plan | None = None
        self.proposals = ProposalSummary(0, 0, 0, {}, dict.fromkeys(FAMILIES, 1 / len(FAMILIES)))
        self._observed: list[tuple[int, str, float]] = []

    def request(self) -> RoundRequest:
        """The request for the next round."""
        settings, questions = self.settings, self.pool.questions
        weights = MIXTURES[settings.mixture](list(FAMILIES), questions, self.ledger)
        rejected, per_band = self.proposals.rejected, settings.feedback_per_band
        feedback = build_feedback(self.round + 1, weights, questions, self.ledger, rejected, per_band)
        return RoundRequest(
            self.round + 1,
            feedback,
            settings.proposals_per_scene,
            settings.blind,
            settings.seed,
            settings.margins,
        )

    def add_round(self, request: RoundRequest, result: RoundResult, num_scenes: int) -> None:
        """Begins the next round with what `propose_round` admitted to the pool.

        Raises:
            InputError: the pool is empty, or the folder holds the round of another run.
        """
        requested, weights = request.proposals_per_scene * num_scenes, request.feedback.family_weights
        self.proposals = summarise_proposals(requested, result.accepted, result.rejected, weights)
        if not len(self.pool):
            reasons = {reason: count for reason, count in self.proposals.rejected.items() if count}
            raise InputError(
                f"round {request.round_index}: none of {self.proposals.proposed} proposals was accepted "
                f"({reasons or 'nothing was proposed'}); give more or richer scenes (data.scenes, "
                "data.num_train_scenes), frames that show them (data.frames), or more loop.proposals_per_scene"
            )
        self.pool.write_round(request.round_index, result.accepted, result.rejected, result.identity)
        self.round, self.plan = request.round_index, None

    def plan_round(self, size: RoundSize) -> Plan:
        """Plans the round in progress; a resumed round gets the same plan.

        Raises:
            InputError: the pool does not fill a single step.
        """
        questions = self.pool.questions
        pairs = [(question.scene_id, question.id) for question in questions]
        self.plan = make_plan(
            pairs, self.sampling_weights(self.round), size, (self.settings.seed, self.round)
        )
        if self.plan.steps == 0:
            raise InputError(
                f"round {self.round}: a pool of {len(questions)} questions cannot fill one step of "
                f"data.questions_per_step={size.questions_per_step}; lower it, or give more scenes or more "
                "loop.proposals_per_scene"
            )
        return self.plan

    def sampling_weights(self, round_index: int) -> NDArray[np.float64]:
        """Sampling weight of each question of the pool in a round, `(questions,)`; only ratios matter."""
        questions = self.pool.questions
        weights = SAMPLING[self.settings.sampling](questions, self.ledger, round_index)
        if self._scene_ids is None:
            return weights
        is_there = [question.scene_id in self._scene_ids for question in questions]
        return np.where(is_there, weights, 0.0)

    def observe(self, batch_index: int, question_ids: Sequence[str], confidences: Sequence[float]) -> None:
        """Records the confidences of a batch that was trained on.

        `batch_index` is its index in the plan, over all ranks.
        """
        pairs = zip(question_ids, confidences, strict=True)
        self._observed += [(batch_index, *pair) for pair in pairs]

    def finish_round(self, loss_kind: LossKind, shard: RankShard, device: torch.device) -> FinishedRound:
        """Records the round's confidences in the ledger and writes its selection; a collective.

        Args:
            loss_kind: Kind of loss weights used in training.
            shard: This rank.
            device: One on which the process group can reduce.
        """
        assert self.plan is not None, "a round that is finished has been planned"
        questions, weights = self.pool.questions, self.sampling_weights(self.round)
        trained = self.enter_confidences()
        if self.pool.files is not None:
            rows = selection_rows(questions, self.ledger, weights, self.plan.drawn, trained)
            self.pool.files.write_selection(self.round, rows)
        families, coming = list(FAMILIES), self.sampling_weights(self.round + 1)
        summary = summarise_pool(questions, coming, self.ledger, families, loss_kind)
        histograms = skill_histograms(questions, self.ledger, families, shard.rank, shard.num_ranks, device)
        return FinishedRound(self.round, self.proposals, summary, histograms)

    def enter_confidences(self) -> Counter[str]:
        """Enters the round's confidences in the ledger; returns how often each question was trained. A collective."""
        observed = sorted(all_gather_list(self._observed), key=lambda item: item[0])
        trained = Counter(question_id for _, question_id, _ in observed)
        self.ledger.observe(self.round, {key: confidence for _, key, confidence in observed}, trained)
        self._observed, self.finished = [], self.round
        return trained

    def state_dict(self) -> dict[str, Any]:
        """Plain types only; a collective, since the confidences of all ranks' batches are part of it."""
        return {
            "version": self.VERSION,
            "seed": self.settings.seed,
            "round": self.round,
            "finished": self.finished,
            "pool": self.pool.state_dict(),
            "ledger": self.ledger.state_dict(),
            "proposals": asdict(self.proposals),
            "observed": [list(item) for item in all_gather_list(self._observed)],
        }

    def load_state_dict(self, state: Mapping[str, Any], is_first_rank: bool = True) -> None:
        """Restores a saved state and reads the pool back from the rounds' files.

        Args:
            state: As returned by `state_dict`.
            is_first_rank: Whether to restore the confidences of the unfinished round. They are gathered from all
                ranks, so only one rank restores them.

        Raises:
            InputError: fields are unexpected or missing, version or seed differ, or a round's file is missing or has
                changed.
        """
        check_fields("loop", state, self.state_dict())
        check_same("loop", state, {"version": self.VERSION, "seed": self.settings.seed})
        self.round, self.finished = state["round"], state["finished"]
        self.pool.load_state_dict(state["pool"])
        self.ledger.load_state_dict(state["ledger"])
        self.proposals = ProposalSummary(**state["proposals"])
        self._observed = [(index, key, p) for index, key, p in state["observed"]] if is_first_rank else []

    def metrics(self) -> dict[str, float]:
        """The curves that are written when a round begins.

        `loop/proposed`, `loop/accepted`, `loop/rejected/<reason>`, `loop/family_weight/<family>`,
        `loop/pool`, `curriculum/trained` and `curriculum/trainings_per_question`.
        """
        return self.proposals.metrics() | self.pool.metrics() | self.ledger.metrics()
