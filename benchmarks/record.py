"""How a benchmark's result was obtained: command, date, commit, machine and versions.

Every file in results/ says so. Call `provenance` before measuring, since it records the code as it is then,
and `write_report` afterwards:

    made = provenance("seeing.py", args, packages=("torch", "numpy"))
    write_report(path, made | {"families": ...})
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
# Differences from the commit in these paths mark it as dirty; files that no result depends on are left out.
CODE = (
    "lightning_ouro",
    "configs",
    "benchmarks",
    *(f":!benchmarks/{name}" for name in ("results", "figures", "*.md")),
)


def provenance(script: str, args: Sequence[str] | None, packages: Sequence[str]) -> dict[str, Any]:
    """The fields that every report begins with.

    Args:
        script: File name of the script in benchmarks/.
        args: Its arguments; None stands for those of the command line.
        packages: The distributions that the result may depend on, whose versions are recorded.
    """
    given = sys.argv[1:] if args is None else args
    return {
        "command": " ".join([f"python benchmarks/{script}", *map(_shortened, given)]),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit(),
        "machine": machine(),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
    }


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """Writes a report as indented JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def commit() -> str:
    """The commit that is checked out, with `+dirty` if the code differs from it; `unknown` outside a checkout."""
    try:
        head = _git("rev-parse", "HEAD")
        return head + ("+dirty" if _git("status", "--porcelain", "--", *CODE) else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def machine() -> dict[str, Any]:
    """The processor's model, the number of cores that this process may use, and the GPU or None."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {"cpu": _cpu(), "cores": _cores(), "gpu": gpu}


def _cores() -> int:
    """Those that this process may use; all of them on macOS and Windows, which can't tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu() -> str:
    """Model name with family and model number, because virtual machines often shorten the name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return platform.machine()
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "model name" not in fields:
        return platform.machine()
    return f"{fields['model name']} (family {fields.get('cpu family')}, model {fields.get('model')})"


def _git(*args: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *args], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _shortened(argument: str) -> str:
    """Absolute paths: relative to the project if inside it, otherwise their last part alone."""
    path = Path(argument)
    if not path.is_absolute():
        return argument
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name
