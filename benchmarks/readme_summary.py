"""The most telling numbers in one table, for the project's README.

It stands between the lines `<!-- results:begin -->` and `<!-- results:end -->`; a README without them has no
summary.
"""

from __future__ import annotations

from collections.abc import Mapping

from markdown_tables import Report, percent, table

from lightning_ouro.errors import InputError

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
Row = tuple[str, str]


def summary(reports: Mapping[str, Report], links: Mapping[str, str]) -> str:
    """The table.

    Args:
        reports: By name.
        links: Where the details of each report are, by name.
    """
    rows = {
        "ground_truth": _ground_truth,
        "sandbox": _sandbox,
        "proposer": _proposer,
        "processor_parity": _processor_parity,
        "training": _training,
        "seeing": _seeing,
        "query_drop": _query_drop,
        "three_seeds": _loop,
    }
    pairs = [(links[name], *write(reports[name])) for name, write in rows.items()]
    return table(["measured", "result"], [[f"[{label}]({link})", result] for link, label, result in pairs])


def insert(text: str, table_text: str) -> str:
    """The text with the table between its markers; unchanged if it has none.

    Raises:
        InputError: one of the markers is missing, or they are in the wrong order.
    """
    if BEGIN not in text and END not in text:
        return text
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"needs {BEGIN} and after it {END}, each on a line of its own")
    return f"{before}{BEGIN}\n{table_text}\n{END}{after}"


def _ground_truth(report: Report) -> Row:
    families = report["families"]
    exact = [row["questions"] for row in families.values() if row["agree"] == 1]
    return (
        "VSI-Bench's official answers, reproduced by the families' programs",
        f"all {sum(exact):,} in {len(exact)} families; counting {percent(families['object_counting']['agree'])}; "
        f"distances {percent(families['object_abs_distance']['within_one_step'])} within 0.1 m",
    )


def _sandbox(report: Report) -> Row:
    hostile, own = report["hostile"], report["rate"]["own programs"]
    return (
        "Hostile programs contained, and questions verified per second on one core",
        f"{hostile['contained']} of {hostile['programs']}; {own['questions_per_second']:,.0f} per second",
    )


def _proposer(report: Report) -> Row:
    procedural, layouts = (
        f"{percent(report[part]['runs'])} run, {percent(report[part]['accepted'])} are accepted"
        for part in ("procedural", "meta_info")
    )
    return (
        "The tiny model's proposals about unseen procedural scenes, and about VSI-Bench's real layouts",
        f"{procedural}; {layouts}",
    )


def _processor_parity(report: Report) -> Row:
    found = report["summary"]
    return (
        "Prompts with real videos and images, against the real processor's under transformers 4.57 and 5.24",
        f"{found['ids_equal']} of {found['files']} have its tokens, {found['positions_equal']} its positions; pixels "
        f"within {found['patch_difference']:.0e}",
    )


def _training(report: Report) -> Row:
    cases = [case for case in report["cases"] if case["questions"] == 16 and case["prefix"] > 1000]
    speedups = [case[f"speedup_{name}"] for case in cases for name in ("plain", "peer")]
    memory = [case[name] for case in cases for name in ("memory_ratio", "memory_ratio_peer")]
    largest = max(case["gradient_difference"] for case in cases)
    return (
        f"16 questions that share a video of {cases[0]['prefix']:,} tokens, compared with one sequence per question",
        f"{min(speedups):.1f} to {max(speedups):.1f} times as fast in {percent(min(memory), 0)} to "
        f"{percent(max(memory), 0)} of the memory, gradients within {largest:.0e}",
    )


def _seeing(report: Report) -> Row:
    seen, families = report["seen"], report["families"]
    best = max(seen, key=lambda name: families[name]["difference"])
    return (
        "Families in which the tiny model uses the video",
        f"{len(seen)} of {len(families)}; most in `{best}`, where the video raises VSI-Bench's score by "
        f"{families[best]['difference']:.2f}",
    )


def _query_drop(report: Report) -> Row:
    before = report["before"]["strict"]["zeros"]
    after = [run["strict"]["zeros"] for run in report["after"]["grammar"].values()]
    return (
        "Counting questions about rooms without what they count: the tiny model's right zeros",
        f"{percent(before, 0)} before, {percent(sum(after) / len(after), 0)} after a run with zeros",
    )


def _loop(report: Report) -> Row:
    runs = report["seeds"].values()
    before, after = (sum(run[f"val_loss_{when}"] for run in runs) / len(runs) for when in ("before", "after"))
    return (
        f"Validation loss over three rounds of the default run, mean of {len(runs)} seeds",
        f"{before:.3f} before, {after:.3f} after",
    )
