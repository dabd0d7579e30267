"""Does the proposer follow its instructions? Parts of `proposer.py`: family weights, and last round's bands.

*Weights*: each family in turn is asked for at twice its equal share, on the same scenes. A family's ratio is
its share of the proposals then, over its share at equal weights.

*Feedback*: for each scene the model is told that certain questions were asked last round, once that all were
easy, once that all were hard, and so on. A proposal is *near* one of these if it has its family and main
object and asks something else; only questions near which something else can be asked are used. Hard questions
should draw more proposals near them than easy ones do.

Intervals are percentiles of 2,000 bootstrap resamples of the scenes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightning_ouro.curriculum.skill import BANDS, Band
from lightning_ouro.loop.pool import Pool
from lightning_ouro.programs.families import FAMILIES, OPEN, Family, Roles, read
from lightning_ouro.programs.questions import Proposal, Question, Rejection
from lightning_ouro.programs.sandbox import Sandbox
from lightning_ouro.programs.scene_geometry import SceneGeometry, scene_geometry
from lightning_ouro.programs.verification import Verified, Verifier
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.proposer.model import ModelProposer
from lightning_ouro.proposer.protocol import Brief

FEEDBACK_PER_SCENE = 4  # at most this many questions, each of another family
CANDIDATES, CANDIDATES_ROUND = 12, 7  # how many the grammar proposer writes to choose from; any round serves
RESAMPLES = 2_000
FAMILY_NAME = re.compile("|".join(sorted(FAMILIES, key=len, reverse=True)))

Floats = NDArray[np.float64]


def follow_weights(proposer: ModelProposer, briefs: Sequence[Brief]) -> dict[str, Any]:
    """Per family: its share at equal weights and at twice its share, their ratio, and its interval."""
    equal = family_counts(proposer, briefs)
    report: dict[str, Any] = {}
    others = len(FAMILIES) - 1
    doubled = (
        2 * others / (len(FAMILIES) - 2)
    )  # this weight, among ones, is a share of 2 / number of families
    for name in FAMILIES:
        weights = dict.fromkeys(FAMILIES, 1.0) | {name: doubled}
        counts = family_counts(proposer, [replace(brief, family_weights=weights) for brief in briefs])
        pairs = np.stack([shares(counts, name), shares(equal, name)])
        report[name] = {
            "equal": round(float(pairs[1].mean()), 4),
            "twice": round(float(pairs[0].mean()), 4),
            **with_interval(pairs, lambda drawn: drawn[0].mean() / max(drawn[1].mean(), 1e-9)),
        }
    return report


def family_counts(proposer: ModelProposer, briefs: Sequence[Brief]) -> list[Counter[str]]:
    """How often each scene's proposals name each family; a reply names its family first."""
    counts = {brief.scene.id: Counter[str]() for brief in briefs}
    for item in proposer.propose(briefs):
        proposal = item.proposal if isinstance(item, Rejection) else item
        match = FAMILY_NAME.search(f"{proposal.family} {proposal.text}")
        counts[proposal.scene_id][match[0] if match else ""] += 1
    return list(counts.values())


def shares(counts: Sequence[Counter[str]], name: str) -> Floats:
    """The family's share of each scene's proposals."""
    return np.array([count[name] / count.total() for count in counts])


def follow_feedback(proposer: ModelProposer, briefs: Sequence[Brief]) -> dict[str, Any]:
    """Shares of proposals near the questions of the feedback, without feedback and in each band.

    Returns:
        `near_without`: the same proposals' share when the model is told nothing; `near_<band>`; and
        differences between two of these with their intervals, such as `hard_less_easy`.
    """
    recent = [last_round(brief) for brief in briefs]
    near = {"without": near_shares(proposer, briefs, recent)}
    for band in BANDS:
        feedback: list[Mapping[Band, Sequence[Question]]] = [{band: questions} for questions in recent]
        informed = [replace(brief, recent=each) for brief, each in zip(briefs, feedback, strict=True)]
        near[band] = near_shares(proposer, informed, recent)
    report: dict[str, Any] = {f"near_{name}": round(float(values.mean()), 4) for name, values in near.items()}
    for more, less in (("hard", "easy"), ("frontier", "easy"), ("hard", "without"), ("without", "easy")):
        pairs = np.stack([near[more], near[less]])
        report[f"{more}_less_{less}"] = with_interval(pairs, lambda drawn: drawn[0].mean() - drawn[1].mean())
    return report


def last_round(brief: Brief) -> list[Question]:
    """Questions of different families about the scene, near which something else can be asked."""
    geometry = scene_geometry(brief.scene, brief.views)
    with Sandbox() as sandbox:
        written = GrammarProposer().propose([replace(brief, slots=CANDIDATES, round=CANDIDATES_ROUND)])
        proposals = [proposal for proposal in written if isinstance(proposal, Proposal)]
        outcomes = Verifier(sandbox).verify(brief.scene, brief.views, proposals)
    accepted, _ = Pool().admit([item for item in outcomes if isinstance(item, Verified)], 0)
    by_family = {question.family: question for question in accepted if can_ask_near(question, geometry)}
    return list(by_family.values())[:FEEDBACK_PER_SCENE]


def can_ask_near(question: Question, geometry: SceneGeometry) -> bool:
    """Whether the question's family can ask something else about its main object."""
    family = FAMILIES[question.family]
    return any(
        is_near(family, roles, question) and family.must_show(geometry, roles) <= geometry.seen
        for roles in family.candidates(geometry, np.random.default_rng(0))
    )


def is_near(family: Family, roles: Roles, question: Question) -> bool:
    """Whether these roles ask something else about the question's main object."""
    if question.family != family.name or not family.main_role:
        return False
    new, old = (set(names.get(family.main_role, ())) for names in (roles, question.objects))
    new_key, old_key = (family.key(question.scene_id, names) for names in (roles, question.objects))
    return bool(new & old) and new_key != old_key


def near_shares(
    proposer: ModelProposer, briefs: Sequence[Brief], recent: Sequence[Sequence[Question]]
) -> Floats:
    """Each scene's share of proposals that are near one of its questions."""
    questions_of = {brief.scene.id: questions for brief, questions in zip(briefs, recent, strict=True)}
    near: Counter[str] = Counter()
    for item in proposer.propose(briefs):
        if isinstance(item, Rejection):
            continue
        reading = read(item.text, item.family)
        if reading is not None and reading[0] is not OPEN:
            near[item.scene_id] += any(
                is_near(*reading, question) for question in questions_of[item.scene_id]
            )
    return np.array([near[brief.scene.id] / brief.slots for brief in briefs])


def with_interval(pairs: Floats, statistic: Callable[[Floats], Any]) -> dict[str, float]:
    """The statistic and its 95% interval over scenes, the last axis."""
    rng = np.random.default_rng(0)
    scenes = pairs.shape[-1]
    draws = [float(statistic(pairs[..., rng.integers(scenes, size=scenes)])) for _ in range(RESAMPLES)]
    low, high = np.percentile(draws, [2.5, 97.5])
    return {
        "value": round(float(statistic(pairs)), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
    }
