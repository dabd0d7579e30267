"""Sections of the benchmarks' README about the model: from a report of `results/` to Markdown."""

from __future__ import annotations

from collections.abc import Mapping

from markdown_tables import Report, interval, paragraphs, percent, prose, provenance, spread, table

from lightning_ouro.programs.families import FAMILIES

SEED_COLUMNS = {  # key of a seed's result: heading, format
    "val_loss_before": ("validation loss before", ".3f"),
    "val_loss_after": ("after", ".3f"),
    "val_score_after": ("score after", ".3f"),
    "questions_trained_in_two_rounds": ("trained on in two rounds", ",.0f"),
    "their_median_confidence_first": ("confidence, first round", ".3f"),
    "their_median_confidence_last": ("last round", ".3f"),
    "minutes": ("minutes", ".1f"),
}
CONDITIONS = {"video": "own video", "other video": "another's", "no video": "none", "guess": "constant"}
DROP_COLUMNS = {  # key of a measurement: heading
    "zeros": "zeros",
    "unchanged": "unchanged",
    "as_before": "as before",
    "no_number": "no number",
}
FEEDBACK = {
    "near_without": "no feedback",
    "near_easy": "all easy",
    "near_ambiguous": "all ambiguous",
    "near_frontier": "all at the frontier",
    "near_hard": "all hard",
}
DIFFERENCES = {
    "hard_less_easy": "hard − easy",
    "frontier_less_easy": "frontier − easy",
    "without_less_easy": "no feedback − easy",
    "hard_less_without": "hard − no feedback",
}


def loop(report: Report) -> str:
    """Three seeds of the default run."""
    seeds = report["seeds"]
    formats = {name: form for name, (_, form) in SEED_COLUMNS.items()}
    rows = [[seed, *(f"{run[name]:{form}}" for name, form in formats.items())] for seed, run in seeds.items()]
    columns = {name: [run[name] for run in seeds.values()] for name in formats}
    rows.append(["mean (range)", *(spread(columns[name], form) for name, form in formats.items())])
    losses = _changes(seeds, "val_loss_before", "val_loss_after")
    confidences = _changes(seeds, "their_median_confidence_first", "their_median_confidence_last")
    added = [run["loss_added_by_another_scenes_video"] for run in seeds.values()]
    families = [name for name in FAMILIES if all(name in values for values in added)]
    return paragraphs(
        prose(
            """Three rounds of `configs/tiny.yaml` with each of three seeds, after the lessons that
            [the tiny weights](../lightning_ouro/assets/tiny/README.md) have had. *Validation loss* is the unweighted
            mean cross-entropy, in nats, of fixed questions about held-out scenes, before the first round and after the
            last; *score* is the mean VSI-Bench score of greedy replies to them, 0 to 1. *Trained on in two rounds*
            counts the questions that at least two rounds trained on; *confidence* is the median of the solver's
            confidence in them, in the first and in the last of these rounds."""
        ),
        provenance(report),
        table(["seed", *(heading for heading, _ in SEED_COLUMNS.values())], rows),
        prose(
            f"""Over the three rounds the confidence on the questions trained on in two rounds changes by
            {spread(confidences, "+.3f")}, and the validation loss by {spread(losses, "+.3f")}; ranges are over the
            seeds. What another scene's video in place of the right one adds to the validation loss after the last
            round, in nats (above 0 the solver uses the video, around 0 it guesses):"""
        ),
        table(
            ["family", *(f"seed {seed}" for seed in seeds)],
            [[name, *(f"{values[name]:+.4f}" for values in added)] for name in families],
        ),
    )


def _changes(seeds: Mapping[str, Report], before: str, after: str) -> list[float]:
    return [run[after] - run[before] for run in seeds.values()]


