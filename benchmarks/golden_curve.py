"""The golden curve: the loss of every step of the default run, to detect unintended changes.

    python benchmarks/golden_curve.py [--out FILE]

Runs `configs/tiny.yaml` with seed 0 and writes `train/loss`, `train/loss_unweighted` and `train/confidence`
of every optimizer step, and `val/loss` and `val/score` before the first round and after each, at full
precision (float32 values as Python's repr of them). The last line is one JSON object: the platform, the
number of steps and the last values.

The run has one thread, so that it does not depend on the number of cores: on the same platform (CPU,
instruction set and library versions) the same code gives the same bits. Measured: with two threads every
value was the same; with AVX2 instead of AVX-512 the first four steps differed by 5e-7 relative. `TOLERANCE`
is far above that, and far below what a changed loss does. `tests/benchmarks/test_golden_curve.py` runs the
first steps.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from record import RESULTS, machine, provenance, write_report
from tiny_run import fit, read_curves

SEED = 0
THREADS = 1
TRAIN = ("train/loss", "train/loss_unweighted", "train/confidence")
VALIDATION = ("val/loss", "val/score")
PACKAGES = ("torch", "transformers", "lightning", "peft", "numpy")
TOLERANCE = 1e-3  # relative, on another platform than the recorded one
# The first steps alone: validation draws nothing at random, and neither the number of held-out scenes nor the
# end of the round changes the steps before it (the first four were equal to the bit).
FIRST_STEPS = 4
FIRST_STEPS_ONLY = (
    *("--trainer.limit_train_batches", str(FIRST_STEPS), "--trainer.max_epochs", "1"),
    *("--trainer.limit_val_batches", "0", "--trainer.num_sanity_val_steps", "0"),
    *("--data.num_val_scenes", "0", "--data.num_test_scenes", "0"),
)


def main(args: Sequence[str] | None = None) -> None:
    """Trains, writes the curve and prints the line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=RESULTS / "golden_curve.json", help="the file to write")
    given = parser.parse_args(args)
    made = provenance("golden_curve.py", args, PACKAGES) | {"platform": platform(), "seed": SEED}
    curves = measure()
    write_report(given.out, made | curves)
    last = {name: values[-1] for name, values in (curves["train"] | curves["validation"]).items()}
    print(json.dumps({"platform": made["platform"], "steps": len(curves["train"][TRAIN[0]]), **last}))


def measure(*options: str) -> dict[str, Any]:
    """Runs the config with these options as well and returns its curves.

    Returns:
        `train`: each curve's values in the order of steps, `validation`: before the first round and after
        each, with `validation_steps`, the optimizer steps taken by then.
    """
    with tempfile.TemporaryDirectory() as folder:
        events = read_curves(fit(Path(folder), "--seed_everything", str(SEED), *options, threads=THREADS))
    measured = set(events.Tags()["scalars"])
    curves = {
        tag: [event.value for event in events.Scalars(tag)]
        for tag in (*TRAIN, *VALIDATION)
        if tag in measured
    }
    rounds = events.Scalars(VALIDATION[0]) if VALIDATION[0] in measured else []
    return {
        "train": {tag: curves[tag] for tag in TRAIN},
        "validation": {tag: curves[tag] for tag in VALIDATION if tag in curves},
        "validation_steps": [event.step for event in rounds],
    }


def platform() -> str:
    """What the last bits of a float depend on."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    capability = torch.backends.cpu.get_cpu_capability()
    return f"{machine()['cpu']}, {capability}, {THREADS} thread, {versions}"


def deviations(
    golden: Mapping[str, Sequence[float]], measured: Mapping[str, Sequence[float]], tolerance: float
) -> list[str]:
    """Every measured value that is further from the golden one than the relative tolerance, in words.

    Raises:
        ValueError: a curve is missing or longer than the golden one.
    """
    if set(golden) != set(measured) or any(len(measured[tag]) > len(golden[tag]) for tag in golden):
        raise ValueError(
            f"the golden curves are {sorted(golden)}, measured were {sorted(measured)}, or more steps"
        )
    return [
        f"{tag}, step {step}: {value!r}, golden {expected!r}"
        for tag in golden
        for step, (expected, value) in enumerate(zip(golden[tag], measured[tag], strict=False))
        if not math.isclose(value, expected, rel_tol=tolerance)
    ]


if __name__ == "__main__":
    main()
