"""What does a question cost in training: a row of its own, or a share of its scene's row?

    python benchmarks/training.py [--quick] [--prefix 300 1000] [--questions 1 4 16 32] [--device cuda]
                                  [--checkpoint FOLDER] [--full] [--out FILE]

Three ways to do forward and backward of K questions about one video, in turns on the same tensors, each with the
vision tower in every pass ("tower") and with its features given to every pass ("features"):

    plain   one row a question, padded, logits of every token: transformers' own forward with labels
    peer    one row a question, padded, cross-entropy at answer tokens only: what training frameworks do at best
    ours    one row for all: the video once, each question behind it

Printed per prefix length and K: questions and tokens a second, ratios of medians, peak memory (live tensor bytes above
weights, each way alone; on CUDA `max_memory_allocated`), model FLOPs utilisation (2N a token forward and as much
backward under LoRA, 6N where all is trained, attention as computed, against the measured speed of a large matrix
product), and the share of a floor: prefix once and suffixes, at that speed. Without --checkpoint it is the tiny model;
a folder with a config.json stands for its architecture; weights are drawn. The last line is one JSON object about the
largest case.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from training_ways import WAYS, Case, LiveBytes, Way, make_case, relative_difference

from lightning_ouro.solver.loading import Lora

console = Console(width=130)


@dataclass(frozen=True)
class Result:
    """What was measured of one way in one case."""

    seconds: float
    peak_bytes: int
    flops: float


def main(args: Sequence[str] | None = None) -> None:
    """Measures all cases and prints the line."""
    given = _parser().parse_args(args)
    prefixes, questions = ([1000], [16]) if given.quick else (given.prefix, given.questions)
    device = torch.device(given.device)
    speed = matrix_speed(device, torch.bfloat16 if device.type == "cuda" else torch.float32)
    console.print(f"a large matrix product runs at {speed / 1e9:.0f} GFLOP/s")
    rows: list[dict[str, Any]] = []
    for prefix in prefixes:
        for number in questions:
            for with_tower in (True, False):
                rows.append(measure(given, device, prefix, number, with_tower, speed))
                console.print(table(rows[-1:]))
    report = {**about(sys.argv[1:] if args is None else args, device), "matrix_gflops": speed / 1e9, "cases": rows}
    if given.out is not None:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    last = rows[-1]
    names = ("speedup_plain", "speedup_peer", "memory_ratio", "gradient_difference", "questions_per_second")
    print(json.dumps({name: last[name] for name in names}))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one case, a few passes: under a minute on two cores")
    parser.add_argument("--prefix", type=int, nargs="+", default=[300, 1000], help="tokens of the prefix, about")
    parser.add_argument("--questions", type=int, nargs="+", default=[1, 4, 16, 32], help="questions of a scene, K")
    parser.add_argument("--checkpoint", default="tiny", help="tiny, or a folder whose architecture is taken")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--full", action="store_true", help="train all weights instead of a LoRA of rank 8")
    parser.add_argument("--passes", type=int, default=5, help="of each way, in turns, after one that does not count")
    parser.add_argument("--out", type=Path, help="also write the report to this file")
    return parser


def measure(
    given: argparse.Namespace, device: torch.device, prefix: int, number: int, with_tower: bool, speed: float
) -> dict[str, Any]:
    """One case, all ways."""
    lora = None if given.full else Lora()
    case = make_case(given.checkpoint, lora, device, prefix, number, with_tower)
    results = results_of(case, 1 if given.quick else given.passes)
    plain, peer, ours = (results[name] for name in WAYS)
    floor = case.floor_flops() / speed
    return {
        "prefix": case.prefix,
        "questions": number,
        "tower": with_tower,
        **{f"{name}_seconds": round(result.seconds, 4) for name, result in results.items()},
        **{f"{name}_mib": round(result.peak_bytes / 2**20, 1) for name, result in results.items()},
        **{f"{name}_mfu": round(result.flops / result.seconds / speed, 3) for name, result in results.items()},
        "speedup_plain": round(plain.seconds / ours.seconds, 2),
        "speedup_peer": round(peer.seconds / ours.seconds, 2),
        "memory_ratio": round(ours.peak_bytes / plain.peak_bytes, 3),
        "memory_ratio_peer": round(ours.peak_bytes / peer.peak_bytes, 3),
        "gradient_difference": case.gradient_difference(relative_difference),
        "questions_per_second": round(number / ours.seconds, 2),
        "tokens_per_second": round(case.packed_tokens / ours.seconds, 1),
        "share_of_floor": round(floor / ours.seconds, 3),
    }


def results_of(case: Case, passes: int) -> dict[str, Result]:
    """Each way's median time over passes in turns, and its peak memory alone."""
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    for turn in range(passes + (passes > 1)):
        for name, way in WAYS.items():
            spent = timed(case, way)
            if turn or passes == 1:
                seconds[name].append(spent)
    return {
        name: Result(statistics.median(seconds[name]), peak(case, way), case.flops(name)) for name, way in WAYS.items()
    }


def timed(case: Case, way: Way) -> float:
    """Seconds of one forward and backward."""
    case.clear()
    synchronize(case.device)
    started = time.perf_counter()
    way(case).backward()
    synchronize(case.device)
    return time.perf_counter() - started


def peak(case: Case, way: Way) -> int:
    """Bytes of live tensors at most, above those that were there before, gradients included."""
    case.clear()
    if case.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        way(case).backward()
        return torch.cuda.max_memory_allocated() - before
    with LiveBytes(case.loaded.net) as tracker:
        way(case).backward()
    return tracker.peak


def synchronize(device: torch.device) -> None:
    """Waits for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def matrix_speed(device: torch.device, dtype: torch.dtype, side: int = 1536) -> float:
    """FLOP/s of a large matrix product, the best of several."""
    side = side * 4 if device.type == "cuda" else side
    one: Tensor = torch.randn(side, side, device=device).to(dtype)
    best = float("inf")
    for _ in range(8):
        synchronize(device)
        started = time.perf_counter()
        one @ one
        synchronize(device)
        best = min(best, time.perf_counter() - started)
    return 2 * side**3 / best


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """A row for each case."""
    names = ("plain s", "peer s", "ours s", "× plain", "× peer", "MiB plain/peer/ours", "floor", "grad")
    found = Table("prefix", "K", "", *names)
    for row in rows:
        memory = "/".join(f"{row[f'{name}_mib']:.0f}" for name in WAYS)
        times = [f"{row[f'{name}_seconds']:.3f}" for name in WAYS]
        ratios = [f"{row['speedup_plain']:.1f}", f"{row['speedup_peer']:.1f}"]
        found.add_row(
            str(row["prefix"]),
            str(row["questions"]),
            "tower" if row["tower"] else "features",
            *times,
            *ratios,
            memory,
            f"{row['share_of_floor']:.0%}",
            f"{row['gradient_difference']:.0e}",
        )
    return found


def about(args: Sequence[str], device: torch.device) -> dict[str, Any]:
    """Command, date, machine, versions."""
    cores = len(os.sched_getaffinity(0))
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"{platform.machine()}, {cores} cores, no GPU"
    return {
        "command": "python benchmarks/training.py " + " ".join(args),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": name,
        "versions": {package: version(package) for package in ("torch", "transformers", "peft", "numpy")},
    }


if __name__ == "__main__":
    main()
