"""Does the model write questions that hold?

    python benchmarks/proposer.py [--checkpoint tiny] [--scenes 40] [--slots 16] [--meta PATH...] [--out FILE]

On procedural scenes that no lesson had, and on VSI-Bench's `meta_info` layouts where given (rendered; layouts that no
lesson had either), also under 40 names that no lesson had: proposals at temperature 1 with equal family weights, every
reason of the verification applied, a question asked twice counted once. Per family: *due* (an equal share among the
families that a scene has anything for), proposed, *ran* (parse, type check, run, give an answer), accepted. *Novel* are
programs that are not what the text's family itself would write. Then whether the model obeys families' weights and
feedback (`proposer_obedience.py`), and how much faster one prefill a scene is than `generate` for each proposal
(`proposer_speed.py`). The last line is one JSON object about the procedural scenes; its `obedience` is the least of the
families' ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from proposer_obedience import feedback_obeyed, weights_obeyed
from proposer_speed import speed
from rich.console import Console
from rich.table import Table

from lightning_ouro.loop.pool import Pool
from lightning_ouro.programs.families import FAMILIES, OPEN, read
from lightning_ouro.programs.questions import Proposal, Question, Rejection
from lightning_ouro.programs.sandbox import Sandbox
from lightning_ouro.programs.scene_geometry import scene_geometry
from lightning_ouro.programs.verification import Verified, Verifier
from lightning_ouro.proposer.grammar import askable
from lightning_ouro.proposer.model import ModelProposer
from lightning_ouro.proposer.protocol import Brief
from lightning_ouro.scenes.reading import read_scenes
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget, Scene, Video
from lightning_ouro.solver.loading import Lora
from lightning_ouro.solver.module import SolverModule

HELD_OUT = 500_000  # the first procedural scene; lessons start far above
NAMED_SLOTS, TOLD_SLOTS, SPEED_SCENES = 128, 32, 2
LONGEST = 512  # tokens of a proposal, as `ModelProposer` has it
DID_NOT_RUN = {
    "unusable",
    "syntax",
    "forbidden",
    "type",
    "runtime",
    "limit",
    "untyped",
    "unrepeatable",
    "range",
}
# Names for the categories of `meta_info`, most of which procedural rooms have too; no syllables of `invented` make one.
UNHEARD = (
    *("accordion", "anvil", "aquarium", "armchair", "banner", "xylophone", "basket", "bicycle"),
    *("birdcage", "bonfire", "obelisk", "bucket", "canoe", "cello", "chandelier", "chessboard"),
    *("chimney", "cradle", "easel", "elevator", "globe", "hammock", "trampoline", "skateboard"),
    *("kayak", "ladder", "lantern", "mannequin", "microscope", "snowglobe", "wheelbarrow", "podium"),
    *("scarecrow", "sculpture", "locomotive", "staircase", "telescope", "tricycle", "typewriter", "umbrella"),
)
console = Console(width=120)


def main(args: Sequence[str] | None = None) -> None:
    """Runs the parts and prints the line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", default="tiny")
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--meta", nargs="*", default=[])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(args)
    solver = SolverModule(given.checkpoint, lora=Lora())
    solver.configure_model()
    proposer = ModelProposer(prompt="compact")
    proposer.attach(solver)
    paths = " --meta PATH..." if given.meta else ""
    report: dict[str, Any] = {
        "command": f"python benchmarks/proposer.py --scenes {given.scenes} --slots {given.slots}{paths}"
    }
    report["date"], report["machine"] = datetime.now(UTC).date().isoformat(), machine()
    report["versions"] = {name: version(name) for name in ("torch", "transformers", "numpy")}
    report["procedural"] = quality(proposer, procedural_scenes(HELD_OUT, given.scenes), given.slots)
    if given.meta:
        scenes, _ = read_scenes([Path(path) for path in given.meta])
        some = scenes[:: max(1, len(scenes) // given.scenes)]
        report["meta_info"] = quality(proposer, some, given.slots)
        report["meta_info_unheard"] = quality(proposer, unheard(some), given.slots)
    scenes = list(procedural_scenes(HELD_OUT, given.scenes))
    started = time.perf_counter()
    naming = ModelProposer(
        prompt="compact", max_new_tokens=1
    )  # a family's name, which comes first, is one token
    naming.attach(solver)
    report["obedience"] = weights_obeyed(naming, [order(scene, NAMED_SLOTS) for scene in scenes])
    report["feedback"] = feedback_obeyed(proposer, [order(scene, TOLD_SLOTS) for scene in scenes])
    console.print(
        obedience(report["obedience"]), report["feedback"], f"{time.perf_counter() - started:.0f} s"
    )
    report["speed"] = speed(
        solver, proposer, [order(scene, given.slots) for scene in scenes[:SPEED_SCENES]], LONGEST
    )
    console.print(report["speed"])
    if given.out:
        given.out.write_text(json.dumps(report, indent=1) + "\n", "utf8")
    last = report["procedural"]
    line = {name: last[name] for name in ("runs", "accepted", "disagrees", "novel")}
    line["obedience"] = min(row["value"] for row in report["obedience"].values())
    print(json.dumps(line | {"speedup_naive": report["speed"]["speedup_naive"]}))


def quality(proposer: ModelProposer, scenes: Sequence[Scene], slots: int) -> dict[str, Any]:
    """Rates per family and over all."""
    started = time.perf_counter()
    briefs = [order(scene, slots) for scene in scenes]
    opened = time.perf_counter()
    proposals = proposer.propose(briefs)
    console.print(
        f"{len(proposals)} proposals about {len(scenes)} scenes in {time.perf_counter() - opened:.0f} s"
    )
    outcomes = verified(briefs, proposals)
    accepted, surplus = Pool().admit([item for item in outcomes if isinstance(item, Verified)], 0)
    rejected = [item for item in outcomes if isinstance(item, Rejection)] + surplus
    reasons = Counter(item.reason for item in rejected)
    report = summary(proposals, accepted, rejected, due(briefs))
    console.print(table(report))
    console.print(dict(reasons.most_common()), f"{time.perf_counter() - started:.0f} s")
    return report


def unheard(scenes: Sequence[Scene]) -> list[Scene]:
    """The scenes with another name for each of their categories."""
    names = dict(zip(sorted({name for scene in scenes for name in scene.counts}), UNHEARD, strict=False))
    return [
        replace(
            scene,
            objects=tuple(replace(thing, category=names[thing.category]) for thing in scene.objects),
            counts={names[name]: number for name, number in scene.counts.items()},
            complete=frozenset(names[name] for name in scene.complete),
        )
        for scene in scenes
    ]


def order(scene: Scene, slots: int, weights: Mapping[str, float] | None = None) -> Brief:
    """A brief with nothing but families' weights."""
    video: Video = scene.footage.load(scene, FrameBudget())
    equal = dict.fromkeys(FAMILIES, 1.0)
    return Brief(scene, video.views, slots, 0, 0, weights or equal, {}, {}, frozenset(), lambda: video)


def verified(
    briefs: Sequence[Brief], proposals: Sequence[Proposal | Rejection]
) -> list[Verified | Rejection]:
    """What became of each."""
    found: list[Verified | Rejection] = [item for item in proposals if isinstance(item, Rejection)]
    with Sandbox() as sandbox:
        verifier = Verifier(sandbox)
        for brief in briefs:
            mine = [p for p in proposals if isinstance(p, Proposal) and p.scene_id == brief.scene.id]
            found += verifier.verify(brief.scene, brief.views, mine)
    return found


def summary(
    proposals: Sequence[Proposal | Rejection],
    accepted: Sequence[Question],
    rejected: Sequence[Rejection],
    due: Mapping[str, float],
) -> dict[str, Any]:
    """Counts and shares."""
    total = len(proposals)
    claimed = Counter(p.family for p in proposals if isinstance(p, Proposal))
    broken = Counter(item.proposal.family for item in rejected if item.reason in DID_NOT_RUN)
    kept = Counter(question.family for question in accepted)
    own = {family.name for family in FAMILIES.values()}
    novel = sum(not is_own(p) for p in proposals if isinstance(p, Proposal))
    return {
        "proposals": total,
        "runs": round(1 - sum(broken.values()) / total, 4),
        "accepted": round(len(accepted) / total, 4),
        "disagrees": round(sum(item.reason == "disagrees" for item in rejected) / total, 4),
        "novel": round(novel / total, 4),
        "families": {
            name: {
                "due": round(due[name], 1),
                "proposed": claimed[name],
                "ran": claimed[name] - broken[name],
                "accepted": kept[name],
            }
            for name in FAMILIES
            if name in own
        },
        "reasons": dict(Counter(item.reason for item in rejected).most_common()),
    }


def due(briefs: Sequence[Brief]) -> dict[str, float]:
    """Of each family an equal share of each scene's proposals among the families that have anything to ask there."""
    found = dict.fromkeys(FAMILIES, 0.0)
    for brief in briefs:
        fitting = askable(dict.fromkeys(FAMILIES, 1.0), scene_geometry(brief.scene, brief.views), frozenset())
        for name in fitting:
            found[name] += brief.slots / len(fitting)
    return found


def is_own(proposal: Proposal) -> bool:
    """Whether the program is the one that the text's family writes."""
    found = read(proposal.text, proposal.family)
    return found is not None and found[0] is not OPEN and found[0].program(found[1]) == proposal.program


def table(report: Mapping[str, Any]) -> Table:
    """A row for each family."""
    found = Table("family", "due", "proposed", "ran", "accepted")
    for name, row in report["families"].items():
        shares = [f"{row[key] / max(1, row['proposed']):.0%}" for key in ("ran", "accepted")]
        found.add_row(name, f"{row['due']:.0f}", str(row["proposed"]), *shares)
    found.add_row("all", "", str(report["proposals"]), f"{report['runs']:.1%}", f"{report['accepted']:.1%}")
    return found


def obedience(report: Mapping[str, Any]) -> Table:
    """A row for each family."""
    found = Table("family", "equal", "twice", "ratio", "95 %")
    for name, row in report.items():
        found.add_row(
            name,
            f"{row['equal']:.1%}",
            f"{row['twice']:.1%}",
            f"{row['value']:.2f}",
            f"{row['low']:.2f} to {row['high']:.2f}",
        )
    return found


def machine() -> str:
    """What it ran on."""
    return f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, no GPU"


if __name__ == "__main__":
    main()
