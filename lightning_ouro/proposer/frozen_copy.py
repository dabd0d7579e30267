"""A second copy of the weights that a run began with, for runs that train all of them: the proposer stays frozen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from typing_extensions import override

from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.proposer.model import ModelProposer
from lightning_ouro.proposer.protocol import Brief
from lightning_ouro.solver.module import SolverModule


@final
class FrozenCopyProposer(ModelProposer):
    """Proposes with a frozen copy of the checkpoint, which takes its memory a second time.

    The copy is read anew wherever a run goes on, so it never holds trained weights.

    Args:
        options: As `ModelProposer` takes them.
    """

    name = "frozen_copy"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._of: SolverModule | None = None

    @override
    def attach(self, solver: SolverModule) -> None:
        copy = SolverModule(
            solver.checkpoint,
            solver.init,
            lora=None,
            dtype=solver.dtype_of_weights,
            features=solver.feature_settings,
            seed=solver.seed,
        )
        self._of, self._solver = solver, copy

    @override
    def base(self, solver: SolverModule) -> SolverModule:
        assert isinstance(self._solver, SolverModule), "the loop attaches the solver first"
        return self._solver

    @override
    def propose(
        self, briefs: Sequence[Brief], title: str = "", show_progress: bool = False
    ) -> list[Proposal | Rejection]:
        assert self._of is not None, "the loop attaches the solver first"
        copy = self.base(self._of)
        if copy.loaded is None:  # not before: the loop attaches while nothing else is in memory yet
            copy.configure_model()
            copy.requires_grad_(False).to(self._of.device)
        return super().propose(briefs, title, show_progress)
