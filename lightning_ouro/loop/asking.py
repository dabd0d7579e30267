"""Proposing and verifying for many scenes, and the fixed questions of held-out scenes.

Fixed questions are VSI-Bench's sentences by `GrammarProposer` with a fixed seed and equal families: the same in every
round, run and kind of proposer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TypeVar

from rich.progress import track

from lightning_ouro.curriculum.feedback import Feedback
from lightning_ouro.errors import InputError
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.pool import Pool
from lightning_ouro.programs.questions import Proposal, Question, Rejection
from lightning_ouro.programs.sandbox import Sandbox
from lightning_ouro.programs.verification import Verified, Verifier
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.proposer.protocol import Brief, Proposer
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.types import Scene, SkippedScene

FIXED_SEED = 20260610  # the day of arXiv 2606.11719; any constant serves
SPARE = 3  # proposals for each fixed question, so that families can be balanced after rejections
T = TypeVar("T")


def write_briefs(
    scenes: Sequence[Scene],
    library: SceneLibrary,
    told: Feedback,
    pool: Pool,
    slots: int,
    round: int,
    seed: int,
    title: str,
    show_progress: bool,
) -> tuple[list[Brief], list[SkippedScene]]:
    """One scene's order each; opens the videos, since a question has to be shown, and skips a scene that has none.

    Args:
        scenes: What to ask about.
        library: Where their videos are.
        told: Last round's feedback.
        pool: Everything that was asked before.
        slots: Proposals wanted for each scene.
        round: The round that they are for.
        seed: The run's seed.
        title: Stands before the progress bar.
        show_progress: Whether it is drawn.
    """
    asked = pool.keys_by_scene()
    briefs: list[Brief] = []
    skipped: list[SkippedScene] = []
    for scene in progress(scenes, f"{title}: opening videos", show_progress):
        try:
            views = library.video(scene.id).views
        except InputError as problem:
            skipped.append(SkippedScene(scene.id, str(problem).removeprefix(f"scene {scene.id}: ")))
            continue
        briefs.append(
            Brief(
                scene=scene,
                views=views,
                slots=slots,
                round=round,
                seed=seed,
                family_weights=told.family_weights,
                rejections=told.rejections,
                recent=told.recent.get(scene.id, {}),
                asked=asked.get(scene.id, frozenset()),
                video=partial(library.video, scene.id),
            )
        )
    return briefs, skipped


def propose_and_verify(
    proposer: Proposer, briefs: Sequence[Brief], title: str, show_progress: bool
) -> list[Verified | Rejection]:
    """What became of each proposal: first what was unusable, then the others in the order of briefs and slots."""
    proposals: dict[str, list[Proposal]] = defaultdict(list)
    outcomes: list[Verified | Rejection] = []
    for proposal in proposer.propose(briefs, title, show_progress):
        if isinstance(proposal, Rejection):
            outcomes.append(proposal)
        else:
            proposals[proposal.scene_id].append(proposal)
    with Sandbox() as sandbox:
        verifier = Verifier(sandbox)
        for brief in progress(briefs, f"{title}: verifying", show_progress):
            outcomes += verifier.verify(brief.scene, brief.views, proposals[brief.scene.id])
    return outcomes


def fixed_questions(
    library: SceneLibrary, scenes: Sequence[Scene], per_scene: int, show_progress: bool
) -> tuple[list[Question], list[SkippedScene]]:
    """At most `per_scene` questions about each scene, scene by scene, families as level as the scenes allow.

    Scenes whose footage cannot be used are skipped.

    Raises:
        InputError: not one question can be asked about these scenes.
    """
    equal, title = Feedback(dict.fromkeys(FAMILIES, 1.0)), "held-out scenes"
    briefs, skipped = write_briefs(
        scenes, library, equal, Pool(), SPARE * per_scene, 0, FIXED_SEED, title, show_progress
    )
    outcomes = propose_and_verify(GrammarProposer(style="vsi_bench"), briefs, title, show_progress)
    verified = [item for item in outcomes if isinstance(item, Verified)]
    accepted, surplus = Pool().admit(_level(verified, per_scene), 0)
    if scenes and not accepted:
        rejected = [item for item in outcomes if isinstance(item, Rejection)] + surplus
        reasons = dict(Counter(rejection.reason for rejection in rejected))
        raise InputError(
            f"no question can be asked about the {len(scenes)} held-out scenes ({reasons or 'nothing was proposed'}"
            f"{f', {len(skipped)} skipped: {skipped[0].reason}' if skipped else ''}); "
            "hold out richer scenes or show more frames (data.num_val_scenes, data.frames)"
        )
    return accepted, skipped


def progress(items: Sequence[T], title: str, show_progress: bool) -> Iterable[T]:
    """The items behind a progress bar that goes away when it is done."""
    return track(items, title, transient=True, disable=not show_progress)


def _level(verified: Sequence[Verified], per_scene: int) -> list[Verified]:
    """From each scene the families that have the fewest questions so far, one after the other."""
    by_scene: dict[str, list[Verified]] = defaultdict(list)
    for item in verified:
        by_scene[item.proposal.scene_id].append(item)
    counts: Counter[str] = Counter()
    chosen: list[Verified] = []
    for items in by_scene.values():
        left = list(items)
        for _ in range(min(per_scene, len(left))):
            item = min(left, key=lambda item: (counts[item.family], item.proposal.slot))
            left.remove(item)
            chosen.append(item)
            counts[item.family] += 1
    return chosen
