"""A report says what ran: the command without private paths, and the commit, marked if the code differs."""

import json
import os
import shutil
import subprocess

import pytest
import record
from record import ROOT, commit, machine, provenance, write_report


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with one commit, in place of the project's."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    monkeypatch.setattr(record, "ROOT", tmp_path)
    for name in ("lightning_ouro/a.py", "benchmarks/b.py", "benchmarks/results/c.json", "README.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1\n", "utf8")
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    for args in (("init", "-q"), ("add", "-A"), (*who, "commit", "-qm", "first")):
        subprocess.run(["git", "-C", str(tmp_path), *args], check=True)
    return tmp_path


def test_a_report_has_all_fields_and_no_private_paths(tmp_path):
    outside, inside = tmp_path / "meta.json", ROOT / "benchmarks" / "results" / "x.json"
    args = ["--meta", str(outside), "--out", str(inside), "--scenes", "4", "a/relative/path"]
    made = provenance("seeing.py", args, ("numpy",))
    assert list(made) == ["command", "date", "commit", "machine", "versions"]
    assert made["command"] == (
        "python benchmarks/seeing.py --meta meta.json --out benchmarks/results/x.json --scenes 4 a/relative/path"
    )
    assert set(made["versions"]) == {"python", "numpy"}
    assert json.loads(json.dumps(made)) == made


def test_the_command_line_is_recorded_where_no_arguments_are_given(monkeypatch):
    monkeypatch.setattr("sys.argv", ["benchmarks/seeing.py", "--scenes", "4"])
    assert provenance("seeing.py", None, ())["command"] == "python benchmarks/seeing.py --scenes 4"


def test_the_machine_is_named(monkeypatch):
    found = machine()
    assert found["cpu"] and found["cores"] == len(os.sched_getaffinity(0))
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "H100")
    assert machine()["gpu"] == "H100"


def test_the_commit_is_that_of_the_checkout(checkout):
    head = subprocess.run(
        ["git", "-C", str(checkout), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert commit() == head
    for harmless in ("benchmarks/results/c.json", "README.md", "benchmarks/LOG.md"):
        (checkout / harmless).write_text("2\n", "utf8")
    assert commit() == head


@pytest.mark.parametrize("changed", ["lightning_ouro/a.py", "benchmarks/b.py", "benchmarks/new.py"])
def test_changed_code_is_marked_dirty(checkout, changed):
    (checkout / changed).write_text("2\n", "utf8")
    assert commit().endswith("+dirty")


def test_outside_a_checkout_the_commit_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit() == "unknown"


def test_a_report_makes_its_folder_and_ends_with_a_line_break(tmp_path):
    path = tmp_path / "new" / "report.json"
    write_report(path, {"a": 1.5})
    assert path.read_text("utf8") == '{\n "a": 1.5\n}\n'
