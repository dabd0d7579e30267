"""Does the proposer do what it is told? Parts of `proposer.py`: families' weights and last round's bands.

*Weights*: each family in turn asked for at twice its equal share, against all at equal shares, on the same scenes. A
family's ratio is its share of the proposals when it is asked for more, over its share when it is not.

*Feedback*: some questions about each scene are said to have been asked last round, once all easy, once all hard. A
proposal is near one of them if it has its family and main object and asks something else; told are questions that
something else can be asked near. Hard ones should draw more proposals near them than easy ones do. Intervals are
percentiles of 2,000 bootstrap draws of scenes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.curriculum.skill import Band
from lightning_ouro.loop.pool import Pool
from lightning_ouro.programs.families import FAMILIES, OPEN, Family, Roles, read
from lightning_ouro.programs.questions import Proposal, Question, Rejection
from lightning_ouro.programs.sandbox import Sandbox
from lightning_ouro.programs.scene_geometry import SceneGeometry, scene_geometry
from lightning_ouro.programs.verification import Verified, Verifier
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.proposer.model import ModelProposer
from lightning_ouro.proposer.protocol import Brief

TOLD_PER_SCENE = 4
DRAWS = 2_000
NAMED = re.compile("|".join(sorted(FAMILIES, key=len, reverse=True)))


def weights_obeyed(proposer: ModelProposer, briefs: Sequence[Brief]) -> dict[str, Any]:
    """Per family its share at equal weights, at twice its share, their ratio and its interval."""
    equal = family_counts(proposer, briefs)
    found: dict[str, Any] = {}
    for name in FAMILIES:
        others = len(FAMILIES) - 1
        twice = 2 * others / (len(FAMILIES) - 2)  # a weight of so much is a share of 2 / families
        weights = dict.fromkeys(FAMILIES, 1.0) | {name: twice}
        asked = family_counts(proposer, [replace(brief, family_weights=weights) for brief in briefs])
        pairs = np.stack([shares(asked, name), shares(equal, name)])
        found[name] = {
            "equal": round(float(pairs[1].mean()), 4),
            "twice": round(float(pairs[0].mean()), 4),
            **interval(pairs, lambda drawn: drawn[0].mean() / max(drawn[1].mean(), 1e-9)),
        }
    return found


def family_counts(proposer: ModelProposer, briefs: Sequence[Brief]) -> list[Counter[str]]:
    """How often each scene's proposals name each family; a reply names its family first."""
    counts = {brief.scene.id: Counter[str]() for brief in briefs}
    for item in proposer.propose(briefs):
        proposal = item.proposal if isinstance(item, Rejection) else item
        named = NAMED.search(f"{proposal.family} {proposal.text}")
        counts[proposal.scene_id][named[0] if named else ""] += 1
    return list(counts.values())


def shares(counts: Sequence[Counter[str]], name: str) -> NDArray[np.float64]:
    """The family's share of each scene's proposals."""
    return np.array([count[name] / count.total() for count in counts])


def feedback_obeyed(proposer: ModelProposer, briefs: Sequence[Brief]) -> dict[str, Any]:
    """Shares of proposals near what was told: without feedback, as easy, as hard; hard less easy with its interval."""
    told = [last_round(brief) for brief in briefs]
    near = {"without": near_shares(proposer, briefs, told)}
    bands: tuple[Band, ...] = ("easy", "frontier", "hard", "ambiguous")
    for band in bands:
        recent: list[Mapping[Band, Sequence[Question]]] = [{band: questions} for questions in told]
        informed = [replace(brief, recent=one) for brief, one in zip(briefs, recent, strict=True)]
        near[band] = near_shares(proposer, informed, told)
    report: dict[str, Any] = {f"near_{name}": round(float(values.mean()), 4) for name, values in near.items()}
    for more, less in (("hard", "easy"), ("frontier", "easy"), ("hard", "without"), ("without", "easy")):
        pairs = np.stack([near[more], near[less]])
        report[f"{more}_less_{less}"] = interval(pairs, lambda drawn: drawn[0].mean() - drawn[1].mean())
    return report


def last_round(brief: Brief) -> list[Question]:
    """Some questions of different families about the scene, near which there is more to ask."""
    room = scene_geometry(brief.scene, brief.views)
    with Sandbox() as sandbox:
        written = GrammarProposer().propose([replace(brief, slots=12, round=7)])
        proposals = [proposal for proposal in written if isinstance(proposal, Proposal)]
        outcomes = Verifier(sandbox).verify(brief.scene, brief.views, proposals)
    asked, _ = Pool().admit([item for item in outcomes if isinstance(item, Verified)], 0)
    by_family = {question.family: question for question in asked if has_others_near(question, room)}
    return list(by_family.values())[:TOLD_PER_SCENE]


def has_others_near(question: Question, room: SceneGeometry) -> bool:
    """Whether its family can ask something else about its main object."""
    family = FAMILIES[question.family]
    found = family.candidates(room, np.random.default_rng(0))
    return any(
        is_near(family, roles, question) and family.must_show(room, roles) <= room.seen for roles in found
    )


def is_near(family: Family, roles: Roles, question: Question) -> bool:
    """Whether roles ask something else about the question's main object."""
    if question.family != family.name or not family.main_role:
        return False
    mine, told = (set(asked.get(family.main_role, ())) for asked in (roles, question.objects))
    new, old = (family.key(question.scene_id, asked) for asked in (roles, question.objects))
    return bool(mine & told) and new != old


def near_shares(
    proposer: ModelProposer, briefs: Sequence[Brief], told: Sequence[Sequence[Question]]
) -> NDArray[np.float64]:
    """Of each scene the share of proposals that are near a question that was told."""
    told_of = {brief.scene.id: questions for brief, questions in zip(briefs, told, strict=True)}
    near: Counter[str] = Counter()
    for item in proposer.propose(briefs):
        if isinstance(item, Rejection):
            continue
        found = read(item.text, item.family)
        if found is not None and found[0] is not OPEN:
            near[item.scene_id] += any(is_near(*found, question) for question in told_of[item.scene_id])
    return np.array([near[brief.scene.id] / brief.slots for brief in briefs])


def interval(pairs: NDArray[np.float64], value: Callable[[NDArray[np.float64]], Any]) -> dict[str, float]:
    """The value and its 95 % interval over scenes, the last axis."""
    rng = np.random.default_rng(0)
    scenes = pairs.shape[-1]
    drawn = [float(value(pairs[..., rng.integers(scenes, size=scenes)])) for _ in range(DRAWS)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {
        "value": round(float(value(pairs)), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
    }
