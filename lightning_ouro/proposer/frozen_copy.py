"""A proposer for runs that train all weights: a frozen second copy of the checkpoint writes the questions.

`ModelProposer` needs an adapter that it can switch off; without one, the weights that write the questions
would change during training. The copy is read from the checkpoint again whenever a run is resumed, so it
never holds trained weights. It is a second copy of the weights in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from jsonargparse import lazy_instance
from typing_extensions import override

from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.proposer.model import ModelProposer
from lightning_ouro.proposer.protocol import Brief, Deriver, OpenProposal, Proposer
from lightning_ouro.solver.module import SolverModule


@final
class FrozenCopyProposer(Proposer, Deriver):
    """Writes with a frozen copy of the checkpoint; keeps a second copy of the weights in memory.

    Args:
        writer: Prompt and sampling options, those of ModelProposer, such as writer.max_new_tokens.
    """

    name = "frozen_copy"

    def __init__(
        self,
        writer: ModelProposer = lazy_instance(ModelProposer),  # noqa: B008  stateless as it is used here
    ) -> None:
        self._writer = writer
        self._solver: SolverModule | None = None
        self._copy: SolverModule | None = None

    @override
    def attach(self, solver: SolverModule) -> None:
        self._solver = solver
        self._copy = SolverModule(
            solver.checkpoint,
            solver.init,
            lora=None,
            dtype=solver.dtype_of_weights,
            features=solver.feature_settings,
            seed=solver.seed,
        )

    @override
    def base(self, solver: SolverModule) -> SolverModule:
        assert self._copy is not None, "the loop attaches the solver first"
        return self._copy

    @override
    def propose(
        self, briefs: Sequence[Brief], title: str = "", show_progress: bool = False
    ) -> list[Proposal | Rejection]:
        return self._writer.write_with(self._loaded_copy(), self.name, briefs, title, show_progress)

    @override
    def derive(
        self, questions: Sequence[OpenProposal], title: str = "", show_progress: bool = False
    ) -> list[list[str]]:
        return self._writer.derive_with(self._loaded_copy(), questions, title, show_progress)

    def _loaded_copy(self) -> SolverModule:
        assert self._solver is not None and self._copy is not None, "the loop attaches the solver first"
        if self._copy.loaded is None:  # not in `attach`: the memory estimate is printed before weights load
            self._copy.ask_as(self._solver.prompts.form)
            self._copy.configure_model()
            self._copy.requires_grad_(False).to(self._solver.device)
        return self._copy
