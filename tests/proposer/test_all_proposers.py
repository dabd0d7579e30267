"""Proposers by name: those of the package by their short names, and the README's example by its path."""

import re
from pathlib import Path

import pytest
from jsonargparse import ArgumentParser, Namespace

from lightning_ouro.curriculum.feedback import Feedback
from lightning_ouro.loop.pool import Pool
from lightning_ouro.loop.propose import propose_round
from lightning_ouro.loop.rounds import RankShard, RoundRequest
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.proposer import all_proposers
from lightning_ouro.proposer.protocol import Proposer
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget
from lightning_ouro.solver.module import SolverModule

README = Path(all_proposers.__file__).with_name("README.md")


def parse(*args):
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--proposer", type=Proposer)
    parsed = parser.parse_args(list(args))
    assert isinstance(parsed, Namespace)
    return parser.instantiate_classes(parsed).proposer


@pytest.fixture
def example(tmp_path, monkeypatch):
    """The class path of the README's example, importable."""
    (code,) = re.findall(r"```python\n(from itertools.*?)```", README.read_text("utf8"), re.DOTALL)
    (tmp_path / "my_proposers.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    return "my_proposers.NearestPairs"


@pytest.mark.parametrize("name", all_proposers.__all__)
def test_every_proposer_is_known_by_its_class_name(name):
    required = ["--proposer.url", "http://localhost/v1", "--proposer.model", "m"]
    proposer = parse("--proposer", name, *(required if name == "EndpointProposer" else ()))
    assert type(proposer) is getattr(all_proposers, name)


def test_a_proposer_of_ones_own_asks_for_a_round(example):
    proposer = parse("--proposer", example, "--proposer.max_distance", "2.5")
    scenes = list(procedural_scenes(40, 3))
    library = SceneLibrary(scenes, FrameBudget(4, 64, 96))
    request = RoundRequest(0, Feedback(dict.fromkeys(FAMILIES, 1.0)), 12, "none", 0)
    solver, pool = SolverModule(init="random"), Pool()
    proposer.attach(solver)
    result = propose_round(proposer, solver, library, scenes, pool, request, RankShard())
    assert result.accepted and {question.family for question in result.accepted} == {"object_abs_distance"}
    assert all(float(question.answer) <= 2.5 for question in result.accepted)
    again = propose_round(proposer, solver, library, scenes, pool, request, RankShard())
    assert not {question.id for question in again.accepted} & {question.id for question in result.accepted}
    assert "asked_before" not in {rejection.reason for rejection in again.rejected}
