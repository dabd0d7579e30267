"""Does the model write questions that pass verification, and does it follow its instructions?

    python benchmarks/proposer.py [--checkpoint tiny] [--scenes 40] [--slots 16] [--meta PATH...] [--out FILE]

*Quality*, on procedural scenes and, with --meta, on VSI-Bench's `meta_info` layouts (rendered), both unseen
in training, and on the same layouts with 40 category names that no lesson had. The model proposes at
temperature 1 with equal family weights; every check of the verification applies, and a question that is asked
twice counts once. Per family: *due* (an equal share of each scene's proposals among the families that can ask
anything there), *proposed*, *ran* (parses, type-checks, runs and gives an answer in range) and *accepted*. A
*novel* program is not the one that the family of the text would write itself.

*Instructions* (`proposer_steering.py`): whether it follows family weights and feedback. *Speed*
(`proposer_speed.py`): how much faster one prefill per scene is than `generate` for each proposal.

The last line is one JSON object about the procedural scenes; its `obedience` is the smallest
ratio of any family.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from proposer_speed import measure_speed
from proposer_steering import follow_feedback, follow_weights
from record import provenance, write_report
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

FIRST_HELD_OUT = 500_000  # number of the first procedural scene; lessons start far above
WEIGHT_SLOTS, FEEDBACK_SLOTS = 128, 32  # proposals per scene in the parts of `proposer_steering.py`
SPEED_SCENES = 2
MAX_NEW_TOKENS = 512  # the default of `ModelProposer`
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
# Stand-ins for the categories of `meta_info`, most of which procedural rooms have too; the syllables from
# which `bootstrap/names.py` invents names make none of these.
NEW_NAMES = (
    *("accordion", "anvil", "aquarium", "armchair", "banner", "xylophone", "basket", "bicycle"),
    *("birdcage", "bonfire", "obelisk", "bucket", "canoe", "cello", "chandelier", "chessboard"),
    *("chimney", "cradle", "easel", "elevator", "globe", "hammock", "trampoline", "skateboard"),
    *("kayak", "ladder", "lantern", "mannequin", "microscope", "snowglobe", "wheelbarrow", "podium"),
    *("scarecrow", "sculpture", "locomotive", "staircase", "telescope", "tricycle", "typewriter", "umbrella"),
)
PACKAGES = ("lightning_ouro", "torch", "transformers", "numpy")
console = Console(width=120)


def main(args: Sequence[str] | None = None) -> None:
    """Runs all parts and prints the line."""
    given = _parser().parse_args(args)
    report = provenance("proposer.py", args, PACKAGES)
    solver = SolverModule(given.checkpoint, lora=Lora())
    solver.configure_model()
    proposer = ModelProposer(prompt="compact")
    proposer.attach(solver)
    report["procedural"] = quality(proposer, procedural_scenes(FIRST_HELD_OUT, given.scenes), given.slots)
    if given.meta:
        scenes, _ = read_scenes(given.meta)
        layouts = scenes[:: max(1, len(scenes) // given.scenes)]
        report["meta_info"] = quality(proposer, layouts, given.slots)
        report["meta_info_unheard"] = quality(proposer, renamed(layouts), given.slots)
    scenes = list(procedural_scenes(FIRST_HELD_OUT, given.scenes))
    started = time.perf_counter()
    family_only = ModelProposer(
        prompt="compact", max_new_tokens=1
    )  # a reply begins with its family, one token
    family_only.attach(solver)
    report["obedience"] = follow_weights(family_only, [brief_for(scene, WEIGHT_SLOTS) for scene in scenes])
    report["feedback"] = follow_feedback(proposer, [brief_for(scene, FEEDBACK_SLOTS) for scene in scenes])
    console.print(weights_table(report["obedience"]), report["feedback"])
    console.print(f"{time.perf_counter() - started:.0f} s")
    timed = [brief_for(scene, given.slots) for scene in scenes[:SPEED_SCENES]]
    report["speed"] = measure_speed(solver, proposer, timed, MAX_NEW_TOKENS)
    console.print(report["speed"])
    if given.out:
        write_report(given.out, report)
    line = {name: report["procedural"][name] for name in ("runs", "accepted", "disagrees", "novel")}
    line["obedience"] = min(row["value"] for row in report["obedience"].values())
    print(json.dumps(line | {"speedup_naive": report["speed"]["speedup_naive"]}))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", default="tiny", help="tiny, or a folder")
    parser.add_argument(
        "--scenes", type=int, default=40, help="number of procedural scenes; about as many layouts"
    )
    parser.add_argument("--slots", type=int, default=16, help="proposals per scene")
    parser.add_argument("--meta", type=Path, nargs="*", default=[], help="VSI-Bench's meta_info files")
    parser.add_argument("--out", type=Path, help="also write the report to this file")
    return parser


def quality(proposer: ModelProposer, scenes: Sequence[Scene], slots: int) -> dict[str, Any]:
    """Proposes, verifies and counts."""
    started = time.perf_counter()
    briefs = [brief_for(scene, slots) for scene in scenes]
    rendered = time.perf_counter()
    proposals = proposer.propose(briefs)
    spent = time.perf_counter() - rendered
    console.print(f"{len(proposals)} proposals about {len(scenes)} scenes in {spent:.0f} s")
    outcomes = verify(briefs, proposals)
    accepted, surplus = Pool().admit([item for item in outcomes if isinstance(item, Verified)], 0)
    rejected = [item for item in outcomes if isinstance(item, Rejection)] + surplus
    report = summary(proposals, accepted, rejected, due(briefs))
    console.print(table(report))
    console.print(report["reasons"], f"{time.perf_counter() - started:.0f} s")
    return report


def renamed(scenes: Sequence[Scene]) -> list[Scene]:
    """The scenes with another name for each of their categories."""
    categories = sorted({name for scene in scenes for name in scene.counts})
    names = dict(zip(categories, NEW_NAMES, strict=False))
    return [
        replace(
            scene,
            objects=tuple(replace(item, category=names[item.category]) for item in scene.objects),
            counts={names[name]: number for name, number in scene.counts.items()},
            complete=frozenset(names[name] for name in scene.complete),
        )
        for scene in scenes
    ]


def brief_for(scene: Scene, slots: int) -> Brief:
    """A brief with equal family weights and no feedback."""
    video: Video = scene.footage.load(scene, FrameBudget())
    equal = dict.fromkeys(FAMILIES, 1.0)
    return Brief(scene, video.views, slots, 0, 0, equal, {}, {}, frozenset(), lambda: video)


def verify(briefs: Sequence[Brief], proposals: Sequence[Proposal | Rejection]) -> list[Verified | Rejection]:
    """What became of each proposal."""
    outcomes: list[Verified | Rejection] = [item for item in proposals if isinstance(item, Rejection)]
    with Sandbox() as sandbox:
        verifier = Verifier(sandbox)
        for brief in briefs:
            about = [p for p in proposals if isinstance(p, Proposal) and p.scene_id == brief.scene.id]
            outcomes += verifier.verify(brief.scene, brief.views, about)
    return outcomes


def summary(
    proposals: Sequence[Proposal | Rejection],
    accepted: Sequence[Question],
    rejected: Sequence[Rejection],
    due: Mapping[str, float],
) -> dict[str, Any]:
    """Shares of all proposals, counts per family, and rejections by reason."""
    total = len(proposals)
    claimed = Counter(p.family for p in proposals if isinstance(p, Proposal))
    broken = Counter(item.proposal.family for item in rejected if item.reason in DID_NOT_RUN)
    kept = Counter(question.family for question in accepted)
    novel = sum(not is_familys_own(p) for p in proposals if isinstance(p, Proposal))
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
        },
        "reasons": dict(Counter(item.reason for item in rejected).most_common()),
    }


def due(briefs: Sequence[Brief]) -> dict[str, float]:
    """Each family's equal share of each scene's proposals, among the families that can ask anything there."""
    shares = dict.fromkeys(FAMILIES, 0.0)
    for brief in briefs:
        geometry = scene_geometry(brief.scene, brief.views)
        # The shipped weights were taught what VSI-Bench asks.
        fitting = askable(dict.fromkeys(FAMILIES, 1.0), geometry, frozenset(), "vsi_bench")
        for name in fitting:
            shares[name] += brief.slots / len(fitting)
    return shares


def is_familys_own(proposal: Proposal) -> bool:
    """Whether the program is the one that the family of the text writes."""
    reading = read(proposal.text, proposal.family)
    return (
        reading is not None and reading[0] is not OPEN and reading[0].program(reading[1]) == proposal.program
    )


def table(report: Mapping[str, Any]) -> Table:
    """One row per family."""
    rows = Table("family", "due", "proposed", "ran", "accepted")
    for name, row in report["families"].items():
        shares = [f"{row[key] / max(1, row['proposed']):.0%}" for key in ("ran", "accepted")]
        rows.add_row(name, f"{row['due']:.0f}", str(row["proposed"]), *shares)
    rows.add_row("all", "", str(report["proposals"]), f"{report['runs']:.1%}", f"{report['accepted']:.1%}")
    return rows


def weights_table(report: Mapping[str, Any]) -> Table:
    """One row per family."""
    rows = Table("family", "share at equal weights", "share at twice its share", "ratio", "95% interval")
    for name, row in report.items():
        interval = f"{row['low']:.2f} to {row['high']:.2f}"
        rows.add_row(name, f"{row['equal']:.1%}", f"{row['twice']:.1%}", f"{row['value']:.2f}", interval)
    return rows


if __name__ == "__main__":
    main()
