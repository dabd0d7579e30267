"""The documents' commands, links, maps and code against what is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf8")
PACKAGE = ROOT / "lightning_ouro"
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(
        path
        for folder in ("benchmarks", "configs", "lightning_ouro")
        for path in (ROOT / folder).rglob("*.md")
    ),
]


def links():
    for document in DOCUMENTS:
        for target in sorted(set(re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text("utf8")))):
            yield pytest.param(document, target, id=f"{document.relative_to(ROOT)}: {target}")


def test_a_running_loop_is_two_commands_away_and_near_the_top():
    first = README.index("```bash")
    assert README[:first].count("\n") < 30
    assert "pip install . && python -m lightning_ouro fit\n" in README


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 150


def test_ci_finds_the_test_command():
    command = re.findall(r"^pip install .*pytest.*$", README, re.M)
    assert command == ['pip install ".[test]" && ruff check . && mypy && pytest -n auto --dist loadfile']
    assert "pip install .*pytest" in (ROOT / ".ci" / "run").read_text("utf8")


@pytest.mark.parametrize(("document", "target"), list(links()))
def test_every_link_leads_somewhere(document, target):
    assert target.startswith("https://") or (document.parent / target).exists()


@pytest.mark.parametrize("path", [*DOCUMENTS, *(ROOT / "configs").glob("*.yaml")], ids=lambda path: path.name)
def test_no_number_was_left_to_be_filled_in(path):
    assert not re.findall(r"\b(TIME|MEMORY|MEASURED|EXAMPLES|RESULTS|TODO|TBD)\b", path.read_text("utf8"))


def test_the_readmes_python_makes_an_adapter_of_a_run(fitted, tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    monkeypatch.chdir(tmp_path)
    exec(code.replace("runs/tiny/version_0", str(fitted)), {})
    assert {path.name for path in (tmp_path / "adapter").iterdir()} >= {
        "adapter_config.json",
        "adapter_model.safetensors",
    }


def test_the_map_names_what_is_there_and_everything_that_is_there():
    (text,) = re.findall(
        r"```\nlightning_ouro/\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text("utf8"), re.S
    )
    named = set(re.findall(r"(?<![\w/])([\w]+(?:\.py|/))", text)) - {"configs/", "benchmarks/", "tests/"}
    inner = {name for name in named if not (PACKAGE / name).exists()}
    assert all((PACKAGE / "scenes" / name).exists() for name in inner), inner
    there = {path.name + "/" * path.is_dir() for path in PACKAGE.iterdir() if not path.is_symlink()}
    assert there - named <= {"__init__.py", "__main__.py", "__pycache__/", "py.typed"}


def test_the_top_level_holds_what_the_map_says():
    expected = {"pyproject.toml", "README.md", "lightning_ouro", "configs", "tests", "benchmarks"}
    expected |= {".ci", ".gitignore", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"}
    tracked = {path.name for path in ROOT.iterdir() if not path.name.endswith(("cache", ".egg-info"))}
    assert expected <= tracked
    assert tracked - expected <= {
        ".git",
        "runs",
        "build",
        "dist",
        ".venv",
        ".hypothesis",
        "wandb",
        "__pycache__",
    }
