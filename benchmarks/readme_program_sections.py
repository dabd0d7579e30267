"""Sections of the benchmarks' README about programs and questions: from a report of `results/` to Markdown."""

from __future__ import annotations

from markdown_tables import Report, paragraphs, percent, prose, provenance, table


def ground_truth(report: Report) -> str:
    """Agreement with official answers."""
    sources = report["by_source"]
    rows = []
    for name, row in report["families"].items():
        cells = [name, f"{row['questions']:,}", percent(row["agree"])]
        rows.append(cells + [percent(families[name]["agree"]) for families in sources.values()])
    distances = report["families"]["object_abs_distance"]
    beyond = round(distances["questions"] * (1 - distances["within_one_step"]))
    return paragraphs(
        prose(
            """The text of each official VSI-Bench question about the rooms of ScanNet and ARKitScenes selects a
            family's program, which runs on the benchmark's own metadata. *Agree*: the number is printed as the official
            one, or the choice is the text of the official letter."""
        ),
        provenance(report),
        table(["family", "questions", "agree", *(f"agree, {source}" for source in sources)], rows),
        prose(
            f"""Absolute distances: {percent(distances["within_one_step"])} are within one step of 0.1 m (all but
            {beyond}), and the mean relative accuracy is {distances["mra"]:.1f}%. The official values come from points
            inside the boxes, ours are exact. Every disagreement is listed with its reason in
            [`results/ground_truth.json`](results/ground_truth.json). Not compared:"""
        ),
        table(
            ["family", "questions", "reason"],
            [[row["family"], f"{row['questions']:,}", row["reason"]] for row in report["not_compared"]],
        ),
        prose(
            """Wrong programs with correct texts (off by one, swapped roles, wrong axis, third object, wrong unit) are
            covered by tests: all are rejected as `disagrees`
            ([`tests/programs/families/`](../tests/programs/families))."""
        ),
    )


def sandbox(report: Report) -> str:
    """Containment and rate."""
    hostile, soak, rate = report["hostile"], report["soak"], report["rate"]
    kinds = [rate["own programs"], rate["programs in other words"]]
    milliseconds = [kind["milliseconds_per_question"] for kind in kinds]
    rows = [[step, *(f"{times[step]:.2f}" for times in milliseconds)] for step in milliseconds[0]]
    rates = [
        f"{kind['questions_per_second']:,.0f} ({min(kind['passes']):,.0f} to {max(kind['passes']):,.0f})"
        for kind in kinds
    ]
    rows.append(["**questions per second**, median of the passes (range)", *rates])
    return paragraphs(
        prose(
            """Hostile programs ([`hostile.jsonl`](hostile.jsonl): endless loops, memory bombs, files, sockets,
            tampering) run one by one between canaries. *Contained*: the program ends in a typed rejection, or in the
            value that it gives in a fresh worker (`answers`); the canaries on the same scene keep their answers; and
            there is no new file, process, socket or descriptor."""
        ),
        provenance(report),
        prose(
            f"""**{hostile["contained"]} of {hostile["programs"]} hostile programs are contained.** Over
            {soak["runs"]:,} runs of them the memory of the process changes by
            {soak["growth of the last half in MB"]:+.1f} MB in the last half. Verdicts:"""
        ),
        table(["verdict", "programs"], [[f"`{name}`", str(n)] for name, n in hostile["verdicts"].items()]),
        prose(
            f"""Verification on one core, process and workers together: {rate["questions"]:,} questions about
            {rate["scenes"]} {rate["layouts"]}. *Programs of their own wording* are not the family's, so each is
            type-checked and the family's program runs as well:"""
        ),
        table(["ms per question", "the families' programs", "programs of their own wording"], rows),
    )


def accepted_questions(report: Report) -> str:
    """Balance and margins of accepted questions."""
    families = report["families"]
    rows = [
        [
            name,
            f"{row['questions']:,}",
            percent(row["share"]),
            percent(row["letters_off"]) if "options" in name else "",
            *(f"{count:,}" for count in row["margins"]),
        ]
        for name, row in families.items()
    ]
    num_bins = len(next(iter(families.values()))["margins"]) - 1
    edges = [f"{0.5 + index * 0.5 / num_bins:.1f}" for index in range(num_bins)]
    letters = max(row["letters_off"] for row in families.values())
    numbers = max(row["share"] for name, row in families.items() if "options" not in name)
    return paragraphs(
        prose(
            f"""What verification accepts when `GrammarProposer` writes {report["slots"]} questions per scene and round,
            about {report["scenes"]} procedural scenes in {report["rounds"]} rounds that share one pool. *Most
            frequent*: the share of the most frequent answer. *Letters off*: how far the share of a letter is from
            uniform at most. The rest is a histogram of margins (lower edges of the bins): the share of eight jittered
            draws of the metadata under which the answer stands, less where a rule holds or an object is visible only
            just; below 0.5 a question is rejected."""
        ),
        provenance(report),
        prose(
            f"""{report["questions"]:,} questions are accepted, {report["repeated"] or "none"} of them repeated. Letters
            are level within {100 * letters:.1f} points; no number is the answer to more than {percent(numbers)} of a
            family's questions."""
        ),
        table(["family", "accepted", "most frequent", "letters off", *edges, "1"], rows),
    )


def margins(report: Report) -> str:
    """What each set of margins leaves of every family."""
    rooms = report["rooms"]
    sets = list(next(iter(rooms.values()))["sets"])
    families = next(iter(rooms.values()))["sets"][sets[0]]
    header = [
        "family",
        *(f"{name} ({part['scenes']} rooms): {margin}" for name, part in rooms.items() for margin in sets),
    ]
    rows = [
        [
            family,
            *(
                f"{part['sets'][margin][family]['askable']:.0%}, {part['sets'][margin][family]['of_due']:.0%}"
                for part in rooms.values()
                for margin in sets
            ),
        ]
        for family in families
    ]
    mixed = ", ".join(f"`{family}`" for family in report["mix"])
    return paragraphs(
        prose(
            f"""`loop.margins` says how clear an answer has to be. `GrammarProposer` writes {report["slots"]} questions
            about each room under each set, with equal family weights. In a cell: the share of the rooms in which the
            family has anything to ask, and its verified questions as a share of its due, an equal part of all slots
            (above 100% where other families have nothing to ask). Layouts are VSI-Bench's, rendered."""
        ),
        provenance(report),
        table(header, rows),
        prose(
            f"""`strict` leaves a third of their due, in rooms of both sources, to {mixed}. So `mixed`, the default,
            has `strict` for these and `vsi_bench` for the others."""
        ),
    )
