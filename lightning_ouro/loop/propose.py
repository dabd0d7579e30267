"""The first half of a round, on all ranks: ask the proposer, verify what it wrote, gather, admit.

Each rank asks about its share of the scenes. Outcomes are gathered and sorted by scene and slot, so every
rank admits the same questions in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from lightning_ouro.distributed import all_gather_list
from lightning_ouro.errors import InputError
from lightning_ouro.loop.admit import filter_and_admit
from lightning_ouro.loop.pool import Pool
from lightning_ouro.loop.rounds import RankShard, RoundRequest, RoundResult
from lightning_ouro.programs.families import Key
from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.programs.sandbox import Sandbox
from lightning_ouro.programs.verification import Verified, Verifier
from lightning_ouro.proposer.protocol import Brief, Deriver, OpenProposal, Proposer
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.types import Scene, SkippedScene, Views
from lightning_ouro.solver.module import SolverModule
from lightning_ouro.solver.sharding import unsharded

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # of which json.loads makes a pair one character


def propose_round(
    proposer: Proposer,
    solver: SolverModule,
    library: SceneLibrary,
    scenes: Sequence[Scene],
    pool: Pool,
    request: RoundRequest,
    shard: RankShard,
) -> RoundResult:
    """Proposes, verifies and admits a round's questions; a collective.

    Args:
        proposer: Writes the questions.
        solver: Its frozen base detects questions that can be answered without the video.
        library: Opens the scenes' videos.
        scenes: The training scenes, the same on every rank.
        pool: Takes in what is accepted.
        request: What is asked for.
        shard: Which scenes this rank asks about.
    """
    title = f"round {request.round_index}"
    briefs, skipped = write_briefs(shard.of(scenes), library, pool, request, title, shard)
    with unsharded(solver):  # ranks differ in scenes and replies, so weights are gathered once
        outcomes = ask(proposer, briefs, title, shard)
    order = {scene.id: index for index, scene in enumerate(scenes)}
    outcomes = sorted(
        all_gather_list(outcomes), key=lambda item: (order[item.proposal.scene_id], item.proposal.slot)
    )
    rejected = [item for item in outcomes if isinstance(item, Rejection)]
    verified = [item for item in outcomes if isinstance(item, Verified)]
    accepted, turned_down = filter_and_admit(verified, pool, proposer.base(solver), library, request, shard)
    return RoundResult(accepted, rejected + turned_down, all_gather_list(skipped))


def write_briefs(
    scenes: Sequence[Scene],
    library: SceneLibrary,
    pool: Pool,
    request: RoundRequest,
    title: str,
    shard: RankShard,
) -> tuple[list[Brief], list[SkippedScene]]:
    """A brief for each scene whose video can be opened, since the frames decide what may be asked.

    Skips the others.
    """
    asked = pool.keys_by_scene()
    briefs: list[Brief] = []
    skipped: list[SkippedScene] = []
    for scene in shard.track(scenes, f"{title}: opening videos"):
        try:
            views = library.video(scene.id).views
        except InputError as problem:
            skipped.append(SkippedScene(scene.id, str(problem).removeprefix(f"scene {scene.id}: ")))
        else:
            briefs.append(_brief(scene, views, library, asked.get(scene.id, frozenset()), request))
    return briefs, skipped


def _brief(
    scene: Scene, views: Views, library: SceneLibrary, asked: frozenset[Key], request: RoundRequest
) -> Brief:
    return Brief(
        scene=scene,
        views=views,
        slots=request.proposals_per_scene,
        round=request.round_index,
        seed=request.seed,
        family_weights=request.feedback.family_weights,
        rejections=request.feedback.rejections,
        recent=request.feedback.recent.get(scene.id, {}),
        asked=asked,
        video=partial(library.video, scene.id),
        margins=request.margins,
    )


def ask(
    proposer: Proposer, briefs: Sequence[Brief], title: str, shard: RankShard
) -> list[Verified | Rejection]:
    """The outcome of each proposal: unusable replies first, then in the order of briefs and slots.

    Raises:
        InputError: the proposer wrote about a scene that it was not asked about.
    """
    proposals: dict[str, list[Proposal]] = {brief.scene.id: [] for brief in briefs}
    outcomes: list[Verified | Rejection] = []
    for written in map(_encodable, proposer.propose(briefs, title, shard.show_progress)):
        scene_id = (written.proposal if isinstance(written, Rejection) else written).scene_id
        if scene_id not in proposals:
            raise InputError(f"loop.proposer: {proposer.name} was not asked about scene {scene_id!r}")
        if isinstance(written, Rejection):
            outcomes.append(written)
        else:
            proposals[scene_id].append(written)
    with Sandbox() as sandbox:
        for brief in shard.track(briefs, f"{title}: verifying"):
            verifier = Verifier(sandbox, margins=brief.margins)
            outcomes += verifier.verify(brief.scene, brief.views, proposals[brief.scene.id])
        return _derive_again(outcomes, sandbox, proposer, briefs, title, shard)


def _derive_again(
    outcomes: Sequence[Verified | Rejection],
    sandbox: Sandbox,
    proposer: Proposer,
    briefs: Sequence[Brief],
    title: str,
    shard: RankShard,
) -> list[Verified | Rejection]:
    """The outcomes, with those of open questions that lacked only a second derivation decided."""
    by_scene = {brief.scene.id: brief for brief in briefs}
    waiting = [
        OpenProposal(by_scene[item.proposal.scene_id], item.proposal)
        for item in outcomes
        if isinstance(item, Rejection) and item.reason == "unconfirmed"
    ]
    if not waiting or not isinstance(proposer, Deriver):
        return list(outcomes)
    programs = proposer.derive(waiting, title, shard.show_progress)
    decided: dict[Proposal, Verified | Rejection] = {}
    for (brief, proposal), written in zip(waiting, programs, strict=True):
        second = {proposal: [_LONE_SURROGATE.sub("\ufffd", program) for program in written]}
        verifier = Verifier(sandbox, margins=brief.margins)
        (decided[proposal],) = verifier.verify(brief.scene, brief.views, [proposal], second)
    return [decided.get(item.proposal, item) for item in outcomes]


def _encodable(written: Proposal | Rejection) -> Proposal | Rejection:
    """What was written with U+FFFD for its lone surrogates: no file, hash or tokenizer takes them."""
    clean = partial(_LONE_SURROGATE.sub, "\ufffd")
    raw = written.proposal if isinstance(written, Rejection) else written
    family, text, program = clean(raw.family), clean(raw.text), clean(raw.program)
    proposal = replace(raw, family=family, text=text, program=program)
    if isinstance(written, Rejection):
        return replace(written, proposal=proposal, detail=clean(written.detail))
    return proposal
