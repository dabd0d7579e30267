"""The package's own laws: imports point down, Lightning stays at the top, files stay short."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "lightning_ouro"
SOURCES = sorted(PACKAGE.rglob("*.py"))
ORDER = ["cli", "bootstrap", "trial", "loop", "proposing", "curves", "rounds", "ranks", "datamodule", "proposer"]
ORDER += ["solver", "curriculum", "evaluation", "programs", "scenes", "whole_files", "errors"]
WITH_LIGHTNING = {"cli.py", "loop.py", "curves.py", "datamodule.py", "solver/module.py", "solver/sharding.py"}
WITH_LIGHTNING |= {"trial.py", "bootstrap/data.py", "bootstrap/module.py"}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text("utf8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def module_of(parts):
    return parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(PACKAGE)) for path in SOURCES])
def test_imports_point_down_and_files_are_short(path):
    relative = path.relative_to(PACKAGE)
    own = module_of(relative.parts)
    if own in ORDER:
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "lightning_ouro" and len(parts) > 1 and parts[1] in ORDER:
                assert ORDER.index(parts[1]) >= ORDER.index(own), f"{relative} imports {name}"
    uses_lightning = any(name.split(".")[0] == "lightning" for name in imported(path))
    assert not uses_lightning or relative.as_posix() in WITH_LIGHTNING
    assert len(path.read_text("utf8").splitlines()) <= 300


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(PACKAGE)) for path in SOURCES])
def test_functions_are_short_and_modules_say_what_they_are(path):
    tree = ast.parse(path.read_text("utf8"))
    assert ast.get_docstring(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 50, node.name