def golden_curve(report: Report) -> str:
    """The default run, round by round."""
    losses, scores = report["validation"]["val/loss"], report["validation"]["val/score"]
    rows = [["before the first", "0", "", "", "", f"{losses[0]:.4f}", f"{scores[0]:.4f}"]]
    first = 0
    for index, last in enumerate(report["validation_steps"][1:]):
        steps = [values[first : last + 1] for values in report["train"].values()]
        means = [sum(values) / len(values) for values in steps]
        validation = (losses[index + 1], scores[index + 1])
        rows.append([str(index), str(last + 1 - first), *(f"{value:.4f}" for value in (*means, *validation))])
        first = last + 1
    header = ["round", "steps", "training loss", "unweighted loss", "confidence", "validation loss", "score"]
    return paragraphs(
        prose(
            """The default run with seed 0, step by step: [`results/golden_curve.json`](results/golden_curve.json) holds
            the loss, the unweighted loss and the confidence of every optimizer step at full precision.
            [`tests/benchmarks/test_golden_curve.py`](../tests/benchmarks/test_golden_curve.py) runs the first steps
            again: on the same platform they have to be equal to the bit, elsewhere to a thousandth. Below, the means
            over each round's steps, and the validation after it."""
        ),
        provenance(report),
        f"Platform: {report['platform']}.",
        table(header, rows),
    )


def proposer(report: Report) -> str:
    """Quality, instructions and speed of the tiny model as a proposer."""
    parts = {"procedural": report["procedural"], "layouts": report["meta_info"]}
    procedural, layouts = parts.values()
    renamed, feedback, speed = report["meta_info_unheard"], report["feedback"], report["speed"]
    return paragraphs(
        prose(
            """The tiny model's proposals at temperature 1 with equal family weights; every check of the verification
            applies, and a question that is asked twice counts once. Neither the *procedural* scenes nor VSI-Bench's
            real *layouts* (rendered) were in any lesson. *Due* is an equal share of each scene's proposals among the
            families that can ask anything there; *ran*: parses, fits the API's types and runs to an answer in range;
            *ran* and *accepted* are shares of what was proposed. *At twice its share*: how many times as often a family
            is proposed when it is asked for at twice its equal share, with the 95% interval over scenes."""
        ),
        provenance(report),
        _proposals_table(report),
        prose(
            f"""37 of the layouts' 40 categories are names of procedural objects too. Under 40 names that no lesson had,
            {percent(renamed["runs"])} of the proposals about the same layouts run and {percent(renamed["accepted"])}
            are accepted. Text and program disagree in {percent(procedural["disagrees"])} of the proposals about
            procedural scenes and {percent(layouts["disagrees"])} of those about layouts; {percent(procedural["novel"])}
            and {percent(layouts["novel"])} of the programs are not what the family of the text would write. Rejections
            by reason:"""
        ),
        table(["scenes", "rejections"], [[name, _counts(part["reasons"])] for name, part in parts.items()]),
        prose(
            """**Feedback.** The model is told that certain questions were asked last round, and how the solver fared.
            The share of its proposals that ask something else of the same family about the main object of one of these,
            and differences between these shares with their 95% intervals over scenes:"""
        ),
        table(list(FEEDBACK.values()), [[percent(feedback[name]) for name in FEEDBACK]]),
        table(
            list(DIFFERENCES.values()), [[interval(feedback[name], "value", "+.3f") for name in DIFFERENCES]]
        ),
        prose(
            f"""**Speed.** All of a scene's proposals from one prefill are {speed["speedup_naive"]:.1f} times as fast as
            `generate` for each with the same random generators ({speed["a_second"]:.0f} against
            {speed["a_second_naive"]:.0f} per second), and the texts are
            {"identical" if speed["same_texts"] else "not identical"}."""
        ),
    )


def _proposals_table(report: Report) -> str:
    parts = [report["procedural"], report["meta_info"]]
    columns = ("proposed", "ran", "accepted")
    rows = []
    for name in FAMILIES:
        cells = [name]
        for row in (part["families"][name] for part in parts):
            shares = [percent(row[key] / max(1, row["proposed"]), 0) for key in ("ran", "accepted")]
            cells += [f"{row['due']:.0f}", str(row["proposed"]), *shares]
        rows.append([*cells, f"× {interval(report['obedience'][name], 'value', '.2f')}"])
    totals = [
        ["", str(part["proposals"]), percent(part["runs"]), percent(part["accepted"])] for part in parts
    ]
    rows.append(["all", *totals[0], *totals[1], ""])
    header = ["family", "procedural: due", *columns, "layouts: due", *columns, "at twice its share"]
    return table(header, rows)


def _counts(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"`{reason}` {number}" for reason, number in reasons.items())


