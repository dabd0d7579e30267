"""What does a question cost in training: a row of its own, or a share of its scene's row?

    python benchmarks/training.py [--quick] [--prefix 300 1000] [--questions 1 4 16 32] [--device cuda]
                                  [--checkpoint FOLDER] [--full] [--out FILE]

Compares three methods for the forward and backward pass of K questions about one video. They take turns on
the same tensors, once with the vision tower in every pass ("tower") and once with its features given to every
pass ("features"):

    plain   one padded row per question, logits of every token: transformers' own forward with labels
    peer    one padded row per question, cross-entropy at answer tokens only: the best that training frameworks do
    ours    one row for all: the video once, followed by each question

Measured per prefix length and K: questions and tokens per second, ratios of median times, peak memory (bytes
of live tensors beyond the weights, each method alone; on CUDA `max_memory_allocated`), model FLOPs
utilisation (2N per token forward and as much backward under LoRA, 6N where all weights are trained, attention
as computed, relative to the measured speed of a large matrix product), the share of a floor (prefix once and
suffixes, at that speed), and the cost of a question relative to a pass of its own without any video
("alone"). The default model is the tiny one; a folder with a config.json stands for its architecture; weights
are initialized randomly. The last line is one JSON object about the largest case; --quick measures one case, with
features given.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from record import provenance, write_report
from rich.console import Console
from rich.table import Table
from torch import Tensor
from training_cases import Case, make_case
from training_methods import METHODS, LiveBytes, Method, relative_difference, without_video

from lightning_ouro.solver.loading import Lora

ALONE = 8  # at most this many of the questions are timed in passes of their own
SIDE = {"cpu": 1536, "cuda": 6144}  # of the matrices whose product measures the device's speed
PACKAGES = ("torch", "transformers", "peft", "numpy")
console = Console(width=130)


def main(args: Sequence[str] | None = None) -> None:
    """Measures all cases and prints the line."""
    given = _parser().parse_args(args)
    made = provenance("training.py", args, PACKAGES)
    # peft 0.21 on transformers 5.23
    warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated")
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
    if given.out is not None:
        write_report(given.out, made | {"matrix_gflops": speed / 1e9, "cases": rows})
    names = ("speedup_plain", "speedup_peer", "memory_ratio", "gradient_difference", "questions_per_second")
    print(json.dumps({name: rows[-1][name] for name in names}))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="one case, one pass: less than a minute on two cores"
    )
    parser.add_argument(
        "--prefix", type=int, nargs="+", default=[300, 1000], help="approximate tokens of the prefix"
    )
    parser.add_argument(
        "--questions", type=int, nargs="+", default=[1, 4, 16, 32], help="questions per scene, K"
    )
    parser.add_argument(
        "--checkpoint", default="tiny", help="tiny, or a folder whose config.json gives the architecture"
    )
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--full", action="store_true", help="train all weights instead of a LoRA of rank 8")
    parser.add_argument(
        "--passes", type=int, default=5, help="timed passes per method, after one that does not count"
    )
    parser.add_argument("--out", type=Path, help="also write the report to this file")
    return parser


def measure(
    given: argparse.Namespace, device: torch.device, prefix: int, number: int, with_tower: bool, speed: float
) -> dict[str, Any]:
    """Measures one case with all methods."""
    lora = None if given.full else Lora()
    case = make_case(given.checkpoint, lora, device, prefix, number, with_tower)
    passes = 1 if given.quick else given.passes
    seconds, gradients = in_turns(case, passes)
    peaks = {name: peak_bytes(case, method) for name, method in METHODS.items()}
    tokens_per_second = {name: case.tokens(name) / spent for name, spent in seconds.items()}
    utilisation = {name: case.flops(name) / spent / speed for name, spent in seconds.items()}
    plain, peer, ours = (seconds[name] for name in METHODS)
    return {
        "prefix": case.prefix,
        "questions": number,
        "tower": with_tower,
        **{f"{name}_seconds": round(spent, 4) for name, spent in seconds.items()},
        **{f"{name}_mib": round(size / 2**20, 1) for name, size in peaks.items()},
        **{f"{name}_tokens_per_second": round(rate, 1) for name, rate in tokens_per_second.items()},
        **{f"{name}_mfu": round(share, 3) for name, share in utilisation.items()},
        "speedup_plain": round(plain / ours, 2),
        "speedup_peer": round(peer / ours, 2),
        "memory_ratio": round(peaks["ours"] / peaks["plain"], 3),
        "memory_ratio_peer": round(peaks["ours"] / peaks["peer"], 3),
        "gradient_difference": relative_difference(gradients["ours"], gradients["plain"]),
        "questions_per_second": round(number / ours, 2),
        "share_of_floor": round(case.floor_flops() / speed / ours, 3),
        "cost_against_alone": round(ours / number / seconds_alone(case, passes), 3),
    }


def in_turns(case: Case, passes: int) -> tuple[dict[str, float], dict[str, list[Tensor]]]:
    """Each method's median seconds and its gradients; with a single pass only ours is warmed up."""
    seconds_of(case, METHODS["ours"])
    seconds: dict[str, list[float]] = {name: [] for name in METHODS}
    gradients: dict[str, list[Tensor]] = {}
    for turn in range(passes + (passes > 1)):
        for name, method in METHODS.items():
            spent = seconds_of(case, method)
            gradients[name] = case.gradients()
            if turn or passes == 1:
                seconds[name].append(spent)
    return {name: statistics.median(spent) for name, spent in seconds.items()}, gradients


def seconds_alone(case: Case, passes: int) -> float:
    """Seconds of a question's own pass without video: the mean over questions of their medians."""
    methods = [partial(without_video, index=index) for index in range(min(case.number, ALONE))]
    seconds_of(case, methods[0])
    medians = [statistics.median(seconds_of(case, method) for _ in range(passes)) for method in methods]
    return statistics.mean(medians)


def seconds_of(case: Case, method: Method) -> float:
    """Seconds of one forward and backward pass."""
    case.clear_gradients()
    synchronize(case.device)
    started = time.perf_counter()
    method(case).backward()
    synchronize(case.device)
    return time.perf_counter() - started


def peak_bytes(case: Case, method: Method) -> int:
    """Peak bytes of live tensors, gradients included, beyond those that were there before."""
    case.clear_gradients()
    if case.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        method(case).backward()
        return torch.cuda.max_memory_allocated() - before
    with LiveBytes(case.loaded.net) as tracker:
        method(case).backward()
    return tracker.peak


def synchronize(device: torch.device) -> None:
    """Waits for everything that was launched on the device."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def matrix_speed(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of a large matrix product, the best of eight."""
    side = SIDE[device.type]
    matrix: Tensor = torch.randn(side, side, device=device).to(dtype)
    best = float("inf")
    for _ in range(8):
        synchronize(device)
        started = time.perf_counter()
        matrix @ matrix
        synchronize(device)
        best = min(best, time.perf_counter() - started)
    return 2 * side**3 / best


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """One row per case."""
    names = ("plain s", "peer s", "ours s", "× plain", "× peer", "MiB", "of floor", "vs alone", "grad. diff.")
    rendered = Table("prefix", "K", "video", *names)
    for row in rows:
        memory = "/".join(f"{row[f'{name}_mib']:.0f}" for name in METHODS)
        times = [f"{row[f'{name}_seconds']:.3f}" for name in METHODS]
        ratios = [f"{row['speedup_plain']:.1f}", f"{row['speedup_peer']:.1f}"]
        rendered.add_row(
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
    return rendered


if __name__ == "__main__":
    main()
