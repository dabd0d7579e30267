"""The benchmarks' README, and the summary in the project's, say what the reports say."""

import re

import pytest
import readme_summary
import write_readme
from record import RESULTS, ROOT

from lightning_ouro.errors import InputError

README = (RESULTS.parent / "README.md").read_text("utf8")


@pytest.fixture
def reports():
    return write_readme.read_reports()


def test_committed_readmes_are_what_the_reports_say(capsys):
    assert write_readme.main(["--check"]) == 0
    assert capsys.readouterr().out == ""


def test_an_outdated_readme_fails_the_check_and_is_written(tmp_path, monkeypatch, capsys):
    page, project = tmp_path / "README.md", tmp_path / "project.md"
    project.write_text(f"a\n{readme_summary.BEGIN}\n{readme_summary.END}\nb\n", "utf8")
    outdated = write_readme.outdated_files(page, project)
    assert outdated[page] == README
    assert "| measured | result |" in outdated[project]
    monkeypatch.setattr(write_readme, "outdated_files", lambda *paths: outdated)
    assert write_readme.main(["--check"]) == 1 and not page.exists()
    assert "out of date" in capsys.readouterr().out
    assert write_readme.main([]) == 0
    assert page.read_text("utf8") == README
    monkeypatch.undo()
    assert write_readme.outdated_files(page, project) == {}


def test_every_anchor_is_a_heading():
    anchors = set(re.findall(r"\]\(#([^)]+)\)", README))
    headings = re.findall(r"^## (.+)$", README, re.M)
    assert len(anchors) == len(write_readme.SECTIONS)
    assert anchors <= set(map(write_readme.anchor, headings))


def test_every_script_and_report_is_named_in_the_readme():
    mains = [path for path in RESULTS.parent.glob("*.py") if "__main__" in path.read_text("utf8")]
    assert mains and all(path.name in README for path in mains)
    assert {path.stem for path in RESULTS.glob("*.json")} == set(write_readme.SECTIONS)


def test_a_changed_number_changes_the_page(reports):
    reports["three_seeds"]["seeds"]["1"]["val_loss_after"] = 0.123
    assert write_readme.page(reports) != README and "0.123" in write_readme.page(reports)


def test_the_summary_is_short_and_links_to_the_details(reports):
    links = {name: f"there#{name}" for name in write_readme.SECTIONS}
    rows = readme_summary.summary(reports, links).splitlines()[2:]
    assert 6 <= len(rows) <= 10
    assert all(re.fullmatch(r"\| \[[^\]]+\]\(there#\w+\) \| [^|]+ \|", row) for row in rows)


def test_the_summary_replaces_only_what_is_between_its_markers():
    begin, end = readme_summary.BEGIN, readme_summary.END
    text = f"before\n{begin}\nold\n{end}\nafter\n"
    new = readme_summary.insert(text, "new")
    assert new == f"before\n{begin}\nnew\n{end}\nafter\n"
    assert readme_summary.insert(new, "new") == new
    assert readme_summary.insert("no markers\n", "new") == "no markers\n"


@pytest.mark.parametrize(
    "text", [readme_summary.BEGIN, readme_summary.END, f"{readme_summary.END}\n{readme_summary.BEGIN}\n"]
)
def test_broken_markers_are_named(text, monkeypatch, capsys, tmp_path):
    with pytest.raises(InputError, match=r"results:begin.*results:end"):
        readme_summary.insert(text, "new")
    (tmp_path / "README.md").write_text(text, "utf8")
    monkeypatch.setattr(write_readme, "ROOT", tmp_path)
    assert write_readme.main(["--check"]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_the_generator_is_found_where_the_page_says():
    assert (ROOT / "benchmarks" / "write_readme.py").is_file()
    assert README.startswith("<!-- Written by `python benchmarks/write_readme.py`")
