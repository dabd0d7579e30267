"""The first half of a round, on all ranks: ask the proposer, verify what it wrote, gather, admit.

Each rank asks about its share of the scenes. Outcomes are gathered and sorted by scene and slot, so every
rank admits the same questions in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import replace
from functools import partial

from lightning_ouro.distributed import all_gather_list
from lightning_ouro.errors import InputError
from lightning_ouro.loop.admit import filter_and_admit
from lightning_ouro.loop.files import Identity
from lightning_ouro.loop.journal import Journal, Written
from lightning_ouro.loop.pool import Pool
from lightning_ouro.loop.rounds import RankShard, RoundRequest, RoundResult
from lightning_ouro.programs.families import Key
from lightning_ouro.programs.questions import Proposal, Rejection
from lightning_ouro.programs.sandbox import Sandbox
from lightning_ouro.programs.verification import Verified, Verifier
from lightning_ouro.proposer.protocol import Brief, Deriver, GradualProposer, OpenProposal, Proposer
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.types import Scene, SkippedScene, Views
from lightning_ouro.solver.module import SolverModule
from lightning_ouro.solver.sharding import unsharded

# Of which nothing is lost once they are noted; a multiple of the scenes that a model is asked about in one batch, and
# enough requests to keep a server busy. Chosen by hand.
SCENES_AT_ONCE = 16
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
    """Proposes, verifies and admits a round's questions, or reads them back if that was done before; a collective.

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
    asked = {"data.frames": library.budget.record(), "model.prompts": solver.resolved_options()}
    identity = request.identity(proposer.name) | asked
    read_back = _read_back(pool, request.round_index, identity, shard)
    if read_back is not None:
        return read_back
    journal = None if pool.files is None else pool.files.journal(request.round_index, identity)
    briefs, skipped = write_briefs(shard.of(scenes), library, pool, request, title, shard)
    with unsharded(solver):  # ranks differ in scenes and replies, so weights are gathered once
        outcomes = ask(proposer, briefs, title, shard, journal)
    order = {scene.id: index for index, scene in enumerate(scenes)}
    outcomes = sorted(
        all_gather_list(outcomes), key=lambda item: (order[item.proposal.scene_id], item.proposal.slot)
    )
    rejected = [item for item in outcomes if isinstance(item, Rejection)]
    verified = [item for item in outcomes if isinstance(item, Verified)]
    accepted, turned_down = filter_and_admit(verified, pool, proposer.base(solver), library, request, shard)
    return RoundResult(accepted, rejected + turned_down, all_gather_list(skipped), identity)


def _read_back(pool: Pool, round_index: int, identity: Identity, shard: RankShard) -> RoundResult | None:
    """What the first rank finds of the round, on all ranks; None if it was never proposed to its end. A collective."""
    found = None
    if pool.files is not None and shard.rank == 0:
        found = pool.files.read_proposed(round_index, identity)
    gathered = all_gather_list([] if found is None else [found])
    if not gathered:
        return None
    ((accepted, rejected),) = gathered
    pool.enter(accepted)
    return RoundResult(accepted, rejected, identity=identity, is_read_back=True)


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
    proposer: Proposer, briefs: Sequence[Brief], title: str, shard: RankShard, journal: Journal | None = None
) -> list[Verified | Rejection]:
    """The outcome of each proposal: unusable replies first, then in the order of briefs and slots.

    Args:
        proposer: Writes the proposals.
        briefs: About this rank's scenes.
        title: Label of the progress bars.
        shard: Whether to show them.
        journal: Takes what was written, some scenes at a time; scenes that it knows are not asked about again.

    Raises:
        InputError: the proposer wrote about a scene that it was not asked about.
    """
    written = _written(proposer, briefs, title, shard, journal)
    outcomes: list[Verified | Rejection] = []
    proposals: dict[str, list[Proposal]] = {brief.scene.id: [] for brief in briefs}
    for brief in briefs:
        for item in written[brief.scene.id]:
            if isinstance(item, Rejection):
                outcomes.append(item)
            else:
                proposals[brief.scene.id].append(item)
    with Sandbox() as sandbox:
        for brief in shard.track(briefs, f"{title}: verifying"):
            verifier = Verifier(sandbox, margins=brief.margins)
            outcomes += verifier.verify(brief.scene, brief.views, proposals[brief.scene.id])
        return _derive_again(outcomes, sandbox, proposer, briefs, title, shard)


def _written(
    proposer: Proposer, briefs: Sequence[Brief], title: str, shard: RankShard, journal: Journal | None
) -> Mapping[str, Sequence[Written]]:
    """What was written about each scene, in this session or before it was interrupted."""
    noted = {} if journal is None else journal.read()
    written = {brief.scene.id: noted[brief.scene.id] for brief in briefs if brief.scene.id in noted}
    left = [brief for brief in briefs if brief.scene.id not in written]
    step = max(1, len(left)) if isinstance(proposer, GradualProposer) else SCENES_AT_ONCE
    for start in range(0, len(left), step):
        done = f" ({len(written)} of {len(briefs)} scenes done)" if written else ""
        for new in _by_scene(proposer, left[start : start + step], f"{title}{done}", shard.show_progress):
            if journal is not None:
                journal.add(new)
            written |= new
    return written


def _by_scene(
    proposer: Proposer, briefs: Sequence[Brief], title: str, show_progress: bool
) -> Iterator[dict[str, list[Written]]]:
    """What is written about scenes: each as soon as its last slot is answered, if the proposer tells, or else all.

    Raises:
        InputError: the proposer wrote about a scene that it was not asked about.
    """
    new: dict[str, list[Written]] = {brief.scene.id: [] for brief in briefs}
    slots = {brief.scene.id: brief.slots for brief in briefs}
    is_gradual = isinstance(proposer, GradualProposer)
    ask_for = proposer.propose_gradually if isinstance(proposer, GradualProposer) else proposer.propose
    answers = iter(ask_for(briefs, title, show_progress))
    with closing(answers) if isinstance(answers, Generator) else nullcontext():
        for item in map(_encodable, answers):
            scene_id = (item.proposal if isinstance(item, Rejection) else item).scene_id
            if scene_id not in new:
                more = "more than it was asked" if scene_id in slots else "and was not asked"
                raise InputError(f"loop.proposer: {proposer.name} wrote about scene {scene_id!r} {more}")
            new[scene_id].append(item)
            if is_gradual and len(new[scene_id]) == slots[scene_id]:
                yield {scene_id: sorted(new.pop(scene_id), key=_slot)}
    yield new


def _slot(item: Written) -> int:
    return (item.proposal if isinstance(item, Rejection) else item).slot


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
