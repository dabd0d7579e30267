from dataclasses import replace

import numpy as np

from lightning_ouro.bootstrap.briefs import draw_brief, made_up_question, obedient_proposals
from lightning_ouro.curriculum.skill import BANDS
from lightning_ouro.programs.families import FAMILIES, read
from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.programs.sandbox import Sandbox
from lightning_ouro.programs.verification import Verifier
from lightning_ouro.proposer.parsing import parse
from lightning_ouro.proposer.prompt import NO_SHORT_NAMES
from lightning_ouro.proposer.protocol import Brief
from lightning_ouro.proposer.short_names import ShortNames


def test_obedient_proposals_can_be_read_and_hold(filmed):
    num_kept, num_all = 0, 0
    with Sandbox() as sandbox:
        verifier = Verifier(sandbox)
        for index in range(12):
            room, rng = filmed(index), np.random.default_rng(index)
            brief = draw_brief(room.scene, room.views, room.geometry, rng, False)
            proposals, short = [], ShortNames.of(room.geometry, 64)
            for slot, item in enumerate(obedient_proposals(brief, room.geometry, short, 10, rng)):
                written = parse(short.expand(item.reply))
                assert (written.family, written.program) == (item.family, short.expand(item.program))
                assert written.text.split() == short.expand(item.text).split()
                proposals.append(
                    Proposal(room.scene.id, written.family, written.text, written.program, "lesson", 0, slot)
                )
            outcomes = verifier.verify(room.scene, room.views, proposals)
            bad = [o for o in outcomes if isinstance(o, Rejection) and o.reason != "unstable"]
            assert not bad, bad[0]
            num_kept += sum(not isinstance(outcome, Rejection) for outcome in outcomes)
            num_all += len(outcomes)
    assert num_kept > 0.85 * num_all


def test_obedient_proposals_follow_the_weights(filmed):
    room, rng = filmed(1), np.random.default_rng(0)
    weights = dict.fromkeys(FAMILIES, 0.0) | {"camera_motion": 3.0, "open": 1.0}
    brief = Brief(room.scene, room.views, 1, 0, 0, weights, {}, {}, frozenset())
    short = ShortNames.of(room.geometry, 64)
    families = [item.family for item in obedient_proposals(brief, room.geometry, short, 400, rng)]
    assert len(families) == 400 and set(families) == {"camera_motion", "open"}
    assert abs(families.count("open") - 100) <= 1


def test_obedient_proposals_go_near_hard_questions_and_away_from_easy_ones(filmed):
    family, near = FAMILIES["object_abs_distance"], {"easy": [], "hard": []}
    for index in range(40):
        room, rng = filmed(index), np.random.default_rng(index)
        if (
            list(room.scene.counts.values()).count(1) < 6
        ):  # of few objects, every pair shares one with a question
            continue
        weights, no_recent = {family.name: 1.0}, {band: [] for band in BANDS}
        brief = Brief(room.scene, room.views, 1, 0, 0, weights, {}, no_recent, frozenset())
        first = obedient_proposals(brief, room.geometry, NO_SHORT_NAMES, 1, rng)
        for band, is_near in near.items():
            asked = [read(item.text, item.family)[1] for item in first]
            recent = {band: [made_up_question(room.scene, family, roles, rng) for roles in asked]}
            informed = replace(brief, recent=recent)
            for item in obedient_proposals(informed, room.geometry, NO_SHORT_NAMES, 20, rng):
                pair = set(read(item.text, item.family)[1]["pair"])
                is_near.append(any(pair & set(roles["pair"]) for roles in asked))
    assert np.mean(near["hard"]) > 0.75 > 0.25 > np.mean(near["easy"])
