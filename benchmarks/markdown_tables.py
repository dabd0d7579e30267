"""Pieces of Markdown that the sections of the benchmarks' README share."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Report = Mapping[str, Any]
WIDTH = 120


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are texts."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def prose(text: str) -> str:
    """A paragraph, its white space normalised and its lines wrapped."""
    return textwrap.fill(" ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False)


def provenance(report: Report) -> str:
    """How a result was obtained, as a quotation."""
    versions = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    lines = [
        f"`{report['command']}`",
        f"{report['date']}, commit {short_commit(report)}; {machine(report)}; {versions}",
    ]
    if "commit_note" in report:
        lines.append(f"The commit is {report['commit_note']}.")
    return "\n".join(f"> {line}  " for line in lines).rstrip()


def short_commit(report: Report) -> str:
    """The first characters of the commit's hash, and whether the code differed from it."""
    head, plus, dirty = report["commit"].partition("+")
    return f"`{head[:9]}{plus}{dirty}`"


def machine(report: Report) -> str:
    """Processor, cores and GPU."""
    fields = report["machine"]
    return f"{fields['cpu']}, {fields['cores']} cores, {fields['gpu'] or 'no GPU'}"


def percent(share: float, decimals: int = 1) -> str:
    """A share in percent."""
    return f"{100 * share:.{decimals}f}%"


def spread(values: Sequence[float], form: str) -> str:
    """Mean, minimum and maximum."""
    mean = sum(values) / len(values)
    return f"{mean:{form}} ({min(values):{form}} to {max(values):{form}})"


def interval(row: Mapping[str, float], value: str, form: str) -> str:
    """A value with its 95% interval."""
    return f"{row[value]:{form}} ({row['low']:{form}} to {row['high']:{form}})"


def paragraphs(*parts: str) -> str:
    """The parts, separated by empty lines."""
    return "\n\n".join(parts)
