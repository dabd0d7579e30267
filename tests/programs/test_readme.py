"""The package's README against the code: tables, limits, links, the worked example and the printed examples."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from lightning_ouro.programs import (
    answers,
    families,
    lines,
    prelude,
    sandbox,
    source,
    survey,
    type_check,
    ways,
    workers,
)
from lightning_ouro.programs.forbidden import MODULES
from lightning_ouro.programs.questions import REASONS, Proposal
from lightning_ouro.programs.verification import Verified, Verifier
from lightning_ouro.scenes.types import Views

ROOT = Path(__file__).parents[2]
FILE = ROOT / "lightning_ouro" / "programs" / "README.md"
README = FILE.read_text("utf8")


def section(title):
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_column(text):
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_every_link_leads_somewhere(target):
    assert target.startswith("https://") or (FILE.parent / target).is_file()


def test_the_families_are_those_of_the_package():
    assert first_column(section("The fifteen families")) == list(families.FAMILIES)
    assert len(families.FAMILIES) == 15


def test_the_reasons_are_those_of_the_package():
    reasons = first_column(section("Verification"))
    assert sorted(reasons) == sorted(REASONS)
    assert len(reasons) == 18


def test_what_a_program_sees_is_in_the_api():
    names = set(re.findall(r"`scene\.(\w+)", section("What a program sees")))
    public = {name for name in vars(prelude.ProgramScene) if not name.startswith("_")}
    fields = {name for name in prelude.ProgramScene.__dataclass_fields__ if not name.startswith("_")}
    assert names == public | fields


def test_limits_are_those_of_the_code():
    text = section("The sandbox")
    for value in (f"{source.MAX_SOURCE:,}", f"{survey.MAX_DEPTH} levels", f"{survey.MAX_SCOPES} functions"):
        assert value in text
    assert f"{sandbox.MAX_MEMORY >> 20} MiB" in text
    assert f"| {sandbox.MAX_RECURSION} |" in text
    assert f"{sandbox.MAX_OUTPUT // 1000} kB" in text
    assert f"{sandbox.TOGETHER} at a time" in text
    assert f"up to {workers.ATTEMPTS} times" in text
    assert (
        f"more than {ways.MOST_OBJECTS} objects, for paths of more than {lines.MOST_OBSTACLES} obstacles"
        in text
    )
    assert f"up to {type_check._SHARE} programs, {5 / type_check._SHARE:.2f} s more" in text
    hostile = (ROOT / "benchmarks" / "hostile.jsonl").read_text("utf8").count("\n")
    assert f"runs {hostile} hostile programs" in text
    assert ", ".join(f"`{name}`" for name in MODULES if name != "__future__") in text
    typed = section("Typed answers")
    assert all(f"{bound:,}" in typed for bound in answers.BOUNDS.values())
    assert f"2 to {answers.MOST_CHOICES} " in typed and f"at most {answers.LONGEST_CHOICE} " in typed


@pytest.fixture
def worked_example(monkeypatch):
    """The family of the README's example, registered."""
    blocks = re.findall(r"```python\n(.*?)```", section("Adding a family"), re.DOTALL)
    names = {"__name__": "object_height"}
    exec(blocks[0], names)
    family = names["FAMILY"]
    monkeypatch.setattr(families, "_ALL", (*families._ALL, family))
    monkeypatch.setitem(families.FAMILIES, family.name, family)
    return family


def test_the_worked_example_asks_questions_that_are_accepted(worked_example, room, sandbox):
    poses, visibility = np.tile(np.eye(4), (2, 1, 1)), np.full((2, len(room.objects)), 0.02, np.float32)
    views = Views(np.array([0.0, 4.0]), np.tile(np.eye(3), (2, 1, 1)), poses, visibility)
    roles = {"object": ("lamp",)}
    right, wrong = (worked_example.program(roles), "def answer(scene):\n    return centimetres(160.0)\n")
    proposals = [
        Proposal(room.id, worked_example.name, form.write(roles), program, "test", 0, 0)
        for form in worked_example.forms
        for program in (right, wrong)
    ]
    verdicts = Verifier(sandbox).verify(room, views, proposals)
    for accepted, rejected in zip(verdicts[::2], verdicts[1::2], strict=True):
        assert isinstance(accepted, Verified)
        assert accepted.answer.printed() == "160"
        assert rejected.reason == "disagrees"


def test_the_examples_are_what_the_benchmark_prints(monkeypatch, tmp_path, capsys):
    spec = importlib.util.spec_from_file_location(
        "readme_examples", ROOT / "benchmarks" / "readme_examples.py"
    )
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["readme_examples.py"])
    script.main()
    printed = capsys.readouterr().out
    assert without_blank_lines(printed) in without_blank_lines(section("Six examples"))
    for figure in (tmp_path / "benchmarks" / "figures").iterdir():
        assert (ROOT / "benchmarks" / "figures" / figure.name).is_file()


def without_blank_lines(text):
    return re.sub(r"\n+", "\n", text)
