"""The README's commands and links against what is there."""

import re
from pathlib import Path

import pytest

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
