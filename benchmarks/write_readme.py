"""Writes `benchmarks/README.md` from the reports in results/, and a summary into the project's README.

    python benchmarks/write_readme.py            writes both
    python benchmarks/write_readme.py --check    writes nothing, exits with 1 if a file is out of date

`readme_summary.py` says where the project's README has the summary.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import readme_input_sections as inputs
import readme_model_sections as model
import readme_program_sections as programs
import readme_summary
from markdown_tables import Report, machine, paragraphs, prose, short_commit, table
from record import RESULTS, ROOT

from lightning_ouro.errors import InputError

SECTIONS: Mapping[str, tuple[str, Callable[[Report], str]]] = {  # by name of the report
    "three_seeds": ("Does the loop learn?", model.loop),
    "golden_curve": ("The golden curve", model.golden_curve),
    "proposer": ("Does the model ask well?", model.proposer),
    "seeing": ("Does the model see?", model.seeing),
    "query_drop": ("Does the model count, or say what is usual?", model.query_drop),
    "processor_parity": ("Does the model read what its processor would write?", inputs.processor_parity),
    "training": ("What does a question cost in training?", model.training),
    "ground_truth": ("Are the answers right?", programs.ground_truth),
    "sandbox": ("Are the programs safe, and how fast is it?", programs.sandbox),
    "accepted_questions": ("What is accepted?", programs.accepted_questions),
    "margins": ("What do strict margins leave?", programs.margins),
}
INTRODUCTION = (
    "<!-- Written by `python benchmarks/write_readme.py` from the files in results/. Do not edit. -->",
    "# Benchmarks",
    prose(
        """Every number on this page is read from a file in [`results/`](results), which also holds the command that
        made it, the date, the commit, the machine and the versions. [`LOG.md`](LOG.md) is the log of experiments,
        failed ones included. Paths in commands are shortened; VSI-Bench's questions and `meta_info` files come from
        the benchmark itself."""
    ),
)
OTHER_SCRIPTS = {
    "fuzz.py": "looks for text that a reader of models' or files' text cannot take",
    "own_recordings.py": "how a recording of your own becomes a scene: two public ones as plain folders",
    "readme_examples.py": "the questions, programs and figures of the project's README",
    "write_readme.py": "this page, and the table of results in the project's README",
}
CONCLUSION = (
    "## Not measured here, but tested",
    prose(
        """The same command with the same seed gives the same weights, ledger and rounds' files to the bit
        ([`tests/test_cli.py`](../tests/test_cli.py)). Rows that share a video give each question's loss and gradient
        as transformers' own forward does on that question alone, within 1e-5 relative in float32
        ([`tests/solver/test_shared_prefix.py`](../tests/solver/test_shared_prefix.py))."""
    ),
    "## Other scripts",
    table(["script", "purpose"], [[f"[`{name}`]({name})", what] for name, what in OTHER_SCRIPTS.items()]),
)


def main(args: Sequence[str] | None = None) -> int:
    """Writes or checks; returns 1 if a checked file is out of date, 2 if a README's markers are broken."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing, and name the files that are out of date"
    )
    check = parser.parse_args(args).check
    project = ROOT / "README.md"
    try:
        outdated = outdated_files(RESULTS.parent / "README.md", project)
    except InputError as problem:
        print(f"error: {project}: {problem}", file=sys.stderr)
        return 2
    for path, text in outdated.items():
        print(f"{path}: {'is out of date' if check else 'written'}")
        if not check:
            path.write_text(text, "utf8")
    return 1 if check and outdated else 0


def outdated_files(page_path: Path, project_path: Path) -> dict[Path, str]:
    """The files whose text is not what the reports say, with the text that they should have."""
    reports = read_reports()
    links = {name: f"benchmarks/README.md#{anchor(title)}" for name, (title, _) in SECTIONS.items()}
    summary = readme_summary.summary(reports, links)
    texts = {
        page_path: page(reports),
        project_path: readme_summary.insert(project_path.read_text("utf8"), summary),
    }
    return {path: text for path, text in texts.items() if not path.exists() or path.read_text("utf8") != text}


def read_reports() -> dict[str, Report]:
    """The committed reports by name."""
    return {name: json.loads((RESULTS / f"{name}.json").read_text("utf8")) for name in SECTIONS}


def page(reports: Mapping[str, Report]) -> str:
    """The text of `benchmarks/README.md`."""
    index = [
        [
            f"[{title}](#{anchor(title)})",
            f"[`{name}.json`](results/{name}.json)",
            reports[name]["date"],
            short_commit(reports[name]),
            machine(reports[name]),
        ]
        for name, (title, _) in SECTIONS.items()
    ]
    sections = [f"## {title}\n\n{write(reports[name])}" for name, (title, write) in SECTIONS.items()]
    contents = table(["question", "file", "date", "commit", "machine"], index)
    return paragraphs(*INTRODUCTION, contents, *sections, *CONCLUSION) + "\n"


def anchor(title: str) -> str:
    """The fragment that GitHub gives a heading."""
    kept = (letter for letter in title.lower() if letter.isalnum() or letter in " -")
    return "".join(kept).replace(" ", "-")


if __name__ == "__main__":
    sys.exit(main())
