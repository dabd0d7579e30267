from dataclasses import replace

from lightning_ouro.programs.questions import Question
from lightning_ouro.proposer.all_proposers import __all__ as registered
from lightning_ouro.proposer.protocol import GradualProposer, Proposer, frozen_base
from lightning_ouro.solver.loading import Lora
from lightning_ouro.solver.module import SolverModule


def question(family, **objects):
    return Question("q", "s", family, "", None, None, "1", "", 1.0, objects, 0)


def test_more_is_asked_about_objects_of_hard_questions_less_about_easy_ones(brief):
    recent = {
        "easy": [
            question("object_counting", object=("chair",)),
            question("object_abs_distance", pair=("bed", "sofa")),
        ],
        "frontier": [question("object_counting", object=("bed",)), question("room_size_estimation")],
        "hard": [question("object_rel_direction_hard", target=("lamp",), standing=("door",), facing=("tv",))],
        "ambiguous": [question("object_size_estimation", object=("stool",))],
    }
    assert replace(brief, recent=recent).asked_about == {
        **{"chair": False, "sofa": False, "stool": False, "bed": True, "lamp": True}
    }
    assert replace(brief, recent={}).asked_about == {}


def test_proposers_are_final_classes_that_implement_a_purely_abstract_one():
    members = {name for name, value in vars(Proposer).items() if callable(value) and name[0] != "_"}
    assert members == Proposer.__abstractmethods__ == {"attach", "base", "propose"}
    kinds = [*Proposer.__subclasses__(), *GradualProposer.__subclasses__()]
    leaves = [
        cls for cls in kinds if cls.__module__.startswith("lightning_ouro.") and cls is not GradualProposer
    ]
    assert {cls.__name__ for cls in leaves} == set(registered)
    assert all(cls.__final__ and len({cls.name for cls in leaves}) == len(leaves) for cls in leaves)


def test_only_a_solver_with_an_adapter_has_a_frozen_base():
    solver = SolverModule(init="random", lora=Lora(rank=2))
    assert frozen_base(solver) is solver
    assert frozen_base(SolverModule(init="random", lora=None)) is None
