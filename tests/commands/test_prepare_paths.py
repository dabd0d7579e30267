"""What `prepare` takes for a path: several of them, patterns, `~`, and names that look like something else."""

import shutil
from pathlib import Path

import pytest

from lightning_ouro.commands.prepare import prepare
from lightning_ouro.errors import InputError
from lightning_ouro.scenes.reading import read_scenes

from .test_prepare_again import SMALL, made_at, mend


def test_patterns_and_home_stand_for_paths(rooms, tmp_path, monkeypatch):
    (rooms / "notes.txt").write_text("no scene")
    monkeypatch.setenv("HOME", str(tmp_path))
    prepare([Path("~/rooms/*")], tmp_path / "kept", **SMALL)
    assert set(made_at(tmp_path / "kept")) == {"a", "b"}
    assert {scene.id for scene in read_scenes([Path("~/rooms/[ab]")])[0]} == {"a", "b"}
    with pytest.raises(InputError, match="matches nothing"):
        prepare([rooms / "c*"], tmp_path / "kept", **SMALL)
    with pytest.raises(InputError, match="holds no scene in a known layout"):
        prepare([rooms / "*.txt"], tmp_path / "kept", **SMALL)


def test_a_name_with_brackets_is_itself_before_it_is_a_pattern(rooms, tmp_path):
    rooms = rooms.rename(tmp_path / "[ab]")
    prepare([rooms / "a*"], tmp_path / "first", **SMALL)
    assert set(made_at(tmp_path / "first")) == {"a"}
    prepare([rooms], tmp_path / "second", **SMALL)
    assert set(made_at(tmp_path / "second")) == {"a", "b"}


def test_several_paths_and_a_bare_flag_are_understood(rooms, tmp_path, monkeypatch, capsys):
    from lightning_ouro.cli import main

    monkeypatch.chdir(rooms)
    options = ["--num_frames", "2", "--height", "64", "--width", "96"]
    for arguments in (["a", "b", "S"], ["--rebuild", "a", "b", "S"], ["a", "--rebuild", "b", "S"]):
        main(["prepare", "--workers", "1", *arguments, *options])
    assert "2 made again" in capsys.readouterr().out.splitlines()[-1]
    assert set(made_at(rooms / "S")) == {"a", "b"}


def test_help_says_that_several_paths_may_be_given(capsys):
    from lightning_ouro.cli import main

    with pytest.raises(SystemExit):
        main(["prepare", "--help"])
    usage = " ".join(capsys.readouterr().out.split("Converts")[0].split())
    assert usage.endswith("scenes ... store") and "LIST_OF" not in usage


def test_paths_that_look_like_numbers_or_lists_are_paths(rooms, tmp_path, monkeypatch):
    from lightning_ouro.cli import main

    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("695e0514", "[x]", "#1", "null")):
        shutil.copytree(rooms / "a", tmp_path / name)
        mend(tmp_path / name / "scene.json", lambda record: record.update(id="room"))
        main(["prepare", name, f"{number}e3", "--num_frames", "2", "--workers", "1"])
        assert set(made_at(tmp_path / f"{number}e3")) == {name}
