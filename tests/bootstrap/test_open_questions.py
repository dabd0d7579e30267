import numpy as np

from lightning_ouro.bootstrap import open_questions
from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.programs.sandbox import Sandbox
from lightning_ouro.programs.verification import Verifier
from lightning_ouro.proposer.prompt import NO_SHORT_NAMES


def test_open_questions_hold_in_any_room(filmed):
    with Sandbox() as sandbox:
        verifier = Verifier(sandbox)
        for index in range(100, 106):
            room = filmed(index)
            drawn = [
                open_questions.draw(room.geometry, NO_SHORT_NAMES, np.random.default_rng(seed))
                for seed in range(6)
            ]
            proposals = [
                Proposal(room.scene.id, "open", *question, "lesson", 0, slot)
                for slot, question in enumerate(drawn)
                if question
            ]
            for outcome in verifier.verify(room.scene, room.views, proposals):
                assert not isinstance(outcome, Rejection) or outcome.reason == "unstable", outcome
