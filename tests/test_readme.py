"""The README's commands, links and numbers against what is there."""

import json
import re
from pathlib import Path

import pytest

from lightning_ouro.programs.families import FAMILIES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf8")


def test_a_running_loop_is_two_commands_away_and_stands_near_the_top():
    first = README.index("```bash")
    assert README[:first].count("\n") < 30
    assert "pip install . && python -m lightning_ouro fit --config configs/tiny.yaml\n" in README


def test_ci_finds_the_test_command():
    command = re.findall(r"^pip install .*pytest.*$", README, re.M)
    assert command == ['pip install ".[test]" && ruff check . && mypy && pytest']
    assert "pip install .*pytest" in (ROOT / ".ci" / "run").read_text("utf8")


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_every_link_leads_somewhere(target):
    assert target.startswith("https://") or (ROOT / target).is_file()


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted((ROOT / "configs").glob("*.yaml"))], ids=lambda p: p.name
)
def test_no_number_was_left_to_be_filled_in(path):
    assert not re.findall(
        r"\b(TIME|MEMORY|MEASURED|EXAMPLES|RESULTS|[A-Z]+_[A-Z]+)\b", path.read_text("utf8")
    )


def test_the_results_are_those_of_the_committed_benchmark():
    report = json.loads((ROOT / "benchmarks" / "results" / "three_seeds.json").read_text("utf8"))
    assert report["command"] in README and report["date"] in README
    for seed, found in report["seeds"].items():
        row = next(line for line in README.splitlines() if line.startswith(f"| {seed} |"))
        for name in ("val_loss_before", "val_loss_after"):
            assert f"{found[name]:.2f}" in row
        for name in ("their_median_confidence_first", "their_median_confidence_last"):
            assert f"{found[name]:.3f}" in row


def report(name):
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text("utf8"))


def test_what_training_costs_is_that_of_the_committed_benchmark():
    assert report("training")["command"] in README
    for case in report("training")["cases"]:
        ratios = f"{case['speedup_plain']:.1f} | {case['speedup_peer']:.1f} | {case['memory_ratio']:.2f}"
        video = "tower" if case["tower"] else "features"
        assert f"| {case['prefix']} | {case['questions']} | {video} | {ratios}" in README
        if case["questions"] == 16 and case["prefix"] > 1000:
            assert case["speedup_plain"] >= 8 and case["memory_ratio"] <= 0.5
        if case["questions"] == 32:
            assert case["cost_against_alone"] <= 1.5


def test_the_share_of_official_answers_is_that_of_the_committed_benchmark():
    for family, found in report("ground_truth")["families"].items():
        row = f"| `{family}` | {found['questions']} | {found['agree']:.1%}"
        assert row in README
    assert (
        f"{report('ground_truth')['families']['object_abs_distance']['within_one_step']:.1%} within 0.1 m"
        in README
    )


def test_containment_and_rate_are_those_of_the_committed_benchmark():
    found = report("sandbox")
    assert f"{found['hostile']['contained']} of {found['hostile']['programs']} hostile programs" in README
    rates = [
        f"{found['rate'][kind]['questions_per_second']:.0f}"
        for kind in ("own programs", "programs in other words")
    ]
    assert f"| questions a second | {' | '.join(rates)} |" in README


def test_what_is_accepted_is_spread_as_the_committed_benchmark_says():
    found = report("accepted_questions")
    assert f"{found['questions']:,} accepted" in README
    for family, row in found["families"].items():
        assert (
            f"| {family} | {row['questions']} | {row['share']:.1%} | {' | '.join(map(str, row['margins']))} |"
            in README
        )
        options = int(family.split(", ")[1].split()[0]) if "options" in family else None
        assert row["letters_off"] <= 0.02
        assert row["share"] <= (1 / options + 0.1 if options else 0.4)
    assert found["repeated"] == 0


def test_what_the_model_asks_is_that_of_the_committed_benchmark():
    found = report("proposer")
    assert found["command"] in README
    rates = [found[part] for part in ("procedural", "meta_info")]
    for name in FAMILIES:
        cells = [name]
        for row in (part["families"][name] for part in rates):
            assert row["proposed"] >= row["due"] / 3
            cells += [
                f"{row['due']:.0f}",
                str(row["proposed"]),
                *(f"{row[key] / max(1, row['proposed']):.0%}" for key in ("ran", "accepted")),
            ]
        ratio = found["obedience"][name]
        cells.append(f"× {ratio['value']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})")
        assert f"| {' | '.join(cells)} |" in README
    unheard = found["meta_info_unheard"]
    assert (
        f"{unheard['runs']:.1%} of the proposals about the same layouts run and {unheard['accepted']:.1%}"
        in README
    )
    for name, band in (("hard", "easy"), ("frontier", "easy"), ("without", "easy"), ("hard", "without")):
        row = found["feedback"][f"{name}_less_{band}"]
        assert f"{row['value']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})" in README
    for part in rates:
        assert f"| {part['proposals']} | {part['runs']:.1%} | {part['accepted']:.1%} |" in README
    assert found["speed"]["same_texts"] and f"{found['speed']['speedup_naive']:.1f} times" in README


def test_what_the_model_sees_is_that_of_the_committed_benchmark():
    found = report("seeing")
    assert found["command"] in README
    for name, row in found["families"].items():
        ways = " | ".join(f"{row[way]:.3f}" for way in ("video", "other video", "no video", "guess"))
        difference = f"{row['difference']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})"
        assert f"| {name} | {row['questions']} | {ways} | {difference} |" in README
