"""What each set of margins leaves of every family, in small and in large rooms.

    python benchmarks/margins.py [--scenes 120] [--meta META_INFO…] [--slots 24] [--out FILE]

The grammar proposer writes a fixed number of questions about each room, with equal family weights, first
under the margins `vsi_bench`, then under `strict`. Shown per family: the share of the rooms in which it has
anything to ask, and its verified questions as a share of its due, which is an equal part of all slots. Rooms
are procedural, and those of VSI-Bench's `meta_info` files, rendered. The last line is the mix that training
should use: for each family the strictest margins that leave it a third of its due in rooms of every source,
in the form that `--loop.margins` takes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from record import provenance, write_report
from rich.console import Console
from rich.table import Table

from lightning_ouro.errors import InputError
from lightning_ouro.programs.families import FAMILIES, OPEN
from lightning_ouro.programs.margins import MARGINS, FamilyMargins
from lightning_ouro.programs.sandbox import Sandbox
from lightning_ouro.programs.verification import Verified, Verifier
from lightning_ouro.proposer.grammar import GrammarProposer, askable
from lightning_ouro.proposer.protocol import Brief
from lightning_ouro.scenes.readers.meta_info import read_meta_info
from lightning_ouro.scenes.synthetic.procedural import procedural_scenes
from lightning_ouro.scenes.types import FrameBudget, Scene, Views

SMALL = 20.0  # square metres up to which a room is small: about the median of both sources
LEAST = 1 / 3  # of its due that a family should keep
EQUAL = {name: 1.0 for name in FAMILIES if name != OPEN.name}
PACKAGES = ("lightning_ouro", "numpy", "scipy", "pydantic-monty")

Film = tuple[Scene, Views]
Left = Mapping[str, Mapping[str, float]]  # by family: `askable` and `of_due`


def main(args: Sequence[str] | None = None) -> int:
    """Measures and reports; returns 2 if a file has to be corrected."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=int, default=120, help="number of procedural scenes")
    parser.add_argument("--meta", type=Path, nargs="*", default=[], help="VSI-Bench's meta_info files")
    parser.add_argument("--slots", type=int, default=24, help="proposals per scene and set of margins")
    parser.add_argument("--out", type=Path, help="also write the report to this file")
    given = parser.parse_args(args)
    made = provenance("margins.py", args, PACKAGES)
    try:
        layouts = [scene for path in given.meta for scene in read_meta_info(path)[0]]
    except InputError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    sources = {"procedural": procedural_scenes(0, given.scenes), "layouts": layouts}
    rooms: dict[str, Any] = {}
    with Sandbox() as sandbox:
        for source, scenes in sources.items():
            films = [(scene, scene.footage.load(scene, FrameBudget()).views) for scene in scenes]
            for size, chosen in by_size(films).items():
                rooms[f"{source}, {size}"] = measure(chosen, given.slots, sandbox)
    best = mix(rooms)
    print_rooms(rooms)
    if given.out is not None:
        write_report(given.out, made | {"slots": given.slots, "rooms": rooms, "mix": best})
    print(json.dumps(best))
    return 0


def by_size(films: Sequence[Film]) -> dict[str, list[Film]]:
    """The rooms up to `SMALL` and those above, without a size that no room has."""
    small = [film for film in films if film[0].floor_area <= SMALL]
    large = [film for film in films if film[0].floor_area > SMALL]
    named = {f"up to {SMALL:.0f} m²": small, f"above {SMALL:.0f} m²": large}
    return {size: chosen for size, chosen in named.items() if chosen}


def measure(films: Sequence[Film], slots: int, sandbox: Sandbox) -> dict[str, Any]:
    """What each set leaves of every family in these rooms.

    Returns:
        `scenes`: their number; `sets`: by the set's name and family, `askable`, the share of rooms in which it
        has anything to ask, and `of_due`, its verified questions by its due.
    """
    sets = {name: left(films, slots, FamilyMargins(margins), sandbox) for name, margins in MARGINS.items()}
    return {"scenes": len(films), "sets": sets}


def left(films: Sequence[Film], slots: int, margins: FamilyMargins, sandbox: Sandbox) -> Left:
    """What some margins leave of every family."""
    verifier, rooms, verified = Verifier(sandbox, margins=margins), Counter[str](), Counter[str]()
    for scene, views in films:
        brief = Brief(scene, views, slots, 0, 0, EQUAL, {}, {}, frozenset(), margins=margins)
        rooms.update(askable(EQUAL, brief.geometry(), frozenset()))
        verdicts = verifier.verify(scene, views, list(GrammarProposer().write(brief)))
        verified.update(verdict.family for verdict in verdicts if isinstance(verdict, Verified))
    due = slots * len(films) / len(EQUAL)
    return {
        name: {
            "askable": round(rooms[name] / len(films), 4),
            "of_due": round(verified[name] / due, 4),
        }
        for name in EQUAL
    }


def mix(rooms: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The families that keep a third of their due under `strict`, over the rooms of each source."""
    sources = {name.partition(",")[0] for name in rooms}
    return {
        family: "strict"
        for family in EQUAL
        if all(_pooled(rooms, source, family) >= LEAST for source in sources)
    }


def _pooled(rooms: Mapping[str, Mapping[str, Any]], source: str, family: str) -> float:
    """The share of its due that `strict` leaves a family in all rooms of a source."""
    parts = [part for name, part in rooms.items() if name.startswith(f"{source},")]
    kept = sum(part["scenes"] * part["sets"]["strict"][family]["of_due"] for part in parts)
    return float(kept / sum(part["scenes"] for part in parts))


def print_rooms(rooms: Mapping[str, Mapping[str, Any]]) -> None:
    """One table for each kind of room."""
    for name, part in rooms.items():
        columns = [f"{margins}: {what}" for margins in MARGINS for what in ("askable", "of due")]
        table = Table("family", *columns, title=f"{name}: {part['scenes']} rooms")
        for family in EQUAL:
            rows = [part["sets"][margins][family] for margins in MARGINS]
            table.add_row(family, *(f"{row[key]:.0%}" for row in rows for key in ("askable", "of_due")))
        Console(width=120).print(table)


if __name__ == "__main__":
    sys.exit(main())
