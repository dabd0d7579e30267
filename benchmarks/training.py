"""What does a question cost in training: a row of its own, or a share of its scene's row?

    python benchmarks/training.py [--quick] [--prefix 300 1000] [--questions 1 4 16 32] [--device cuda]
                                  [--checkpoint FOLDER] [--full] [--out FILE]

Three ways to do forward and backward of K questions about one video, in turns on the same tensors, each with the
vision tower in every pass ("tower") and with its features given to every pass ("features"):

    plain   one row a question, padded, logits of every token: transformers' own forward with labels
    peer    one row a question, padded, cross-entropy at answer tokens only: what training frameworks do at best
    ours    one row for all: the video once, each question behind it

Measured per prefix length and K: questions and tokens a second, ratios of medians, peak memory (live tensor bytes above
weights, each way alone; on CUDA `max_memory_allocated`), model FLOPs utilisation (2N a token forward and as much
backward under LoRA, 6N where all is trained, attention as computed, against the measured speed of a large matrix
product), the share of a floor (prefix once and suffixes, at that speed), and what a question costs against a pass of
its own without any video ("alone"). Without --checkpoint it is the tiny model; a folder with a config.json stands for
its architecture; weights are drawn. The last line is one JSON object about the largest case; --quick measures one, with
features given.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from training_cases import Case, make_case
from training_ways import WAYS, LiveBytes, Way, blind, relative_difference

from lightning_ouro.solver.loading import Lora

console = Console(width=130)


def main(args: Sequence[str] | None = None) -> None:
    """Measures all cases and prints the line."""
    given = _parser().parse_args(args)
    warnings.filterwarnings(
        "ignore", "`is_gradient_checkpointing` is deprecated"
    )  # peft 0.21 on transformers 5.23
    prefixes, questions = ([1000], [16]) if given.quick else (given.prefix, given.questions)
    device = torch.device(given.device)
    speed = matrix_speed(device, torch.bfloat16 if device.type == "cuda" else torch.float32)
    console.print(f"a large matrix product runs at {speed / 1e9:.0f} GFLOP/s")
    rows: list[dict[str, Any]] = []
    for prefix in prefixes:
        for number in questions:
            for with_tower in (False,) if given.quick else (True, False):
                rows.append(measure(given, device, prefix, number, with_tower, speed))
                console.print(table(rows[-1:]))
    report = {
        **about(sys.argv[1:] if args is None else args, device),
        "matrix_gflops": speed / 1e9,
        "cases": rows,
    }
    if given.out is not None:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    last = rows[-1]
    names = ("speedup_plain", "speedup_peer", "memory_ratio", "gradient_difference", "questions_per_second")
    print(json.dumps({name: last[name] for name in names}))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="one case, one pass: under a minute on two cores"
    )
    parser.add_argument(
        "--prefix", type=int, nargs="+", default=[300, 1000], help="tokens of the prefix, about"
    )
    parser.add_argument(
        "--questions", type=int, nargs="+", default=[1, 4, 16, 32], help="questions of a scene, K"
    )
    parser.add_argument("--checkpoint", default="tiny", help="tiny, or a folder whose architecture is taken")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--full", action="store_true", help="train all weights instead of a LoRA of rank 8")
    parser.add_argument(
        "--passes", type=int, default=5, help="of each way, in turns, after one that does not count"
    )
    parser.add_argument("--out", type=Path, help="also write the report to this file")
    return parser


def measure(
    given: argparse.Namespace, device: torch.device, prefix: int, number: int, with_tower: bool, speed: float
) -> dict[str, Any]:
    """One case, all ways."""
    lora = None if given.full else Lora()
    case = make_case(given.checkpoint, lora, device, prefix, number, with_tower)
    seconds, gradients = in_turns(case, 1 if given.quick else given.passes)
    bytes_of = {name: peak(case, way) for name, way in WAYS.items()}
    plain, peer, ours = (seconds[name] for name in WAYS)
    return {
        "prefix": case.prefix,
        "questions": number,
        "tower": with_tower,
        **{f"{name}_seconds": round(spent, 4) for name, spent in seconds.items()},
        **{f"{name}_mib": round(size / 2**20, 1) for name, size in bytes_of.items()},
        **{
            f"{name}_tokens_per_second": round(case.tokens(name) / spent, 1)
            for name, spent in seconds.items()
        },
        **{f"{name}_mfu": round(case.flops(name) / spent / speed, 3) for name, spent in seconds.items()},
        "speedup_plain": round(plain / ours, 2),
        "speedup_peer": round(peer / ours, 2),
        "memory_ratio": round(bytes_of["ours"] / bytes_of["plain"], 3),
        "memory_ratio_peer": round(bytes_of["ours"] / bytes_of["peer"], 3),
        "gradient_difference": relative_difference(gradients["ours"], gradients["plain"]),
        "questions_per_second": round(number / ours, 2),
        "share_of_floor": round(case.floor_flops() / speed / ours, 3),
        "cost_against_alone": round(ours / number / alone(case, 1 if given.quick else given.passes), 3),
    }


def in_turns(case: Case, passes: int) -> tuple[dict[str, float], dict[str, list[Tensor]]]:
    """Each way's median seconds over passes in turns, and its gradients; a single pass warms up ours only."""
    timed(case, WAYS["ours"])
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    gradients: dict[str, list[Tensor]] = {}
    for turn in range(passes + (passes > 1)):
        for name, way in WAYS.items():
            spent = timed(case, way)
            gradients[name] = case.gradients()
            if turn or passes == 1:
                seconds[name].append(spent)
    return {name: statistics.median(spent) for name, spent in seconds.items()}, gradients


def alone(case: Case, passes: int) -> float:
    """Seconds of a question's pass of its own without video: the mean over questions of medians."""
    ways = [partial(blind, place=place) for place in range(min(case.number, 8))]
    timed(case, ways[0])
    return statistics.mean(statistics.median(timed(case, way) for _ in range(passes)) for way in ways)


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
    names = ("plain s", "peer s", "ours s", "× plain", "× peer", "MiB", "floor", "alone", "grad")
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
            f"{row['cost_against_alone']:.2f}",
            f"{row['gradient_difference']:.0e}",
        )
    return found


def about(args: Sequence[str], device: torch.device) -> dict[str, Any]:
    """Command, date, machine, versions."""
    cores = len(os.sched_getaffinity(0))
    name = (
        torch.cuda.get_device_name()
        if device.type == "cuda"
        else f"{platform.machine()}, {cores} cores, no GPU"
    )
    return {
        "command": "python benchmarks/training.py " + " ".join(args),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": name,
        "versions": {package: version(package) for package in ("torch", "transformers", "peft", "numpy")},
    }


if __name__ == "__main__":
    main()
