"""The second derivation of an open question: programs that are written from its text alone.

Whoever writes them sees the question, the API and the names of the scene's categories, but neither the first
program nor its answer, nor any position or size that could be copied instead of computed. `programs.open_law`
holds the answers against each other.
"""

from __future__ import annotations

from importlib.resources import files
from string import Template

import numpy as np

from lightning_ouro.programs.api import STUB
from lightning_ouro.programs.scene_geometry import SceneGeometry
from lightning_ouro.proposer.protocol import OpenProposal
from lightning_ouro.seeding import generator_named


def derivation_prompt(geometry: SceneGeometry, question: str) -> str:
    """The text of the user's turn."""
    names = [f"{name}: {geometry.count(name)}" for name in geometry.categories()]
    template = (files("lightning_ouro.proposer") / "prompts" / "derive.txt").read_text("utf8")
    return Template(template).substitute(
        names="\n".join(names), api=STUB.strip(), question=" ".join(question.split())
    )


def second_generator(item: OpenProposal, attempt: int) -> np.random.Generator:
    """The random generator of one of the programs for a question."""
    brief, proposal = item
    name = f"second program {brief.seed} {brief.round} {proposal.scene_id} {proposal.slot} {attempt}"
    return generator_named(name)
