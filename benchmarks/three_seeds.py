"""Does the loop learn? One run of `configs/tiny.yaml` per seed, and what its files say.

    python benchmarks/three_seeds.py [--seeds 0 1 2] [--out benchmarks/results/three_seeds.json]

Per seed: the unweighted loss on the fixed validation questions before the first round and after the last; the
median confidence in the questions that were trained on in two rounds, in the first and in the last of these; and
per family what another scene's video adds to the validation loss (above 0: the solver uses the video, around
0: it guesses). The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from record import provenance, write_report
from tiny_run import fit, read_curves

from lightning_ouro.atomic_files import from_jsonl

PACKAGES = ("lightning_ouro", "torch", "transformers", "lightning")


def main(args: Sequence[str] | None = None) -> None:
    """Runs the seeds one after the other and reports."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, help="also write the report to this file")
    given = parser.parse_args(args)
    report: dict[str, Any] = provenance("three_seeds.py", args, PACKAGES) | {"seeds": {}}
    for seed in given.seeds:
        with tempfile.TemporaryDirectory() as folder:
            started = time.monotonic()
            run = fit(Path(folder), "--seed_everything", str(seed))
            minutes = round((time.monotonic() - started) / 60, 2)
            report["seeds"][str(seed)] = {"minutes": minutes, **read(run)}
            print(f"seed {seed}: {json.dumps(report['seeds'][str(seed)])}", file=sys.stderr)
    if given.out:
        write_report(given.out, report)
    print(json.dumps(report))


def read(run: Path) -> dict[str, Any]:
    """What a run's curves and files say."""
    events = read_curves(run)
    losses = [event.value for event in events.Scalars("val/loss")]
    selections = sorted(run.glob("rounds/*/selection.jsonl"))
    rows = from_jsonl(selections[-1].read_bytes())
    twice = [list(row["confidence"].values()) for row in rows if len(row["confidence"]) >= 2]
    gains = [tag for tag in events.Tags()["scalars"] if tag.startswith("val/video_gain/")]
    return {
        "rounds": len(selections),
        "val_loss_before": round(losses[0], 4),
        "val_loss_after": round(losses[-1], 4),
        "val_score_after": round(events.Scalars("val/score")[-1].value, 4),
        "questions_trained_in_two_rounds": len(twice),
        "their_median_confidence_first": statistics.median(values[0] for values in twice) if twice else None,
        "their_median_confidence_last": statistics.median(values[-1] for values in twice) if twice else None,
        "loss_added_by_another_scenes_video": {
            tag.removeprefix("val/video_gain/"): round(events.Scalars(tag)[-1].value, 4)
            for tag in sorted(gains)
        },
    }


if __name__ == "__main__":
    main()
