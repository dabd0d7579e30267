"""The package's own laws: imports point down, Lightning stays at the top, files stay short."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median

import pytest

PACKAGE = Path(__file__).parents[1] / "lightning_ouro"
SOURCES = sorted(PACKAGE.rglob("*.py"))
ORDER = [
    "__main__",
    "assets",
    "commands",
    "solver_cli",
    "trainer_cli",
    "stopping",
    "slurm",
    "cli",
    "run_record",
    "moved_run",
    "short_help",
    "bootstrap",
    "loop",
    "failed_start",
    "run_folder",
]
ORDER += [
    "proposer",
    "solver",
    "curriculum",
    "evaluation",
    "programs",
    "scenes",
    "distributed",
    "checkpoint_files",
    "atomic_files",
    "file_samples",
]
ORDER += [
    "libraries",
    "config_paths",
    "home_paths",
    "list_options",
    "option_errors",
    "config_yaml",
    "usage",
    "interrupts",
    "progress",
    "streams",
    "plain_text",
    "seeding",
    "errors",
    "__init__",
]
WITH_LIGHTNING = {
    "solver_cli.py",
    "trainer_cli.py",
    "checkpoint_files.py",
    "failed_start.py",
    "run_folder.py",
    "run_record.py",
    "short_help.py",
    "stopping.py",
    "commands/propose.py",
    "commands/bootstrap.py",
}
WITH_LIGHTNING |= {"loop/callback.py", "loop/curves.py", "loop/datamodule.py"}
WITH_LIGHTNING |= {
    "solver/module.py",
    "solver/sharding.py",
    "solver/divergence.py",
    "bootstrap/data.py",
    "bootstrap/module.py",
}
MAX_FILE, MAX_FUNCTION = 300, 45  # lines


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
    own = ORDER.index(module_of(relative.parts))
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "lightning_ouro" and len(parts) > 1:
            assert ORDER.index(parts[1]) >= own, f"{relative} imports {name}"
    uses_lightning = any(name.split(".")[0] == "lightning" for name in imported(path))
    assert not uses_lightning or relative.as_posix() in WITH_LIGHTNING
    assert len(path.read_text("utf8").splitlines()) <= MAX_FILE


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(PACKAGE)) for path in SOURCES])
def test_functions_are_short_and_modules_say_what_they_are(path):
    tree = ast.parse(path.read_text("utf8"))
    assert ast.get_docstring(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < MAX_FUNCTION, node.name


def test_functions_are_short_at_the_median():
    trees = [ast.parse(path.read_text("utf8")) for path in SOURCES]
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert median(node.end_lineno - node.lineno + 1 for node in functions) <= 8


@pytest.mark.parametrize("folder", ["curriculum/sampling", "curriculum/loss_weights", "curriculum/mixture"])
def test_a_kind_is_one_short_file_and_one_line_of_registration(folder):
    kinds = [path for path in (PACKAGE / folder).glob("*.py") if path.name != "__init__.py"]
    registration = (PACKAGE / folder / "__init__.py").read_text("utf8")
    for path in kinds:
        assert len(path.read_text("utf8").splitlines()) <= 110
        assert registration.count(f'"{path.stem}": {path.stem}.') == 1


def test_test_names_are_short():
    for path in Path(__file__).parent.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                assert len(node.name) <= 80, f"{path.name}: {node.name}"


def test_no_modules_import_each_other():
    modules = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in SOURCES}
    imports = {
        name: {other for other in imported(path) if other in modules} for name, path in modules.items()
    }
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the cycle