def seeing(report: Report) -> str:
    """Scores with and without the right video."""
    rows = [
        [
            name,
            str(row["questions"]),
            *(f"{row[condition]:.3f}" for condition in CONDITIONS),
            interval(row, "difference", "+.3f"),
        ]
        for name, row in report["families"].items()
    ]
    return paragraphs(
        prose(
            """VSI-Bench scores, 0 to 1, of the tiny model before any round, on procedural scenes that no lesson had:
            with the scene's own video, with another scene's, without any, and the best constant answer of each family
            in as many other scenes. The last column is the own video's score minus the best of the other three, paired
            by question, with a 95% interval over scenes."""
        ),
        provenance(report),
        table(["family", "questions", *CONDITIONS.values(), "own − best other"], rows),
        prose(
            f"""The model uses the video in {len(report["seen"])} families, those whose whole interval is above 0
            ({", ".join(f"`{name}`" for name in report["seen"])}); in the others the video adds nothing significant to
            what the names of objects and the distribution of answers tell."""
        ),
    )


def query_drop(report: Report) -> str:
    """Counting what was taken away, before and after a run."""
    runs = {"before": report["before"]} | {
        f"after, the {proposer} asked, seed {seed}": run
        for proposer, seeds in report["after"].items()
        for seed, run in seeds.items()
    }
    rows = [
        [
            f"`{name}`",
            str(number),
            when,
            *(percent(run[name][column], 0) for column in DROP_COLUMNS),
            f"{run[name]['commonest']['reply']} ({percent(run[name]['commonest']['share'], 0)})",
            f"{run[name]['score']:.3f}",
        ]
        for name, number in report["questions"].items()
        for when, run in runs.items()
    ]
    margins = report["margins"]
    trained = f"`{margins}`" if isinstance(margins, str) else "that are a mix by family"
    rounds = f"{report['rounds']} round{'s' * (report['rounds'] > 1)}"
    return paragraphs(
        prose(
            f"""The counting questions of both fixed sets about procedural scenes that no lesson and no run had, asked
            on the same walk through the room *without* the objects that are counted, so that 0 is right
            ([ReVSI](https://arxiv.org/abs/2604.24300) asks this way and finds that models say "2" of things that are
            not there). *Zeros* are right; *unchanged* is the number of the room with the objects; *as before*, the same
            reply as about that room; *score*, VSI-Bench's about that room. Before any round, and after {rounds} of
            `configs/tiny.yaml` with questions under margins {trained}, in which the model or the grammar asks. The
            shipped weights were taught to ask before 0 could be asked for, so only the grammar's questions hold
            zeros."""
        ),
        provenance(report),
        table(
            ["set", "questions", "weights", *DROP_COLUMNS.values(), "most frequent reply", "score"],
            rows,
        ),
    )


def training(report: Report) -> str:
    """Shared prefix against one row per question."""
    rows = [
        [
            f"{case['prefix']:,}",
            str(case["questions"]),
            "tower" if case["tower"] else "features",
            f"{case['speedup_plain']:.1f}",
            f"{case['speedup_peer']:.1f}",
            f"{case['memory_ratio']:.2f}",
            f"{case['memory_ratio_peer']:.2f}",
            f"{case['cost_against_alone']:.1f}",
            percent(case["ours_mfu"], 0),
            f"{case['questions_per_second']:.1f}",
        ]
        for case in report["cases"]
    ]
    header = ["prefix", "K", "video", "× plain", "× peer", "memory of plain", "of peer", "against alone"]
    largest = max(case["gradient_difference"] for case in report["cases"])
    return paragraphs(
        prose(
            """Forward and backward pass of K questions about one video, a LoRA on the tiny architecture, three methods
            in turns on the same tensors. *Plain* is transformers' own forward with one row per question and the logits
            of every token; *peer* has the same rows and the logits of the answers only; *ours* is one row whose
            questions share the video."""
        ),
        prose(
            """Columns: *prefix*, its tokens; *video*, whether every pass encodes the video (tower) or receives what a
            frozen tower computed (features); *× plain* and *× peer*, how many times as fast ours is; *memory*, its peak
            memory as a share of theirs; *against alone*, the cost of a question in ours, relative to a pass of its own
            without any video; *utilisation*, model FLOPs utilisation of ours, relative to a large matrix product on the
            same machine. Times are medians of passes in turns on a shared machine: a single case may be off by a
            third."""
        ),
        provenance(report),
        table([*header, "utilisation", "questions/s"], rows),
        prose(
            f"""The gradients of ours and plain differ by at most {largest:.0e} (relative norm). Nothing was measured on
            a GPU; `--device cuda --checkpoint FOLDER` does so at full size."""
        ),
    )
