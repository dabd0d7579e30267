"""Does the loop learn? Three runs of `configs/tiny.yaml`, one a seed, and what their files say.

    python benchmarks/three_seeds.py [--seeds 0 1 2] [--out benchmarks/results/three_seeds.json]

Per seed: the unweighted loss on the fixed validation questions before the first round and behind the last; of
questions trained in two rounds, the median confidence in the first and the last of them; per family what another
scene's video adds to the validation loss (above 0: the solver sees, around 0: it guesses). Last output line: one JSON
object.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

CONFIG = Path(__file__).parents[1] / "configs" / "tiny.yaml"


def main() -> None:
    """Runs the seeds one after the other and reports."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, help="also write the report to this file")
    args = parser.parse_args()
    report: dict[str, Any] = {
        "command": "python benchmarks/three_seeds.py --seeds " + " ".join(map(str, args.seeds)),
        "machine": f"{platform.machine()}, {cores()} cores, no GPU",
        "versions": {name: version(name) for name in ("torch", "transformers", "lightning")},
        "date": date.today().isoformat(),
        "seeds": {},
    }
    for seed in args.seeds:
        with tempfile.TemporaryDirectory() as folder:
            started = time.monotonic()
            fit(seed, Path(folder))
            found = read(Path(folder) / "runs" / "tiny" / "version_0")
            report["seeds"][str(seed)] = {"minutes": round((time.monotonic() - started) / 60, 2), **found}
            print(f"seed {seed}: {json.dumps(report['seeds'][str(seed)])}", file=sys.stderr)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(report, indent=1) + "\n", "utf8")
    print(json.dumps(report))


def cores() -> int:
    """Processors that this process may use."""
    import os

    return len(os.sched_getaffinity(0))


def fit(seed: int, folder: Path) -> None:
    """One run of the tiny config in a folder of its own."""
    command = [
        sys.executable,
        "-m",
        "lightning_ouro",
        "fit",
        "--config",
        str(CONFIG),
        "--seed_everything",
        str(seed),
    ]
    subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr)


def read(run: Path) -> dict[str, Any]:
    """What a run's curves and files say."""
    events = EventAccumulator(str(run)).Reload()
    losses = [event.value for event in events.Scalars("val/loss")]
    selections = sorted(run.glob("rounds/*/selection.jsonl"))
    rows = [json.loads(line) for line in selections[-1].read_text("utf8").splitlines()]
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
