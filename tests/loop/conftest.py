"""A solver that is sure of everything, and a few rendered scenes."""

import pytest

from lightning_ouro.curriculum.feedback import Feedback
from lightning_ouro.loop.rounds import RankShard, RoundRequest
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.loading import Lora
from lightning_ouro.solver.module import SolverModule


@pytest.fixture(scope="session")
def library():
    return SceneLibrary(procedural_scenes(40, 6), FrameBudget(4, 64, 96))


@pytest.fixture
def solver(monkeypatch):
    """Fully confident in every answer, with or without video; counts in `scored` what it was asked."""
    module = SolverModule(init="random", lora=Lora(rank=2))
    module.configure_model()
    module.scored = 0

    def confidences(rows):
        module.scored += sum(len(row.suffixes) for row in rows)
        return [1.0 for row in rows for _ in row.suffixes]

    monkeypatch.setattr(module, "base_confidences", confidences)
    return module


@pytest.fixture
def request_():
    """The first round of a run."""
    return RoundRequest(0, Feedback(dict.fromkeys(FAMILIES, 1.0)), 12, "confidence", 0)


@pytest.fixture
def alone():
    return RankShard()
