"""The fixed questions of held-out scenes: VSI-Bench's sentences.

They are balanced over families as far as the scenes allow. Written by `GrammarProposer` with a fixed seed, so
they are the same in every round, run and kind of proposer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from lightning_ouro.curriculum.feedback import Feedback
from lightning_ouro.errors import InputError
from lightning_ouro.loop.pool import Pool
from lightning_ouro.loop.propose import ask, write_briefs
from lightning_ouro.loop.rounds import RankShard, RoundRequest
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.questions import Question, Rejection
from lightning_ouro.programs.verification import Verified
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.types import Scene, SkippedScene

FIXED_SEED = 20260610  # the day of arXiv 2606.11719; any constant serves
SPARE = 3  # proposals per fixed question, so that families can be balanced after rejections; chosen by hand


def fixed_questions(
    library: SceneLibrary, scenes: Sequence[Scene], per_scene: int, show_progress: bool
) -> tuple[list[Question], list[SkippedScene]]:
    """At most `per_scene` questions about each scene, scene by scene; unusable scenes are skipped.

    Raises:
        InputError: not a single question can be asked about these scenes.
    """
    title, equal = "held-out scenes", Feedback(dict.fromkeys(FAMILIES, 1.0))
    request = RoundRequest(0, equal, SPARE * per_scene, "none", FIXED_SEED)
    shard = RankShard(show_progress=show_progress)
    briefs, skipped = write_briefs(scenes, library, Pool(), request, title, shard)
    outcomes = ask(GrammarProposer(style="vsi_bench"), briefs, title, shard)
    verified = [item for item in outcomes if isinstance(item, Verified)]
    accepted, surplus = Pool().admit(_balanced(verified, per_scene), 0)
    if scenes and not accepted:
        rejected = [item for item in outcomes if isinstance(item, Rejection)] + surplus
        reasons = dict(Counter(rejection.reason for rejection in rejected))
        raise InputError(
            f"no question can be asked about the {len(scenes)} held-out scenes "
            f"({reasons or 'nothing was proposed'}"
            f"{f', {len(skipped)} skipped: {skipped[0].reason}' if skipped else ''}); "
            "hold out richer scenes or show more frames (data.num_val_scenes, data.frames)"
        )
    return accepted, skipped


def _balanced(verified: Sequence[Verified], per_scene: int) -> list[Verified]:
    """At most `per_scene` from each scene, always of the family that has the fewest so far."""
    by_scene: dict[str, list[Verified]] = defaultdict(list)
    for item in verified:
        by_scene[item.proposal.scene_id].append(item)
    counts: Counter[str] = Counter()
    chosen: list[Verified] = []
    for items in by_scene.values():
        remaining = list(items)
        for _ in range(min(per_scene, len(remaining))):
            item = min(remaining, key=lambda item: (counts[item.family], item.proposal.slot))
            remaining.remove(item)
            chosen.append(item)
            counts[item.family] += 1
    return chosen
