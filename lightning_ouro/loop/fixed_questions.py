"""The fixed questions of held-out scenes, in two sets: `vsi_bench` and `strict`.

The first asks VSI-Bench's sentences under its margins, the second any of our sentences under ReVSI's. Within a set
they are balanced over families as far as the scenes allow. Written by `GrammarProposer` with a fixed seed, so they
are the same in every round, run and kind of proposer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lightning_ouro.curriculum.feedback import Feedback
from lightning_ouro.errors import InputError
from lightning_ouro.loop.pool import Pool
from lightning_ouro.loop.propose import ask, write_briefs
from lightning_ouro.loop.rounds import RankShard, RoundRequest
from lightning_ouro.programs.families import FAMILIES
from lightning_ouro.programs.margins import MARGINS, FamilyMargins, MarginsName
from lightning_ouro.programs.questions import Question, Rejection
from lightning_ouro.programs.verification import Verified
from lightning_ouro.proposer.grammar import GrammarProposer
from lightning_ouro.scenes.library import SceneLibrary
from lightning_ouro.scenes.types import Scene, SkippedScene

FIXED_SEED = 20260610  # the day of arXiv 2606.11719; any constant serves
SPARE = 3  # proposals per fixed question, so that families can be balanced after rejections; chosen by hand
# By the margins that a set keeps and is called after: which of the families' sentences it uses.
STYLES: Mapping[MarginsName, Literal["vsi_bench", "mixed"]] = {"vsi_bench": "vsi_bench", "strict": "mixed"}


@dataclass(frozen=True)
class FixedSets:
    """The fixed questions of all sets.

    Attributes:
        by_set: The questions of each set that has any, scene by scene.
        skipped: Scenes whose footage cannot be opened.
        empty: One line for each set in which nothing can be asked.
    """

    by_set: Mapping[str, Sequence[Question]]
    skipped: Sequence[SkippedScene]
    empty: Sequence[str]


def fixed_sets(
    library: SceneLibrary, scenes: Sequence[Scene], per_scene: int, show_progress: bool
) -> FixedSets:
    """At most `per_scene` questions of each set about each scene; unusable scenes are skipped.

    Raises:
        InputError: not a single question of any set can be asked about these scenes.
    """
    by_set: dict[str, Sequence[Question]] = {}
    problems: dict[str, InputError] = {}
    skipped: Sequence[SkippedScene] = ()
    for name in STYLES:
        try:
            questions, skipped = fixed_questions(library, scenes, per_scene, show_progress, name)
        except InputError as problem:
            problems[name] = problem
        else:
            by_set |= {name: questions} if questions else {}
    if len(problems) == len(STYLES):
        raise next(iter(problems.values()))
    return FixedSets(by_set, skipped, [f"{name}: {problem}" for name, problem in problems.items()])


def fixed_questions(
    library: SceneLibrary,
    scenes: Sequence[Scene],
    per_scene: int,
    show_progress: bool,
    set_name: MarginsName = "vsi_bench",
) -> tuple[list[Question], list[SkippedScene]]:
    """At most `per_scene` questions of a set about each scene, scene by scene; unusable scenes are skipped.

    Raises:
        InputError: not a single question of the set can be asked about these scenes.
    """
    title, equal = f"held-out scenes, {set_name}", Feedback(dict.fromkeys(FAMILIES, 1.0))
    margins = FamilyMargins(MARGINS[set_name])
    request = RoundRequest(0, equal, SPARE * per_scene, "none", FIXED_SEED, margins)
    shard = RankShard(show_progress=show_progress)
    briefs, skipped = write_briefs(scenes, library, Pool(), request, title, shard)
    outcomes = ask(GrammarProposer(style=STYLES[set_name]), briefs, title, shard)
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
